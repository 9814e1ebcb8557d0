"""Operation Center: runs, their instances, and what becomes of an instance.

Life of an instance: NOT_RUN, WAIT_TIME, WAIT_RESOURCE, RUNNING, then SUCCESS or FAILURE; a failed one with automatic
reruns left goes back to waiting. Frozen ones fail at their start, dry ones succeed there.
Source: https://alibabacloud.com/help/en/dataworks/api-getinstance (status and task types)
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.designer.node import FILE_TYPE as PAI_STUDIO
from airflow_provider_pai_designer.emulator import flows, pipeline, studio
from airflow_provider_pai_designer.emulator.errors import BusinessError
from airflow_provider_pai_designer.emulator.flows import FlowOrder
from airflow_provider_pai_designer.emulator.pipeline import Execution, Line
from airflow_provider_pai_designer.emulator.world import World, local, milliseconds
from airflow_provider_pai_designer.exceptions import ContentError, NodeDefinitionError, SchedulingParameterError
from airflow_provider_pai_designer.scheduling import SchedulingParameters, schedule_time_for

DAG_TYPES = ("DAILY", "MANUAL", "SMOKE_TEST", "SUPPLY_DATA", "MANUAL_FLOW", "BUSINESS_PROCESS_DAG")
"""Types of runs by the vendor's number."""
TASK_TYPES = (
    "NORMAL",
    "MANUAL",
    "PAUSE",
    "SKIP",
    "SKIP_UNCHOOSE",
    "SKIP_CYCLE",
    "CONDITION_UNCHOOSE",
    "REALTIME_DEPRECATED",
)
"""Task types by the number that the vendor prints beside them."""

_PROGRAM_TYPES = {PAI_STUDIO: "PAI_STUDIO", 6: "DIDE_SHELL", 10: "ODPS_SQL", 99: "VIRTUAL"}
_DRY = ("SKIP", "SKIP_UNCHOOSE", "SKIP_CYCLE", "CONDITION_UNCHOOSE", "REALTIME_DEPRECATED")


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """One planned execution of a node.

    :param schedule_time: local time of the workspace.
    :param period: which cycle of the day it is, from 1.
    """

    schedule_time: datetime
    period: int
    task_type: str


def program_type(file_type: int) -> str:
    """Return the scheduler's name for a file type."""
    return _PROGRAM_TYPES.get(file_type, str(file_type))


def file_type(program: str) -> int | None:
    """Return the file type of a scheduler's name, in whatever case it is written; None for one that is not known."""
    return next((number for number, name in _PROGRAM_TYPES.items() if name == program.upper()), None)


def planned_cycles(settings: Mapping[str, Any], business_date: date) -> list[Cycle]:
    """Return the executions that are planned for the day after a business date.

    :raises BusinessError: nobody can read the node's cron expression.
    """
    try:
        times = schedule_time_for(business_date, settings["CronExpress"])
    except NodeDefinitionError as error:
        raise BusinessError("Undocumented.CronExpress", str(error)) from None
    if not times:
        # not due on that day: there is an instance all the same, a dry one
        midnight = datetime.combine(business_date + timedelta(days=1), time.min)
        return [Cycle(schedule_time=midnight, period=1, task_type="SKIP_CYCLE")]
    task_type = "PAUSE" if settings.get("Stop") else str(settings["SchedulerType"])
    return [
        Cycle(schedule_time=moment, period=number, task_type=task_type) for number, moment in enumerate(times, start=1)
    ]


def is_effective(settings: Mapping[str, Any], schedule_time: int) -> bool:
    """Tell whether the node's own schedule is in force at a time, epoch milliseconds."""
    end = settings.get("EndEffectDate")
    return (settings.get("StartEffectDate") or 0) <= schedule_time and (end is None or schedule_time <= end)


