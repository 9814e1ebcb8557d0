"""The DAGs of the chaos tests: what their tasks have in common, and in what they differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import product
from typing import Any

from tests.generations import LEGACY, NEW

MODES = ("in place", "deferred")
FOLDER = "Business Flow/demo/Algorithm"
SETTLE = 5
LIMIT = 12
"""Seconds after which a task with a time-out is out of time."""

_USUAL = {"settle": SETTLE, "retries": 2, "retry_delay": timedelta(seconds=1)}
_AT_ONCE = {"settle": SETTLE, "retries": 0}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "usual": _USUAL,
    # makes and deploys a node of its own first
    "deploying": _USUAL,
    # time for a user between two tries
    "patient": {**_USUAL, "retry_delay": timedelta(seconds=10)},
    "timeout": {**_AT_ONCE, "timeout": LIMIT},
    "execution_timeout": {**_AT_ONCE, "execution_timeout": timedelta(seconds=LIMIT)},
    "dagrun_timeout": _AT_ONCE,
}
OF_THE_DAG: Mapping[str, dict[str, Any]] = {"dagrun_timeout": {"dagrun_timeout": timedelta(seconds=LIMIT)}}
DAGS = {
    (kind, mode, generation): f"{kind}_{mode.replace(' ', '_')}_{generation}"
    for kind, mode, generation in product(OPTIONS, MODES, (LEGACY.name, NEW.name))
    if kind in ("usual", "deploying") or generation == LEGACY.name
}
NODE = {generation.name: f"PAI_DESIGNER_CHAOS_NODE_{generation.name.upper()}" for generation in (LEGACY, NEW)}
"""Environment variables with the id of the node that all tasks of a generation run."""


def connection_of(generation: str) -> str:
    """The connection to the workspace of a generation."""
    return f"chaos_{generation}"
