"""Drafts of pipelines."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from airflow_provider_pai_designer.emulator import canvas, flows, pai
from airflow_provider_pai_designer.emulator.operations import (
    INTEGER,
    STRING,
    Caller,
    Parameter,
    present,
    required,
)
from airflow_provider_pai_designer.emulator.paistudio_2021_02_02 import jobs
from airflow_provider_pai_designer.emulator.paistudio_2021_02_02.registry import (
    ROOT,
    SOURCE,
    check_folder,
    draft_of,
    operation,
)
from airflow_provider_pai_designer.emulator.world import World

_NAME = Parameter(kind=str, longest=128)
_NEW = {
    "Name": required(_NAME),
    "WorkspaceId": required(STRING),
    "FolderId": required(STRING),
    "Description": Parameter(kind=str, default=""),
    "Source": SOURCE,
    "Accessibility": pai.ACCESSIBILITY,
}
_COLUMNS = {
    "Name": "name",
    "Description": "description",
    "FolderId": "folder",
    "Options": "options",
    "Accessibility": "accessibility",
}


@operation("CreateExperiment", "POST /experiments", {**_NEW, "TemplateId": STRING, "Options": STRING})
def create_experiment(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Blank, or from a template. See the page ``api-paistudio-2021-02-02-createexperiment``."""
    if "TemplateId" not in arguments:
        content = canvas.blank(arguments["Name"], arguments["Description"])
        return _create(world, caller, arguments, content=content, variables="{}")
    template = world.store.row("SELECT * FROM templates WHERE id = ?", arguments["TemplateId"])
    if template is None or str(template["workspace_id"]) not in ("None", arguments["WorkspaceId"]):
        raise pai.missing_object("Template", arguments["TemplateId"])
    return _create(world, caller, arguments, content=template["content"], variables=template["variables"])