def start_test(world: World, *, node: sqlite3.Row, name: str, business_date: date, override: str, account: str) -> int:
    """Start a smoke test of a node.

    :param override: scheduling parameters given with the run, ``a=x b=y``; empty for none.
    :return: id of the run, which the vendor calls the DAG id.
    """
    store, now = world.store, world.clock.now()
    midnight = start_of_day(world, node["workspace_id"], business_date)
    run_id = store.next_id("run")
    store.insert(
        "runs",
        id=run_id,
        workspace_id=node["workspace_id"],
        environment=node["environment"],
        name=name,
        type="SMOKE_TEST",
        operation_id=store.next_id("operation"),
        business_date=midnight,
        creator=account,
        created=now,
    )
    settings = json.loads(node["settings"])
    parameters = _effective_parameters(world, settings.get("ParaValue") or "", override)
    cycles = _cycles(world, node["workspace_id"], settings, business_date)
    for cycle in cycles[:1] if world.reading("smoke_cycles") == "first" else cycles:
        create_instance(
            world,
            run_id=run_id,
            node=node,
            settings=settings,
            parameters=parameters,
            business_date=midnight,
            cycle=cycle,
        )
    return run_id


@dataclass(frozen=True, kw_only=True)
class BackfillNode:
    """A node of a backfill.

    :param override: scheduling parameters given with the run.
    :param dry: its instances succeed without being executed.
    """

    node: sqlite3.Row
    override: str
    dry: bool


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """What a backfill is to run: its nodes, for every one of its business dates.

    :param begin: of nodes with several cycles a day, those from this local time on are run; ``end`` likewise.
    :param parallel_dates: how many business dates run at once.
    :param future_at_once: do not wait for schedule times that are still to come.
    :param newest_first: begin with the last business date.
    :param single_run: one run holds the instances of all business dates, instead of one run for each.
    """

    name: str
    dates: tuple[date, ...]
    nodes: tuple[BackfillNode, ...]
    begin: time
    end: time
    parallel_dates: int
    future_at_once: bool
    newest_first: bool = False
    single_run: bool = False


def days(first: date, last: date) -> tuple[date, ...]:
    """Return every day from the first to the last."""
    return tuple(date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1))


def start_backfill(world: World, backfill: Backfill, *, account: str) -> list[int]:
    """Start a backfill; return the ids of its runs, which share their operation."""
    operation_id = world.store.next_id("operation")
    runs: list[int] = []
    for day in backfill.dates:
        if not (runs and backfill.single_run):
            runs.append(_add_backfill_run(world, backfill, day, operation_id=operation_id, account=account))
        for node in backfill.nodes:
            _create_backfill_instances(world, backfill, node, run_id=runs[-1], business_date=day)
    _let_dates_begin(world, operation_id, world.clock.now())
    return runs


def restart(world: World, instance: sqlite3.Row) -> None:
    """Run an instance that has ended again, under its id; the attempt that ended is kept in its history.

    :raises BusinessError: it has not ended, or its node may not be rerun (both are doubts).
    """
    if instance["open"]:
        if world.reading("restart_active") == "refuse":
            raise BusinessError("Undocumented.InstanceActive", f"The instance {instance['id']} has not ended.")
        return
    mode = instance["rerun_mode"]
    denied = mode == "ALL_DENIED" or (mode == "FAILURE_ALLOWED" and instance["status"] != "FAILURE")
    if denied and world.reading("restart_rerun_mode") == "governs":
        raise BusinessError("Undocumented.RerunDenied", f"The node does not allow a rerun ({mode}).")
    _remember(world, instance)
    now = world.clock.now()
    _change(world, instance["id"], now, status="WAIT_TIME", open=1, finished=None, running_began=None)
    world.store.schedule(now + _waiting(world), "instance", instance["id"])


def stop(world: World, instance: sqlite3.Row) -> None:
    """Ask an instance to stop; it will have failed a little later.

    :raises BusinessError: it has ended, and the doubt ``stop_finished`` reads ``refuse``.
    """
    if not instance["open"]:
        if world.reading("stop_finished") == "refuse":
            raise BusinessError(
                "Undocumented.InstanceFinished", f"The instance {instance['id']} is {instance['status']} already."
            )
        return
    asked = world.store.value("SELECT 1 FROM events WHERE kind = 'stop' AND subject = ?", instance["id"])
    if not asked:
        world.store.schedule(world.clock.now() + int(world.timing.stop_seconds * 1000), "stop", instance["id"])


