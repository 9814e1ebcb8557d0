"""What a call of CreateWorkflowInstances asks for: it is checked at once, and made a little later.

Source: the page ``...-createworkflowinstances``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

from airflow_provider_pai_designer.emulator import scheduler
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.registry import invalid_parameter, whole_numbers
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.tasks import PERIODIC
from airflow_provider_pai_designer.emulator.errors import BusinessError
from airflow_provider_pai_designer.emulator.scheduler import Backfill, BackfillNode
from airflow_provider_pai_designer.emulator.world import World, local

_MOST_RANGES = 7
_MOST_PARALLEL = 10
_FIRST_YEAR, _LAST_YEAR = 1971, 9000
_SINGLE_ROOT = ("General", "AllDownstream")
_MODES = ("ManualSelection", "Chain", *_SINGLE_ROOT)
_CHOICES = {
    "Mode": _MODES,
    "Order": ("Asc", "Desc"),
    "Alert.NoticeType": ("Sms", "Mail", "SmsMail"),
    "Alert.Type": ("Success", "Failure", "SuccessFailure"),
    "RunPolicy.Type": ("Daily", "Weekend"),
}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A request, read.

    :param environment: ``DEV`` or ``PROD``.
    :param tasks: ids of the tasks that run; those of ``excluded`` among them succeed without being executed.
    :param parameters: scheduling parameters by task id.
    """

    environment: str
    tasks: tuple[int, ...]
    excluded: tuple[int, ...]
    parameters: Mapping[str, str]
    dates: tuple[date, ...]
    begin: time
    end: time
    parallel_dates: int
    newest_first: bool
    future_at_once: bool


def start(world: World, workspace: sqlite3.Row, request: Mapping[str, Any], *, account: str) -> str:
    """Ask for runs; return the id under which the outcome can be read.

    :param request: the parameters of the call.
    :raises BusinessError: the request cannot be understood; what is wrong with its tasks shows in the outcome.
    """
    _read(world, workspace, request)
    store = world.store
    number, identity = store.next_id("creation"), str(uuid4())
    store.insert(
        "creations",
        number=number,
        id=identity,
        workspace_id=workspace["id"],
        status="Creating",
        request=json.dumps(request),
        account=account,
    )
    store.schedule(world.clock.now() + int(world.timing.creation_seconds * 1000), "creation", number)
    return identity


def on_event(world: World, number: int, at: int) -> None:
    """Make the runs that were asked for."""
    row = world.store.row("SELECT * FROM creations WHERE number = ?", number)
    assert row is not None
    request = json.loads(row["request"])
    try:
        with world.clock.standing_at(at):
            runs = _make(world, world.workspace(row["workspace_id"]), request, account=row["account"])
        outcome = {"status": "Created", "runs": json.dumps(runs)}
    except BusinessError as error:
        outcome = {"status": "CreateFailure", "message": error.message}
    world.store.update("creations", {"number": number}, **outcome)


def _make(world: World, workspace: sqlite3.Row, request: Mapping[str, Any], *, account: str) -> list[int]:
    """Make the runs, one for each business date; return their ids."""
    wanted, name = _read(world, workspace, request), request["Name"]
    nodes = [_node(world, workspace, task_id, wanted.environment) for task_id in wanted.tasks]
    overrides = [wanted.parameters.get(str(node["id"]), "") for node in nodes]
    if request["Type"] == "SmokeTest":
        return [
            scheduler.start_test(
                world, node=nodes[0], name=name, business_date=day, override=overrides[0], account=account
            )
            for day in wanted.dates
        ]
    backfill = Backfill(
        name=name,
        dates=wanted.dates,
        nodes=tuple(
            BackfillNode(node=node, override=override, dry=node["id"] in wanted.excluded)
            for node, override in zip(nodes, overrides, strict=True)
        ),
        begin=wanted.begin,
        end=wanted.end,
        parallel_dates=wanted.parallel_dates,
        future_at_once=wanted.future_at_once,
        newest_first=wanted.newest_first,
    )
    return scheduler.start_backfill(world, backfill, account=account)


def _node(world: World, workspace: sqlite3.Row, task_id: int, environment: str) -> sqlite3.Row:
    query = "SELECT * FROM nodes WHERE workspace_id = ? AND id = ? AND environment = ?"
    row = world.store.row(query, workspace["id"], task_id, environment)
    if row is None:
        raise invalid_parameter(f"The task {task_id} does not exist in {environment}.")
    return row


