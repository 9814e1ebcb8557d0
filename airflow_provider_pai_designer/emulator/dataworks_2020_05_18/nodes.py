"""Nodes of Operation Center, and the tests that are started on them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from airflow_provider_pai_designer.emulator import releases, scheduler, studio
from airflow_provider_pai_designer.emulator.dataworks_2020_05_18.registry import (
    ENVIRONMENT,
    PAGE,
    check_environment,
    check_permission,
    operation,
    workspace_of,
)
from airflow_provider_pai_designer.emulator.errors import BusinessError, not_found
from airflow_provider_pai_designer.emulator.operations import (
    BOOLEAN,
    INTEGER,
    STRING,
    Caller,
    Envelope,
    Parameter,
    page,
    present,
    required,
)
from airflow_provider_pai_designer.emulator.world import World

_MOST_DATES = 10
_REPEAT_MODES = {"FAILURE_ALLOWED": 0, "ALL_ALLOWED": 1, "ALL_DENIED": 2}


@operation("GetNode", {"NodeId": required(INTEGER), **ENVIRONMENT})
def get_node(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-getnode"""
    shown = _node(world, _find_node(world, caller, arguments))
    return {**shown, "Repeatability": str(shown["Repeatability"]).lower()}


@operation("GetNodeCode", {"NodeId": required(Parameter(kind=int, minimum=2)), **ENVIRONMENT})
def get_node_code(world: World, caller: Caller, arguments: dict[str, Any]) -> str:
    """See the page ``...-getnodecode``."""
    return str(_find_node(world, caller, arguments)["content"])


