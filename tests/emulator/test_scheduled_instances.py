"""What a user would lose: a place to try what waits for the runs that DataWorks starts by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.emulator.support import STANDARD, DataWorks, RefusedError

ZONE = ZoneInfo("Asia/Shanghai")
NIGHTLY = "00 30 02 * * ?"


def now(dataworks: DataWorks) -> datetime:
    return datetime.fromtimestamp(dataworks.emulator.control.clock.read().now / 1000, UTC).astimezone(ZONE)


def until(dataworks: DataWorks, hour: int, minute: int) -> date:
    """Let time pass until the clock shows this the next time, and return the day."""
    present = now(dataworks)
    then = datetime.combine(present, time(hour, minute), ZONE)
    then += timedelta(days=0 if then > present else 1)
    dataworks.advance((then - present).total_seconds())
    return then.date()


def scheduled(dataworks: DataWorks, node_id: int, environment: str = "PROD", **fields: Any) -> list[dict[str, Any]]:
    """Return the instances of a node, oldest first."""
    data = dataworks.call(
        "ListInstances",
        **{"project_id": STANDARD, "project_env": environment, "node_id": node_id, "page_size": 100, **fields},
    )
    return list(reversed(data["Instances"]))


@pytest.fixture
def create(dataworks: DataWorks) -> Callable[..., int]:
    """Deploy a node at noon that DataWorks schedules."""

    def deploy(**fields: Any) -> int:
        until(dataworks, 12, 0)
        return dataworks.create_node(**{"start_effect_date": 0, "cron_express": NIGHTLY, **fields})

    return deploy


def epoch(day: date, hour: int = 0, minute: int = 0) -> int:
    return int(datetime.combine(day, time(hour, minute), ZONE).timestamp() * 1000)


def test_the_instance_of_tomorrow_is_there_from_half_past_eleven(
    dataworks: DataWorks, create: Callable[..., int]
) -> None:
    node_id = create()
    until(dataworks, 23, 29)
    assert scheduled(dataworks, node_id) == []
    today = until(dataworks, 23, 30)
    dataworks.advance(60)
    (instance,) = scheduled(dataworks, node_id)
    assert (instance["DagType"], instance["TaskType"], instance["Status"]) == ("DAILY", "NORMAL(0)", "WAIT_TIME")
    assert instance["Bizdate"] == epoch(today)
    assert instance["CycTime"] == epoch(today + timedelta(days=1), 2, 30)
    assert instance["CreateTime"] == epoch(today, 23, 30)


def test_it_waits_for_its_time_and_then_runs(dataworks: DataWorks, create: Callable[..., int]) -> None:
    node_id = create()
    until(dataworks, 23, 31)
    tomorrow = until(dataworks, 2, 29)
    assert scheduled(dataworks, node_id)[0]["Status"] == "WAIT_TIME"
    until(dataworks, 2, 40)
    (instance,) = scheduled(dataworks, node_id)
    assert instance["Status"] == "SUCCESS"
    log = dataworks.call("GetInstanceLog", instance_id=instance["InstanceId"], project_env="PROD")
    assert f"bizdate={tomorrow - timedelta(days=1):%Y%m%d}" in log


def test_a_node_deployed_late_in_the_evening_begins_a_day_later(
    dataworks: DataWorks, create: Callable[..., int]
) -> None:
    until(dataworks, 23, 40)
    node_id = dataworks.create_node(start_effect_date=0, cron_express=NIGHTLY)
    until(dataworks, 23, 29)
    assert scheduled(dataworks, node_id) == []
    tomorrow = until(dataworks, 23, 31)
    assert [instance["Bizdate"] for instance in scheduled(dataworks, node_id)] == [epoch(tomorrow)]


def test_every_cycle_of_the_day_has_its_instance(dataworks: DataWorks, create: Callable[..., int]) -> None:
    node_id = create(cron_express="00 15 00-23/6 * * ?", cycle_type="NOT_DAY")
    today = until(dataworks, 23, 31)
    found = scheduled(dataworks, node_id)
    tomorrow = today + timedelta(days=1)
    assert [instance["CycTime"] for instance in found] == [epoch(tomorrow, hour, 15) for hour in (0, 6, 12, 18)]
    details = [dataworks.call("GetInstance", instance_id=i["InstanceId"], project_env="PROD") for i in found]
    assert [instance["PeriodNumber"] for instance in details] == [1, 2, 3, 4]


def test_only_cycles_in_the_effective_window_are_scheduled(dataworks: DataWorks, create: Callable[..., int]) -> None:
    """The provider's default lies far in the future: otherwise Airflow and DataWorks would both start the node."""
    tomorrow = until(dataworks, 11, 0) + timedelta(days=1)
    node_id = create(
        cron_express="00 15 00-23/6 * * ?",
        cycle_type="NOT_DAY",
        start_effect_date=epoch(tomorrow, 6),
        end_effect_date=epoch(tomorrow, 13),
    )
    never = dataworks.create_node()
    until(dataworks, 23, 31)
    assert [instance["CycTime"] for instance in scheduled(dataworks, node_id)] == [
        epoch(tomorrow, 6, 15),
        epoch(tomorrow, 12, 15),
    ]
    assert scheduled(dataworks, never) == []