def _read(world: World, workspace: sqlite3.Row, request: Mapping[str, Any]) -> Wanted:
    if request["Type"] not in ("SmokeTest", "SupplementData") or request["WorkflowId"] != PERIODIC:
        raise BusinessError(
            "Undocumented.NotModelled", "Only tests and backfills of periodic tasks can be started here."
        )
    if not request["AutoStartEnabled"]:
        raise BusinessError("Undocumented.NotModelled", "Runs that are to be started later are not modelled here.")
    try:
        _check_choices(request["DefaultRunProperties"])
        return _read_run(world, workspace, request)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise invalid_parameter(f"The request cannot be read: {type(error).__name__}: {error}.") from None


def _check_choices(properties: Mapping[str, Any]) -> None:
    for path, choices in _CHOICES.items():
        value: Any = properties
        for name in path.split("."):
            value = value.get(name, {})
        if value != {} and value not in choices:
            raise invalid_parameter(f"{path} must be one of {', '.join(choices)}, not {value}.")
    policy = properties.get("RunPolicy", {})
    window = [name in policy for name in ("Type", "StartTime", "EndTime")]
    if any(window) and not all(window):
        raise invalid_parameter("RunPolicy needs Type, StartTime and EndTime, or none of them.")


def _read_run(world: World, workspace: sqlite3.Row, request: Mapping[str, Any]) -> Wanted:
    properties, periods = request["DefaultRunProperties"], request["Periods"]
    if ("StartTime" in periods) != ("EndTime" in periods):
        raise invalid_parameter("StartTime and EndTime of Periods go together.")
    backfill = request["Type"] == "SupplementData"
    if backfill:
        _check_backfill(properties)
    return Wanted(
        environment=request["EnvType"].upper(),
        tasks=_tasks(properties) if backfill else _root(properties),
        excluded=whole_numbers(properties.get("ExcludeTaskIds") or ()),
        parameters={task_id: str(text) for task_id, text in json.loads(request["TaskParameters"]).items()},
        dates=_dates(world, workspace, periods, backfill=backfill),
        begin=time.fromisoformat(periods.get("StartTime", "00:00:00")),
        end=time.fromisoformat(periods.get("EndTime", "23:59:59")),
        parallel_dates=properties.get("Parallelism", 1),
        newest_first=properties.get("Order") == "Desc",
        future_at_once=bool(properties.get("RunPolicy", {}).get("Immediately")),
    )


def _check_backfill(properties: Mapping[str, Any]) -> None:
    if properties.get("Parallelism") not in range(1, _MOST_PARALLEL + 1):
        raise invalid_parameter(f"Parallelism must be a number from 1 to {_MOST_PARALLEL}.")
    if not {"Enabled", "Blocked"} <= set(properties.get("Analysis") or {}):
        raise invalid_parameter("A backfill needs Analysis with Enabled and Blocked.")


def _root(properties: Mapping[str, Any]) -> tuple[int, ...]:
    roots = whole_numbers(properties.get("RootTaskIds") or ())
    if len(roots) != 1:
        raise invalid_parameter("A test needs one task in RootTaskIds: tests of several are not modelled here.")
    return roots


def _tasks(properties: Mapping[str, Any]) -> tuple[int, ...]:
    mode = properties.get("Mode", "ManualSelection")
    roots, included = (whole_numbers(properties.get(name) or ()) for name in ("RootTaskIds", "IncludeTaskIds"))
    if mode == "Chain" and (roots or len(included) != 2):
        raise invalid_parameter("Mode Chain needs two tasks in IncludeTaskIds and none in RootTaskIds.")
    if mode in _SINGLE_ROOT and len(roots) != 1:
        raise invalid_parameter(f"Mode {mode} needs one task in RootTaskIds.")
    if mode == "ManualSelection" and not roots:
        raise invalid_parameter("RootTaskIds is required.")
    return tuple(dict.fromkeys((*roots, *included)))


def _dates(world: World, workspace: sqlite3.Row, periods: Mapping[str, Any], *, backfill: bool) -> tuple[date, ...]:
    ranges = [(_day(one["StartBizDate"]), _day(one["EndBizDate"])) for one in periods.get("BizDates") or ()]
    if len(ranges) > _MOST_RANGES or any(last < first for first, last in ranges):
        raise invalid_parameter(
            f"BizDates has at most {_MOST_RANGES} ranges, each from a day to the same or a later one."
        )
    if not ranges and (backfill or world.reading("new_periods_required") == "yes"):
        raise invalid_parameter("Periods is required.")
    today = local(world.clock.now(), world.zone(workspace["id"])).date()
    days = [day for first, last in ranges for day in scheduler.days(first, last)]
    return tuple(sorted(set(days))) or (today - timedelta(days=1),)


def _day(text: str) -> date:
    day = datetime.strptime(text, "%Y-%m-%d").date()
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise invalid_parameter(f"A business date must lie between {_FIRST_YEAR} and {_LAST_YEAR}, not in {day.year}.")
    return day
