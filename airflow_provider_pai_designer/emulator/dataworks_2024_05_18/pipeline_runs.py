"""Publishing runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from airflow_provider_pai_designer.emulator.dataworks_2024_05_18 import publishing, studio
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.publishing import Order
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.registry import (
    DONE,
    PROJECT,
    cut,
    invalid_parameter,
    operation,
    paging,
    payload,
)
from airflow_provider_pai_designer.emulator.errors import BusinessError, not_found
from airflow_provider_pai_designer.emulator.operations import LIST, STRING, Caller, Parameter, page, present, required
from airflow_provider_pai_designer.emulator.world import World

_RUN = {**PROJECT, "Id": required(STRING)}
_OBJECT_NOT_FOUND = "5801489541076353033"


@operation(
    "CreatePipelineRun",
    {
        **PROJECT,
        "Type": required(Parameter(kind=str, choices=("Online", "Offline"))),
        "ObjectIds": required(LIST),
        "Description": STRING,
        "RunMode": Parameter(kind=str, default="Normal", choices=("Normal", "Auto")),
        "AutoRunUntilStage": STRING,
    },
    envelope=payload("Id"),
)
def create_pipeline_run(world: World, caller: Caller, arguments: dict[str, Any]) -> str:
    """Only the first object counts. See the page ``...-createpipelinerun``."""
    workspace = studio.new_workspace_of(world, caller, arguments)
    order = Order(
        kind=arguments["Type"],
        until=_until(workspace, arguments),
        description=arguments.get("Description", ""),
        account=caller.account,
    )
    return publishing.start(world, workspace, _object(world, workspace, arguments["ObjectIds"]), order)


def _object(world: World, workspace: sqlite3.Row, identities: list[Any]) -> sqlite3.Row:
    if not identities:
        raise BusinessError(_OBJECT_NOT_FOUND, "The publish object is not found: there is no id.")
    try:
        return studio.find(world, workspace, identities[0] if isinstance(identities[0], str) else "")
    except BusinessError:
        raise BusinessError(_OBJECT_NOT_FOUND, f"The publish object is not found: {identities[0]}.") from None


def _until(workspace: sqlite3.Row, arguments: Mapping[str, Any]) -> int:
    """Return the number of the stage through which a run goes on by itself: the first one always does."""
    codes = [code for code, _ in publishing.stages(workspace, arguments["Type"])]
    wanted = arguments.get("AutoRunUntilStage")
    if wanted is not None and (arguments["RunMode"] != "Auto" or wanted not in codes):
        raise invalid_parameter(
            f"AutoRunUntilStage must be one of {', '.join(codes)} and goes with RunMode Auto, not {wanted}."
        )
    if arguments["RunMode"] != "Auto":
        return 1
    return len(codes) if wanted is None else codes.index(wanted) + 1


@operation("GetPipelineRun", _RUN, envelope=payload("Pipeline"))
def get_pipeline_run(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-getpipelinerun``."""
    return _shown(world, _find(world, caller, arguments))


@operation("ExecPipelineRunStage", {**_RUN, "Code": required(STRING)}, envelope=DONE)
def exec_pipeline_run_stage(world: World, caller: Caller, arguments: dict[str, Any]) -> None:
    """See the page ``...-execpipelinerunstage``."""
    publishing.execute(world, _find(world, caller, arguments), arguments["Code"])


@operation("AbolishPipelineRun", _RUN, envelope=DONE)
def abolish_pipeline_run(world: World, caller: Caller, arguments: dict[str, Any]) -> None:
    """See the page ``...-abolishpipelinerun``."""
    publishing.abolish(world, _find(world, caller, arguments))


@operation(
    "ListPipelineRuns",
    {
        **PROJECT,
        **paging(),
        "Creator": STRING,
        "Status": Parameter(kind=str, choices=("Init", "Running", "Success", "Fail", "Termination", "Cancel")),
        "ObjectId": STRING,
    },
    envelope=payload("PagingInfo"),
)
def list_pipeline_runs(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Newest first. See the page ``...-listpipelineruns``."""
    workspace = studio.new_workspace_of(world, caller, arguments)
    rows = world.store.rows(
        "SELECT * FROM pipeline_runs WHERE workspace_id = ? AND creator = COALESCE(?, creator) "
        "AND status = COALESCE(?, status) AND CAST(file_id AS TEXT) LIKE COALESCE(?, '%') ORDER BY number DESC",
        workspace["id"],
        arguments.get("Creator"),
        arguments.get("Status"),
        arguments.get("ObjectId"),
    )
    shown = [_shown(world, row) for row in cut(rows, arguments)]
    return page("PipelineRuns", shown, total=len(rows), arguments=arguments)


@operation(
    "ListPipelineRunItems",
    {**PROJECT, **paging(), "PipelineRunId": required(STRING)},
    envelope=payload("PagingInfo"),
)
def list_pipeline_run_items(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """A run publishes one node here. See the page ``...-listpipelinerunitems``."""
    run = _find(world, caller, {**arguments, "Id": arguments["PipelineRunId"]})
    item = present(
        Id=str(run["file_id"]),
        Name=world.store.value("SELECT name FROM files WHERE id = ?", run["file_id"]),
        Type="Node",
        Status=run["status"],
        Message=run["message"],
        Version=run["version"],
        Spec=run["spec"],
        CreateTime=run["created"],
        ModifyTime=run["modified"],
    )
    return page("PipelineRunItems", cut([item], arguments), total=1, arguments=arguments)


def _find(world: World, caller: Caller, arguments: Mapping[str, Any]) -> sqlite3.Row:
    workspace = studio.new_workspace_of(world, caller, arguments)
    query = "SELECT * FROM pipeline_runs WHERE id = ? AND workspace_id = ?"
    row = world.store.row(query, arguments["Id"], workspace["id"])
    if row is None:
        raise not_found("PipelineRun", arguments["Id"])
    return row


def _shown(world: World, run: sqlite3.Row) -> dict[str, Any]:
    stages = world.store.rows("SELECT * FROM pipeline_stages WHERE run = ? ORDER BY step", run["number"])
    return present(
        Id=run["id"],
        ProjectId=run["workspace_id"],
        Creator=run["creator"],
        Status=run["status"],
        Message=run["message"],
        Description=run["description"],
        CreateTime=run["created"],
        ModifyTime=run["modified"],
        Stages=[_stage(stage) for stage in stages],
    )


def _stage(stage: sqlite3.Row) -> dict[str, Any]:
    return present(
        Code=stage["code"],
        Name=publishing.NAMES[stage["code"]],
        Description=publishing.NAMES[stage["code"]],
        Step=stage["step"],
        Type=stage["type"],
        Status=stage["status"],
        Message=stage["message"],
    )
