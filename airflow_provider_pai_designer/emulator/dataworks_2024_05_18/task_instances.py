"""Instances of tasks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_pai_designer.emulator import scheduler
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.registry import (
    ENVIRONMENT,
    PROJECT,
    check_permission,
    constant,
    cut,
    invalid_parameter,
    operation,
    paging,
    payload,
    whole_numbers,
    words,
    workspace_of,
)
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.tasks import (
    PERIODIC,
    data_source,
    resource_group,
    sorting,
)
from airflow_provider_pai_designer.emulator.errors import BusinessError
from airflow_provider_pai_designer.emulator.operations import (
    BOOLEAN,
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

WORKFLOW_TYPES = {
    "DAILY": "Normal",
    "MANUAL": "Manual",
    "SMOKE_TEST": "SmokeTest",
    "SUPPLY_DATA": "SupplementData",
    "MANUAL_FLOW": "ManualWorkflow",
}
"""What this version calls the types of runs."""

_UNIFIED = 1_000_000_000
_STATUSES = ("NotRun", "Running", "Failure", "Success", "WaitTime", "WaitResource")
_SORTS = {
    "TriggerTime": "schedule_time",
    "StartedTime": "running_began",
    "FinishedTime": "finished",
    "CreateTime": "created",
    "Id": "id",
}
_TIMES = {
    f"{moment}{side}": f"{column} {comparison} ?"
    for moment, column in {
        "startedTime": "running_began",
        "finishedTime": "finished",
        "createTime": "created",
    }.items()
    for side, comparison in {"Start": ">=", "End": "<="}.items()
}
"""The conditions of the parameter Filter."""

_GROUP = "json_extract(settings, '$.ResourceGroupIdentifier') = ?"
_CONDITIONS = {
    "Bizdate": "business_date = ?",
    "Id": "id = ?",
    "Ids": "id IN (SELECT value FROM json_each(?))",
    "TaskId": "node_id = ?",
    "TaskIds": "node_id IN (SELECT value FROM json_each(?))",
    "TaskName": "node_name LIKE ?",
    "TaskType": "program_type = ?",
    "Owner": "owner = ?",
    "Status": "status = ?",
    "ProjectEnv": "environment = ?",
    "RuntimeResource": f"(node_id, environment) IN (SELECT id, environment FROM nodes WHERE {_GROUP})",
    "WorkflowId": "? = 1",
    "WorkflowInstanceId": "run_id = ?",
    "WorkflowInstanceType": "dag_type = ?",
    "UnifiedWorkflowInstanceId": "run_id == ?",
    "TriggerType": "(CASE task_type WHEN 'MANUAL' THEN 'Manual' ELSE 'Scheduler' END) = ?",
    "TriggerRecurrence": "task_type = ?",
}
"""What a parameter demands of an instance."""


@operation(
    "ListTaskInstances",
    {
        **PROJECT,
        **paging(most=500),
        "Bizdate": required(INTEGER),
        "Id": INTEGER,
        "Ids": LIST,
        "TaskId": INTEGER,
        "TaskIds": LIST,
        "TaskName": STRING,
        "TaskType": STRING,
        "Owner": STRING,
        "Status": Parameter(kind=str, choices=_STATUSES),
        "ProjectEnv": ENVIRONMENT,
        "RuntimeResource": STRING,
        "WorkflowId": INTEGER,
        "WorkflowInstanceId": INTEGER,
        "WorkflowInstanceType": STRING,
        "UnifiedWorkflowInstanceId": INTEGER,
        "TriggerType": STRING,
        "TriggerRecurrence": STRING,
        "Filter": Parameter(kind=dict, default={}),
        "SortBy": Parameter(kind=str, default="Id Desc"),
    },
    envelope=payload("PagingInfo"),
)
def list_task_instances(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """With ``Id``, the earlier attempts of that instance too. See the page ``...-listtaskinstances``."""
    workspace = workspace_of(world, caller, arguments)
    conditions = {"workspace_id = ?": workspace["id"], **_conditions(world, arguments)}
    where, values = " AND ".join(conditions), list(conditions.values())
    query = f"SELECT * FROM instances WHERE {where} ORDER BY {sorting(arguments, _SORTS)}"
    if "Id" in arguments:
        attempts = [attempt for row in world.store.rows(query, *values) for attempt in _attempts(world, row)]
        shown, total = cut(attempts, arguments), len(attempts)
    else:
        shown = [dict(row) for row in _page_of(world, query, values, arguments)]
        total = world.store.value(f"SELECT COUNT(*) FROM instances WHERE {where}", *values)
    tasks = {(row["environment"], row["node_id"]): row for row in shown}
    nodes = {key: _node(world, row) for key, row in tasks.items()}
    instances = [_instance(world, row, nodes[row["environment"], row["node_id"]]) for row in shown]
    return page("TaskInstances", instances, total=total, arguments=arguments)


def _page_of(world: World, query: str, values: list[Any], arguments: Mapping[str, Any]) -> list[sqlite3.Row]:
    first = (arguments["PageNumber"] - 1) * arguments["PageSize"]
    if world.reading("list_order") == "shifts":
        # as if a newer row had come in before each further page
        first -= arguments["PageNumber"] - 1
    return world.store.rows(f"{query} LIMIT ? OFFSET ?", *values, arguments["PageSize"], first)


@operation("GetTaskInstance", {"Id": required(INTEGER)}, envelope=payload("TaskInstance"))
def get_task_instance(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-gettaskinstance``."""
    row = _find(world, caller, arguments["Id"])
    node = _node(world, row)
    shown = _instance(world, dict(row), node)
    parameters = shown.pop("ScriptParameters")
    outputs = [name for name in (node["settings"].get("OutputList") or "").split(",") if name]
    return {
        **shown,
        "Script": {"Content": node["content"], "Parameters": parameters},
        "Inputs": {"Variables": []},
        "Outputs": {"TaskOutputs": [{"Output": name} for name in outputs], "Variables": []},
        "Tags": [],
    }