def run_state(world: World, run_id: int) -> dict[str, Any]:
    """Return what a run has come to: its status and times follow from its instances."""
    return _state(world, "run_id = ?", run_id)


def operation_state(world: World, operation_id: int) -> dict[str, Any]:
    """Return the same of all runs of an operation, which a backfill has one of for each business date."""
    return _state(world, "run_id IN (SELECT id FROM runs WHERE operation_id = ?)", operation_id)


def _state(world: World, condition: str, identity: int) -> dict[str, Any]:
    summary = world.store.row(
        "SELECT COUNT(*) AS instances, SUM(open) AS open, SUM(status = 'FAILURE') AS failed, "
        "MIN(wait_time_began) AS started, MAX(finished) AS finished, MAX(modified) AS modified "
        f"FROM instances WHERE {condition}",
        identity,
    )
    assert summary is not None
    if summary["started"] is None and summary["open"]:
        status = "CREATED"
    elif summary["open"]:
        status = "RUNNING"
    else:
        status = "FAILURE" if summary["failed"] else "SUCCESS"
    return {
        "status": status,
        "instances": summary["instances"],
        "started": summary["started"],
        "finished": None if summary["open"] else summary["finished"],
        "modified": summary["modified"],
    }


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line of an instance's log.

    :param at: local time of the workspace.
    """

    at: datetime
    level: str
    text: str


def log_lines(world: World, instance: sqlite3.Row, attempt: int | None = None) -> list[LogLine]:
    """Return the log of the newest attempt, or of a given one, as far as it was written by now."""
    number = instance["attempt"] if attempt is None else attempt
    row = world.store.row("SELECT log FROM attempts WHERE instance_id = ? AND number = ?", instance["id"], number)
    zone, now = world.zone(instance["workspace_id"]), world.clock.now()
    lines = json.loads(row["log"]) if row else []
    return [LogLine(at=local(at, zone), level=level, text=text) for at, level, text in lines if at <= now]


def log(world: World, instance: sqlite3.Row, attempt: int | None = None) -> str:
    """Return the same as one text, as the service sends it."""
    lines = log_lines(world, instance, attempt)
    return "".join(f"{line.at:%Y-%m-%d %H:%M:%S} {line.level} {line.text}\n" for line in lines)


def on_event(world: World, instance_id: int, at: int) -> None:
    """Bring an instance into its next state."""
    instance = _instance(world, instance_id)
    _NEXT[instance["status"]](world, instance, at)


def on_stop(world: World, instance_id: int, at: int) -> None:
    """End an instance that was asked to stop, unless it has ended by itself meanwhile."""
    store, instance = world.store, _instance(world, instance_id)
    if not instance["open"]:
        return
    store.cancel("instance", instance_id)
    number = max(instance["attempt"], 1)
    row = store.row("SELECT log FROM attempts WHERE instance_id = ? AND number = ?", instance_id, number)
    lines = [line for line in json.loads(row["log"]) if line[0] <= at] if row else []
    lines += [[at, "ERROR", "The task was killed"], *_closing(at, succeeded=False)]
    _write_attempt(world, instance_id, number=number, succeeded=False, lines=lines)
    store.execute("DELETE FROM partitions WHERE instance_id = ? AND written > ?", instance_id, at)
    flows.stop_at(world, flow_id(instance_id, number), at)
    reruns = instance["reruns_left"]
    if reruns is not None and world.reading("stopped_reruns") == "zero":
        reruns = 0
    _finish(world, instance_id, at, status="FAILURE", reruns_left=reruns, attempt=number)


def create_instance(
    world: World,
    *,
    run_id: int,
    node: sqlite3.Row,
    settings: Mapping[str, Any],
    parameters: str,
    business_date: int,
    cycle: Cycle,
    held: bool = False,
) -> None:
    """Add an instance to a run; unless it is held, it begins to wait at once.

    :param business_date: epoch milliseconds.
    """
    store, now = world.store, world.clock.now()
    run = store.row("SELECT * FROM runs WHERE id = ?", run_id)
    assert run is not None
    reruns = int(settings.get("AutoRerunTimes") or 0) if settings["RerunMode"] != "ALL_DENIED" else 0
    instance_id = store.next_id("instance")
    store.insert(
        "instances",
        id=instance_id,
        run_id=run_id,
        workspace_id=node["workspace_id"],
        environment=node["environment"],
        node_id=node["id"],
        node_name=node["name"],
        owner=node["owner"],
        program_type=program_type(node["file_type"]),
        business_flow_id=studio.business_flow_id(world, node["workspace_id"], node["folder"]),
        connection=settings.get("ConnectionName"),
        rerun_mode=settings["RerunMode"],
        held=held,
        status="NOT_RUN",
        task_type=cycle.task_type,
        dag_type=run["type"],
        business_date=business_date,
        schedule_time=milliseconds(cycle.schedule_time, world.zone(node["workspace_id"])),
        period=cycle.period,
        parameters=parameters,
        # the vendor counts the first try too: none configured is empty, then configured + 1 down to 0
        reruns_left=reruns + 1 if reruns else None,
        rerun_interval=int(settings.get("AutoRerunIntervalMillis") or 0),
        creator=run["creator"],
        created=now,
        modified=now,
    )
    if not held:
        store.schedule(now + _waiting(world), "instance", instance_id)


def start_of_day(world: World, workspace_id: int, day: date) -> int:
    """Return when a local day begins, epoch milliseconds."""
    return milliseconds(datetime.combine(day, time.min), world.zone(workspace_id))


def _effective_parameters(world: World, declared: str, override: str) -> str:
    if not override or world.reading("node_params") == "replace":
        return override or declared
    given = [pair.partition("=")[0] for pair in override.split()]
    kept = [pair for pair in declared.split() if pair.partition("=")[0] not in given]
    return " ".join([*kept, *override.split()])


def _cycles(world: World, workspace_id: int, settings: Mapping[str, Any], business_date: date) -> list[Cycle]:
    """The planned executions of a node, as a test or a backfill makes them."""
    zone = world.zone(workspace_id)
    return [
        replace(cycle, task_type=_task_type(world, settings, cycle, zone))
        for cycle in planned_cycles(settings, business_date)
    ]


def _task_type(world: World, settings: Mapping[str, Any], cycle: Cycle, zone: ZoneInfo) -> str:
    if cycle.task_type == "PAUSE" and world.reading("frozen_test") == "run":
        return "NORMAL"
    outside = not is_effective(settings, milliseconds(cycle.schedule_time, zone))
    if cycle.task_type == "NORMAL" and outside and world.reading("effective_window") == "dry_run":
        return "SKIP"
    return cycle.task_type


def _add_backfill_run(world: World, backfill: Backfill, day: date, *, operation_id: int, account: str) -> int:
    run_id, node = world.store.next_id("run"), backfill.nodes[0].node
    world.store.insert(
        "runs",
        id=run_id,
        workspace_id=node["workspace_id"],
        environment=node["environment"],
        name=backfill.name,
        type="SUPPLY_DATA",
        operation_id=operation_id,
        business_date=start_of_day(world, node["workspace_id"], day),
        parallel_dates=backfill.parallel_dates,
        future_at_once=backfill.future_at_once,
        newest_first=backfill.newest_first,
        creator=account,
        created=world.clock.now(),
    )
    return run_id


def _create_backfill_instances(
    world: World, backfill: Backfill, item: BackfillNode, *, run_id: int, business_date: date
) -> None:
    node = item.node
    settings = json.loads(node["settings"])
    parameters = _effective_parameters(world, settings.get("ParaValue") or "", item.override)
    cycles = _cycles(world, node["workspace_id"], settings, business_date)
    if len(cycles) > 1:
        cycles = [cycle for cycle in cycles if backfill.begin <= cycle.schedule_time.time() <= backfill.end]
    for cycle in cycles:
        create_instance(
            world,
            run_id=run_id,
            node=node,
            settings=settings,
            parameters=parameters,
            business_date=start_of_day(world, node["workspace_id"], business_date),
            cycle=replace(cycle, task_type="SKIP_UNCHOOSE") if item.dry else cycle,
            held=True,
        )


def _let_dates_begin(world: World, operation_id: int, at: int) -> None:
    """Of a backfill's business dates so many run at once as it may; when one has ended, the next one begins."""
    store, of_backfill = world.store, "run_id IN (SELECT id FROM runs WHERE operation_id = ?) AND open = 1"
    limit, newest_first = store.rows(
        "SELECT MIN(parallel_dates), MAX(newest_first) FROM runs WHERE operation_id = ?", operation_id
    )[0]
    order = "DESC" if newest_first else "ASC"
    running = store.value(
        f"SELECT COUNT(DISTINCT business_date) FROM instances WHERE {of_backfill} AND held = 0", operation_id
    )
    waiting = store.rows(
        f"SELECT DISTINCT business_date FROM instances WHERE {of_backfill} AND held = 1 ORDER BY 1 {order} LIMIT ?",
        operation_id,
        max(limit - running, 0),
    )
    for (day,) in waiting:
        for (identity,) in store.rows(
            f"SELECT id FROM instances WHERE {of_backfill} AND business_date = ?", operation_id, day
        ):
            store.update("instances", {"id": identity}, held=0)
            store.schedule(at + _waiting(world), "instance", identity)