@operation("CopyExperiment", "POST /experiments/{ExperimentId}/copy", _NEW)
def copy_experiment(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paistudio-2021-02-02-copyexperiment``."""
    draft = draft_of(world, caller, arguments["ExperimentId"])
    return _create(world, caller, arguments, content=draft["content"], variables=draft["variables"])


@operation("GetExperiment", "GET /experiments/{ExperimentId}", {})
def get_experiment(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paistudio-2021-02-02-getexperiment``."""
    draft = draft_of(world, caller, arguments["ExperimentId"])
    return {**_shown(draft), **present(Options=draft["options"]), "Content": draft["content"]}


@operation("GetExperimentMeta", "GET /experiments/{ExperimentId}/meta", {})
def get_experiment_meta(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Here the version is a text. See the page ``api-paistudio-2021-02-02-getexperimentmeta``."""
    draft = draft_of(world, caller, arguments["ExperimentId"])
    return {**_shown(draft), **present(Options=draft["options"]), "Version": str(draft["version"])}


@operation("GetExperimentStatus", "GET /experiments/{ExperimentId}/status", {})
def get_experiment_status(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Of every node that ran, its latest job. See the page ``...-getexperimentstatus``."""
    draft = draft_of(world, caller, arguments["ExperimentId"])
    nodes: dict[str, dict[str, Any]] = {}
    running = False
    for job, run in jobs.of_draft(world, draft["id"]):
        state = flows.state(world, run)
        running = running or not state.ended
        for step in state.steps:
            nodes.setdefault(step.plan["name"], _node(job, run, step))
    return {"Status": "Running" if running else "Stopped", "Nodes": list(nodes.values())}


def _node(job: sqlite3.Row, run: sqlite3.Row, step: flows.StepState) -> dict[str, Any]:
    return present(
        NodeId=step.plan["name"],
        JobId=job["id"],
        RunId=run["id"],
        RunNodeId=step.plan["node_id"],
        Status=step.status,
        StartedAt=pai.moment(step.started),
        FinishedAt=pai.moment(step.finished),
    )


@operation(
    "UpdateExperimentContent",
    "PUT /experiments/{ExperimentId}/content",
    {"Content": required(STRING), "Version": required(INTEGER)},
)
def update_experiment_content(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """The version must be the current one: nobody overwrites what another has drawn meanwhile."""
    draft = draft_of(world, caller, arguments["ExperimentId"])
    if arguments["Version"] != draft["version"]:
        raise pai.refusal(
            "VersionConflict", f"The draft has the version {draft['version']}, not {arguments['Version']}."
        )
    _check_content(arguments["Content"])
    world.store.update(
        "drafts",
        {"id": draft["id"]},
        content=arguments["Content"],
        version=draft["version"] + 1,
        modified=world.clock.now(),
    )
    return {"Version": draft["version"] + 1}


@operation(
    "UpdateExperimentMeta",
    "PUT /experiments/{ExperimentId}/meta",
    {
        "Name": _NAME,
        "Description": STRING,
        "FolderId": STRING,
        "Options": STRING,
        "Accessibility": Parameter(kind=str, choices=("PUBLIC", "PRIVATE")),
    },
)
def update_experiment_meta(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """An empty folder id moves nothing. See the page ``api-paistudio-2021-02-02-updateexperimentmeta``."""
    draft = draft_of(world, caller, arguments["ExperimentId"])
    changes = {
        column: arguments[name]
        for name, column in _COLUMNS.items()
        if name in arguments and (name != "FolderId" or arguments[name])
    }
    if "folder" in changes:
        check_folder(world, caller, changes["folder"], draft["workspace_id"])
    world.store.update("drafts", {"id": draft["id"]}, modified=world.clock.now(), **changes)
    return {}


@operation("PublishExperiment", "PUT /experiments/{ExperimentId}/publish", {"FolderId": required(STRING)})
def publish_experiment(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Shows a private draft to the workspace; it schedules nothing. See the page ``...-publishexperiment``."""
    draft = draft_of(world, caller, arguments["ExperimentId"])
    check_folder(world, caller, arguments["FolderId"], draft["workspace_id"])
    world.store.update(
        "drafts",
        {"id": draft["id"]},
        folder=arguments["FolderId"],
        accessibility="PUBLIC",
        modified=world.clock.now(),
    )
    return {}


@operation("DeleteExperiment", "DELETE /experiments/{ExperimentId}", {})
def delete_experiment(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Its jobs and their runs remain."""
    world.store.execute("DELETE FROM drafts WHERE id = ?", draft_of(world, caller, arguments["ExperimentId"])["id"])
    return {}


@operation("StopExperiment", "POST /experiments/{ExperimentId}/stop", {})
def stop_experiment(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Stops every job of the draft that runs."""
    draft = draft_of(world, caller, arguments["ExperimentId"])
    for _, run in jobs.of_draft(world, draft["id"]):
        jobs.stop_run(world, run)
    return {}


@operation(
    "ListExperiments",
    "GET /experiments",
    {
        **pai.PAGE,
        "WorkspaceId": required(STRING),
        "Name": STRING,
        "ExperimentId": STRING,
        "Creator": STRING,
        "Source": STRING,
        "SortBy": Parameter(kind=str, default="GmtCreate", choices=("GmtCreate", "GmtModified")),
        "Order": pai.ORDER,
    },
)
def list_experiments(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paistudio-2021-02-02-listexperiments``."""
    workspace = pai.workspace_of(world, caller, arguments["WorkspaceId"])
    column = {"GmtCreate": "created", "GmtModified": "modified"}[arguments["SortBy"]]
    order = arguments["Order"]
    rows = world.store.rows(
        f"SELECT * FROM drafts WHERE workspace_id = ? ORDER BY {column} {order}, number {order}", workspace["id"]
    )
    found = [_shown(row) for row in pai.named(world, rows, arguments.get("Name"))]
    for name in ("ExperimentId", "Creator", "Source"):
        found = [draft for draft in found if arguments.get(name) in (None, draft[name])]
    return {"TotalCount": len(found), "Experiments": pai.page(found, arguments)}


def _create(
    world: World, caller: Caller, arguments: Mapping[str, Any], *, content: str, variables: str
) -> dict[str, Any]:
    workspace = pai.workspace_of(world, caller, arguments["WorkspaceId"])
    if arguments["FolderId"] == ROOT and world.reading("pai_root_folder") == "refuse":
        raise pai.missing_object("ExperimentFolder", ROOT)
    check_folder(world, caller, arguments["FolderId"], workspace["id"])
    now, identity = world.clock.now(), flows.new_identifier(world, "draft")
    world.store.insert(
        "drafts",
        id=identity,
        workspace_id=workspace["id"],
        name=arguments["Name"],
        description=arguments["Description"],
        folder=arguments["FolderId"],
        content=content,
        variables=variables,
        source=arguments["Source"],
        options=arguments.get("Options"),
        accessibility=arguments["Accessibility"],
        creator=caller.account,
        created=now,
        modified=now,
    )
    return {"ExperimentId": identity}


def _check_content(text: str) -> None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("nodes"), list):
        raise pai.refusal("InvalidContent", "Content must be an object in JSON with a list of nodes.")


def _shown(draft: sqlite3.Row) -> dict[str, Any]:
    return {
        "ExperimentId": draft["id"],
        "Name": draft["name"],
        "Description": draft["description"],
        "Version": draft["version"],
        "Source": draft["source"],
        "Accessibility": draft["accessibility"],
        "Creator": draft["creator"],
        "WorkspaceId": str(draft["workspace_id"]),
        "GmtCreateTime": pai.moment(draft["created"]),
        "GmtModifiedTime": pai.moment(draft["modified"]),
    }
