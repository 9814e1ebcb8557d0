"""Where the operations of this version are collected, and what many of them share."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_pai_designer.emulator.errors import BusinessError, missing, not_authorised, workspace_not_found
from airflow_provider_pai_designer.emulator.operations import (
    INTEGER,
    STRING,
    Caller,
    Envelope,
    Operation,
    Parameter,
    required,
)
from airflow_provider_pai_designer.emulator.world import World

OPERATIONS: dict[str, Operation] = {}

WORKSPACE = {"ProjectId": INTEGER, "ProjectIdentifier": STRING}
"""One of the two names the workspace."""
ENVIRONMENT = {"ProjectEnv": required(Parameter(kind=str, choices=("PROD", "DEV")))}
PAGE = {
    "PageNumber": Parameter(kind=int, default=1, minimum=1),
    "PageSize": Parameter(kind=int, default=10, minimum=1, maximum=100),
}

_DATA = Envelope()
_Function = Callable[[World, Caller, dict[str, Any]], Any]


def operation(
    name: str, parameters: Mapping[str, Parameter], *, envelope: Envelope = _DATA
) -> Callable[[_Function], _Function]:
    """Make a function the operation of this name: it gets the parameters that were sent and returns the data."""

    def register(function: _Function) -> _Function:
        OPERATIONS[name] = Operation(name=name, function=function, parameters=parameters, envelope=envelope)
        return function

    return register


def workspace_of(world: World, caller: Caller, arguments: Mapping[str, Any]) -> sqlite3.Row:
    """Return the workspace that a request names.

    :raises GatewayError: it names none, or the key has no permission on it.
    :raises BusinessError: there is no such workspace.
    """
    if "ProjectId" in arguments:
        row = world.store.row("SELECT * FROM workspaces WHERE id = ?", arguments["ProjectId"])
    elif "ProjectIdentifier" in arguments:
        row = world.store.row("SELECT * FROM workspaces WHERE identifier = ?", arguments["ProjectIdentifier"])
    else:
        raise missing("ProjectId")
    if row is None:
        raise workspace_not_found()
    check_permission(caller, row["id"])
    return row


def legacy_workspace_of(world: World, caller: Caller, arguments: Mapping[str, Any]) -> sqlite3.Row:
    """Return the workspace that a request for something of the legacy DataStudio names.

    :raises BusinessError: besides, the workspace has the new Data Studio, which knows no files and folders.
    """
    workspace = workspace_of(world, caller, arguments)
    if workspace["data_studio"] == "new":
        raise BusinessError(
            "1201111431", f"The folder path is wrong: the workspace {workspace['identifier']} has the new Data Studio."
        )
    return workspace


def check_permission(caller: Caller, workspace_id: int) -> None:
    """Check that the key may use a workspace.

    :raises GatewayError: it may not.
    """
    if not caller.may_use(workspace_id):
        raise not_authorised()


def check_environment(workspace: sqlite3.Row, environment: str) -> None:
    """Check that a workspace has an environment.

    :raises BusinessError: a basic-mode workspace was asked for DEV.
    """
    if environment == "DEV" and workspace["mode"] == "basic":
        raise BusinessError(
            "Undocumented.EnvironmentNotSupported",
            f"The workspace {workspace['identifier']} is in basic mode and has no environment DEV.",
        )
