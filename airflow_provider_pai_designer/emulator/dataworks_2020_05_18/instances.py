"""Runs and instances of Operation Center."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.emulator import scheduler
from airflow_provider_pai_designer.emulator.dataworks_2020_05_18.nodes import read_date
from airflow_provider_pai_designer.emulator.dataworks_2020_05_18.registry import (
    ENVIRONMENT,
    PAGE,
    check_environment,
    check_permission,
    operation,
    workspace_of,
)
from airflow_provider_pai_designer.emulator.errors import not_found
from airflow_provider_pai_designer.emulator.operations import (
    INTEGER,
    STRING,
    Caller,
    Envelope,
    Parameter,
    page,
    present,
    required,
)
from airflow_provider_pai_designer.emulator.world import World, milliseconds

_INSTANCE = {"InstanceId": required(INTEGER), **ENVIRONMENT}
_STATUS = Parameter(
    kind=str,
    choices=(
        "NOT_RUN",
        "WAIT_TIME",
        "WAIT_RESOURCE",
        "RUNNING",
        "FAILURE",
        "SUCCESS",
        "CHECKING",
        "CHECKING_CONDITION",
        "WAIT_TRIGGER",
    ),
)


@operation("GetDag", {"DagId": required(INTEGER), **ENVIRONMENT})
def get_dag(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Not for the runs of production's own schedule. https://alibabacloud.com/help/en/dataworks/api-getdag"""
    run = _find(world, caller, "Dag", identity=arguments["DagId"], environment=arguments["ProjectEnv"])
    if run["type"] == "DAILY":
        raise not_found("Dag", run["id"])
    return _dag(world, run)


