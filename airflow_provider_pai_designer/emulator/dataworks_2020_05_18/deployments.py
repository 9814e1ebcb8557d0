"""Submit and deploy."""

from __future__ import annotations

import sqlite3
from typing import Any

from airflow_provider_pai_designer.emulator import releases, studio
from airflow_provider_pai_designer.emulator.dataworks_2020_05_18.registry import (
    PAGE,
    WORKSPACE,
    legacy_workspace_of,
    operation,
)
from airflow_provider_pai_designer.emulator.errors import BusinessError, not_found
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
from airflow_provider_pai_designer.emulator.world import World

_ITEM_UNPUBLISHED, _ITEM_SUCCESS, _ITEM_ERROR, _ITEM_DEPLOY_ERROR = 0, 1, 2, 4


@operation(
    "SubmitFile",
    {
        **WORKSPACE,
        "FileId": required(INTEGER),
        "Comment": STRING,
        "SkipAllDeployFileExtensions": Parameter(kind=bool, default=False),
    },
)
def submit_file(world: World, caller: Caller, arguments: dict[str, Any]) -> int:
    """https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-submitfile"""
    file = studio.find_file(world, legacy_workspace_of(world, caller, arguments), file_id=arguments["FileId"])
    return releases.submit(
        world,
        file,
        comment=arguments.get("Comment", ""),
        skip_checkers=arguments["SkipAllDeployFileExtensions"],
        account=caller.account,
    )


@operation("DeployFile", {**WORKSPACE, "FileId": INTEGER, "NodeId": INTEGER, "Comment": STRING})
def deploy_file(world: World, caller: Caller, arguments: dict[str, Any]) -> int:
    """https://help.aliyun.com/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-deployfile"""
    workspace = legacy_workspace_of(world, caller, arguments)
    if "FileId" not in arguments and "NodeId" not in arguments:
        raise BusinessError("1201111279", "FileId or NodeId is required.")
    file = studio.find_file(world, workspace, file_id=arguments.get("FileId"), node_id=arguments.get("NodeId"))
    return releases.deploy(world, file, comment=arguments.get("Comment", ""), account=caller.account)


@operation("GetDeployment", {**WORKSPACE, "DeploymentId": required(INTEGER)})
def get_deployment(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """https://help.aliyun.com/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-getdeployment"""
    workspace = legacy_workspace_of(world, caller, arguments)
    row = world.store.row(
        "SELECT * FROM deployments WHERE id = ? AND workspace_id = ?", arguments["DeploymentId"], workspace["id"]
    )
    if row is None:
        raise not_found("Deployment", arguments["DeploymentId"])
    deployment = present(
        Name=row["name"],
        Status=row["status"],
        CheckingStatus=row["checking_status"],
        FromEnvironment=row["from_environment"],
        ToEnvironment=row["to_environment"],
        CreatorId=row["creator"],
        HandlerId=row["creator"],
        CreateTime=row["created"],
        ExecuteTime=row["executed"],
        ErrorMessage=row["error_message"],
    )
    failed = _ITEM_ERROR if row["to_environment"] == releases.DEVELOPMENT else _ITEM_DEPLOY_ERROR
    item_status = {
        releases.UNDER_WAY: _ITEM_UNPUBLISHED,
        releases.SUCCEEDED: _ITEM_SUCCESS,
        releases.FAILED: failed,
    }
    item = {"FileId": row["file_id"], "FileVersion": row["version"], "Status": item_status[row["status"]]}
    return {"Deployment": deployment, "DeployedItems": [item]}


@operation(
    "ListDeployments",
    {
        **WORKSPACE,
        **PAGE,
        "Status": INTEGER,
        "Creator": STRING,
        "Executor": STRING,
        "Keyword": STRING,
        "EndCreateTime": INTEGER,
        "EndExecuteTime": INTEGER,
    },
    envelope=Envelope(success=None, http_status=False, error_fields=False),
)
def list_deployments(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Newest first. See the page ``...-listdeployments``."""
    conditions = {
        "workspace_id = ?": legacy_workspace_of(world, caller, arguments)["id"],
        "status = ?": arguments.get("Status"),
        "creator = ?": arguments.get("Creator"),
        # whoever submits or deploys also executes here, so both are the creator
        "creator == ?": arguments.get("Executor"),
        "name LIKE ?": f"%{arguments['Keyword']}%" if "Keyword" in arguments else None,
        "created <= ?": arguments.get("EndCreateTime"),
        "executed <= ?": arguments.get("EndExecuteTime"),
    }
    given = {condition: value for condition, value in conditions.items() if value is not None}
    where, values = " AND ".join(given), list(given.values())
    first = (arguments["PageNumber"] - 1) * arguments["PageSize"]
    rows = world.store.rows(
        f"SELECT * FROM deployments WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?",
        *values,
        arguments["PageSize"],
        first,
    )
    total = world.store.value(f"SELECT COUNT(*) FROM deployments WHERE {where}", *values)
    return page("Deployments", [_listed_deployment(row) for row in rows], total=total, arguments=arguments)


def _listed_deployment(row: sqlite3.Row) -> dict[str, Any]:
    return present(
        Id=row["id"],
        Name=row["name"],
        Status=row["status"],
        Creator=row["creator"],
        Executor=row["creator"],
        CreateTime=row["created"],
        ExecuteTime=row["executed"],
        # the vendor's sample shows a text beside success too
        ErrorMessage="OK" if row["status"] == releases.SUCCEEDED else row["error_message"],
    )
