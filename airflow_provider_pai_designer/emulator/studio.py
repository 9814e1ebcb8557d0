"""DataStudio: folders and files of a workspace, before anything is submitted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from airflow_provider_pai_designer.designer.node import FILE_TYPE as PAI_STUDIO
from airflow_provider_pai_designer.emulator import seed
from airflow_provider_pai_designer.emulator.errors import BusinessError, not_found
from airflow_provider_pai_designer.emulator.world import World

FLOW_FOLDERS = ("Business Flow", "业务流程")
"""First part of the path of every folder in a business flow, by language of the console."""

DEFAULT_SETTINGS: Mapping[str, Any] = {
    "AutoParsing": True,
    "CronExpress": "00 00 00 * * ?",
    "CycleType": "DAY",
    "DependentType": "NONE",
    "RerunMode": "ALL_ALLOWED",
    "SchedulerType": "NORMAL",
    "StartEffectDate": 0,
    "StartImmediately": False,
    "Stop": False,
}
"""The node configuration of a file for which nothing was given; cron and scheduler type are not documented."""

_COLUMNS = {
    "FileName": "name",
    "FileFolderPath": "folder",
    "FileDescription": "description",
    "Owner": "owner",
    "Content": "content",
}
"""What a file has beside its node configuration, by parameter name."""


def create_file(world: World, workspace: sqlite3.Row, properties: Mapping[str, Any], *, account: str) -> int:
    """Create a file.

    :param properties: parameters of CreateFile that were sent, without those that name the workspace.
    :raises BusinessError: PAI is not authorised, the folder is not there, the name is taken, unknown resource group.
    """
    file_type, name = properties["FileType"], properties["FileName"]
    if file_type == PAI_STUDIO and not workspace["pai_authorised"]:
        raise BusinessError(
            "Undocumented.ServiceLinkedRoleMissing",
            "DataWorks is not authorized to access PAI: the service-linked role AliyunServiceRoleForDataworksEngine "
            "does not exist.",
        )
    folder = _folder(world, workspace, properties)
    taken = world.store.value(
        "SELECT id FROM files WHERE workspace_id = ? AND name = ? AND folder = ? AND deleted_status = 'NORMAL'",
        workspace["id"],
        name,
        folder,
    )
    if taken and world.reading("duplicate_file") == "refuse":
        raise BusinessError("Undocumented.FileExists", f"A file named {name} already exists in the folder {folder}.")
    settings = {**DEFAULT_SETTINGS, **_settings(properties)}
    _check_resource_group(world, settings)
    now, file_id = world.clock.now(), world.store.next_id("file")
    world.store.insert(
        "files",
        id=file_id,
        workspace_id=workspace["id"],
        name=name,
        type=file_type,
        folder=folder,
        description=properties.get("FileDescription", ""),
        owner=properties.get("Owner", account),
        content=properties.get("Content", ""),
        settings=json.dumps(settings),
        use_type="NORMAL",
        committed=0,
        version=0,
        creator=account,
        editor=account,
        created=now,
        edited=now,
    )
    return file_id


def update_file(world: World, file: sqlite3.Row, properties: Mapping[str, Any], *, account: str) -> None:
    """Change a file.

    :param properties: parameters of UpdateFile that were sent, without those that name file and workspace.
    :raises BusinessError: a value is what the file has already, the folder is not there, unknown resource group.
    """
    if file["deleted_status"] != "NORMAL":
        raise not_found("File", file["id"])
    stored = json.loads(file["settings"])
    if "FileFolderPath" in properties:
        properties = {**properties, "FileFolderPath": properties["FileFolderPath"].strip("/")}
    _check_changed(file, stored, properties)
    folder = properties.get("FileFolderPath")
    if folder is not None and not folder_id(world, file["workspace_id"], folder):
        raise not_found("Folder", folder)
    columns: dict[str, Any] = {_COLUMNS[name]: value for name, value in properties.items() if name in _COLUMNS}
    kept = stored
    if world.reading("update_omitted") == "clear":
        kept = dict(DEFAULT_SETTINGS)
        columns = {"description": "", "content": "", **columns}
    settings = {**kept, **_settings(properties)}
    _check_resource_group(world, settings)
    world.store.update(
        "files",
        {"id": file["id"]},
        **columns,
        settings=json.dumps(settings),
        committed=0,
        editor=account,
        edited=world.clock.now(),
    )


def find_file(
    world: World, workspace: sqlite3.Row, *, file_id: int | None = None, node_id: int | None = None
) -> sqlite3.Row:
    """Return a file by its id, or by the id of its node.

    :raises BusinessError: the workspace has no such file.
    """
    if file_id is None:
        file_id = world.store.value("SELECT file_id FROM nodes WHERE id = ?", node_id)
    row = world.store.row("SELECT * FROM files WHERE id = ? AND workspace_id = ?", file_id, workspace["id"])
    if row is None:
        raise not_found("File", file_id or node_id)
    return row


def create_folder(world: World, workspace: sqlite3.Row, path: str) -> str:
    """Create a folder with its ancestors and, where the path names a new one, its business flow; return its id."""
    parts = path.split("/")
    if len(parts) > 1 and parts[0] in FLOW_FOLDERS:
        seed.add_business_flow(world.store, workspace["id"], parts[1], workspace["owner"])
    seed.add_folder(world.store, workspace["id"], path)
    return str(folder_id(world, workspace["id"], path))


def folder_id(world: World, workspace_id: int, path: str) -> str | None:
    """Return the id of a folder, None where there is no such folder."""
    identity: str | None = world.store.value(
        "SELECT id FROM folders WHERE workspace_id = ? AND path = ?", workspace_id, path
    )
    return identity


def business_flow_id(world: World, workspace_id: int, path: str) -> int | None:
    """Return the id of the business flow that a folder belongs to."""
    parts = path.split("/")
    if len(parts) < 2 or parts[0] not in FLOW_FOLDERS:
        return None
    identity: int | None = world.store.value(
        "SELECT id FROM business_flows WHERE workspace_id = ? AND name = ?", workspace_id, parts[1]
    )
    return identity


def _folder(world: World, workspace: sqlite3.Row, properties: Mapping[str, Any]) -> str:
    path = str(properties.get("FileFolderPath", "")).strip("/")
    if path and not folder_id(world, workspace["id"], path):
        if not properties.get("CreateFolderIfNotExists"):
            raise not_found("Folder", path)
        create_folder(world, workspace, path)
    return path


def _settings(properties: Mapping[str, Any]) -> dict[str, Any]:
    outside = {*_COLUMNS, "FileType", "CreateFolderIfNotExists"}
    return {name: value for name, value in properties.items() if name not in outside}


def _check_changed(file: sqlite3.Row, settings: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
    for name, value in properties.items():
        stored = file[_COLUMNS[name]] if name in _COLUMNS else settings.get(name)
        if value == stored and name != "AutoRerunTimes":
            raise BusinessError(
                "Undocumented.UnchangedValue", f"The value of {name} is invalid: it is the same as the current one."
            )


def _check_resource_group(world: World, settings: Mapping[str, Any]) -> None:
    identifier = settings.get("ResourceGroupIdentifier")
    query = "SELECT 1 FROM resource_groups WHERE identifier = ? AND type = 1"
    if identifier and not world.store.value(query, identifier):
        raise BusinessError(
            "Undocumented.ResourceGroup", f"The resource group {identifier} is not bound to the workspace."
        )
