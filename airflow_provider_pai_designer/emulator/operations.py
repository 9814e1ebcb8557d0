"""What an operation is: where it is called, its parameters, its function, and the shape of its reply."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from airflow_provider_pai_designer.emulator.errors import GatewayError, action_not_found, invalid, missing
from airflow_provider_pai_designer.emulator.world import World

_NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """The fields around the data of a successful reply, beside ``RequestId``: the vendor has no one form for all.

    :param member: where the data is; None for an operation that returns none.
    :param flat: whether the members of the data stand beside ``RequestId`` instead.
    :param success: value of ``Success``; None for a reply without it.
    :param error_fields: whether a reply has room for ``ErrorCode``; otherwise errors come as HTTP errors only.
    """

    member: str | None = "Data"
    flat: bool = False
    success: bool | str | None = True
    http_status: bool = True
    error_fields: bool = True

    def wrap(self, data: Any) -> dict[str, Any]:
        """Return the fields of a successful reply."""
        status = {"HttpStatusCode": 200} if self.http_status else {}
        success = {} if self.success is None else {"Success": self.success}
        if self.flat:
            return {**status, **success, **data}
        return {**status, **success, **({} if self.member is None else {self.member: data})}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A request parameter, as the published schema describes it.

    :param kind: type of the value; on the wire everything is text, and a list or an object is JSON, unless the whole
        body is.
    """

    kind: type[int] | type[str] | type[bool] | type[list[Any]] | type[dict[str, Any]]
    required: bool = False
    default: Any = None
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    longest: int | None = None

    def read(self, name: str, sent: Any) -> Any:
        """Turn what a request holds into a value: a text, or a value of a JSON body.

        :raises GatewayError: the schema does not allow it.
        """
        text = sent if isinstance(sent, str) else self._as_text(name, sent)
        if self.kind is int:
            return self._read_number(name, text)
        if self.kind is bool:
            if text.lower() not in ("true", "false"):
                raise invalid(name, "it must be true or false")
            return text.lower() == "true"
        if self.kind in (list, dict):
            return self._read_json(name, text)
        if self.choices and text not in self.choices:
            raise invalid(name, f"it must be one of {', '.join(self.choices)}")
        if self.longest is not None and len(text) > self.longest:
            raise invalid(name, f"it must not be longer than {self.longest} characters")
        return text

    def _as_text(self, name: str, value: Any) -> str:
        if type(value) is not self.kind:
            raise invalid(name, f"it must be of the type {self.kind.__name__}")
        return json.dumps(value)

    def _read_number(self, name: str, text: str) -> int:
        if not _NUMBER.fullmatch(text):
            raise invalid(name, "it must be a whole number of at most 18 digits")
        number = int(text)
        if self.minimum is not None and number < self.minimum:
            raise invalid(name, f"it must be at least {self.minimum}")
        if self.maximum is not None and number > self.maximum:
            raise invalid(name, f"it must be at most {self.maximum}")
        return number

    def _read_json(self, name: str, text: str) -> Any:
        what = "a list" if self.kind is list else "an object"
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise invalid(name, f"it must be {what} in JSON") from None
        if not isinstance(value, self.kind):
            raise invalid(name, f"it must be {what}")
        return value


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls.

    :param workspaces: ids of the workspaces the key has permission on; None for all.
    """

    access_key_id: str
    account: str
    workspaces: frozenset[int] | None

    def may_use(self, workspace_id: int) -> bool:
        """Tell whether the key has permission on a workspace."""
        return self.workspaces is None or workspace_id in self.workspaces


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation of one version of an API.

    :param signed: whether the request must be signed with a key.
    :param method: the HTTP method that it is called with; None where any is taken.
    :param path: where it is called; of a ROA service, with parameters such as ``{JobId}`` in it.
    """

    name: str
    function: Callable[[World, Caller, dict[str, Any]], Any]
    parameters: Mapping[str, Parameter]
    envelope: Envelope
    signed: bool = True
    method: str | None = None
    path: str = "/"

    def check_method(self, method: str) -> None:
        """Check the method of a request.

        :raises GatewayError: the operation is called with another one.
        """
        if self.method not in (None, method):
            raise GatewayError(400, "UnsupportedHTTPMethod", "This http method is not supported.")

    def read_path(self, path: str) -> dict[str, str]:
        """Return the parameters that stand in the path of a request.

        :raises GatewayError: the operation is called somewhere else.
        """
        parts, names = path.split("/"), self.path.split("/")
        fits = len(parts) == len(names) and all(
            name.startswith("{") or part == name for part, name in zip(parts, names, strict=True)
        )
        if not fits:
            raise action_not_found()
        return {
            name.strip("{}"): unquote(part) for part, name in zip(parts, names, strict=True) if name.startswith("{")
        }

    def read(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Read the parameters of a request; those that were not sent and have no default are absent.

        :raises GatewayError: a required one is missing, or a value is not allowed.
        """
        for name, parameter in self.parameters.items():
            if parameter.required and name not in sent:
                raise missing(name)
        arguments = {}
        for name, parameter in self.parameters.items():
            if name in sent:
                arguments[name] = parameter.read(name, sent[name])
            elif parameter.default is not None:
                arguments[name] = parameter.default
        return arguments


INTEGER = Parameter(kind=int)
STRING = Parameter(kind=str)
BOOLEAN = Parameter(kind=bool)
LIST = Parameter(kind=list)


def required(parameter: Parameter) -> Parameter:
    """Return the same parameter, required."""
    return replace(parameter, required=True)


def present(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value: the service leaves out what it has none for."""
    return {name: value for name, value in fields.items() if value is not None}


def page(name: str, rows: Iterable[Any], *, total: int, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page of a list in the vendor's shape.

    :param name: the member that holds the rows.
    """
    return {
        "PageNumber": arguments["PageNumber"],
        "PageSize": arguments["PageSize"],
        "TotalCount": total,
        name: list(rows),
    }