def _wait_for_time(world: World, instance: sqlite3.Row, at: int) -> None:
    ready = at + _waiting(world)
    if _waits_for_schedule_time(world, instance):
        ready = max(ready, instance["schedule_time"])
    _change(world, instance["id"], at, status="WAIT_TIME", wait_time_began=at)
    world.store.schedule(ready, "instance", instance["id"])


def _waits_for_schedule_time(world: World, instance: sqlite3.Row) -> bool:
    if instance["dag_type"] == "SMOKE_TEST":
        return world.reading("future_test") == "waits"
    return not world.store.value("SELECT future_at_once FROM runs WHERE id = ?", instance["run_id"])


def _wait_for_resource(world: World, instance: sqlite3.Row, at: int) -> None:
    _change(
        world, instance["id"], at, status="WAIT_RESOURCE", wait_resource_began=at, running_began=None, finished=None
    )
    world.store.schedule(at + _waiting(world), "instance", instance["id"])


def _start(world: World, instance: sqlite3.Row, at: int) -> None:
    number = instance["attempt"] + 1
    execution = _execution(world, instance, number, at)
    lines = [[line.at, line.level, line.text] for line in execution.lines]
    if execution.end is not None:
        lines += _closing(execution.end, succeeded=execution.succeeded)
    _write_attempt(world, instance["id"], number=number, succeeded=execution.succeeded, lines=lines)
    flows.keep_writes(
        world, execution.writes, owner=instance["id"], attempt=number, environment=instance["environment"]
    )
    _change(world, instance["id"], at, status="RUNNING", running_began=at, attempt=number)
    if execution.end is not None:
        world.store.schedule(execution.end, "instance", instance["id"])


