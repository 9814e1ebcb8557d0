"""What the DAGs of the soak and the test have in common."""

from __future__ import annotations

GENERATIONS = ("legacy", "new")
KINDS = {"in_place": 25, "deferred": 25, "backfill": 15, "rerun": 15, "sensor": 14, "doomed": 6}
"""Ways to wait for a run, each with its share of all runs; a doomed run fails however often it is asked for."""

FOLDER = "Business Flow/demo/Algorithm"
PARAMETERS = {"bizdate": "$bizdate"}


def connection_of(generation: str) -> str:
    """The connection to the workspace of a generation."""
    return f"pai_designer_{generation}"


def dag_of(kind: str, generation: str) -> str:
    """The DAG that waits in this way."""
    return f"soak_{kind}_{generation}"


def node_of(kind: str) -> str:
    """The node whose runs are waited for in this way, in each generation."""
    return f"soak_{kind}"
