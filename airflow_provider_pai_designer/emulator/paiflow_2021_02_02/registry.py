"""Where the operations of this service are collected, and what many of them share."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import lru_cache

import yaml

from airflow_provider_pai_designer.designer.manifest import Manifest
from airflow_provider_pai_designer.emulator import pai
from airflow_provider_pai_designer.emulator.operations import Caller, Operation
from airflow_provider_pai_designer.emulator.world import World
from airflow_provider_pai_designer.exceptions import ContentError

OPERATIONS: dict[str, Operation] = {}
operation = pai.registrar(OPERATIONS)


def run_of(world: World, caller: Caller, identity: str) -> sqlite3.Row:
    """Return a run that was not deleted.

    :raises GatewayError: there is none, or the key has no permission on its workspace.
    """
    run = pai.find(world, caller, "flow_runs", "PipelineRun", identity)
    if run["deleted"]:
        raise pai.missing_object("PipelineRun", identity)
    return run


@lru_cache(maxsize=64)
def metadata_of(manifest: str) -> Mapping[str, str]:
    """Return what a manifest says about itself; nothing where nobody can read it."""
    try:
        document = yaml.safe_load(manifest)
    except (yaml.YAMLError, ValueError, RecursionError):
        document = None
    metadata = document.get("metadata") if isinstance(document, dict) else None
    shown = metadata if isinstance(metadata, dict) else {}
    return {name: str(shown[name]) for name in ("identifier", "provider", "version") if shown.get(name)}


def check_manifest(text: str) -> None:
    """Check that the steps of a manifest can run.

    :raises GatewayError: nobody can read it, a step is there twice, reads from none, or its steps form a cycle.
    """
    try:
        Manifest.parse(text)
    except ContentError as error:
        raise pai.refusal("InvalidManifest", str(error)) from None
