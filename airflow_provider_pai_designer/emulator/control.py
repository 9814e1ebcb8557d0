"""The emulator's own side, under ``/_emulator``: what a test, a demo or a curious person asks and changes."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from airflow_provider_pai_designer.emulator import engine, seed
from airflow_provider_pai_designer.emulator.doubts import DOUBTS
from airflow_provider_pai_designer.emulator.reply import Reply
from airflow_provider_pai_designer.emulator.world import World

PREFIX = "/_emulator"
TOKEN_HEADER = "X-Emulator-Token"

_TABLES = (
    "workspaces",
    "access_keys",
    "roles",
    "sessions",
    "quota_use",
    "resource_groups",
    "business_flows",
    "folders",
    "files",
    "file_versions",
    "deployments",
    "nodes",
    "runs",
    "instances",
    "attempts",
    "history",
    "flow_specs",
    "pipeline_runs",
    "pipeline_stages",
    "creations",
    "flow_pipelines",
    "flow_runs",
    "draft_folders",
    "drafts",
    "templates",
    "draft_jobs",
    "behaviours",
)

_JSON_COLUMNS = (
    *("settings", "rule", "log", "behaviour", "snapshot", "node", "depends", "request"),
    *("variables", "steps", "lines"),
)
_Action = Callable[[World, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class ControlRequest:
    """A request to the control side; ``path`` without the prefix.

    :param origin: the ``Origin`` header, with which a browser names the page that asks; empty where there is none.
    :param own_origin: what it is on a page of our own.
    """

    method: str
    path: str
    token: str
    body: bytes
    origin: str
    own_origin: str


def answer(world: World, request: ControlRequest, *, token: str) -> Reply:
    """Answer one request of the control side."""
    if request.origin not in ("", request.own_origin):
        refusal = f"A page of {request.origin[:100]} has no business here: only pages of {request.own_origin} have."
        return Reply(status=403, body={"error": refusal})
    if (request.method, request.path) == ("GET", "/health"):
        return Reply(status=200, body={"status": "ok"})
    if not secrets.compare_digest(request.token.encode(), token.encode()):
        return Reply(status=403, body={"error": f"The header {TOKEN_HEADER} must hold the token printed at start."})
    if request.method == "GET" and request.path.startswith("/state/"):
        action: _Action | None = _rows_of(request.path.removeprefix("/state/"))
    else:
        action = _ACTIONS.get((request.method, request.path))
    if action is None:
        known = ", ".join(f"{method} {path}" for method, path in _ACTIONS)
        return Reply(status=404, body={"error": f"Unknown: {request.method} {request.path}. Known: {known}."})
    try:
        with world.store.transaction():
            engine.advance(world)
            return Reply(status=200, body=action(world, _body(request)))
    except (ValueError, TypeError, AttributeError) as error:
        return Reply(status=400, body={"error": str(error)})


def _body(request: ControlRequest) -> dict[str, Any]:
    body = json.loads(request.body or b"{}")
    if not isinstance(body, dict):
        raise ValueError("The body must be a JSON object.")
    return body


def _rows_of(kind: str) -> _Action | None:
    if kind not in _TABLES:
        return None
    return lambda world, _: {kind: _rows(world, kind)}


def _rows(world: World, kind: str) -> list[dict[str, Any]]:
    return [_readable(row) for row in world.store.rows(f"SELECT * FROM {kind}")]


def _state(world: World, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{kind: _rows(world, kind) for kind in _TABLES},
        "partitions": _written(world),
        "doubts": {name: world.reading(name) for name in DOUBTS},
        "timing": asdict(world.timing),
    }


def _tables(world: World, _: Mapping[str, Any]) -> dict[str, Any]:
    tables: dict[str, list[str]] = {}
    for row in _written(world):
        partitions = tables.setdefault(row["table_name"], [])
        if row["partition"] and row["partition"] not in partitions:
            partitions.append(row["partition"])
    return {"tables": {name: sorted(partitions) for name, partitions in sorted(tables.items())}}


def _clock(world: World, _: Mapping[str, Any] | None = None) -> dict[str, Any]:
    setting = world.clock.setting
    return {"now": world.clock.now(), "scale": setting.scale, "frozen": setting.frozen}


def _change_clock(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(body) - {"frozen", "scale", "advance"}:
        raise ValueError(f"The clock has no setting {sorted(unknown)[0]!r}; known: frozen, scale, advance.")
    if "frozen" in body:
        (world.clock.freeze if body["frozen"] else world.clock.resume)()
    if "scale" in body:
        world.clock.set_scale(float(body["scale"]))
    if "advance" in body:
        world.clock.advance(float(body["advance"]))
        engine.advance(world)
    return _clock(world)


def _counters(world: World, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"calls": [dict(row) for row in world.store.rows("SELECT * FROM counters ORDER BY minute, operation")]}


def _reset_counters(world: World, _: Mapping[str, Any]) -> dict[str, Any]:
    world.store.execute("DELETE FROM counters")
    return {}


def _expire_sessions(world: World, _: Mapping[str, Any]) -> dict[str, Any]:
    world.store.execute("UPDATE sessions SET expires = min(expires, ?)", int(time.time()))
    return {}


def _seed(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    seed.apply(world.store, seed.parse(body), now=world.clock.now())
    return {}


def _clear_behaviours(world: World, _: Mapping[str, Any]) -> dict[str, Any]:
    world.store.execute("DELETE FROM behaviours")
    return {}


_ACTIONS: Mapping[tuple[str, str], _Action] = {
    ("GET", "/state"): _state,
    ("GET", "/tables"): _tables,
    ("GET", "/clock"): _clock,
    ("POST", "/clock"): _change_clock,
    ("GET", "/counters"): _counters,
    ("DELETE", "/counters"): _reset_counters,
    ("DELETE", "/sessions"): _expire_sessions,
    ("POST", "/seed"): _seed,
    ("DELETE", "/behaviours"): _clear_behaviours,
}


def _written(world: World) -> list[dict[str, Any]]:
    """What was written by now: the table also holds what running instances are going to write."""
    rows = world.store.rows("SELECT * FROM partitions WHERE written <= ? ORDER BY written", world.clock.now())
    return [dict(row) for row in rows]


def _readable(row: Any) -> dict[str, Any]:
    """Return a row with its JSON columns decoded."""
    values = dict(row)
    for column in _JSON_COLUMNS:
        if isinstance(values.get(column), str):
            values[column] = json.loads(values[column])
    return values
