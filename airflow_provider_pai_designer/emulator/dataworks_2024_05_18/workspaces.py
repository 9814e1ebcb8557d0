"""Workspaces and resource groups."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.registry import (
    cut,
    operation,
    paging,
    payload,
    workspace_of,
)
from airflow_provider_pai_designer.emulator.operations import (
    BOOLEAN,
    INTEGER,
    LIST,
    STRING,
    Caller,
    Envelope,
    Parameter,
    page,
    required,
)
from airflow_provider_pai_designer.emulator.world import World

_GROUP_TYPES = {1: "ExclusiveScheduler", 4: "ExclusiveDataIntegration", 100: "CommonV2"}


@operation("GetProject", {"Id": required(INTEGER)}, envelope=payload("Project"))
def get_project(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Nothing in it tells the generation of Data Studio. See the page ``...-getproject``."""
    return _project(workspace_of(world, caller, {"ProjectId": arguments["Id"]}))


@operation(
    "ListProjects",
    {
        **paging(),
        "Ids": LIST,
        "Names": LIST,
        "Status": STRING,
        "DevEnvironmentEnabled": BOOLEAN,
        "DevRoleDisabled": BOOLEAN,
        "PaiTaskEnabled": BOOLEAN,
        "AliyunResourceGroupId": STRING,
        "AliyunResourceTags": LIST,
    },
    envelope=payload("PagingInfo"),
)
def list_projects(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-listprojects``."""
    rows = [row for row in world.store.rows("SELECT * FROM workspaces ORDER BY id") if caller.may_use(row["id"])]
    projects = [project for project in map(_project, rows) if _wanted_project(project, arguments)]
    return page("Projects", cut(projects, arguments), total=len(projects), arguments=arguments)


def _wanted_project(project: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    same = ("Status", "DevEnvironmentEnabled", "DevRoleDisabled", "PaiTaskEnabled", "AliyunResourceGroupId")
    return (
        all(project.get(name) == arguments[name] for name in same if name in arguments)
        and project["Id"] in arguments.get("Ids", [project["Id"]])
        and project["Name"] in arguments.get("Names", [project["Name"]])
        and not arguments.get("AliyunResourceTags")
    )


def _project(workspace: sqlite3.Row) -> dict[str, Any]:
    return {
        "Id": workspace["id"],
        "Name": workspace["identifier"],
        "DisplayName": workspace["name"],
        "Description": "",
        "Status": "Available",
        "Owner": workspace["owner"],
        "DevEnvironmentEnabled": workspace["mode"] == "standard",
        "DevRoleDisabled": False,
        "PaiTaskEnabled": bool(workspace["pai_authorised"]),
        "AliyunResourceTags": [],
    }


@operation(
    "ListResourceGroups",
    {
        **paging(),
        "ProjectId": INTEGER,
        "Name": STRING,
        "ResourceGroupTypes": Parameter(kind=list, default=["CommonV2"]),
        "Statuses": LIST,
        "PaymentType": Parameter(kind=str, choices=("PrePaid", "PostPaid")),
        "SortBy": STRING,
        "AliyunResourceGroupId": STRING,
        "AliyunResourceTags": LIST,
    },
    envelope=Envelope(member="PagingInfo", http_status=False, error_fields=False),
)
def list_resource_groups(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Every workspace may use every group here. See the page ``...-listresourcegroups``."""
    if "ProjectId" in arguments:
        workspace_of(world, caller, arguments)
    rows = world.store.rows(
        "SELECT * FROM resource_groups WHERE name LIKE ? ORDER BY created, id", f"%{arguments.get('Name', '')}%"
    )
    if str(arguments.get("SortBy", "")).endswith("Desc"):
        rows.reverse()
    groups = [group for group in map(_resource_group, rows) if _wanted_group(group, arguments)]
    return page("ResourceGroupList", cut(groups, arguments), total=len(groups), arguments=arguments)


def _wanted_group(group: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    return (
        group["ResourceGroupType"] in arguments["ResourceGroupTypes"]
        and group["Status"] in arguments.get("Statuses", [group["Status"]])
        and group["PaymentType"] == arguments.get("PaymentType", group["PaymentType"])
    )


def _resource_group(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "Id": row["identifier"],
        "Name": row["name"] or row["identifier"],
        "ResourceGroupType": _GROUP_TYPES.get(row["type"], str(row["type"])),
        "Status": "Normal",
        "PaymentType": "PostPaid",
        "Spec": {"Amount": 1, "Standard": "2CU"},
        "CreateTime": row["created"],
        "CreateUser": "1000000000000001",
        "AliyunResourceTags": [],
    }
