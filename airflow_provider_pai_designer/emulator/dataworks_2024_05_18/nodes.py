"""Nodes of the new Data Studio."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from airflow_provider_pai_designer.emulator.dataworks_2024_05_18 import flow_spec, studio
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.flow_spec import FlowSpec
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.registry import (
    DONE,
    PROJECT,
    cut,
    invalid_parameter,
    operation,
    paging,
    payload,
)
from airflow_provider_pai_designer.emulator.errors import BusinessError
from airflow_provider_pai_designer.emulator.operations import STRING, Caller, Parameter, page, present, required
from airflow_provider_pai_designer.emulator.world import World

_NODE = {**PROJECT, "Id": required(STRING)}
_SCENES = ("DATAWORKS_PROJECT", "DATAWORKS_MANUAL_WORKFLOW", "DATAWORKS_MANUAL_TASK")


@operation(
    "CreateNode",
    {
        **PROJECT,
        "Scene": required(Parameter(kind=str, choices=_SCENES)),
        "Spec": required(STRING),
        "ContainerId": STRING,
    },
    envelope=payload("Id"),
)
def create_node(world: World, caller: Caller, arguments: dict[str, Any]) -> str:
    """Workflows are not modelled, so there is no container. See the page ``...-createnode``."""
    workspace = studio.new_workspace_of(world, caller, arguments)
    if "ContainerId" in arguments:
        raise invalid_parameter(f"There is no container {arguments['ContainerId']}.")
    if arguments["Scene"] == "DATAWORKS_MANUAL_WORKFLOW":
        raise invalid_parameter("ContainerId is required in a manual workflow.")
    spec = FlowSpec.parse(arguments["Spec"])
    return str(studio.create(world, workspace, spec, scene=arguments["Scene"], account=caller.account))


@operation("UpdateNode", {**_NODE, "Spec": required(STRING)}, envelope=DONE)
def update_node(world: World, caller: Caller, arguments: dict[str, Any]) -> None:
    """Incremental. See the page ``...-updatenode``."""
    workspace = studio.new_workspace_of(world, caller, arguments)
    row = studio.find(world, workspace, arguments["Id"])
    spec = FlowSpec.parse(arguments["Spec"], known_as=(arguments["Id"], row["name"]))
    studio.update(world, workspace, row, spec, account=caller.account)


@operation("GetNode", _NODE, envelope=payload("Node"))
def get_node(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-getnode``."""
    row = studio.find(world, studio.new_workspace_of(world, caller, arguments), arguments["Id"])
    return present(
        Id=str(row["id"]),
        Name=row["name"],
        Owner=row["owner"],
        ProjectId=row["workspace_id"],
        CreateTime=row["created"],
        ModifyTime=row["edited"],
        Spec=studio.document(row),
        TaskId=studio.task_id(world, row),
    )


