"""The instances that production's own schedule makes: every night at 23:30 those of the next day.

A node that was deployed later in the evening begins a day later. Development schedules nothing by itself.
Source: https://help.aliyun.com/en/dataworks/user-guide/instance-generation-method-instantly-generate-an-instance-after-publishing
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from datetime import date, datetime, time, timedelta

from airflow_provider_pai_designer.emulator import scheduler
from airflow_provider_pai_designer.emulator.errors import BusinessError
from airflow_provider_pai_designer.emulator.scheduler import Cycle
from airflow_provider_pai_designer.emulator.world import World, local, milliseconds

_TIME = time(23, 30)
_LONGEST_LOOK_BACK = 31 * 24 * 60 * 60 * 1000
"""Nights that lie further back are left out, so that a clock that jumps by years costs no more than by a month."""


def plan(world: World, workspace_id: int, at: int) -> None:
    """See to it that the instances of a workspace are made the next time after ``at``, epoch milliseconds."""
    zone = world.zone(workspace_id)
    today = local(at, zone).date()
    nights = (milliseconds(datetime.combine(today + timedelta(days=days), _TIME), zone) for days in (0, 1))
    world.store.schedule(next(night for night in nights if night > at), "generation", workspace_id)


def on_event(world: World, workspace_id: int, at: int) -> None:
    """Make the instances of the next day."""
    nodes = world.store.rows(
        "SELECT * FROM nodes WHERE workspace_id = ? AND environment = 'PROD' ORDER BY id", workspace_id
    )
    if not nodes:
        return
    oldest = world.clock.now() - _LONGEST_LOOK_BACK
    if at >= oldest:
        with world.clock.standing_at(at):
            _make_instances(world, workspace_id, nodes)
    plan(world, workspace_id, max(at, oldest))


def _make_instances(world: World, workspace_id: int, nodes: list[sqlite3.Row]) -> None:
    today = local(world.clock.now(), world.zone(workspace_id)).date()
    planned = [(node, cycles) for node in nodes if (cycles := _cycles(world, node, today))]
    if not planned:
        return
    run_id = _add_run(world, workspace_id, today)
    for node, cycles in planned:
        settings = json.loads(node["settings"])
        for cycle in cycles:
            scheduler.create_instance(
                world,
                run_id=run_id,
                node=node,
                settings=settings,
                parameters=settings.get("ParaValue") or "",
                business_date=scheduler.start_of_day(world, workspace_id, today),
                cycle=cycle,
            )


def _cycles(world: World, node: sqlite3.Row, business_date: date) -> list[Cycle]:
    settings, zone = json.loads(node["settings"]), world.zone(node["workspace_id"])
    if settings["SchedulerType"] == "MANUAL":
        return []
    # a cron expression that nobody can read plans nothing
    with suppress(BusinessError):
        return [
            cycle
            for cycle in scheduler.planned_cycles(settings, business_date)
            if scheduler.is_effective(settings, milliseconds(cycle.schedule_time, zone))
        ]
    return []


def _add_run(world: World, workspace_id: int, business_date: date) -> int:
    run_id, workspace = world.store.next_id("run"), world.workspace(workspace_id)
    world.store.insert(
        "runs",
        id=run_id,
        workspace_id=workspace_id,
        environment="PROD",
        name=f"{workspace['identifier']} {business_date}",
        type="DAILY",
        operation_id=world.store.next_id("operation"),
        business_date=scheduler.start_of_day(world, workspace_id, business_date),
        creator=workspace["owner"],
        created=world.clock.now(),
    )
    return run_id
