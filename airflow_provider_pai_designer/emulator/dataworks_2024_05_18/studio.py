"""The new Data Studio: nodes as they are edited, before anything is published.

What the scheduler needs of a node is kept as the legacy DataStudio keeps a file, so that publishing and running are the
same for both; the document itself is kept beside it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.designer.node import FILE_TYPE as PAI_STUDIO
from airflow_provider_pai_designer.emulator import scheduler
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18 import flow_spec
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.flow_spec import FlowSpec
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.registry import workspace_of
from airflow_provider_pai_designer.emulator.errors import BusinessError, not_found
from airflow_provider_pai_designer.emulator.operations import Caller
from airflow_provider_pai_designer.emulator.world import World

_NODE = """SELECT files.*, flow_specs.scene, flow_specs.version AS spec_version, node, depends
FROM files JOIN flow_specs ON file_id = files.id WHERE deleted_status = 'NORMAL' AND """


def new_workspace_of(world: World, caller: Caller, arguments: Mapping[str, Any]) -> sqlite3.Row:
    """Return the workspace that a request for something of the new Data Studio names.

    :raises BusinessError: it does not exist, or it has the legacy DataStudio (doubt ``new_wrong_generation``).
    """
    workspace = workspace_of(world, caller, arguments)
    if workspace["data_studio"] == "legacy" and world.reading("new_wrong_generation") == "error":
        raise BusinessError(
            "Undocumented.LegacyDataStudio", f"The workspace {workspace['identifier']} has the legacy DataStudio."
        )
    return workspace


def find(world: World, workspace: sqlite3.Row, node_id: str) -> sqlite3.Row:
    """Return a node: the row of its file, with ``spec_version``, ``node`` and ``depends`` of its document.

    :raises BusinessError: the workspace has no such node.
    """
    # the number finds the row, the text makes sure that it is the id as it is written
    query = _NODE + "workspace_id = ? AND id = CAST(? AS INTEGER) AND CAST(id AS TEXT) = ?"
    row = world.store.row(query, workspace["id"], node_id, node_id)
    if row is None:
        raise not_found("Node", node_id)
    return row


def nodes(world: World, workspace: sqlite3.Row) -> list[sqlite3.Row]:
    """Return all nodes of a workspace, the newest first."""
    return world.store.rows(_NODE + "workspace_id = ? ORDER BY id DESC", workspace["id"])


def document(row: sqlite3.Row) -> str:
    """Return the FlowSpec of a node."""
    return flow_spec.render(
        version=row["spec_version"], node=json.loads(row["node"]), depends=json.loads(row["depends"])
    )


def create(world: World, workspace: sqlite3.Row, spec: FlowSpec, *, scene: str, account: str) -> int:
    """Create a node.

    :raises BusinessError: the document is wrong, the name is taken, PAI is not authorised.
    """
    file_id = world.store.next_id("studio_node")
    node = flow_spec.merge(flow_spec.defaults(time_zone=workspace["time_zone"]), spec.node)
    flow_spec.check(node)
    depends = _kept(world, spec, created=True) or []
    node = _completed(world, workspace, node, depends, node_id=str(file_id), account=account)
    _check(world, workspace, node, file_id=file_id)
    now = world.clock.now()
    world.store.insert(
        "files",
        id=file_id,
        workspace_id=workspace["id"],
        type=scheduler.file_type(node["script"]["runtime"]["command"]),
        description=str(node.get("description", "")),
        use_type="NORMAL",
        version=0,
        creator=account,
        created=now,
        **_columns(workspace, node, depends, now=now, account=account),
    )
    world.store.insert(
        "flow_specs",
        file_id=file_id,
        scene=scene,
        version=spec.version,
        node=json.dumps(node, ensure_ascii=False),
        depends=json.dumps(depends),
    )
    return file_id


def update(world: World, workspace: sqlite3.Row, row: sqlite3.Row, spec: FlowSpec, *, account: str) -> None:
    """Change a node: what a document does not name stays.

    :raises BusinessError: the document is wrong, the name is taken, or the kind of node would change.
    """
    stored = json.loads(row["node"])
    if world.reading("new_update_depth") == "members":
        stored = flow_spec.merge(flow_spec.defaults(time_zone=workspace["time_zone"]), _without(stored, spec.node))
    changed = flow_spec.merge(stored, {**spec.node, "id": str(row["id"])})
    flow_spec.check(changed)
    depends = _kept(world, spec, created=False)
    if depends is None:
        depends = json.loads(row["depends"])
    _check(world, workspace, changed, file_id=row["id"])
    if scheduler.file_type(changed["script"]["runtime"]["command"]) != row["type"]:
        raise BusinessError("Undocumented.CommandChanged", "The type of a node cannot be changed.")
    now = world.clock.now()
    columns = _columns(workspace, changed, depends, now=now, account=account)
    world.store.update("files", {"id": row["id"]}, description=str(changed.get("description", "")), **columns)
    world.store.update(
        "flow_specs",
        {"file_id": row["id"]},
        node=json.dumps(changed, ensure_ascii=False),
        depends=json.dumps(depends),
    )


def task_id(world: World, row: sqlite3.Row) -> int | None:
    """Return the id of a node's task in production, else (doubt ``new_dev_task_id``) in development."""
    published = {
        task["environment"]: int(task["id"])
        for task in world.store.rows("SELECT environment, id FROM nodes WHERE file_id = ?", row["id"])
    }
    in_development = published.get("DEV") if world.reading("new_dev_task_id") == "yes" else None
    return published.get("PROD", in_development)


