"""Folders of DataStudio."""

from __future__ import annotations

from typing import Any

from airflow_provider_pai_designer.emulator import studio
from airflow_provider_pai_designer.emulator.dataworks_2020_05_18.registry import (
    PAGE,
    WORKSPACE,
    legacy_workspace_of,
    operation,
)
from airflow_provider_pai_designer.emulator.errors import missing, not_found
from airflow_provider_pai_designer.emulator.operations import STRING, Caller, page, required
from airflow_provider_pai_designer.emulator.world import World

_PAGE = {name: required(parameter) for name, parameter in PAGE.items()}


@operation("CreateFolder", {**WORKSPACE, "FolderPath": required(STRING)})
def create_folder(world: World, caller: Caller, arguments: dict[str, Any]) -> str:
    """https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-createfolder"""
    return studio.create_folder(
        world, legacy_workspace_of(world, caller, arguments), arguments["FolderPath"].strip("/")
    )


@operation("GetFolder", {**WORKSPACE, "FolderId": STRING, "FolderPath": STRING})
def get_folder(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, str]:
    """https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-getfolder"""
    workspace = legacy_workspace_of(world, caller, arguments)
    if "FolderId" not in arguments and "FolderPath" not in arguments:
        raise missing("FolderId")
    column = "id" if "FolderId" in arguments else "path"
    wanted = arguments.get("FolderId") or arguments["FolderPath"].strip("/")
    row = world.store.row(f"SELECT * FROM folders WHERE workspace_id = ? AND {column} = ?", workspace["id"], wanted)
    if row is None:
        raise not_found("Folder", wanted)
    return {"FolderId": row["id"], "FolderPath": row["path"]}


@operation("ListFolders", {**WORKSPACE, "ParentFolderPath": required(STRING), **_PAGE})
def list_folders(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-listfolders"""
    workspace = legacy_workspace_of(world, caller, arguments)
    parent = arguments["ParentFolderPath"].strip("/")
    if studio.folder_id(world, workspace["id"], parent) is None:
        raise not_found("Folder", parent)
    rows = [
        row
        for row in world.store.rows("SELECT * FROM folders WHERE workspace_id = ? ORDER BY path", workspace["id"])
        if row["path"].rpartition("/")[0] == parent
    ]
    first = (arguments["PageNumber"] - 1) * arguments["PageSize"]
    shown = [{"FolderId": row["id"], "FolderPath": row["path"]} for row in rows[first : first + arguments["PageSize"]]]
    return page("Folders", shown, total=len(rows), arguments=arguments)