def _end(world: World, instance: sqlite3.Row, at: int) -> None:
    store, identity = world.store, instance["id"]
    succeeded = store.value(
        "SELECT succeeded FROM attempts WHERE instance_id = ? AND number = ?", identity, instance["attempt"]
    )
    reruns = instance["reruns_left"]
    if succeeded:
        _finish(world, identity, at, status="SUCCESS")
    elif reruns is None or instance["task_type"] == "PAUSE":
        _finish(world, identity, at, status="FAILURE")
    elif reruns <= 1:
        _finish(world, identity, at, status="FAILURE", reruns_left=0)
    else:
        status = "FAILURE" if world.reading("transient_failure") == "yes" else "WAIT_TIME"
        _change(world, identity, at, status="FAILURE", reruns_left=reruns - 1, finished=at)
        _remember(world, _instance(world, identity))
        _change(world, identity, at, status=status)
        store.schedule(at + instance["rerun_interval"], "instance", identity)


_NEXT = {
    "NOT_RUN": _wait_for_time,
    "WAIT_TIME": _wait_for_resource,
    "WAIT_RESOURCE": _start,
    "RUNNING": _end,
    # between a failed try and its automatic rerun
    "FAILURE": _wait_for_resource,
}


def _execution(world: World, instance: sqlite3.Row, number: int, at: int) -> Execution:
    node = world.store.row(
        "SELECT * FROM nodes WHERE environment = ? AND id = ?", instance["environment"], instance["node_id"]
    )
    if node is None:
        return _immediate(at, "ERROR", "The node does not exist any more", succeeded=False)
    if instance["task_type"] == "PAUSE":
        return _immediate(at, "ERROR", "The node is frozen: the instance is set to failed", succeeded=False)
    if instance["task_type"] in _DRY:
        text = f"Dry run ({instance['task_type']}): the code of the node is not executed"
        return _immediate(at, "INFO", text, succeeded=True)
    zone = world.zone(instance["workspace_id"])
    schedule_time = local(instance["schedule_time"], zone)
    try:
        values = _values(instance, node, schedule_time)
    except SchedulingParameterError as error:
        text = f"params format error, please check your params(key=values): {error}"
        return _immediate(at, "ERROR", text, succeeded=False)
    run_id = flow_id(instance["id"], number)
    business_date = local(instance["business_date"], zone)
    system = {
        "bdp.system.bizdate": f"{business_date:%Y%m%d}",
        "bdp.system.cyctime": f"{schedule_time:%Y%m%d%H%M%S}",
    }
    execution = _code(world, instance, node, at, values={**system, **values}, run_id=run_id)
    opening = _opening(world, instance, node, at, values=values, system=system, run_id=run_id)
    lines = execution.lines
    if world.reading("pai_id_in_log") == "no":
        lines = tuple(line for line in lines if run_id not in line.text)
    return replace(execution, lines=(*opening, *lines))


