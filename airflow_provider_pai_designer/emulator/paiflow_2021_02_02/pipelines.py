"""Registered pipelines: manifests with an identity, which runs name instead of bringing the text."""

from __future__ import annotations

import sqlite3
from typing import Any
from uuid import uuid4

from airflow_provider_pai_designer.emulator import flows, pai
from airflow_provider_pai_designer.emulator.operations import BOOLEAN, STRING, Caller, present, required
from airflow_provider_pai_designer.emulator.paiflow_2021_02_02.registry import check_manifest, metadata_of, operation
from airflow_provider_pai_designer.emulator.world import World

_COLUMNS = {"PipelineIdentifier": "identifier", "PipelineProvider": "provider", "PipelineVersion": "version"}


@operation("CreatePipeline", "POST /pipelines", {"Manifest": required(STRING), "WorkspaceId": required(STRING)})
def create_pipeline(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paiflow-2021-02-02-createpipeline``."""
    workspace = pai.workspace_of(world, caller, arguments["WorkspaceId"])
    now, identity = world.clock.now(), flows.new_identifier(world, "pipeline")
    columns = _identity(world, caller, arguments["Manifest"], of=identity)
    world.store.insert(
        "flow_pipelines",
        id=identity,
        workspace_id=workspace["id"],
        account=caller.account,
        created=now,
        modified=now,
        **columns,
    )
    return {"PipelineId": identity}


@operation("UpdatePipeline", "PUT /pipelines/{PipelineId}", {"Manifest": required(STRING)})
def update_pipeline(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paiflow-2021-02-02-updatepipeline``."""
    row = _find(world, caller, arguments)
    columns = _identity(world, caller, arguments["Manifest"], of=row["id"])
    world.store.update("flow_pipelines", {"id": row["id"]}, modified=world.clock.now(), **columns)
    return {}


@operation("GetPipeline", "GET /pipelines/{PipelineId}", {})
def get_pipeline(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paiflow-2021-02-02-getpipeline``."""
    row = _find(world, caller, arguments)
    return {**_shown(row), "Manifest": row["manifest"]}


@operation(
    "ListPipelines",
    "GET /pipelines",
    {**pai.PAGE, **dict.fromkeys(_COLUMNS, STRING), "FuzzyMatching": BOOLEAN, "WorkspaceId": STRING},
)
def list_pipelines(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Newest first. See the page ``api-paiflow-2021-02-02-listpipelines``."""
    rows = pai.visible(caller, world.store.rows("SELECT * FROM flow_pipelines ORDER BY number DESC"))
    if "WorkspaceId" in arguments:
        rows = [row for row in rows if str(row["workspace_id"]) == arguments["WorkspaceId"]]
    for parameter, column in _COLUMNS.items():
        wanted = arguments.get(parameter)
        if wanted and arguments.get("FuzzyMatching"):
            rows = [row for row in rows if wanted in row[column]]
        elif wanted:
            rows = [row for row in rows if wanted == row[column]]
    return {"TotalCount": len(rows), "Pipelines": [_shown(row) for row in pai.page(rows, arguments)]}


@operation("DeletePipeline", "DELETE /pipelines/{PipelineId}", {})
def delete_pipeline(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paiflow-2021-02-02-deletepipeline``."""
    world.store.execute("DELETE FROM flow_pipelines WHERE id = ?", _find(world, caller, arguments)["id"])
    return {}


def _find(world: World, caller: Caller, arguments: dict[str, Any]) -> sqlite3.Row:
    return pai.find(world, caller, "flow_pipelines", "Pipeline", arguments["PipelineId"])


def _identity(world: World, caller: Caller, manifest: str, *, of: str) -> dict[str, str]:
    """Return what a manifest says about itself: identifier, provider and version together are unique.

    :param of: id of the pipeline that is to have it.
    """
    check_manifest(manifest)
    names = {"provider": caller.account, **metadata_of(manifest)}
    if not {"identifier", "version"} <= set(names):
        raise pai.refusal("InvalidManifest", "The manifest needs metadata.identifier and metadata.version.")
    taken = world.store.value(
        "SELECT id FROM flow_pipelines WHERE identifier = ? AND version = ? AND provider = ?",
        *(names[name] for name in ("identifier", "version", "provider")),
    )
    if taken not in (None, of):
        raise pai.refusal("PipelineExists", f"The pipeline {taken} has this identifier, version and provider.")
    return {**names, "uuid": uuid4().hex[:18], "manifest": manifest}


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    return present(
        PipelineId=row["id"],
        Identifier=row["identifier"],
        Provider=row["provider"],
        Version=row["version"],
        Uuid=row["uuid"],
        WorkspaceId=str(row["workspace_id"]),
        GmtCreateTime=pai.moment(row["created"]),
        GmtModifiedTime=pai.moment(row["modified"]),
    )
