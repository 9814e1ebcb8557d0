"""Folders of drafts."""

from __future__ import annotations

import sqlite3
from typing import Any

from airflow_provider_pai_designer.emulator import flows, pai
from airflow_provider_pai_designer.emulator.operations import BOOLEAN, STRING, Caller, Parameter, required
from airflow_provider_pai_designer.emulator.paistudio_2021_02_02.registry import (
    ROOT,
    SOURCE,
    check_folder,
    operation,
)
from airflow_provider_pai_designer.emulator.world import World

_ADDRESS = "/experimentfolders/{FolderId}"


@operation(
    "CreateExperimentFolder",
    "POST /experimentfolders",
    {
        "WorkspaceId": required(STRING),
        "Name": required(STRING),
        "ParentFolderId": Parameter(kind=str, default=ROOT),
        "Source": SOURCE,
        "Accessibility": pai.ACCESSIBILITY,
    },
)
def create_experiment_folder(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paistudio-2021-02-02-createexperimentfolder``."""
    workspace = pai.workspace_of(world, caller, arguments["WorkspaceId"])
    check_folder(world, caller, arguments["ParentFolderId"], workspace["id"])
    now, identity = world.clock.now(), flows.new_identifier(world, "folder")
    world.store.insert(
        "draft_folders",
        id=identity,
        workspace_id=workspace["id"],
        name=arguments["Name"],
        parent=arguments["ParentFolderId"],
        source=arguments["Source"],
        accessibility=arguments["Accessibility"],
        creator=caller.account,
        created=now,
        modified=now,
    )
    return {"FolderId": identity}


@operation("UpdateExperimentFolder", f"PUT {_ADDRESS}", {"Name": STRING, "ParentFolderId": STRING})
def update_experiment_folder(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paistudio-2021-02-02-updateexperimentfolder``."""
    folder = _find(world, caller, arguments["FolderId"])
    parent = arguments.get("ParentFolderId") or folder["parent"]
    check_folder(world, caller, parent, folder["workspace_id"])
    world.store.update(
        "draft_folders",
        {"id": folder["id"]},
        name=arguments.get("Name") or folder["name"],
        parent=parent,
        modified=world.clock.now(),
    )
    return {}


@operation("DeleteExperimentFolder", f"DELETE {_ADDRESS}", {})
def delete_experiment_folder(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Only an empty one: what else would happen to its drafts is not documented."""
    folder = _find(world, caller, arguments["FolderId"])
    if _children(world, folder["id"], folder["workspace_id"]):
        raise pai.refusal("FolderNotEmpty", f"The folder {folder['id']} is not empty.")
    world.store.execute("DELETE FROM draft_folders WHERE id = ?", folder["id"])
    return {}


@operation(
    "GetExperimentFolderChildren",
    f"GET {_ADDRESS}/children",
    {
        "WorkspaceId": required(STRING),
        "OnlyFolder": BOOLEAN,
        "Source": STRING,
        "Accessibility": pai.ACCESSIBILITY,
        "UserId": STRING,
    },
)
def get_experiment_folder_children(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Of the root, what all see, or what one user alone sees. See the page ``...-getexperimentfolderchildren``."""
    workspace = pai.workspace_of(world, caller, arguments["WorkspaceId"])
    check_folder(world, caller, arguments["FolderId"], workspace["id"])
    children = _children(world, arguments["FolderId"], workspace["id"])
    if arguments.get("OnlyFolder"):
        children = [child for child in children if child["kind"] == "dir"]
    if arguments["FolderId"] == ROOT:
        children = [child for child in children if child["accessibility"] == arguments["Accessibility"]]
        if arguments["Accessibility"] == "PRIVATE":
            user = arguments.get("UserId") or caller.account
            children = [child for child in children if child["creator"] == user]
    children = [child for child in children if arguments.get("Source") in (None, child["source"])]
    return {"TotalCount": len(children), "Items": [_shown(world, child) for child in children]}


def _children(world: World, folder_id: str, workspace_id: int) -> list[sqlite3.Row]:
    shared = "id, name, source, accessibility, creator, workspace_id, created, modified"
    return world.store.rows(
        f"SELECT 'dir' AS kind, {shared} FROM draft_folders WHERE parent = ? AND workspace_id = ? "
        f"UNION ALL SELECT 'pipelinedraft', {shared} FROM drafts WHERE folder = ? AND workspace_id = ?",
        *(folder_id, workspace_id) * 2,
    )


def _find(world: World, caller: Caller, identity: str) -> sqlite3.Row:
    return pai.find(world, caller, "draft_folders", "ExperimentFolder", identity)


def _shown(world: World, child: sqlite3.Row) -> dict[str, Any]:
    empty = child["kind"] == "dir" and not _children(world, child["id"], child["workspace_id"])
    return {
        "Id": child["id"],
        "Name": child["name"],
        "Type": child["kind"],
        "Empty": empty,
        "GmtCreateTime": pai.moment(child["created"]),
        "GmtModifiedTime": pai.moment(child["modified"]),
    }