@operation(
    "ListNodes",
    {
        **PROJECT,
        **paging(),
        "Name": STRING,
        "Scene": STRING,
        "ContainerId": STRING,
        "Recurrence": Parameter(kind=str, choices=("Normal", "Pause", "Skip")),
        "RerunMode": Parameter(kind=str, choices=("Allowed", "FailureAllowed", "Denied")),
    },
    envelope=payload("PagingInfo"),
)
def list_nodes(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``...-listnodes``."""
    workspace = studio.new_workspace_of(world, caller, arguments)
    rows = [row for row in studio.nodes(world, workspace) if _wanted(row, arguments)]
    return _page([_listed(world, row) for row in cut(rows, arguments)], total=len(rows), arguments=arguments)


@operation("ListNodeDependencies", {**_NODE, **paging()}, envelope=payload("PagingInfo"))
def list_node_dependencies(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """The nodes that a node depends on, the root of the workspace among them. See ``...-listnodedependencies``."""
    workspace = studio.new_workspace_of(world, caller, arguments)
    row = studio.find(world, workspace, arguments["Id"])
    wanted = {item.get("output", item.get("nodeId")) for item in json.loads(row["depends"])}
    found = [
        _listed(world, other)
        for other in studio.nodes(world, workspace)
        if wanted & {str(other["id"]), *flow_spec.names_of(json.loads(other["node"]), "outputs")}
    ]
    root = f"{workspace['identifier']}_root"
    if root in wanted:
        found.append(_root(workspace, root))
    return _page(cut(found, arguments), total=len(found), arguments=arguments)


@operation("DeleteNode", _NODE, envelope=DONE)
def delete_node(world: World, caller: Caller, arguments: dict[str, Any]) -> None:
    """Not while it is published. See the page ``...-deletenode``."""
    row = studio.find(world, studio.new_workspace_of(world, caller, arguments), arguments["Id"])
    if world.store.value("SELECT 1 FROM nodes WHERE file_id = ?", row["id"]):
        raise BusinessError(
            "Undocumented.NodePublished", "The node is published: take it offline before you delete it."
        )
    world.store.update("files", {"id": row["id"]}, deleted_status="DELETED", edited=world.clock.now())


@operation("RenameNode", {**_NODE, "Name": required(STRING)}, envelope=DONE)
def rename_node(world: World, caller: Caller, arguments: dict[str, Any]) -> None:
    """The path of a node ends in its name, and changes with it. See the page ``...-renamenode``."""
    _move(world, caller, arguments, name=arguments["Name"])


@operation("MoveNode", {**_NODE, "Path": required(STRING)}, envelope=DONE)
def move_node(world: World, caller: Caller, arguments: dict[str, Any]) -> None:
    """The path is that of a folder. See the page ``...-movenode``."""
    _move(world, caller, arguments, folder=arguments["Path"].strip("/"))


def _move(
    world: World, caller: Caller, arguments: Mapping[str, Any], *, name: str | None = None, folder: str | None = None
) -> None:
    workspace = studio.new_workspace_of(world, caller, arguments)
    row = studio.find(world, workspace, arguments["Id"])
    name = row["name"] if name is None else name
    folder = row["folder"] if folder is None else folder
    changes = {"name": name, "script": {"path": "/".join(filter(None, (folder, name)))}}
    spec = FlowSpec(version=row["spec_version"], node=changes, depends=None)
    studio.update(world, workspace, row, spec, account=caller.account)


def _wanted(row: sqlite3.Row, arguments: Mapping[str, Any]) -> bool:
    node = json.loads(row["node"])
    # the vendor's pages spell the filter in two ways, DATAWORKS_PROJECT and DataworksProject
    scene = arguments.get("Scene", row["scene"]).replace("_", "").lower()
    return (
        arguments.get("Name", "") in row["name"]
        and scene == row["scene"].replace("_", "").lower()
        and "ContainerId" not in arguments
        and node["recurrence"] == arguments.get("Recurrence", node["recurrence"])
        and node["rerunMode"] == arguments.get("RerunMode", node["rerunMode"])
    )


def _page(rows: list[Any], *, total: int, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of nodes are the only ones whose numbers are texts."""
    shown = page("Nodes", rows, total=total, arguments=arguments)
    return {name: value if name == "Nodes" else str(value) for name, value in shown.items()}


def _listed(world: World, row: sqlite3.Row) -> dict[str, Any]:
    node = json.loads(row["node"])
    script, trigger, resource = node["script"], node["trigger"], node["runtimeResource"]
    variables = [_variable(item) for item in script["parameters"]]
    source = node.get("datasource")
    return present(
        Id=str(row["id"]),
        Name=row["name"],
        Owner=row["owner"],
        ProjectId=row["workspace_id"],
        Description=row["description"],
        CreateTime=row["created"],
        ModifyTime=row["edited"],
        TaskId=studio.task_id(world, row),
        Recurrence=node["recurrence"],
        Script=present(Id=script.get("id"), Path=script["path"], Runtime={"Command": script["runtime"]["command"]}),
        Trigger=_capitalised(trigger, "id", "type", "cron", "startTime", "endTime", "timezone"),
        Strategy=_capitalised(node, "timeout", "rerunMode", "rerunTimes", "rerunInterval", "instanceMode"),
        RuntimeResource=_capitalised(resource, "resourceGroup", "resourceGroupId"),
        DataSource=_capitalised(source, "name", "type") if source else None,
        Inputs={"NodeOutputs": _outputs(node, "inputs"), "Variables": variables},
        Outputs={"NodeOutputs": _outputs(node, "outputs")},
    )


def _outputs(node: Mapping[str, Any], side: str) -> list[dict[str, str]]:
    return [{"Data": name} for name in flow_spec.names_of(node, side)]


def _variable(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return _capitalised({"artifactType": "Variable", **parameter}, "artifactType", "name", "scope", "type", "value")


def _capitalised(source: Mapping[str, Any], *members: str) -> dict[str, Any]:
    return {name[0].upper() + name[1:]: source[name] for name in members if name in source}


def _root(workspace: sqlite3.Row, name: str) -> dict[str, Any]:
    """The node that every workspace has as the ancestor of all others; it cannot be read or changed."""
    return {
        "Id": str(workspace["id"]),
        "Name": name,
        "Owner": workspace["owner"],
        "ProjectId": workspace["id"],
        "CreateTime": workspace["created"],
        "ModifyTime": workspace["created"],
        "Outputs": {"NodeOutputs": [{"Data": name}]},
    }
