"""What the page of a workspace tells: its nodes, its runs, and what of its account's calls was used."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_pai_designer.emulator import quota, scheduler
from airflow_provider_pai_designer.emulator.pages.drawing import Bar, draw_bars
from airflow_provider_pai_designer.emulator.pages.words import State, Times, instance_state, length, state_of
from airflow_provider_pai_designer.emulator.world import World

ENVIRONMENTS = {"standard": ("DEV", "PROD"), "basic": ("PROD",)}
_MOST_NODES = 100
_MOST_RUNS = 20
_MINUTES = 60


@dataclass(frozen=True, kw_only=True)
class NodeRow:
    """A node, and its newest run."""

    id: int
    name: str
    folder: str
    type: str
    version: int
    schedule: str
    run_id: int | None
    state: State | None


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """A run; of a backfill all its business dates."""

    id: int
    name: str
    type: str
    dates: str
    instances: int
    state: State
    started: str
    length: str


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A limit of the account; ``used`` is None where calls are not counted."""

    name: str
    most: int
    used: int | None
    period: str


@dataclass(frozen=True, kw_only=True)
class Calls:
    """How often an operation was called in the last hour."""

    operation: str
    answered: int
    refused: int


@dataclass(frozen=True, kw_only=True)
class WorkspacePage:
    """All that the page tells.

    :param more: how many nodes are not listed.
    :param wanted: what the names of the listed nodes hold.
    """

    workspace: Mapping[str, object]
    others: tuple[Mapping[str, object], ...]
    environment: str
    environments: tuple[str, ...]
    nodes: tuple[NodeRow, ...]
    more: int
    wanted: str
    runs: tuple[RunRow, ...]
    enforced: bool
    quotas: tuple[Quota, ...]
    bars: tuple[Bar, ...]
    calls: tuple[Calls, ...]
    live: bool


def read(world: World, workspace: sqlite3.Row, *, environment: str, wanted: str) -> WorkspacePage:
    """Read what the page tells."""
    environments = ENVIRONMENTS[workspace["mode"]]
    chosen = environment if environment in environments else environments[0]
    found = world.store.rows(
        "SELECT * FROM nodes WHERE workspace_id = ? AND environment = ? AND instr(lower(name), lower(?)) "
        "ORDER BY modified DESC, id DESC",
        workspace["id"],
        chosen,
        wanted,
    )
    runs = _runs(world, workspace["id"], chosen)
    calls = _calls(world)
    minute = int(time.time()) // 60
    return WorkspacePage(
        workspace=dict(workspace),
        others=tuple(dict(row) for row in world.store.rows("SELECT * FROM workspaces ORDER BY id")),
        environment=chosen,
        environments=environments,
        nodes=tuple(_node(world, row) for row in found[:_MOST_NODES]),
        more=max(len(found) - _MOST_NODES, 0),
        wanted=wanted,
        runs=runs,
        enforced=quota.is_enforced(world),
        quotas=tuple(_quotas(world, workspace["owner"])),
        bars=draw_bars(_by_minute(world), range(minute - _MINUTES + 1, minute + 1)),
        calls=calls,
        live=any(run.state.goes_on for run in runs),
    )


def run_row(world: World, run: sqlite3.Row, times: Times) -> RunRow:
    """Return what a list tells of a run, of whose operation ``run`` is the first."""
    state = scheduler.operation_state(world, run["operation_id"])
    query = "SELECT MIN(business_date), MAX(business_date) FROM runs WHERE operation_id = ?"
    first, last = map(times.day, world.store.rows(query, run["operation_id"])[0])
    started, end = state["started"], state["finished"]
    return RunRow(
        id=run["id"],
        name=run["name"],
        type=run["type"],
        dates=first if first == last else f"{first} to {last}",
        instances=state["instances"],
        state=state_of(state["status"]),
        started=times.moment(started),
        length="" if started is None else length((world.clock.now() if end is None else end) - started),
    )


def first_runs(world: World, condition: str, *values: object, most: int) -> list[sqlite3.Row]:
    """Return the first run of each operation, the newest operation first."""
    return world.store.rows(
        f"SELECT MIN(id) AS first, runs.* FROM runs WHERE {condition} "
        "GROUP BY operation_id ORDER BY operation_id DESC LIMIT ?",
        *values,
        most,
    )


def _runs(world: World, workspace_id: int, environment: str) -> tuple[RunRow, ...]:
    times = Times.of(world, workspace_id)
    found = first_runs(world, "workspace_id = ? AND environment = ?", workspace_id, environment, most=_MOST_RUNS)
    return tuple(run_row(world, run, times) for run in found)


def _node(world: World, node: sqlite3.Row) -> NodeRow:
    settings = json.loads(node["settings"])
    newest = world.store.row(
        "SELECT * FROM instances WHERE node_id = ? AND environment = ? ORDER BY id DESC LIMIT 1",
        node["id"],
        node["environment"],
    )
    return NodeRow(
        id=node["id"],
        name=node["name"],
        folder=node["folder"],
        type=scheduler.program_type(node["file_type"]),
        version=node["version"],
        schedule=settings["CronExpress"],
        run_id=newest["run_id"] if newest else None,
        state=instance_state(newest) if newest else None,
    )


def _quotas(world: World, account: str) -> list[Quota]:
    counted = quota.is_enforced(world)
    return [
        Quota(
            name="calls" if limit.calls == "all" else limit.calls,
            most=limit.most,
            used=quota.used(world, account, limit) if counted else None,
            period=limit.period,
        )
        for limit in quota.limits(world, account)
    ]


def _by_minute(world: World) -> dict[int, tuple[int, int]]:
    rows = world.store.rows(
        "SELECT minute, SUM(CASE outcome WHEN 'ok' THEN calls ELSE 0 END), "
        "SUM(CASE outcome WHEN 'ok' THEN 0 ELSE calls END) FROM counters WHERE minute > ? GROUP BY minute",
        int(time.time()) // 60 - _MINUTES,
    )
    return {minute: (answered, refused) for minute, answered, refused in rows}


def _calls(world: World) -> tuple[Calls, ...]:
    rows = world.store.rows(
        "SELECT operation, SUM(CASE outcome WHEN 'ok' THEN calls ELSE 0 END) AS answered, "
        "SUM(CASE outcome WHEN 'ok' THEN 0 ELSE calls END) AS refused FROM counters WHERE minute > ? "
        "GROUP BY operation ORDER BY SUM(calls) DESC, operation",
        int(time.time()) // 60 - _MINUTES,
    )
    return tuple(Calls(**dict(row)) for row in rows)