@operation(
    "GetTaskInstanceLog",
    {"Id": required(INTEGER), "RunNumber": Parameter(kind=int, minimum=1)},
    envelope=payload("TaskInstanceLog"),
)
def get_task_instance_log(world: World, caller: Caller, arguments: dict[str, Any]) -> str:
    """See the page ``...-gettaskinstancelog``."""
    return scheduler.log(world, _find(world, caller, arguments["Id"]), arguments.get("RunNumber"))


@operation("StopTaskInstances", {"Ids": LIST, "Comment": STRING}, envelope=payload("SuccessInfo"))
def stop_task_instances(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-stoptaskinstances``."""
    return each(arguments, lambda identity: scheduler.stop(world, _find(world, caller, identity)))


@operation(
    "RerunTaskInstances", {"Ids": LIST, "Comment": STRING, "UseLatestConfig": BOOLEAN}, envelope=payload("SuccessInfo")
)
def rerun_task_instances(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Instances always run what is published last here. See the page ``...-reruntaskinstances``."""
    return each(arguments, lambda identity: scheduler.restart(world, _find(world, caller, identity)))


def each(arguments: Mapping[str, Any], act: Callable[[int], None]) -> dict[str, Any]:
    """Do something for every one of the ids of a request, and tell for each whether it was done."""
    return {str(identity): _outcome(act, identity) for identity in whole_numbers(arguments.get("Ids", ()))}


def _outcome(act: Callable[[int], None], identity: int) -> dict[str, Any]:
    try:
        act(identity)
    except BusinessError as error:
        return {"Success": False, "Message": error.message}
    return {"Success": True, "Message": ""}


def unified(run_id: int) -> int:
    """Return the id that all instances of one trigger and business date share."""
    return _UNIFIED + run_id


_READ: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_CONDITIONS, lambda value: value),
    "Ids": json.dumps,
    "TaskIds": json.dumps,
    "TaskName": lambda text: f"%{text}%",
    "Status": constant,
    "ProjectEnv": str.upper,
    "WorkflowInstanceType": lambda name: {type_: one for one, type_ in WORKFLOW_TYPES.items()}.get(name, name),
    "UnifiedWorkflowInstanceId": lambda identity: identity - _UNIFIED,
    "TriggerRecurrence": constant,
}
"""How the value of a parameter is written in the state."""


