"""Runs: smoke tests and backfills, which are asked for, made a little later, and called workflow instances."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from airflow_provider_pai_designer.emulator import scheduler
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18 import creations
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.registry import (
    ENVIRONMENT,
    PROJECT,
    check_permission,
    cut,
    invalid_parameter,
    operation,
    paging,
    payload,
    words,
    workspace_of,
)
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.task_instances import WORKFLOW_TYPES, each, unified
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.tasks import PERIODIC
from airflow_provider_pai_designer.emulator.errors import BusinessError, not_found
from airflow_provider_pai_designer.emulator.operations import (
    INTEGER,
    LIST,
    STRING,
    Caller,
    Parameter,
    page,
    present,
    required,
)
from airflow_provider_pai_designer.emulator.world import World

_TYPES = ("SupplementData", "SmokeTest", "Manual", "ManualWorkflow", "TriggerWorkflow")


@operation(
    "CreateWorkflowInstances",
    {
        **PROJECT,
        "Name": required(STRING),
        "Type": required(Parameter(kind=str, choices=_TYPES)),
        "WorkflowId": required(INTEGER),
        "EnvType": Parameter(kind=str, default="Prod", choices=("Prod", "Dev")),
        "Periods": Parameter(kind=dict, default={}),
        "DefaultRunProperties": Parameter(kind=dict, default={}),
        "TaskParameters": Parameter(kind=str, default="{}"),
        "WorkflowParameters": STRING,
        "AutoStartEnabled": Parameter(kind=bool, default=True),
        "Comment": STRING,
        "Tags": LIST,
        "TagCreationPolicy": Parameter(kind=str, choices=("Append", "Overwrite")),
    },
    envelope=payload("OperationId"),
)
def create_workflow_instances(world: World, caller: Caller, arguments: dict[str, Any]) -> str:
    """See the page ``...-createworkflowinstances``."""
    workspace = workspace_of(world, caller, arguments)
    if arguments["EnvType"] == "Dev" and workspace["mode"] == "basic":
        raise invalid_parameter(f"The workspace {workspace['identifier']} has no environment Dev.")
    return creations.start(world, workspace, arguments, account=caller.account)


@operation("GetCreateWorkflowInstancesResult", {"OperationId": required(STRING)}, envelope=payload("Result"))
def get_create_workflow_instances_result(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-getcreateworkflowinstancesresult``."""
    row = world.store.row("SELECT * FROM creations WHERE id = ?", arguments["OperationId"])
    if row is None:
        raise not_found("Operation", arguments["OperationId"])
    check_permission(caller, row["workspace_id"])
    runs = json.loads(row["runs"])
    ids = {
        "WorkflowInstanceIds": runs,
        # these stand for the workflow as a whole: nobody can read them as instances of a task
        "WorkflowTaskInstanceIds": [task_instance(run) for run in runs],
        "UnifiedWorkflowInstanceIds": [unified(run) for run in runs],
    }
    return present(Status=row["status"], FailureMessage=row["message"], **(ids if row["status"] == "Created" else {}))


@operation("GetWorkflowInstance", {"Id": required(INTEGER)}, envelope=payload("WorkflowInstance"))
def get_workflow_instance(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-getworkflowinstance``."""
    return _workflow_instance(world, _find(world, caller, arguments["Id"]))


@operation(
    "ListWorkflowInstances",
    {
        **PROJECT,
        **paging(),
        "BizDate": required(INTEGER),
        "Type": STRING,
        "WorkflowId": INTEGER,
        "UnifiedWorkflowInstanceId": INTEGER,
        "Name": STRING,
        "Ids": LIST,
        "Owner": STRING,
        "EnvType": ENVIRONMENT,
        "Tags": LIST,
        "Filter": Parameter(kind=dict, default={}),
        "SortBy": STRING,
    },
    envelope=payload("PagingInfo"),
)
def list_workflow_instances(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Newest first: ids ascend with the time of creation, so every order is that. See ``...-listworkflowinstances``."""
    workspace = workspace_of(world, caller, arguments)
    rows = world.store.rows(
        "SELECT * FROM runs WHERE workspace_id = ? AND business_date = ? AND name LIKE ? ORDER BY id DESC",
        workspace["id"],
        arguments["BizDate"],
        f"%{arguments.get('Name', '')}%",
    )
    if str(arguments.get("SortBy", "")).endswith("Asc"):
        rows.reverse()
    found = [one for one in (_workflow_instance(world, row) for row in rows) if _wanted(one, arguments)]
    return page("WorkflowInstances", cut(found, arguments), total=len(found), arguments=arguments)


@operation("StopWorkflowInstances", {"Ids": LIST, "Comment": STRING}, envelope=payload("SuccessInfo"))
def stop_workflow_instances(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Every instance that has not ended. See the page ``...-stopworkflowinstances``."""
    return each(arguments, lambda identity: _stop(world, _find(world, caller, identity)))


def _stop(world: World, run: sqlite3.Row) -> None:
    for instance in world.store.rows("SELECT * FROM instances WHERE run_id = ? AND open = 1", run["id"]):
        scheduler.stop(world, instance)


def task_instance(run_id: int) -> int:
    """Return the id of the instance that stands for a workflow as a whole."""
    return 2_000_000_000 + run_id


def _find(world: World, caller: Caller, identity: int) -> sqlite3.Row:
    row = world.store.row("SELECT * FROM runs WHERE id = ?", identity)
    if row is None:
        raise BusinessError("InstanceNotFound", f"The workflow instance {identity} does not exist.")
    check_permission(caller, row["workspace_id"])
    return row


def _wanted(instance: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    names = ("Type", "WorkflowId", "UnifiedWorkflowInstanceId", "Owner", "EnvType")
    status = arguments["Filter"].get("status", instance["Status"])
    return (
        all(arguments.get(name, instance[name]) == instance[name] for name in names)
        and instance["Id"] in arguments.get("Ids", [instance["Id"]])
        and status == instance["Status"]
        and not arguments.get("Tags")
    )


def _workflow_instance(world: World, run: sqlite3.Row) -> dict[str, Any]:
    state = scheduler.run_state(world, run["id"])
    return present(
        Id=run["id"],
        Name=run["name"],
        Type=WORKFLOW_TYPES.get(run["type"], words(run["type"])),
        Status="NotRun" if state["status"] == "CREATED" else words(state["status"]),
        ProjectId=run["workspace_id"],
        EnvType=words(run["environment"]),
        WorkflowId=PERIODIC,
        WorkflowTaskInstanceId=task_instance(run["id"]),
        UnifiedWorkflowInstanceId=unified(run["id"]),
        BizDate=run["business_date"],
        StartedTime=state["started"],
        FinishedTime=state["finished"],
        Owner=run["creator"],
        CreateTime=run["created"],
        CreateUser=run["creator"],
        ModifyTime=state["modified"] or run["created"],
        ModifyUser=run["creator"],
        Tags=[],
    )
