"""Nodes of Operation Center, and the tests that are started on them."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, datetime
from typing import Any

from airflow_provider_pai_designer.emulator import scheduler, studio
from airflow_provider_pai_designer.emulator.dataworks_2020_05_18.registry import (
    ENVIRONMENT,
    check_environment,
    check_permission,
    operation,
)
from airflow_provider_pai_designer.emulator.errors import BusinessError, not_found
from airflow_provider_pai_designer.emulator.operations import INTEGER, STRING, Caller, Parameter, present, required
from airflow_provider_pai_designer.emulator.world import World

_REPEAT_MODES = {"FAILURE_ALLOWED": 0, "ALL_ALLOWED": 1, "ALL_DENIED": 2}


@operation("GetNode", {"NodeId": required(INTEGER), **ENVIRONMENT})
def get_node(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-getnode"""
    node = _find_node(world, caller, arguments)
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
        Repeatability=str(settings["RerunMode"] != "ALL_DENIED").lower(),
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
    try:
        return str(json.loads(text).get(str(node_id), ""))
    except (ValueError, AttributeError):
        raise BusinessError("Invalid.Wkbench.Parameter", "NodeParams must be a JSON object by node id.") from None
