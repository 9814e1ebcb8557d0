"""Tasks of Operation Center: what the scheduler has of a node, whichever Data Studio it came from."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from airflow_provider_pai_designer.emulator import scheduler
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
from airflow_provider_pai_designer.emulator.errors import not_found
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
from airflow_provider_pai_designer.emulator.world import World, local

PERIODIC = 1
"""The workflow of all tasks that run by a schedule and belong to no workflow of their own."""

_SORTS = {"ModifyTime": "modified", "CreateTime": "created", "Id": "id"}


@operation(
    "GetTask",
    {"Id": required(INTEGER), "ProjectEnv": Parameter(kind=str, default="Prod", choices=("Prod", "Dev"))},
    envelope=payload("Task"),
)
def get_task(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-gettask``."""
    node = find(world, caller, arguments["Id"], arguments["ProjectEnv"])
    settings = json.loads(node["settings"])
    parameters = settings.get("ParaValue") or ""
    names = [name for name in (settings.get("OutputList") or "").split(",") if name]
    return {
        **_task(world, node, settings),
        "EnvType": words(node["environment"]),
        "Script": {"Content": node["content"], "Parameters": parameters},
        "Dependencies": _dependencies(world, node, settings),
        "Inputs": {"Variables": []},
        "Outputs": {"TaskOutputs": [{"Output": name} for name in names], "Variables": []},
        "Tags": [],
    }


@operation(
    "ListTasks",
    {
        **PROJECT,
        **paging(),
        "Ids": LIST,
        "Name": STRING,
        "Owner": STRING,
        "TaskType": STRING,
        "ProjectEnv": ENVIRONMENT,
        "WorkflowId": INTEGER,
        "RuntimeResource": STRING,
        "TriggerType": Parameter(kind=str, choices=("Scheduler", "Manual")),
        "TriggerRecurrence": Parameter(kind=str, choices=("Normal", "Pause", "Skip")),
        "SortBy": Parameter(kind=str, default="Id Desc"),
    },
    envelope=payload("PagingInfo"),
)
def list_tasks(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Of both environments where none is named. See the page ``...-listtasks``."""
    workspace = workspace_of(world, caller, arguments)
    rows = world.store.rows(
        f"SELECT * FROM nodes WHERE workspace_id = ? AND name LIKE ? ORDER BY {sorting(arguments, _SORTS)}",
        workspace["id"],
        f"%{arguments.get('Name', '')}%",
    )
    tasks = [_task(world, row, json.loads(row["settings"])) for row in rows]
    parameters = [json.loads(row["settings"]).get("ParaValue") or "" for row in rows]
    found = [
        {**task, "ScriptParameters": text}
        for task, text in zip(tasks, parameters, strict=True)
        if _wanted(task, arguments)
    ]
    return page("Tasks", cut(found, arguments), total=len(found), arguments=arguments)


def find(world: World, caller: Caller, task_id: int, environment: str) -> sqlite3.Row:
    """Return the node of a task.

    :param environment: ``Prod`` or ``Dev``.
    :raises BusinessError: there is no such task.
    """
    query = "SELECT * FROM nodes WHERE id = ? AND environment = ?"
    row = world.store.row(query, task_id, environment.upper())
    if row is None:
        raise not_found("Task", f"{task_id} in {environment}")
    check_permission(caller, row["workspace_id"])
    return row


def sorting(arguments: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    """Return the order of a list in SQL, from a text such as ``Id Desc``; ascending where it names no direction.

    :raises BusinessError: there is no such order.
    """
    name, _, direction = arguments["SortBy"].partition(" ")
    if name not in columns or direction not in ("", "Asc", "Desc"):
        raise invalid_parameter(f"SortBy must be one of {', '.join(columns)} with Asc or Desc.")
    direction = direction or "Asc"
    return f"{columns[name]} {direction}, id {direction}"


def resource_group(world: World, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the resource group that a task runs on."""
    group = settings.get("ResourceGroupIdentifier") or scheduler.default_resource_group(world)
    return {"ResourceGroupId": group}


def data_source(settings: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the data source of a task, None where it has none."""
    name = settings.get("ConnectionName")
    return {"Name": name} if name else None


def _wanted(task: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    chosen = {
        "Owner": task["Owner"],
        "TaskType": task["Type"],
        "ProjectEnv": task["ProjectEnv"],
        "WorkflowId": task["WorkflowId"],
        "RuntimeResource": task["RuntimeResource"]["ResourceGroupId"],
        "TriggerType": task["Trigger"]["Type"],
        "TriggerRecurrence": task["Trigger"]["Recurrence"],
    }
    return task["Id"] in arguments.get("Ids", [task["Id"]]) and all(
        arguments.get(name, value) == value for name, value in chosen.items()
    )


def _task(world: World, node: sqlite3.Row, settings: Mapping[str, Any]) -> dict[str, Any]:
    return present(
        Id=node["id"],
        Name=node["name"],
        Description=node["description"],
        Type=scheduler.program_type(node["file_type"]),
        Owner=node["owner"],
        ProjectId=node["workspace_id"],
        ProjectEnv=words(node["environment"]),
        WorkflowId=PERIODIC,
        InstanceMode="Immediately" if settings.get("StartImmediately") else "T+1",
        Priority=1,
        Timeout=settings.get("Timeout") or 0,
        RerunMode=words(settings["RerunMode"]),
        RerunTimes=settings.get("AutoRerunTimes") or 0,
        RerunInterval=(settings.get("AutoRerunIntervalMillis") or 0) // 1000,
        Trigger=_trigger(world, node, settings),
        RuntimeResource=resource_group(world, settings),
        DataSource=data_source(settings),
        CreateTime=node["created"],
        CreateUser=node["owner"],
        ModifyTime=node["modified"],
        ModifyUser=node["owner"],
    )


def _trigger(world: World, node: sqlite3.Row, settings: Mapping[str, Any]) -> dict[str, str]:
    manual = settings["SchedulerType"] == "MANUAL"
    frozen = settings.get("Stop") or settings["SchedulerType"] == "PAUSE"
    zone = world.zone(node["workspace_id"])
    start, end = settings.get("StartEffectDate") or 0, settings.get("EndEffectDate")
    return present(
        Type="Manual" if manual else "Scheduler",
        Recurrence="Pause" if frozen else "Normal" if manual else words(settings["SchedulerType"]),
        Cron=settings["CronExpress"],
        StartTime=f"{local(start, zone):%Y-%m-%d %H:%M:%S}",
        EndTime=f"{local(end, zone):%Y-%m-%d %H:%M:%S}" if end else "9999-01-01 00:00:00",
    )


def _dependencies(world: World, node: sqlite3.Row, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = [name for name in (settings.get("InputList") or "").split(",") if name]
    rows = world.store.rows("SELECT id, settings FROM nodes WHERE environment = ?", node["environment"])
    owners = {
        output: str(row["id"])
        for row in rows
        for output in (json.loads(row["settings"]).get("OutputList") or "").split(",")
    }
    return [present(Type="Normal", UpstreamOutput=name, UpstreamTaskId=owners.get(name)) for name in names]
