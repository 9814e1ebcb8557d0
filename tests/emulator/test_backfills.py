"""What a user would lose: a backfill that runs every business date, as many at once as was said, and can be found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.support import DataWorks, RefusedError, backfill_fields


def start(dataworks: DataWorks, node_id: int, **fields: Any) -> list[int]:
    return list(dataworks.call("RunCycleDagNodes", **backfill_fields(node_id, **fields)))


def instances(dataworks: DataWorks, runs: list[int]) -> list[dict[str, Any]]:
    """All instances of a backfill, the first business date first."""
    found = [instance for run in runs for instance in dataworks.instances(run)]
    return sorted(found, key=lambda instance: (instance["CycTime"], instance["InstanceId"]))


def begun(dataworks: DataWorks, runs: list[int]) -> int:
    return sum("BeginWaitTimeTime" in instance for instance in instances(dataworks, runs))


def test_every_business_date_is_one_run_of_one_operation(dataworks: DataWorks) -> None:
    runs = start(dataworks, dataworks.create_node())
    dags = [dataworks.call("GetDag", dag_id=run, project_env="DEV") for run in runs]
    assert len({dag["Bizdate"] for dag in dags}) == 3
    assert {dag["Type"] for dag in dags} == {"SUPPLY_DATA"}
    (operation,) = {dag["OpSeq"] for dag in dags}
    listed = dataworks.call("ListDags", op_seq=operation, project_env="DEV")["Dags"]
    assert [dag["DagId"] for dag in listed] == runs
    dataworks.advance(3600)
    assert [instance["Status"] for instance in instances(dataworks, runs)] == ["SUCCESS"] * 3
    assert {instance["DagType"] for instance in instances(dataworks, runs)} == {"SUPPLY_DATA"}


def test_all_business_dates_may_be_one_run(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    reading("backfill_dags", "single")
    runs = start(dataworks, dataworks.create_node())
    assert len(runs) == 1
    assert len({instance["Bizdate"] for instance in instances(dataworks, runs)}) == 3


@pytest.mark.parametrize("cardinality", ["per_date", "single"])
@pytest.mark.parametrize(
    ("fields", "at_once"), [({}, 1), ({"parallelism": True, "concurrent_runs": 2}, 2), ({"parallelism": True}, 3)]
)
def test_so_many_business_dates_run_at_once(
    dataworks: DataWorks,
    reading: Callable[[str, str], None],
    cardinality: str,
    fields: dict[str, Any],
    at_once: int,
) -> None:
    """Too many at once would take the slots of a resource group that others need."""
    reading("backfill_dags", cardinality)
    runs = start(dataworks, dataworks.create_node(), **fields)
    dataworks.advance(1)
    assert begun(dataworks, runs) == at_once
    dataworks.advance(3600)
    assert {instance["Status"] for instance in instances(dataworks, runs)} == {"SUCCESS"}


def test_a_stopped_date_lets_the_next_one_begin(dataworks: DataWorks) -> None:
    runs = start(dataworks, dataworks.create_node())
    first = instances(dataworks, runs)[0]
    dataworks.call("StopInstance", instance_id=first["InstanceId"], project_env="DEV")
    dataworks.advance(3600)
    assert [instance["Status"] for instance in instances(dataworks, runs)] == ["FAILURE", "SUCCESS", "SUCCESS"]


def test_an_hourly_node_runs_the_cycles_between_the_given_times(dataworks: DataWorks) -> None:
    node_id = dataworks.create_node(cron_express="00 10 00-23/1 * * ?", cycle_type="NOT_DAY")
    one_day = {"start_biz_date": "2026-11-22 00:00:00"}
    some = start(dataworks, node_id, biz_begin_time="06:00:00", biz_end_time="09:30:00", **one_day)
    assert len(instances(dataworks, some)) == 4
    assert len(instances(dataworks, start(dataworks, node_id, **one_day))) == 24


def test_parameters_are_given_by_node_id(dataworks: DataWorks) -> None:
    node_id = dataworks.create_node()
    runs = start(dataworks, node_id, node_params=f'{{"{node_id}": "bizdate=20200101"}}')
    assert {instance["ParamValues"] for instance in instances(dataworks, runs)} == {"bizdate=20200101"}


def test_an_excluded_node_is_a_dry_run(dataworks: DataWorks) -> None:
    root, other = dataworks.create_node(), dataworks.create_node()
    runs = start(dataworks, root, include_node_ids=f"{root},{other}", exclude_node_ids=str(other))
    kinds = {(instance["NodeId"], instance["TaskType"]) for instance in instances(dataworks, runs)}
    assert kinds == {(root, "NORMAL(0)"), (other, "SKIP_UNCHOOSE(4)")}


@pytest.mark.parametrize(("at_once", "status"), [(False, "WAIT_TIME"), (True, "SUCCESS")])
def test_a_time_to_come_is_awaited_unless_said_otherwise(dataworks: DataWorks, at_once: bool, status: str) -> None:
    future = {"start_biz_date": "2036-11-22 00:00:00", "end_biz_date": "2036-11-22 00:00:00"}
    runs = start(dataworks, dataworks.create_node(), start_future_instance_immediately=at_once, **future)
    dataworks.advance(60)
    assert [instance["Status"] for instance in instances(dataworks, runs)] == [status]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"include_node_ids": "12"}, "Invalid.Wkbench.Parameter"),
        ({"include_node_ids": "all"}, "Invalid.Wkbench.Parameter"),
        ({"end_biz_date": "2026-11-01 00:00:00"}, "Invalid.Wkbench.Parameter"),
        ({"start_biz_date": "2026-11-01"}, "Invalid.Wkbench.Parameter"),
        ({"biz_begin_time": "noon"}, "Invalid.Wkbench.Parameter"),
        ({"node_params": "a=b"}, "Invalid.Wkbench.Parameter"),
        ({"concurrent_runs": 11}, "Invalid.Param"),
        ({"concurrent_runs": 1}, "Invalid.Param"),
        ({"root_node_id": 5, "include_node_ids": "5"}, "Undocumented.NodeNotExists"),
    ],
)
def test_what_cannot_be_run_is_refused(dataworks: DataWorks, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(RefusedError) as caught:
        start(dataworks, dataworks.create_node(), **fields)
    assert caught.value.code == code