def _code(
    world: World, instance: sqlite3.Row, node: sqlite3.Row, at: int, *, values: Mapping[str, str], run_id: str
) -> Execution:
    """Execute the code of a node; that of a Designer node is a run of PAIFlow, which can be read there too."""
    order = FlowOrder(
        run_id=run_id,
        workspace_id=instance["workspace_id"],
        account=instance["creator"],
        instance_id=instance["id"],
        # what DataWorks calls it is not documented: a run without a name gets that of its id
        name=run_id,
        seed_name=instance["node_name"],
        environment=instance["environment"],
        project=_engine_project(world, instance),
    )
    if node["file_type"] != PAI_STUDIO:
        return flows.execute(world, order, (pipeline.whole_file(node["name"], node["content"], values),), at)
    try:
        flow = pipeline.flow_of(node["content"], values)
        steps = pipeline.steps_of(flow.manifest)
    except ContentError as error:
        return pipeline.unreadable("the code of the node", error, at)
    execution = flows.execute(world, order, steps, at)
    flows.add(world, replace(order, manifest=flow.manifest, arguments=flow.arguments), at)
    flows.keep_plan(world, run_id, execution, at)
    return execution


def flow_id(instance_id: int, attempt: int) -> str:
    """Return the id of the PAIFlow run that an attempt of an instance is."""
    return flows.identifier("flow", f"{instance_id}/{attempt}")


def _values(instance: sqlite3.Row, node: sqlite3.Row, schedule_time: datetime) -> dict[str, str]:
    context = {
        "jobid": str(instance["run_id"]),
        "nodeid": str(node["id"]),
        "taskid": str(instance["id"]),
    }
    return SchedulingParameters.parse(instance["parameters"], strict=False).evaluate(
        schedule_time=schedule_time, current_date=schedule_time.date(), context=context
    )


