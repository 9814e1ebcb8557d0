"""A request to a page: which one, what is asked, and whether it may."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any
from urllib.parse import parse_qs

from airflow_provider_pai_designer.emulator import engine, scheduler
from airflow_provider_pai_designer.emulator.errors import BusinessError
from airflow_provider_pai_designer.emulator.pages import node as nodes
from airflow_provider_pai_designer.emulator.pages import render
from airflow_provider_pai_designer.emulator.pages import run as runs
from airflow_provider_pai_designer.emulator.pages import workspace as workspaces
from airflow_provider_pai_designer.emulator.pages.node import Form
from airflow_provider_pai_designer.emulator.pages.render import HEADERS, PREFIX, Frame
from airflow_provider_pai_designer.emulator.reply import Reply
from airflow_provider_pai_designer.emulator.world import World, local

_MOST_DATES = 366
_LONGEST_NAME = 128


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """A request to a page.

    :param path: without the prefix.
    :param body: a form, as browsers send it.
    :param origin: the ``Origin`` header: which page asks; ``own_origin`` is what it is on a page of our own.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: str
    origin: str
    own_origin: str


class _RefusalError(Exception):
    """A page that says why it is not the one that was asked for.

    :param advice: what to do.
    """

    def __init__(self, status: int, title: str, advice: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.advice = advice


def answer(world: World, request: PageRequest) -> Reply:
    """Answer one request."""
    try:
        action, parts = _find(request)
        with world.store.transaction():
            engine.advance(world)
            return action(world, request, *parts)
    except _RefusalError as refusal:
        return _html(world, "refusal.html", status=refusal.status, refusal=refusal)


def _find(request: PageRequest) -> tuple[Callable[..., Reply], tuple[str, ...]]:
    fitting = [
        (method, action, match.groups())
        for method, pattern, action in _ROUTES
        if (match := re.fullmatch(pattern, request.path))
    ]
    if not fitting:
        raise _no_page(f"There is no page {PREFIX}{request.path[:200]}")
    method, action, parts = fitting[0]
    if request.method != method:
        raise _RefusalError(
            405,
            "This address is that of a button",
            "Nothing was changed. Go back to the page of the node or of the run, and press the button there.",
        )
    if method == "POST" and request.origin != request.own_origin:
        raise _RefusalError(
            403,
            "This button was not pressed on a page of the emulator",
            f"Nothing was changed. Open {request.own_origin}{PREFIX} and press it there.",
        )
    return action, parts


def _no_page(title: str) -> _RefusalError:
    return _RefusalError(
        404,
        title,
        "The address may be that of another emulator, or of one that was begun anew since. Start at a workspace:",
    )


def _html(world: World, template: str, *, status: int = 200, zone_of: int | None = None, **state: Any) -> Reply:
    first = world.store.row("SELECT id FROM workspaces ORDER BY id LIMIT 1")
    place = zone_of if zone_of is not None else first["id"] if first else None
    setting, now = world.clock.setting, world.clock.now()
    time_shown = "" if place is None else f"{local(now, world.zone(place)):%Y-%m-%d %H:%M:%S}"
    pace = "stands still" if setting.frozen else "" if setting.scale == 1 else f"{setting.scale:g} times as fast"
    listed = [dict(row) for row in world.store.rows("SELECT * FROM workspaces ORDER BY id")]
    html = render.page(template, Frame(now=time_shown, pace=pace), workspaces=listed, **state)
    return Reply(status=status, body=html, headers=HEADERS)


def _goto(path: str) -> Reply:
    return Reply(status=303, body="", headers={**HEADERS, "Location": PREFIX + path})


def _asset(_: World, __: PageRequest, name: str) -> Reply:
    found = render.asset(name)
    if found is None:
        raise _no_page(f"There is no file {name[:100]}")
    return Reply(status=200, body=found.text, headers=found.headers)


def _start(world: World, _: PageRequest) -> Reply:
    first = world.store.value("SELECT id FROM workspaces ORDER BY id")
    if first is None:
        raise _no_page("This emulator has no workspace")
    return _goto(f"/workspaces/{first}")


def _workspace(world: World, request: PageRequest, identity: str) -> Reply:
    row = world.store.row("SELECT * FROM workspaces WHERE id = ?", int(identity))
    if row is None:
        raise _no_page(f"There is no workspace {identity}")
    environment, wanted = request.query.get("environment", ""), request.query.get("name", "").strip()
    shown = workspaces.read(world, row, environment=environment, wanted=wanted)
    return _html(world, "workspace.html", zone_of=row["id"], page=shown)


def _node(world: World, _: PageRequest, environment: str, identity: str) -> Reply:
    return _node_page(world, _find_node(world, environment, identity))


def _node_page(world: World, row: sqlite3.Row, *, form: Form | None = None, complaint: str = "") -> Reply:
    shown = nodes.read(world, row, form=form, complaint=complaint)
    status = 400 if complaint else 200
    return _html(world, "node.html", status=status, zone_of=row["workspace_id"], page=shown)


def _find_node(world: World, environment: str, identity: str) -> sqlite3.Row:
    row = world.store.row("SELECT * FROM nodes WHERE environment = ? AND id = ?", environment, int(identity))
    if row is None:
        raise _no_page(f"There is no node {identity} in {environment}")
    return row


def _test(world: World, request: PageRequest, environment: str, identity: str) -> Reply:
    node = _find_node(world, environment, identity)
    form = _read_form(world, node, request, last="first")
    try:
        first, _ = _dates(form)
        run_id = scheduler.start_test(
            world,
            node=node,
            name=_name(world, "Test", node),
            business_date=first,
            override=form.parameters,
            account=world.workspace(node["workspace_id"])["owner"],
        )
    except (ValueError, BusinessError) as error:
        return _node_page(world, node, form=form, complaint=str(error))
    return _goto(f"/runs/{run_id}")


def _backfill(world: World, request: PageRequest, environment: str, identity: str) -> Reply:
    node = _find_node(world, environment, identity)
    form = _read_form(world, node, request, last="last")
    try:
        first, last = _dates(form)
        backfill = scheduler.Backfill(
            name=_name(world, "Backfill", node),
            dates=scheduler.days(first, last),
            nodes=(scheduler.BackfillNode(node=node, override=form.parameters, dry=False),),
            begin=time.min,
            end=time.max,
            parallel_dates=form.at_once,
            future_at_once=False,
            single_run=world.reading("backfill_dags") == "single",
        )
        run_ids = scheduler.start_backfill(world, backfill, account=world.workspace(node["workspace_id"])["owner"])
    except (ValueError, BusinessError) as error:
        return _node_page(world, node, form=form, complaint=str(error))
    return _goto(f"/runs/{run_ids[0]}")


def _run(world: World, request: PageRequest, identity: str) -> Reply:
    run = _find_run(world, identity)
    instance, attempt = (_number(request.query.get(name, "")) for name in ("instance", "attempt"))
    shown = runs.read(world, run, instance_id=instance, attempt=attempt)
    return _html(world, "run.html", zone_of=run["workspace_id"], page=shown)


def _stop(world: World, _: PageRequest, identity: str) -> Reply:
    run = _find_run(world, identity)
    for instance in runs.instances_of(world, run):
        if instance["open"]:
            scheduler.stop(world, instance)
    return _goto(f"/runs/{run['id']}")


def _find_run(world: World, identity: str) -> sqlite3.Row:
    row = world.store.row("SELECT * FROM runs WHERE id = ?", int(identity))
    if row is None:
        raise _no_page(f"There is no run {identity}")
    return row


def _read_form(world: World, node: sqlite3.Row, request: PageRequest, *, last: str) -> Form:
    sent = {name: values[-1] for name, values in parse_qs(request.body, max_num_fields=10).items()}
    at_once = _number(sent.get("at_once", "")) or 1
    return replace(
        nodes.first_form(world, node),
        first=sent.get("first", ""),
        last=sent.get(last, ""),
        parameters=" ".join(sent.get("parameters", "").split()),
        at_once=min(at_once, 10),
    )


def _dates(form: Form) -> tuple[date, date]:
    """Read the business dates.

    :raises ValueError: they make no sense; the message says what to do.
    """
    try:
        first, last = date.fromisoformat(form.first), date.fromisoformat(form.last)
    except ValueError:
        raise ValueError("A business date is missing, or is not a day such as 2026-11-22.") from None
    if last < first:
        raise ValueError("The last business date lies before the first one: swap them.")
    if last > date.fromisoformat(form.latest):
        raise ValueError(f"A business date cannot lie in the future: the latest is {form.latest}.")
    if (last - first).days >= _MOST_DATES:
        raise ValueError(f"A backfill from here has at most {_MOST_DATES} business dates: divide it.")
    return first, last


def _name(world: World, what: str, node: sqlite3.Row) -> str:
    at = local(world.clock.now(), world.zone(node["workspace_id"]))
    return f"{what} by hand {at:%Y%m%d-%H%M%S} {node['name']}"[:_LONGEST_NAME]


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


_NODE = r"/nodes/(DEV|PROD)/([0-9]{1,18})"
_RUN = r"/runs/([0-9]{1,18})"
_ROUTES: tuple[tuple[str, str, Callable[..., Reply]], ...] = (
    ("GET", "/?", _start),
    ("GET", r"/assets/([a-z.]+)", _asset),
    ("GET", r"/workspaces/([0-9]{1,18})", _workspace),
    ("GET", _NODE, _node),
    ("POST", f"{_NODE}/test", _test),
    ("POST", f"{_NODE}/backfill", _backfill),
    ("GET", _RUN, _run),
    ("POST", f"{_RUN}/stop", _stop),
)