@operation("ListDags", {"OpSeq": required(Parameter(kind=int, minimum=2)), **ENVIRONMENT})
def list_dags(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """All runs of one backfill. See the page ``...-listdags``."""
    query = "SELECT * FROM runs WHERE operation_id = ? AND environment = ? ORDER BY id"
    rows = world.store.rows(query, arguments["OpSeq"], arguments["ProjectEnv"])
    for row in rows:
        check_permission(caller, row["workspace_id"])
    return {"Dags": [_dag(world, row) for row in rows]}


def _dag(world: World, run: sqlite3.Row) -> dict[str, Any]:
    state = scheduler.run_state(world, run["id"])
    day = 24 * 60 * 60 * 1000
    return present(
        DagId=run["id"],
        Name=run["name"],
        Type=run["type"],
        Status=state["status"],
        OpSeq=run["operation_id"],
        ProjectId=run["workspace_id"],
        Bizdate=run["business_date"],
        Gmtdate=run["business_date"] + day,
        CreateUser=run["creator"],
        CreateTime=run["created"],
        ModifyTime=state["modified"],
        StartTime=state["started"],
        FinishTime=state["finished"],
    )


@operation(
    "ListInstances",
    {
        **ENVIRONMENT,
        "ProjectId": required(INTEGER),
        **PAGE,
        "PageNumber": Parameter(kind=int, default=1, minimum=1, maximum=100),
        "DagId": INTEGER,
        "NodeId": INTEGER,
        "NodeName": STRING,
        "BizName": STRING,
        "Owner": STRING,
        "ProgramType": STRING,
        "Status": _STATUS,
        "Bizdate": STRING,
        "BeginBizdate": STRING,
        "EndBizdate": STRING,
        "OrderBy": Parameter(kind=str, choices=("INSTANCE_ID_DESC", "CREATE_TIME_DESC")),
    },
)
def list_instances(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Newest first: ids ascend with the time of creation, so both orders are one.

    https://alibabacloud.com/help/en/dataworks/api-listinstances
    """
    workspace = workspace_of(world, caller, arguments)
    check_environment(workspace, arguments["ProjectEnv"])
    conditions = _conditions(world, workspace, arguments)
    where, values = " AND ".join(conditions), list(conditions.values())
    first = (arguments["PageNumber"] - 1) * arguments["PageSize"]
    if world.reading("list_order") == "shifts":
        # as if a newer row had come in before each further page
        first -= arguments["PageNumber"] - 1
    rows = world.store.rows(
        f"SELECT * FROM instances WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?",
        *values,
        arguments["PageSize"],
        first,
    )
    total = world.store.value(f"SELECT COUNT(*) FROM instances WHERE {where}", *values)
    return page("Instances", [_instance(row) for row in rows], total=total, arguments=arguments)


@operation("GetInstance", _INSTANCE)
def get_instance(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """https://alibabacloud.com/help/en/dataworks/api-getinstance"""
    row = _find_instance(world, caller, arguments)
    return {**_instance(row), "Owner": row["owner"], "PeriodNumber": row["period"]}


@operation("GetInstanceLog", {**_INSTANCE, "InstanceHistoryId": INTEGER})
def get_instance_log(world: World, caller: Caller, arguments: dict[str, Any]) -> str:
    """https://alibabacloud.com/help/en/dataworks/api-getinstancelog"""
    return scheduler.log(world, _find_instance(world, caller, arguments), arguments.get("InstanceHistoryId"))


@operation("StopInstance", _INSTANCE)
def stop_instance(world: World, caller: Caller, arguments: dict[str, Any]) -> bool:
    """See the page ``api-dataworks-public-2020-05-18-stopinstance``."""
    scheduler.stop(world, _find_instance(world, caller, arguments))
    return True


@operation("RestartInstance", _INSTANCE)
def restart_instance(world: World, caller: Caller, arguments: dict[str, Any]) -> bool:
    """See the page ``api-dataworks-public-2020-05-18-restartinstance``."""
    scheduler.restart(world, _find_instance(world, caller, arguments))
    return True


@operation(
    "ListInstanceHistory",
    {"InstanceId": required(INTEGER), "ProjectEnv": Parameter(kind=str, default="PROD", choices=("PROD", "DEV"))},
    envelope=Envelope(member="Instances", http_status=False, error_fields=False),
)
def list_instance_history(world: World, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """The attempts before the present one. See the page ``...-listinstancehistory``."""
    instance = _find_instance(world, caller, arguments)
    query = "SELECT * FROM history WHERE instance_id = ? ORDER BY number"
    return [
        _earlier_attempt(row["number"], json.loads(row["snapshot"])) for row in world.store.rows(query, instance["id"])
    ]


def _earlier_attempt(number: int, snapshot: Mapping[str, Any]) -> dict[str, Any]:
    elsewhere = (
        *("ParamValues", "Priority", "Repeatability", "RepeatInterval", "TaskRerunTime"),
        *("CreateUser", "BusinessId", "RelatedFlowId", "Connection"),
    )
    shown = {name: value for name, value in _instance(snapshot).items() if name not in elsewhere}
    # of all replies with a DagType, the vendor's sample prints its number in this one
    return {**shown, "InstanceHistoryId": number, "DagType": str(scheduler.DAG_TYPES.index(snapshot["dag_type"]))}


def _find_instance(world: World, caller: Caller, arguments: Mapping[str, Any]) -> sqlite3.Row:
    return _find(world, caller, "Instance", identity=arguments["InstanceId"], environment=arguments["ProjectEnv"])


def _find(world: World, caller: Caller, what: str, *, identity: int, environment: str) -> sqlite3.Row:
    table = {"Dag": "runs", "Instance": "instances"}[what]
    row = world.store.row(f"SELECT * FROM {table} WHERE id = ?", identity)
    if row is None:
        raise not_found(what, identity)
    check_permission(caller, row["workspace_id"])
    check_environment(world.workspace(row["workspace_id"]), environment)
    if row["environment"] != environment:
        raise not_found(what, f"{identity} in {environment}")
    return row


def _conditions(world: World, workspace: sqlite3.Row, arguments: Mapping[str, Any]) -> dict[str, Any]:
    conditions: dict[str, Any] = {"workspace_id = ?": workspace["id"], "environment = ?": arguments["ProjectEnv"]}
    columns = {
        "DagId": "run_id",
        "NodeId": "node_id",
        "NodeName": "node_name",
        "Owner": "owner",
        "ProgramType": "program_type",
        "Status": "status",
    }
    for parameter, column in columns.items():
        if parameter in arguments:
            conditions[f"{column} = ?"] = arguments[parameter]
    if "BizName" in arguments:
        flow = "(SELECT id FROM business_flows WHERE workspace_id = instances.workspace_id AND name = ?)"
        conditions[f"business_flow_id = {flow}"] = arguments["BizName"]
    zone = ZoneInfo(workspace["time_zone"])
    for parameter, comparison in {"Bizdate": "=", "BeginBizdate": ">=", "EndBizdate": "<="}.items():
        if parameter in arguments:
            midnight = _midnight(read_date(parameter, arguments[parameter]), zone)
            conditions[f"business_date {comparison} ?"] = midnight
    if lag := int(world.reading("instance_lag")):
        conditions["created <= ?"] = world.clock.now() - lag * 1000
    return conditions


def _midnight(day: date, zone: ZoneInfo) -> int:
    return milliseconds(datetime.combine(day, datetime.min.time()), zone)


def _instance(row: sqlite3.Row | Mapping[str, Any]) -> dict[str, Any]:
    return present(
        InstanceId=row["id"],
        NodeId=row["node_id"],
        NodeName=row["node_name"],
        DagId=row["run_id"],
        DagType=row["dag_type"],
        Status=row["status"],
        # the one enum that the vendor's samples print with its number
        TaskType=f"{row['task_type']}({scheduler.TASK_TYPES.index(row['task_type'])})",
        Bizdate=row["business_date"],
        CycTime=row["schedule_time"],
        CreateTime=row["created"],
        BeginWaitTimeTime=row["wait_time_began"],
        BeginWaitResTime=row["wait_resource_began"],
        BeginRunningTime=row["running_began"],
        FinishTime=row["finished"],
        ModifyTime=row["modified"],
        ParamValues=row["parameters"],
        Priority=1,
        Repeatability=row["rerun_mode"] != "ALL_DENIED",
        RepeatInterval=row["rerun_interval"],
        TaskRerunTime=row["reruns_left"],
        CreateUser=row["creator"],
        BusinessId=row["business_flow_id"],
        RelatedFlowId=row["business_flow_id"],
        Connection=row["connection"],
    )
