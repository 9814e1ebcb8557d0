"""Files of DataStudio and their versions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from airflow_provider_pai_designer.emulator import releases, studio
from airflow_provider_pai_designer.emulator.dataworks_2020_05_18.registry import (
    PAGE,
    WORKSPACE,
    legacy_workspace_of,
    operation,
)
from airflow_provider_pai_designer.emulator.errors import missing, not_found
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

_MOMENT = Parameter(kind=int, minimum=0)
_PROPERTIES = {
    "FileFolderPath": STRING,
    "FileDescription": STRING,
    "Owner": STRING,
    "Content": STRING,
    "AutoRerunTimes": Parameter(kind=int, minimum=0, maximum=10),
    "AutoRerunIntervalMillis": Parameter(kind=int, minimum=0, maximum=1_800_000),
    "RerunMode": Parameter(kind=str, choices=("ALL_ALLOWED", "FAILURE_ALLOWED", "ALL_DENIED")),
    "Stop": BOOLEAN,
    "ParaValue": STRING,
    "StartEffectDate": _MOMENT,
    "EndEffectDate": _MOMENT,
    "CronExpress": STRING,
    "CycleType": Parameter(kind=str, choices=("DAY", "NOT_DAY")),
    "DependentType": Parameter(
        kind=str, choices=("NONE", "USER_DEFINE", "CHILD", "SELF", "USER_DEFINE_AND_SELF", "CHILD_AND_SELF")
    ),
    "DependentNodeIdList": STRING,
    "InputList": STRING,
    "OutputList": STRING,
    "ResourceGroupIdentifier": STRING,
    "ConnectionName": STRING,
    "AutoParsing": BOOLEAN,
    "SchedulerType": Parameter(kind=str, choices=("NORMAL", "MANUAL", "PAUSE", "SKIP")),
    "AdvancedSettings": STRING,
    "StartImmediately": BOOLEAN,
    "InputParameters": STRING,
    "OutputParameters": STRING,
    "IgnoreParentSkipRunningProperty": BOOLEAN,
    "ApplyScheduleImmediately": BOOLEAN,
    "ImageId": STRING,
    "Timeout": INTEGER,
}
_FILE_TYPES = {
    6: "Shell",
    10: "ODPS SQL",
    11: "ODPS MR",
    24: "ODPS Script",
    99: "Zero-Load Node",
    221: "PyODPS 2",
    225: "ODPS Spark",
    1117: "PAI Designer",
    1119: "PAI DLC",
    1221: "PyODPS 3",
}
"""Some of the node types; the names shown to users of the two PAI types are not documented for this operation."""
_IDENTITY = (*WORKSPACE, "FileId")


@operation(
    "CreateFile",
    {
        **WORKSPACE,
        "FileName": required(STRING),
        "FileType": required(INTEGER),
        **_PROPERTIES,
        "ResourceGroupId": INTEGER,
        "CreateFolderIfNotExists": BOOLEAN,
    },
)
def create_file(world: World, caller: Caller, arguments: dict[str, Any]) -> int:
    """https://alibabacloud.com/help/en/dataworks/api-createfile"""
    workspace = legacy_workspace_of(world, caller, arguments)
    return studio.create_file(world, workspace, _properties(arguments), account=caller.account)


@operation(
    "UpdateFile",
    {**WORKSPACE, "FileId": required(INTEGER), "FileName": STRING, **_PROPERTIES},
    envelope=Envelope(member=None),
)
def update_file(world: World, caller: Caller, arguments: dict[str, Any]) -> None:
    """https://alibabacloud.com/help/en/dataworks/api-updatefile"""
    file = studio.find_file(world, legacy_workspace_of(world, caller, arguments), file_id=arguments["FileId"])
    studio.update_file(world, file, _properties(arguments), account=caller.account)