@pytest.mark.parametrize(
    ("fields", "task_type", "status"),
    [
        ({"scheduler_type": "PAUSE"}, "PAUSE(2)", "FAILURE"),
        ({"stop": True}, "PAUSE(2)", "FAILURE"),
        ({"scheduler_type": "SKIP"}, "SKIP(3)", "SUCCESS"),
    ],
)
def test_a_frozen_or_dry_node_has_its_instance_too(
    dataworks: DataWorks,
    create: Callable[..., int],
    reading: Callable[[str, str], None],
    fields: dict[str, Any],
    task_type: str,
    status: str,
) -> None:
    """What nobody knows of the tests of such nodes is documented of their schedule."""
    reading("frozen_test", "run")
    node_id = create(**fields)
    until(dataworks, 23, 31)
    assert [instance["Status"] for instance in scheduled(dataworks, node_id)] == ["WAIT_TIME"]
    until(dataworks, 2, 40)
    (instance,) = scheduled(dataworks, node_id)
    assert (instance["TaskType"], instance["Status"]) == (task_type, status)


def test_a_weekly_node_runs_dry_on_other_days(dataworks: DataWorks, create: Callable[..., int]) -> None:
    node_id = create(cron_express="00 30 02 * * 1")
    for _ in range(7):
        until(dataworks, 23, 31)
    dataworks.advance(24 * 3600)
    kinds = [instance["TaskType"] for instance in scheduled(dataworks, node_id)][:7]
    assert sorted(kinds) == ["NORMAL(0)", *["SKIP_CYCLE(5)"] * 6]


@pytest.mark.parametrize("fields", [{"scheduler_type": "MANUAL"}, {"cron_express": "every morning"}])
def test_what_has_no_schedule_is_not_scheduled(
    dataworks: DataWorks, create: Callable[..., int], fields: dict[str, Any]
) -> None:
    node_id = create(**fields)
    until(dataworks, 23, 31)
    assert scheduled(dataworks, node_id) == []


def test_development_schedules_nothing(dataworks: DataWorks, create: Callable[..., int]) -> None:
    node_id = create()
    until(dataworks, 23, 31)
    assert scheduled(dataworks, node_id, "DEV") == []


def test_a_node_taken_offline_is_not_scheduled_any_more(dataworks: DataWorks, create: Callable[..., int]) -> None:
    node_id = create()
    dataworks.call("OfflineNode", project_id=STANDARD, node_id=node_id)
    until(dataworks, 23, 31)
    assert scheduled(dataworks, node_id) == []


def test_instances_are_found_by_their_business_dates(dataworks: DataWorks, create: Callable[..., int]) -> None:
    node_id = create()
    days = [until(dataworks, 23, 31) for _ in range(3)]
    texts = [f"{day} 00:00:00" for day in days]

    def dates(**fields: Any) -> list[int]:
        return [instance["Bizdate"] for instance in scheduled(dataworks, node_id, **fields)]

    assert dates() == [epoch(day) for day in days]
    assert dates(bizdate=texts[1]) == [epoch(days[1])]
    assert dates(begin_bizdate=texts[0], end_bizdate=texts[1]) == [epoch(day) for day in days[:2]]


def test_a_scheduled_instance_can_be_run_again_but_its_dag_cannot_be_read(
    dataworks: DataWorks, create: Callable[..., int]
) -> None:
    """GetDag knows no runs of production's own schedule."""
    node_id = create()
    until(dataworks, 23, 31)
    until(dataworks, 2, 40)
    (instance,) = scheduled(dataworks, node_id)
    dataworks.call("RestartInstance", instance_id=instance["InstanceId"], project_env="PROD")
    dataworks.advance(60)
    assert scheduled(dataworks, node_id)[0]["Status"] == "SUCCESS"
    with pytest.raises(RefusedError, match="DagNotExists"):
        dataworks.call("GetDag", dag_id=instance["DagId"], project_env="PROD")


def test_a_leap_of_years_makes_a_month_of_instances(dataworks: DataWorks, create: Callable[..., int]) -> None:
    """A laptop that was closed for a year must not compute that year before it answers."""
    node_id = create()
    dataworks.advance(3 * 365 * 24 * 3600)
    found = scheduled(dataworks, node_id)
    assert len(found) == 31
    assert found[-1]["Bizdate"] == epoch(now(dataworks).date() - timedelta(days=1))
