"""Where the operations of this version are collected, and what many of them share.

A successful reply is the request id and the payload, without ``Success`` and without an error code; a refusal is an
HTTP error. Source: the request and reply models of the official SDK, and the pages
https://help.aliyun.com/zh/dataworks/developer-reference/api-dataworks-public-2024-05-18-getnode and its siblings.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from airflow_provider_pai_designer.emulator.errors import BusinessError, not_authorised
from airflow_provider_pai_designer.emulator.operations import INTEGER, Caller, Envelope, Operation, Parameter, required
from airflow_provider_pai_designer.emulator.world import World

OPERATIONS: dict[str, Operation] = {}

PROJECT = {"ProjectId": required(INTEGER)}
ENVIRONMENT = Parameter(kind=str, choices=("Prod", "Dev"))
DONE = Envelope(member=None, success=True, http_status=False, error_fields=False)
"""The reply of an operation that only says that it was done."""

_MOST = 10**18
_READS_BY_POST = ("ListTasks", "ListTaskInstances", "ListWorkflowInstances", "ListProjects")
"""Those that only read, and come as a form all the same."""
_Function = Callable[[World, Caller, dict[str, Any]], Any]


def payload(member: str) -> Envelope:
    """Return the envelope of a reply that holds its data in one member."""
    return Envelope(member=member, success=None, http_status=False, error_fields=False)


def paging(*, most: int = 100) -> dict[str, Parameter]:
    """Return the parameters of a list.

    :param most: largest page; where the vendor's page names none, 100.
    """
    return {
        "PageNumber": Parameter(kind=int, default=1, minimum=1),
        "PageSize": Parameter(kind=int, default=10, minimum=1, maximum=most),
    }


def operation(
    name: str, parameters: Mapping[str, Parameter], *, envelope: Envelope
) -> Callable[[_Function], _Function]:
    """Make a function the operation of this name: it gets the parameters that were sent and returns the data."""

    def register(function: _Function) -> _Function:
        reads = name.startswith(("Get", "List")) and name not in _READS_BY_POST
        OPERATIONS[name] = Operation(
            name=name,
            function=function,
            parameters=parameters,
            envelope=envelope,
            method="GET" if reads else "POST",
        )
        return function

    return register


def workspace_of(world: World, caller: Caller, arguments: Mapping[str, Any]) -> sqlite3.Row:
    """Return the workspace that a request names.

    :raises GatewayError: the key has no permission on it.
    :raises BusinessError: there is no such workspace.
    """
    row = world.store.row("SELECT * FROM workspaces WHERE id = ?", arguments["ProjectId"])
    if row is None:
        raise BusinessError("ProjectNotFound", f"The project {arguments['ProjectId']} does not exist.")
    check_permission(caller, row["id"])
    return row


def check_permission(caller: Caller, workspace_id: int) -> None:
    """Check that the key may use a workspace.

    :raises GatewayError: it may not.
    """
    if not caller.may_use(workspace_id):
        raise not_authorised()


def invalid_parameter(message: str) -> BusinessError:
    """A parameter that its schema allows and the service does not."""
    return BusinessError("InvalidParameter", message)


def whole_numbers(values: Iterable[Any]) -> tuple[int, ...]:
    """Return the ids or the moments in a list of a request.

    :raises BusinessError: something in it is no such number.
    """
    found = tuple(values)
    if any(type(value) is not int or not 0 <= value < _MOST for value in found):
        raise invalid_parameter("Ids and times must be whole numbers of at most 18 digits.")
    return found


def words(constant: str) -> str:
    """Return a constant of 2020-05-18 in this version's spelling: ``WAIT_TIME`` is ``WaitTime``."""
    return "".join(part.capitalize() for part in constant.split("_"))


def constant(words_: str) -> str:
    """Return a constant of this version in the spelling of 2020-05-18, see :func:`words`."""
    return "".join("_" * (letter.isupper() and bool(place)) + letter for place, letter in enumerate(words_)).upper()


def cut(rows: Iterable[Any], arguments: Mapping[str, Any]) -> list[Any]:
    """Return the rows of the page that was asked for."""
    first = (arguments["PageNumber"] - 1) * arguments["PageSize"]
    return list(rows)[first : first + arguments["PageSize"]]