def _find(world: World, caller: Caller, identity: int) -> sqlite3.Row:
    row = world.store.row("SELECT * FROM instances WHERE id = ?", identity)
    if row is None:
        raise BusinessError("InstanceNotFound", f"The task instance {identity} does not exist.")
    check_permission(caller, row["workspace_id"])
    return row


def _conditions(world: World, arguments: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {
        _CONDITIONS[name]: read(arguments[name]) for name, read in _READ.items() if name in arguments
    }
    if lag := int(world.reading("new_instances_lag")):
        given["created <= ?"] = world.clock.now() - lag * 1000
    return {**given, **_times(arguments["Filter"])}


def _times(moments: Mapping[str, Any]) -> dict[str, int]:
    try:
        return dict(zip((_TIMES[name] for name in moments), whole_numbers(map(int, moments.values())), strict=True))
    except (ValueError, TypeError, KeyError):
        raise invalid_parameter(f"Filter may have {', '.join(_TIMES)}, each with milliseconds as a text.") from None


def _attempts(world: World, row: sqlite3.Row) -> list[dict[str, Any]]:
    """Return an instance as it is, and before it as it was when each earlier attempt had ended."""
    query = "SELECT snapshot FROM history WHERE instance_id = ? ORDER BY number DESC"
    earlier = [json.loads(snapshot) for (snapshot,) in world.store.rows(query, row["id"])]
    return [dict(row), *earlier]


def _node(world: World, instance: Mapping[str, Any] | sqlite3.Row) -> dict[str, Any]:
    """Return what an instance shows of its node, which may be gone."""
    row = world.store.row(
        "SELECT description, content, settings FROM nodes WHERE environment = ? AND id = ?",
        instance["environment"],
        instance["node_id"],
    )
    if row is None:
        return {"description": "", "content": "", "settings": {}}
    return {**dict(row), "settings": json.loads(row["settings"])}


def _instance(world: World, row: Mapping[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    settings = node["settings"]
    started = row["running_began"] is not None
    return present(
        Id=row["id"],
        TaskId=row["node_id"],
        TaskName=row["node_name"],
        TaskType=row["program_type"],
        Description=node["description"],
        Owner=row["owner"],
        ProjectId=row["workspace_id"],
        ProjectEnv=words(row["environment"]),
        Status=words(row["status"]),
        Bizdate=row["business_date"],
        PeriodNumber=row["period"],
        # the first attempt has this number before it begins
        RunNumber=max(row["attempt"], 1),
        RerunMode=words(row["rerun_mode"]),
        Priority=1,
        Timeout=settings.get("Timeout") or 0,
        TriggerType="Manual" if row["task_type"] == "MANUAL" else "Scheduler",
        TriggerRecurrence=words(row["task_type"]),
        TriggerTime=row["schedule_time"],
        WaitingTriggerTime=row["wait_time_began"],
        WaitingResourceTime=row["wait_resource_began"],
        StartedTime=row["running_began"],
        FinishedTime=row["finished"],
        WorkflowId=PERIODIC,
        WorkflowInstanceId=row["run_id"],
        WorkflowInstanceType=WORKFLOW_TYPES.get(row["dag_type"], words(row["dag_type"])),
        UnifiedWorkflowInstanceId=unified(row["run_id"]),
        Runtime={"Gateway": "cn-shanghai.1.2", "ProcessId": f"T3_{row['id']}"} if started else None,
        RuntimeResource=resource_group(world, settings),
        DataSource=data_source(settings),
        ScriptParameters=row["parameters"],
        CreateTime=row["created"],
        CreateUser=row["creator"],
        ModifyTime=row["modified"],
        ModifyUser=row["creator"],
    )
