"""Workspaces and resource groups; their parameters are in the query string, their errors are HTTP errors."""

from __future__ import annotations

import sqlite3
from typing import Any

from airflow_provider_pai_designer.emulator.dataworks_2020_05_18.registry import (
    PAGE,
    WORKSPACE,
    operation,
    workspace_of,
)
from airflow_provider_pai_designer.emulator.errors import not_authorised
from airflow_provider_pai_designer.emulator.operations import STRING, Caller, Envelope, Parameter, page
from airflow_provider_pai_designer.emulator.world import World, local

_PLAIN = Envelope(error_fields=False)


@operation("GetProject", WORKSPACE, envelope=_PLAIN)
def get_project(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-getproject"""
    workspace = workspace_of(world, caller, arguments)
    created = _text_time(world, workspace, workspace["created"])
    return {
        "ProjectId": workspace["id"],
        "ProjectIdentifier": workspace["identifier"],
        "ProjectName": workspace["name"],
        "ProjectDescription": "",
        "ProjectMode": 3 if workspace["mode"] == "standard" else 2,
        "EnvTypes": ["DEV", "PROD"] if workspace["mode"] == "standard" else ["PROD"],
        "Status": 0,
        "ProjectOwnerBaseId": workspace["owner"],
        "TenantId": 280749521,
        "DevelopmentType": 4,
        "DisableDevelopment": False,
        "IsDefault": 0,
        "IsAllowDownload": 1,
        "ProtectedMode": 0,
        "TablePrivacyMode": 1,
        "ResidentArea": "private",
        "SchedulerMaxRetryTimes": 3,
        "SchedulerRetryInterval": 120000,
        "GmtCreate": created,
        "GmtModified": created,
        "Tags": [],
    }


@operation(
    "ListResourceGroups",
    {
        "ResourceGroupType": Parameter(kind=int, default=1),
        "Keyword": STRING,
        "BizExtKey": STRING,
        "ResourceManagerResourceGroupId": STRING,
        "Tags": STRING,
    },
    envelope=_PLAIN,
)
def list_resource_groups(world: World, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """https://help.aliyun.com/document_detail/173913.html"""
    if caller.workspaces is not None and not caller.workspaces:
        raise not_authorised()
    rows = world.store.rows(
        "SELECT * FROM resource_groups WHERE type = ? AND name LIKE ? ORDER BY id",
        arguments["ResourceGroupType"],
        f"%{arguments.get('Keyword', '')}%",
    )
    groups = [_resource_group(world, row) for row in rows]
    return [group for group in groups if group["BizExtKey"] == arguments.get("BizExtKey", group["BizExtKey"])]


@operation(
    "ListProjects",
    {
        **PAGE,
        "PageNumber": Parameter(kind=int, default=1, minimum=1, maximum=100),
        "ResourceManagerResourceGroupId": STRING,
        "Tags": STRING,
    },
    envelope=Envelope(member="PageResult", success=None, http_status=False, error_fields=False),
)
def list_projects(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-listprojects"""
    rows = [row for row in world.store.rows("SELECT * FROM workspaces ORDER BY id") if caller.may_use(row["id"])]
    first = (arguments["PageNumber"] - 1) * arguments["PageSize"]
    shown = [_listed_project(row) for row in rows[first : first + arguments["PageSize"]]]
    return page("ProjectList", shown, total=len(rows), arguments=arguments)


def _listed_project(workspace: sqlite3.Row) -> dict[str, Any]:
    return {
        "ProjectId": workspace["id"],
        "ProjectIdentifier": workspace["identifier"],
        "ProjectName": workspace["name"],
        "ProjectDescription": "",
        "ProjectOwnerBaseId": workspace["owner"],
        "ProjectStatus": 0,
        "ProjectStatusCode": "AVAILABLE",
        "DisableDevelopment": False,
        "TablePrivacyMode": 1,
        "IsDefault": 0,
        "Tags": [],
    }


def _resource_group(world: World, row: sqlite3.Row) -> dict[str, Any]:
    workspace = world.store.row("SELECT * FROM workspaces ORDER BY id")
    created = _text_time(world, workspace, row["created"]) if workspace else ""
    return {
        "Id": row["id"],
        "Identifier": row["identifier"],
        "Name": row["name"] or row["identifier"],
        "Mode": row["mode"],
        "BizExtKey": "default" if row["mode"] == "SHARE" else "single",
        "ResourceGroupType": str(row["type"]),
        "Status": 0,
        "IsDefault": bool(row["is_default"]),
        "EnableKp": False,
        "Cluster": "AY18G",
        "Sequence": 300,
        "Specs": {},
        "TenantId": 280749521,
        "CreateTime": created,
        "UpdateTime": created,
        "Tags": [],
    }


def _text_time(world: World, workspace: sqlite3.Row, moment: int) -> str:
    """These two operations print times as text, such as ``Dec 3, 2019 9:12:20 PM``."""
    time = local(moment, world.zone(workspace["id"]))
    return f"{time:%b} {time.day}, {time.year} {int(time.strftime('%I'))}:{time:%M:%S %p}"
