"""Where the operations of this service are collected, and what many of them share."""

from __future__ import annotations

import sqlite3

from airflow_provider_pai_designer.emulator import pai
from airflow_provider_pai_designer.emulator.operations import Caller, Operation, Parameter
from airflow_provider_pai_designer.emulator.world import World

OPERATIONS: dict[str, Operation] = {}
operation = pai.registrar(OPERATIONS)

ROOT = "root"
"""The folder that every workspace has, once for all and once for each user."""
SOURCE = Parameter(kind=str, default="PaiStudio")
"""The only value that the vendor shows."""


def draft_of(world: World, caller: Caller, identity: str) -> sqlite3.Row:
    """Return a draft.

    :raises GatewayError: there is none, or the key has no permission on its workspace.
    """
    return pai.find(world, caller, "drafts", "Experiment", identity)


def check_folder(world: World, caller: Caller, identity: str, workspace_id: int) -> None:
    """Check that something can be put into a folder.

    :raises GatewayError: the workspace has no such folder.
    """
    if identity == ROOT:
        return
    folder = pai.find(world, caller, "draft_folders", "ExperimentFolder", identity)
    if folder["workspace_id"] != workspace_id:
        raise pai.missing_object("ExperimentFolder", identity)
