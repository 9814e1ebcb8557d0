"""What the services of PAI have in common: paths and JSON bodies, times as text, refusals as HTTP errors.

Their error codes are not documented: those that begin with ``Undocumented.`` are the emulator's own.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow_provider_pai_designer.emulator.errors import GatewayError, not_authorised
from airflow_provider_pai_designer.emulator.operations import STRING, Caller, Envelope, Operation, Parameter, required
from airflow_provider_pai_designer.emulator.world import World

PREFIX = "/api/v1"
ACCESSIBILITY = Parameter(kind=str, default="PUBLIC", choices=("PUBLIC", "PRIVATE"))
ORDER = Parameter(kind=str, default="DESC", choices=("ASC", "DESC"))
PAGE = {
    # largest pages are not documented
    "PageNumber": Parameter(kind=int, default=1, minimum=1),
    "PageSize": Parameter(kind=int, default=10, minimum=1),
}

_REPLY = Envelope(flat=True, success=None, http_status=False, error_fields=False)
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_Function = Callable[[World, Caller, dict[str, Any]], dict[str, Any]]


def registrar(
    operations: dict[str, Operation],
) -> Callable[[str, str, Mapping[str, Parameter]], Callable[[_Function], _Function]]:
    """Return a decorator that makes a function an operation of a service.

    It takes the operation's name, its method and path such as ``GET /jobs/{JobId}``, and its further parameters.
    """

    def operation(name: str, address: str, parameters: Mapping[str, Parameter]) -> Callable[[_Function], _Function]:
        method, path = address.split(" ")
        in_path = {found: required(STRING) for found in _PATH_PARAMETER.findall(path)}

        def register(function: _Function) -> _Function:
            operations[name] = Operation(
                name=name,
                function=function,
                parameters={**in_path, **parameters},
                envelope=_REPLY,
                method=method,
                path=PREFIX + path,
            )
            return function

        return register

    return operation


def refusal(what: str, message: str) -> GatewayError:
    """The service refuses something that is wrong with a request."""
    return GatewayError(400, f"Undocumented.{what}", message)


def missing_object(what: str, identity: str) -> GatewayError:
    """An object does not exist; that the status is 404 is all that is known of it."""
    return GatewayError(404, f"Undocumented.{what}NotExists", f"There is no such {what}: {identity}.")


def workspace_of(world: World, caller: Caller, workspace_id: str) -> sqlite3.Row:
    """Return a workspace: that of PAI has the id of DataWorks' workspace, as text.

    :raises GatewayError: there is none, or the key has no permission on it.
    """
    row = world.store.row("SELECT * FROM workspaces WHERE CAST(id AS TEXT) = ?", workspace_id)
    if row is None:
        raise missing_object("Workspace", workspace_id)
    if not caller.may_use(row["id"]):
        raise not_authorised()
    return row


def find(world: World, caller: Caller, table: str, what: str, identity: str) -> sqlite3.Row:
    """Return an object by its id.

    :param table: where it is; ``what`` is the vendor's word for it.
    :raises GatewayError: there is none, or the key has no permission on its workspace.
    """
    row = world.store.row(f"SELECT * FROM {table} WHERE id = ?", identity)
    if row is None:
        raise missing_object(what, identity)
    if not caller.may_use(row["workspace_id"]):
        raise not_authorised()
    return row


def visible(caller: Caller, rows: Sequence[sqlite3.Row]) -> list[sqlite3.Row]:
    """Return the rows of workspaces that the key may use."""
    return [row for row in rows if caller.may_use(row["workspace_id"])]


def named(world: World, rows: Sequence[sqlite3.Row], name: str | None) -> list[sqlite3.Row]:
    """Return the rows that a parameter ``Name`` lets through (doubt ``pai_name_filter``)."""
    if not name:
        return list(rows)
    exact = world.reading("pai_name_filter") == "exact"
    return [row for row in rows if (row["name"] == name if exact else name in row["name"])]


def page(rows: Sequence[Any], arguments: Mapping[str, Any]) -> Sequence[Any]:
    """Return the rows of the page that was asked for."""
    first = (arguments["PageNumber"] - 1) * arguments["PageSize"]
    return rows[first : first + arguments["PageSize"]]


def moment(at: int | None) -> str | None:
    """Write a time as the services of PAI do: ``2021-01-30T12:51:33.028Z``."""
    if at is None:
        return None
    return datetime.fromtimestamp(at / 1000, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def not_supported(what: str) -> GatewayError:
    """Something that the emulator does not have."""
    return GatewayError(400, "NotSupported", f"{what} is not supported by this emulator.")


def output(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an output of a step as far as all operations show it alike."""
    return {
        "Id": found["id"],
        "Name": found["name"],
        "Type": found["type"],
        "NodeId": found["node_id"],
        "Producer": found["producer"],
        "GmtCreateTime": moment(found["created"]),
    }


def as_json(value: Mapping[str, Any]) -> str:
    """Write a value that is JSON inside a text."""
    return json.dumps(value, ensure_ascii=False)