@operation(
    "ListNodes",
    {
        "ProjectId": required(INTEGER),
        **ENVIRONMENT,
        **PAGE,
        "PageNumber": Parameter(kind=int, default=1, minimum=1, maximum=100),
        "NodeName": STRING,
        "BizName": STRING,
        "Owner": STRING,
        "ProgramType": STRING,
        "SchedulerType": Parameter(kind=str, choices=("NORMAL", "MANUAL", "PAUSE", "SKIP")),
    },
)
def list_nodes(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-listnodes``."""
    workspace = workspace_of(world, caller, arguments)
    check_environment(workspace, arguments["ProjectEnv"])
    rows = world.store.rows(
        "SELECT * FROM nodes WHERE workspace_id = ? AND environment = ? ORDER BY id",
        workspace["id"],
        arguments["ProjectEnv"],
    )
    found = [node for node in (_node(world, row) for row in rows) if _wanted(world, workspace, node, arguments)]
    first = (arguments["PageNumber"] - 1) * arguments["PageSize"]
    return page("Nodes", found[first : first + arguments["PageSize"]], total=len(found), arguments=arguments)


@operation("GetNodeChildren", {"NodeId": required(INTEGER), **ENVIRONMENT})
def get_node_children(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """The nodes of every workspace that name an output of this one as an input. See ``...-getnodechildren``."""
    return _related(world, _find_node(world, caller, arguments), given="OutputList", wanted="InputList")


@operation("GetNodeParents", {"NodeId": required(INTEGER), **ENVIRONMENT})
def get_node_parents(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """The root of a workspace is no node here, so it is nobody's parent. See ``...-getnodeparents``."""
    return _related(world, _find_node(world, caller, arguments), given="InputList", wanted="OutputList")


def _related(world: World, node: sqlite3.Row, *, given: str, wanted: str) -> dict[str, Any]:
    """Find the nodes of the same cycle that share a name with a node; it has the outputs that its file was given."""
    names = _names(node, given)
    rows = world.store.rows("SELECT * FROM nodes WHERE environment = ? ORDER BY id", node["environment"])
    return {"Nodes": [_relative(world, row) for row in rows if names & _names(row, wanted)]}


def _names(node: sqlite3.Row, kind: str) -> set[str]:
    listed = json.loads(node["settings"]).get(kind) or ""
    return {name.strip() for name in listed.split(",") if name.strip()}


def _relative(world: World, node: sqlite3.Row) -> dict[str, Any]:
    shown = _node(world, node)
    members = (
        *("NodeId", "NodeName", "ProjectId", "OwnerId", "CronExpress"),
        *("SchedulerType", "ProgramType", "Priority", "Repeatability"),
    )
    return {**{name: shown[name] for name in members}, "StepType": "0"}


@operation(
    "OfflineNode",
    {
        "NodeId": required(Parameter(kind=int, minimum=2)),
        "ProjectId": required(Parameter(kind=int, minimum=1)),
    },
    envelope=Envelope(member=None, success="true", http_status=False, error_fields=False),
)
def offline_node(world: World, caller: Caller, arguments: dict[str, Any]) -> None:
    """The only reply in which Success is a text. See the page ``...-offlinenode``."""
    workspace = workspace_of(world, caller, arguments)
    query = "SELECT * FROM nodes WHERE id = ? AND workspace_id = ? AND environment = 'PROD'"
    node = world.store.row(query, arguments["NodeId"], workspace["id"])
    if node is None:
        raise not_found("Node", arguments["NodeId"])
    releases.take_offline(world, node)


def _wanted(world: World, workspace: sqlite3.Row, node: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    fields = {
        "NodeName": "NodeName",
        "Owner": "OwnerId",
        "ProgramType": "ProgramType",
        "SchedulerType": "SchedulerType",
    }
    if any(name in arguments and node[field] != arguments[name] for name, field in fields.items()):
        return False
    query = "SELECT id FROM business_flows WHERE workspace_id = ? AND name = ?"
    flow = world.store.value(query, workspace["id"], arguments["BizName"]) if "BizName" in arguments else None
    return "BizName" not in arguments or (flow is not None and node.get("BusinessId") == flow)


def _node(world: World, node: sqlite3.Row) -> dict[str, Any]:
    settings = json.loads(node["settings"])
    group = settings.get("ResourceGroupIdentifier") or scheduler.default_resource_group(world)
    business_id = studio.business_flow_id(world, node["workspace_id"], node["folder"])
    return present(
        NodeId=node["id"],
        NodeName=node["name"],
        ProjectId=node["workspace_id"],
        OwnerId=node["owner"],
        FileId=node["file_id"],
        FileType=node["file_type"],
        FileVersion=node["version"],
        ProgramType=scheduler.program_type(node["file_type"]),
        SchedulerType="PAUSE" if settings["Stop"] else settings["SchedulerType"],
        CronExpress=settings["CronExpress"],
        ParamValues=settings.get("ParaValue", ""),
        Priority=1,
        BusinessId=business_id,
        RelatedFlowId=business_id,
        RepeatMode=_REPEAT_MODES[settings["RerunMode"]],
        Repeatability=settings["RerunMode"] != "ALL_DENIED",
        RepeatInterval=settings.get("AutoRerunIntervalMillis", 0),
        ResGroupIdentifier=group,
        ResGroupName=world.store.value("SELECT name FROM resource_groups WHERE identifier = ?", group),
        Connection=settings.get("ConnectionName"),
        Description=node["description"],
        CreateTime=node["created"],
        ModifyTime=node["modified"],
        DeployDate=node["modified"],
    )


@operation(
    "RunSmokeTest",
    {
        **ENVIRONMENT,
        "NodeId": required(INTEGER),
        "Bizdate": required(STRING),
        "Name": required(Parameter(kind=str, longest=128)),
        "NodeParams": STRING,
    },
)
def run_smoke_test(world: World, caller: Caller, arguments: dict[str, Any]) -> int:
    """https://alibabacloud.com/help/en/dataworks/api-runsmoketest"""
    node = _find_node(world, caller, arguments)
    return scheduler.start_test(
        world,
        node=node,
        name=arguments["Name"],
        business_date=read_date("Bizdate", arguments["Bizdate"]),
        override=_override(world, node["id"], arguments.get("NodeParams", "")),
        account=caller.account,
    )


@operation(
    "RunCycleDagNodes",
    {
        **ENVIRONMENT,
        "StartBizDate": required(STRING),
        "EndBizDate": required(STRING),
        "Name": required(Parameter(kind=str, longest=128)),
        "RootNodeId": required(INTEGER),
        "IncludeNodeIds": required(STRING),
        "ExcludeNodeIds": STRING,
        "Parallelism": required(BOOLEAN),
        "ConcurrentRuns": Parameter(kind=int, minimum=2, maximum=_MOST_DATES),
        "BizBeginTime": STRING,
        "BizEndTime": STRING,
        "NodeParams": STRING,
        "StartFutureInstanceImmediately": Parameter(kind=bool, default=False),
        "AlertType": Parameter(kind=str, choices=("SUCCESS", "FAILURE", "SUCCESS_FAILURE")),
        "AlertNoticeType": Parameter(kind=str, choices=("SMS", "MAIL", "SMS_MAIL")),
    },
)
def run_cycle_dag_nodes(world: World, caller: Caller, arguments: dict[str, Any]) -> list[int]:
    """See the page ``...-runcycledagnodes``. The included nodes run side by side: their order is not modelled."""
    first, last = (read_date(name, arguments[name]) for name in ("StartBizDate", "EndBizDate"))
    if last < first:
        raise _invalid("EndBizDate must not be before StartBizDate.")
    included, excluded = (_node_ids(arguments, name) for name in ("IncludeNodeIds", "ExcludeNodeIds"))
    if arguments["RootNodeId"] not in included:
        raise _invalid("IncludeNodeIds must contain the root node.")
    nodes = [_find_node(world, caller, {**arguments, "NodeId": node_id}) for node_id in included]
    parameters = _node_params(arguments.get("NodeParams", ""))
    return scheduler.start_backfill(
        world,
        scheduler.Backfill(
            name=arguments["Name"],
            dates=scheduler.days(first, last),
            nodes=tuple(
                scheduler.BackfillNode(
                    node=node, override=parameters.get(str(node["id"]), ""), dry=node["id"] in excluded
                )
                for node in nodes
            ),
            begin=_time_of_day(arguments, "BizBeginTime", time.min),
            end=_time_of_day(arguments, "BizEndTime", time.max),
            parallel_dates=arguments.get("ConcurrentRuns", _MOST_DATES) if arguments["Parallelism"] else 1,
            future_at_once=arguments["StartFutureInstanceImmediately"],
            single_run=world.reading("backfill_dags") == "single",
        ),
        account=caller.account,
    )


def _node_ids(arguments: Mapping[str, Any], name: str) -> list[int]:
    try:
        return list(dict.fromkeys(int(text) for text in arguments.get(name, "").split(",") if text.strip()))
    except ValueError:
        raise _invalid(f"{name} must be node ids, separated by commas.") from None


def _time_of_day(arguments: Mapping[str, Any], name: str, default: time) -> time:
    try:
        return datetime.strptime(arguments[name], "%H:%M:%S").time() if name in arguments else default
    except ValueError:
        raise _invalid(f"{name} must have the form HH:mm:ss.") from None


def _invalid(message: str) -> BusinessError:
    return BusinessError("Invalid.Wkbench.Parameter", message)


def read_date(name: str, text: str) -> date:
    """Read a business date as requests carry it, ``yyyy-MM-dd HH:mm:ss``.

    :raises BusinessError: it has another form; a date alone is too short.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").date()
    except ValueError:
        raise BusinessError(
            "Invalid.Wkbench.Parameter", f"The parameter {name} must have the form yyyy-MM-dd HH:mm:ss, not {text}."
        ) from None


def _find_node(world: World, caller: Caller, arguments: dict[str, Any]) -> sqlite3.Row:
    node_id, environment = arguments["NodeId"], arguments["ProjectEnv"]
    workspace_id = world.store.value("SELECT workspace_id FROM nodes WHERE id = ?", node_id)
    if workspace_id is None:
        raise not_found("Node", node_id)
    check_permission(caller, workspace_id)
    check_environment(world.workspace(workspace_id), environment)
    row = world.store.row("SELECT * FROM nodes WHERE environment = ? AND id = ?", environment, node_id)
    if row is None:
        raise not_found("Node", f"{node_id} in {environment}")
    return row


def _override(world: World, node_id: int, text: str) -> str:
    """Read NodeParams by the reading of the doubt ``smoke_node_params``; the other form is refused."""
    if not text or world.reading("smoke_node_params") == "plain":
        if text.lstrip().startswith("{"):
            raise BusinessError("Invalid.Wkbench.Parameter", "NodeParams must have the form a=x b=y.")
        return text
    return _node_params(text).get(str(node_id), "")


def _node_params(text: str) -> dict[str, str]:
    try:
        return {node_id: str(parameters) for node_id, parameters in json.loads(text or "{}").items()}
    except (ValueError, AttributeError):
        raise _invalid("NodeParams must be a JSON object by node id.") from None
