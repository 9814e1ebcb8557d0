"""What the page of a run tells: its instances, and of one of them the steps and the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_pai_designer.designer.log import resolved_parameters
from airflow_provider_pai_designer.emulator import flows, scheduler
from airflow_provider_pai_designer.emulator.pages.drawing import Scale, Span
from airflow_provider_pai_designer.emulator.pages.words import State, Times, instance_state, length
from airflow_provider_pai_designer.emulator.pages.workspace import RunRow, run_row
from airflow_provider_pai_designer.emulator.scheduler import LogLine
from airflow_provider_pai_designer.emulator.world import World

_MOST_INSTANCES = 100
_MOST_LINES = 2000
_STEPS = {"Succeeded": "good", "Failed": "bad", "Running": "running", "Terminated": "dry", "Skipped": "dry"}


@dataclass(frozen=True, kw_only=True)
class InstanceRow:
    """An instance of the run.

    :param parameters: with their values, where the log has them already.
    """

    id: int
    node_id: int
    node_name: str
    business_date: str
    schedule_time: str
    state: State
    parameters: str
    resolved: bool
    spans: tuple[Span, ...]
    length: str


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """A step of the pipeline that an instance runs."""

    name: str
    component: str
    state: State
    spans: tuple[Span, ...]
    length: str


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The instance that is looked at closely.

    :param attempts: numbers of its attempts; empty where none has begun.
    :param left_out: how many lines of the log are not shown, from its beginning.
    """

    row: InstanceRow
    attempt: int
    attempts: tuple[int, ...]
    steps: tuple[StepRow, ...]
    lines: tuple[LogLine, ...]
    left_out: int


@dataclass(frozen=True, kw_only=True)
class RunPage:
    """All that the page tells.

    :param ids: of a backfill, one for each business date.
    :param more: how many instances are not listed.
    :param can_stop: whether there is something left to be asked to stop.
    """

    run: RunRow
    workspace: Mapping[str, object]
    environment: str
    ids: tuple[int, ...]
    creator: str
    created: str
    instances: tuple[InstanceRow, ...]
    more: int
    chosen: Chosen | None
    can_stop: bool
    stopping: bool
    live: bool


def instances_of(world: World, run: sqlite3.Row) -> list[sqlite3.Row]:
    """Return the instances of a run; of a backfill those of all its business dates."""
    return world.store.rows(
        "SELECT * FROM instances WHERE run_id IN (SELECT id FROM runs WHERE operation_id = ?) ORDER BY id",
        run["operation_id"],
    )


def stopping(world: World) -> set[int]:
    """Return the ids of the instances that were asked to stop, and have not ended."""
    return {subject for (subject,) in world.store.rows("SELECT subject FROM events WHERE kind = 'stop'")}


@dataclass(frozen=True, kw_only=True)
class _View:
    """What all instances of a page are looked at with.

    :param asked: ids of those that were asked to stop.
    """

    world: World
    times: Times
    scale: Scale
    asked: frozenset[int]


def read(world: World, run: sqlite3.Row, *, instance_id: int | None, attempt: int | None) -> RunPage:
    """Read what the page tells.

    :param instance_id: which instance to look at closely; None for the one that matters most.
    :param attempt: which of its attempts; None for the newest.
    """
    instances, times = instances_of(world, run), Times.of(world, run["workspace_id"])
    asked = frozenset(subject for (subject,) in world.store.rows("SELECT subject FROM events WHERE kind = 'stop'"))
    view = _View(world=world, times=times, scale=_scale(world, instances), asked=asked)
    of_operation = world.store.rows("SELECT * FROM runs WHERE operation_id = ? ORDER BY id", run["operation_id"])
    chosen = next((item for item in instances if item["id"] == instance_id), None) or _matters_most(instances)
    still_open = {item["id"] for item in instances if item["open"]}
    return RunPage(
        run=run_row(world, of_operation[0], times),
        workspace=dict(world.workspace(run["workspace_id"])),
        environment=run["environment"],
        ids=tuple(row["id"] for row in of_operation),
        creator=run["creator"],
        created=times.moment(run["created"]),
        instances=tuple(_instance(view, item) for item in instances[:_MOST_INSTANCES]),
        more=max(len(instances) - _MOST_INSTANCES, 0),
        chosen=None if chosen is None else _look(view, chosen, attempt),
        can_stop=bool(still_open - asked),
        stopping=bool(still_open & asked),
        live=bool(still_open),
    )


def _scale(world: World, instances: list[sqlite3.Row]) -> Scale:
    now = world.clock.now()
    return Scale(
        begin=min((item["created"] for item in instances), default=now),
        end=max((now if item["open"] else item["finished"] for item in instances), default=now),
    )


def _matters_most(instances: list[sqlite3.Row]) -> sqlite3.Row | None:
    """The first that has failed, else the first that runs, else the first that has begun, else the first."""
    for status in ("FAILURE", "RUNNING"):
        if found := next((item for item in instances if item["status"] == status), None):
            return found
    begun = (item for item in instances if item["attempt"])
    return next(begun, None) or next(iter(instances), None)


def _instance(view: _View, item: sqlite3.Row) -> InstanceRow:
    resolved = resolved_parameters(scheduler.log(view.world, item))
    began, ended = item["running_began"], item["finished"]
    return InstanceRow(
        id=item["id"],
        node_id=item["node_id"],
        node_name=item["node_name"],
        business_date=view.times.day(item["business_date"]),
        schedule_time=view.times.moment(item["schedule_time"]),
        state=instance_state(item, stopping=bool(item["open"]) and item["id"] in view.asked),
        parameters=item["parameters"] if resolved is None else resolved,
        resolved=resolved is not None,
        spans=(
            *view.scale.span("waiting", item["created"], began or ended),
            *view.scale.span(instance_state(item).kind if ended else "running", began, ended),
        ),
        length=length((ended or view.world.clock.now()) - began) if began else "",
    )


def _look(view: _View, item: sqlite3.Row, attempt: int | None) -> Chosen:
    query = "SELECT number FROM attempts WHERE instance_id = ? ORDER BY number"
    numbers = tuple(int(number) for (number,) in view.world.store.rows(query, item["id"]))
    chosen = attempt if attempt in numbers and attempt else max(numbers, default=0)
    lines = scheduler.log_lines(view.world, item, chosen) if chosen else []
    return Chosen(
        row=_instance(view, item),
        attempt=chosen,
        attempts=numbers,
        steps=_steps(view.world, item, chosen),
        lines=tuple(lines[-_MOST_LINES:]),
        left_out=max(len(lines) - _MOST_LINES, 0),
    )


def _steps(world: World, item: sqlite3.Row, attempt: int) -> tuple[StepRow, ...]:
    run = flows.find(world, scheduler.flow_id(item["id"], attempt))
    if run is None:
        return ()
    state, now = flows.state(world, run), world.clock.now()
    scale = Scale(begin=state.started or now, end=state.finished or now)
    return tuple(
        StepRow(
            name=step.plan["display_name"],
            component=step.plan["identifier"],
            state=State(word=step.status, kind=_STEPS.get(step.status, "waiting")),
            spans=scale.span(_STEPS.get(step.status, "waiting"), step.started, step.finished),
            length=length((step.finished or now) - step.started) if step.started is not None else "",
        )
        for step in state.steps
    )
