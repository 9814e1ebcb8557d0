"""What the DAGs of the cluster tests and the tests have in common."""

from __future__ import annotations

from tests.generations import GENERATIONS

DEFERRED = {f"deferred_{generation.name}": (generation.name, True) for generation in GENERATIONS}
IN_PLACE = "in_place_legacy"
DAGS = {**DEFERRED, IN_PLACE: ("legacy", False)}
"""By DAG id: the generation, and whether the task defers."""

NODE = {generation.name: f"PAI_DESIGNER_CLUSTER_NODE_{generation.name.upper()}" for generation in GENERATIONS}
"""Environment variables with the id of the node that all tasks of a generation run."""


def connection_of(generation: str) -> str:
    """The connection to the workspace of a generation."""
    return f"cluster_{generation}"