@operation("GetFile", {**WORKSPACE, "FileId": INTEGER, "NodeId": INTEGER})
def get_file(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-getfile"""
    workspace = legacy_workspace_of(world, caller, arguments)
    if "FileId" not in arguments and "NodeId" not in arguments:
        raise missing("FileId")
    file = studio.find_file(world, workspace, file_id=arguments.get("FileId"), node_id=arguments.get("NodeId"))
    settings = json.loads(file["settings"])
    shown = _file(world, file, settings)
    return {
        "File": {**shown, "Content": file["content"], "DeletedStatus": file["deleted_status"]},
        "NodeConfiguration": _node_configuration(world, settings),
    }


@operation(
    "ListFiles",
    {
        **WORKSPACE,
        **PAGE,
        "FileFolderPath": STRING,
        "Keyword": STRING,
        "UseType": STRING,
        "FileTypes": STRING,
        "Owner": STRING,
        "LastEditUser": STRING,
        "NodeId": INTEGER,
        "NeedContent": BOOLEAN,
        "NeedAbsoluteFolderPath": BOOLEAN,
        "ExactFileName": STRING,
        "FileIdIn": STRING,
    },
)
def list_files(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-listfiles"""
    conditions = {
        "workspace_id = ?": legacy_workspace_of(world, caller, arguments)["id"],
        **_file_conditions(arguments),
    }
    where = " AND ".join(conditions)
    values = [item for value in conditions.values() for item in (value if isinstance(value, list) else [value])]
    first = (arguments["PageNumber"] - 1) * arguments["PageSize"]
    rows = world.store.rows(
        f"SELECT * FROM files WHERE {where} ORDER BY id LIMIT ? OFFSET ?", *values, arguments["PageSize"], first
    )
    total = world.store.value(f"SELECT COUNT(*) FROM files WHERE {where}", *values)
    return page("Files", [_listed_file(world, row, arguments) for row in rows], total=total, arguments=arguments)


@operation("ListFileVersions", {**WORKSPACE, "FileId": required(INTEGER), **PAGE})
def list_file_versions(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Newest version first. See the page ``...-listfileversions``."""
    file = studio.find_file(world, legacy_workspace_of(world, caller, arguments), file_id=arguments["FileId"])
    first = (arguments["PageNumber"] - 1) * arguments["PageSize"]
    rows = world.store.rows(
        "SELECT * FROM file_versions WHERE file_id = ? ORDER BY version DESC LIMIT ? OFFSET ?",
        file["id"],
        arguments["PageSize"],
        first,
    )
    total = world.store.value("SELECT COUNT(*) FROM file_versions WHERE file_id = ?", file["id"])
    return page("FileVersions", [_version(file, row) for row in rows], total=total, arguments=arguments)


@operation("GetFileVersion", {**WORKSPACE, "FileId": required(INTEGER), "FileVersion": required(INTEGER)})
def get_file_version(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-getfileversion``."""
    file = studio.find_file(world, legacy_workspace_of(world, caller, arguments), file_id=arguments["FileId"])
    row = world.store.row(
        "SELECT * FROM file_versions WHERE file_id = ? AND version = ?", file["id"], arguments["FileVersion"]
    )
    if row is None:
        raise not_found("FileVersion", arguments["FileVersion"])
    return _version(file, row)


@operation("DeleteFile", {**WORKSPACE, "FileId": required(INTEGER)}, envelope=Envelope(member="DeploymentId"))
def delete_file(world: World, caller: Caller, arguments: dict[str, Any]) -> int | None:
    """https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-deletefile"""
    file = studio.find_file(world, legacy_workspace_of(world, caller, arguments), file_id=arguments["FileId"])
    deployment_id = releases.delete(world, file, account=caller.account)
    return 0 if deployment_id is None and world.reading("deletion_id") == "zero" else deployment_id


@operation(
    "ListFileType",
    {
        **WORKSPACE,
        **{name: required(parameter) for name, parameter in PAGE.items()},
        "Keyword": STRING,
        "Locale": Parameter(kind=str, choices=("zh-CN", "en-US")),
    },
    envelope=Envelope(member="NodeTypeInfoList", success=None, http_status=False, error_fields=False),
)
def list_file_type(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-listfiletype``."""
    legacy_workspace_of(world, caller, arguments)
    wanted = arguments.get("Keyword", "").lower()
    found = [(number, name) for number, name in _FILE_TYPES.items() if wanted in name.lower()]
    first = (arguments["PageNumber"] - 1) * arguments["PageSize"]
    shown = [{"NodeType": number, "NodeTypeName": name} for number, name in found[first:][: arguments["PageSize"]]]
    return page("NodeTypeInfo", shown, total=len(found), arguments=arguments)


def _properties(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in _IDENTITY}


def _file_conditions(arguments: Mapping[str, Any]) -> dict[str, Any]:
    conditions: dict[str, Any] = {"deleted_status = ?": "NORMAL"}
    if "FileFolderPath" in arguments:
        conditions["folder = ?"] = arguments["FileFolderPath"].strip("/")
    if "Keyword" in arguments:
        conditions["name LIKE ?"] = f"%{arguments['Keyword']}%"
    columns = {
        "ExactFileName": "name",
        "UseType": "use_type",
        "Owner": "owner",
        "LastEditUser": "editor",
        "NodeId": "node_id",
    }
    for parameter, column in columns.items():
        if parameter in arguments:
            conditions[f"{column} = ?"] = arguments[parameter]
    for parameter, column in {"FileTypes": "type", "FileIdIn": "id"}.items():
        if parameter in arguments:
            numbers = [int(number) for number in arguments[parameter].split(",") if number.strip().isdecimal()]
            conditions[f"{column} IN ({', '.join('?' * len(numbers))})"] = numbers
    return conditions


def _file(world: World, file: sqlite3.Row, settings: Mapping[str, Any]) -> dict[str, Any]:
    business_id = studio.business_flow_id(world, file["workspace_id"], file["folder"])
    return present(
        FileId=file["id"],
        FileName=file["name"],
        FileType=file["type"],
        FileDescription=file["description"],
        FileFolderId=studio.folder_id(world, file["workspace_id"], file["folder"]),
        Owner=file["owner"],
        CreateUser=file["creator"],
        LastEditUser=file["editor"],
        CreateTime=file["created"],
        LastEditTime=file["edited"],
        CommitStatus=file["committed"],
        CurrentVersion=file["version"],
        NodeId=file["node_id"],
        BusinessId=business_id,
        BizId=business_id,
        UseType=file["use_type"],
        AutoParsing=settings["AutoParsing"],
        ConnectionName=settings.get("ConnectionName"),
        AdvancedSettings=settings.get("AdvancedSettings"),
        IsMaxCompute=False,
        ParentId=-1,
    )


def _listed_file(world: World, file: sqlite3.Row, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return present(
        **_file(world, file, json.loads(file["settings"])),
        Content=file["content"] if arguments.get("NeedContent") else None,
        AbsoluteFolderPath=file["folder"] if arguments.get("NeedAbsoluteFolderPath") else None,
    )


def _node_configuration(world: World, settings: Mapping[str, Any]) -> dict[str, Any]:
    elsewhere = ("AutoParsing", "ConnectionName", "AdvancedSettings", "ResourceGroupIdentifier")
    shown = {name: value for name, value in settings.items() if name not in elsewhere}
    for name in ("IgnoreParentSkipRunningProperty", "ApplyScheduleImmediately"):
        if name in shown:
            shown[name] = str(shown[name]).lower()
    shown["InputList"] = [{"Input": name, "ParseType": "MANUAL"} for name in _names(settings.get("InputList"))]
    shown["OutputList"] = [{"Output": name} for name in _names(settings.get("OutputList"))]
    for name in ("InputParameters", "OutputParameters"):
        shown[name] = json.loads(settings.get(name) or "[]")
    group = settings.get("ResourceGroupIdentifier")
    group_id = world.store.value("SELECT id FROM resource_groups WHERE identifier = ?", group) if group else None
    return present(**shown, ResourceGroupId=group_id)


def _names(text: str | None) -> list[str]:
    return [name for name in (text or "").split(",") if name]


def _version(file: sqlite3.Row, row: sqlite3.Row) -> dict[str, Any]:
    return present(
        FileVersion=row["version"],
        FileName=row["name"],
        FileContent=row["content"],
        FilePropertyContent=json.dumps({"fileName": row["name"], "fileType": file["type"]}),
        NodeContent=row["settings"],
        NodeId=file["node_id"],
        ChangeType=row["change_type"],
        Status=row["status"],
        UseType=file["use_type"],
        Comment=row["comment"],
        CommitTime=row["committed"],
        CommitUser=row["committer"],
        IsCurrentProd=bool(row["in_production"]),
    )
