"""What is called otherwise in the two generations of DataStudio, for tests that are told of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest


@dataclass(frozen=True, kw_only=True, eq=False)
class Generation:
    """One generation, with its workspaces of the emulator.

    :param name: the ``data_studio`` of a connection.
    :param into: what ensuring a node that was changed says of its way into an environment.
    :param into_basic: the same in a workspace that has production alone.
    :param first_stage: the step of publishing in which the emulator can be told to refuse a new node.
    :param versions: the versions that ensuring a node for the first and for the second time shows.
    :param taken_away: what deleting a node of both environments says.
    :param start_test: operation that starts a test.
    :param start_backfill: operation that starts a backfill.
    :param list_nodes: operation that looks for a node by its name.
    """

    name: str
    workspace: str
    workspace_id: int
    basic_workspace: str
    into: Mapping[str, tuple[str, ...]]
    into_basic: str
    first_stage: str
    versions: tuple[int | None, int | None]
    taken_away: tuple[str, ...]
    start_test: str
    start_backfill: str
    list_nodes: str


LEGACY = Generation(
    name="legacy",
    workspace="demo_project",
    workspace_id=100001,
    basic_workspace="demo_mc_project",
    into={"DEV": ("submitted",), "PROD": ("submitted", "deployed")},
    into_basic="deployed",
    first_stage="submit",
    versions=(1, 2),
    taken_away=("taken offline", "deleted", "deletion deployed"),
    start_test="RunSmokeTest",
    start_backfill="RunCycleDagNodes",
    list_nodes="ListFiles",
)
NEW = Generation(
    name="new",
    workspace="demo_studio_project",
    workspace_id=100003,
    basic_workspace="demo_studio_mc_project",
    into={"DEV": ("published to DEV",), "PROD": ("published to PROD",)},
    into_basic="published to PROD",
    first_stage="DEV_CHECK",
    versions=(None, None),
    taken_away=("taken offline", "deleted"),
    start_test="CreateWorkflowInstances",
    start_backfill="CreateWorkflowInstances",
    list_nodes="ListNodes",
)
GENERATIONS = (LEGACY, NEW)

on_both = pytest.mark.parametrize("generation", GENERATIONS, ids=lambda generation: generation.name)
only_legacy = pytest.mark.parametrize("generation", [LEGACY], ids=lambda generation: generation.name)
"""For tests of what comes before any call: the second generation would tell nothing more."""