def _kept(world: World, spec: FlowSpec, *, created: bool) -> list[Any] | None:
    """Return the dependencies that the service takes from a document; None where it says nothing about them."""
    if world.reading("new_dependencies_version") == "only_2.0.0" and not spec.version.startswith("2"):
        return None
    named_alike = spec.node.get("id") == spec.node.get("name")
    if created and not named_alike and world.reading("new_dependencies_dropped") == "unless_id_is_name":
        return None
    return spec.depends


def _without(node: Mapping[str, Any], members: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name not in members}


def _completed(
    world: World, workspace: sqlite3.Row, node: Mapping[str, Any], depends: list[Any], *, node_id: str, account: str
) -> dict[str, Any]:
    """Add what the service adds to a new node: ids, owner, resource group, and an output with the node's id."""
    store = world.store
    group = node.get("runtimeResource", {}).get("resourceGroup") or _default_group(world)
    default_output = {
        "data": node_id,
        "artifactType": "NodeOutput",
        "refTableName": node.get("name"),
        "isDefault": True,
    }
    outputs = [default_output, *node.get("outputs", {}).get("nodeOutputs", [])]
    inputs = [{"data": item["output"], "artifactType": "NodeOutput"} for item in depends if "output" in item]
    added = {
        "id": node_id,
        "owner": node.get("owner", account),
        "metadata": {"owner": node.get("owner", account), "projectId": str(workspace["id"])},
        "trigger": {"id": str(store.next_id("spec_part"))},
        "runtimeResource": {
            "resourceGroup": group,
            "id": str(store.next_id("spec_part")),
            "resourceGroupId": str(store.value("SELECT id FROM resource_groups WHERE identifier = ?", group)),
        },
        "script": {
            "id": str(store.next_id("spec_part")),
            "runtime": {"commandTypeId": scheduler.file_type(node["script"]["runtime"]["command"])},
        },
        "inputs": node.get("inputs") or {"nodeOutputs": inputs},
        "outputs": {"nodeOutputs": outputs},
    }
    return flow_spec.merge(node, added)


def _columns(
    workspace: sqlite3.Row, node: Mapping[str, Any], depends: list[Any], *, now: int, account: str
) -> dict[str, Any]:
    """What the row of the file holds of a node's document."""
    settings = flow_spec.settings(node, depends, zone=ZoneInfo(workspace["time_zone"]))
    return {
        "name": node["name"],
        "folder": node["script"]["path"].rpartition("/")[0],
        "owner": node["owner"],
        "content": node["script"]["content"],
        "settings": json.dumps(settings),
        "committed": 0,
        "editor": account,
        "edited": now,
    }


def _check(world: World, workspace: sqlite3.Row, node: Mapping[str, Any], *, file_id: int) -> None:
    command = node["script"]["runtime"]["command"]
    number = scheduler.file_type(command)
    if number is None:
        raise BusinessError("Undocumented.Command", f"There is no node type {command}.")
    if number == PAI_STUDIO and not workspace["pai_authorised"]:
        raise BusinessError("Undocumented.PaiNotEnabled", "PAI tasks are not enabled in the workspace.")
    query = (
        "SELECT 1 FROM files WHERE workspace_id = ? AND name = ? AND id != ? AND deleted_status = 'NORMAL' "
        "AND id IN (SELECT file_id FROM flow_specs)"
    )
    if world.store.value(query, workspace["id"], node["name"], file_id):
        raise BusinessError("Undocumented.NodeNameExists", f"node name exists: {node['name']}")
    group = node["runtimeResource"].get("resourceGroup")
    if not world.store.value("SELECT 1 FROM resource_groups WHERE identifier = ? AND type IN (1, 100)", group):
        raise BusinessError("Undocumented.ResourceGroup", f"resource group not found: {group}")


def _default_group(world: World) -> str:
    query = "SELECT identifier FROM resource_groups WHERE type IN (1, 100) ORDER BY type DESC, id"
    return str(world.store.value(query) or "")