def _opening(
    world: World,
    instance: sqlite3.Row,
    node: sqlite3.Row,
    at: int,
    *,
    values: Mapping[str, str],
    system: Mapping[str, str],
    run_id: str,
) -> list[Line]:
    """The lines that every log of an instance begins with."""
    settings = json.loads(node["settings"])
    named = world.reading("pai_id_in_log") == "yes"
    environment = {
        "SKYNET_SYSTEM_ENV": instance["environment"].lower(),
        "SKYNET_TASKID": instance["id"],
        "SKYNET_NODEID": node["id"],
        "SKYNET_NODENAME": node["name"],
        "SKYNET_BIZDATE": system["bdp.system.bizdate"],
        "SKYNET_CYCTIME": system["bdp.system.cyctime"],
        "SKYNET_GMTDATE": system["bdp.system.cyctime"][:8],
        "SKYNET_PARAVALUE": " ".join(f"{name}={value}" for name, value in values.items()),
    }
    texts = [
        "=" * 64,
        f"Resource group: {settings.get('ResourceGroupIdentifier') or default_resource_group(world)}",
        "Current task status: RUNNING",
        *(f"{name}={value}" for name, value in environment.items()),
        *([f"PAIFlow run id: {run_id}"] if node["file_type"] == PAI_STUDIO and named else []),
    ]
    return [Line(at=at, level="INFO", text=text) for text in texts]


def _closing(at: int, *, succeeded: bool) -> list[list[Any]]:
    """The lines that every log of an instance ends with."""
    level, code, outcome = ("INFO", 0, "FINISH") if succeeded else ("ERROR", 1, "ERROR")
    return [
        [at, "INFO", "=" * 64],
        [at, level, f"Current task status: {outcome}"],
        [at, level, f"Exit code of the task: {code}"],
    ]


def default_resource_group(world: World) -> str:
    """Return the identifier of the scheduling resource group that nodes get by default."""
    query = "SELECT identifier FROM resource_groups WHERE type = 1 ORDER BY is_default DESC, id"
    return str(world.store.value(query) or "")


def _engine_project(world: World, instance: sqlite3.Row) -> str:
    workspace = world.workspace(instance["workspace_id"])
    return str(workspace["identifier"]) + ("_dev" if instance["environment"] == "DEV" else "")


def _immediate(at: int, level: str, text: str, *, succeeded: bool) -> Execution:
    return Execution(lines=(Line(at=at, level=level, text=text),), writes=(), end=at, succeeded=succeeded)


def _write_attempt(world: World, instance_id: int, *, number: int, succeeded: bool, lines: list[list[Any]]) -> None:
    world.store.upsert("attempts", instance_id=instance_id, number=number, succeeded=succeeded, log=json.dumps(lines))


def _finish(world: World, instance_id: int, at: int, **changes: Any) -> None:
    _change(world, instance_id, at, finished=at, open=0, held=0, **changes)
    run = world.store.row(
        "SELECT runs.* FROM runs JOIN instances ON run_id = runs.id AND instances.id = ?", instance_id
    )
    assert run is not None
    if run["type"] == "SUPPLY_DATA":
        _let_dates_begin(world, run["operation_id"], at)


def _remember(world: World, instance: sqlite3.Row) -> None:
    """Keep what an attempt came to, before the next one begins."""
    world.store.upsert(
        "history", instance_id=instance["id"], number=instance["attempt"], snapshot=json.dumps(dict(instance))
    )


def _change(world: World, instance_id: int, at: int, **changes: Any) -> None:
    world.store.update("instances", {"id": instance_id}, modified=at, **changes)


def _waiting(world: World) -> int:
    return int(world.timing.waiting_seconds * 1000)


def _instance(world: World, instance_id: int) -> sqlite3.Row:
    row = world.store.row("SELECT * FROM instances WHERE id = ?", instance_id)
    assert row is not None
    return row
