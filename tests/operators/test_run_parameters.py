"""What a user would lose: the day and the values that they meant, in whatever way DataWorks takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from airflow_provider_pai_designer.emulator.doubts import DOUBTS
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    NodeDefinitionError,
    RunFailedError,
    SchedulingParameterError,
)
from tests.contents import read_content
from tests.generations import only_legacy
from tests.operators.support import RUN_AFTER, Task, writes
from tests.operators.test_node_operator import operator

# Where the parameters of a run go differs between the generations, and is told in the contract tests; all else here is
# what comes before a call, and after a run.
pytestmark = only_legacy

ALL_READINGS = [(merging, form) for merging in ("merge", "replace") for form in ("json", "plain")]


@pytest.fixture(params=[False, True], ids=["in place", "deferred"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def task() -> Task:
    return Task()


@pytest.fixture(params=ALL_READINGS, ids=" ".join)
def reading(connected: Emulator, request: pytest.FixtureRequest) -> Iterator[None]:
    """What becomes of the node's own parameters, and in which form those of a run are taken."""
    names = ("node_params", "smoke_node_params")
    connected.control.seed({"doubts": dict(zip(names, request.param, strict=True))})
    yield
    connected.control.seed({"doubts": {name: DOUBTS[name].default for name in names}})


def warnings(records: Sequence[Any]) -> list[str]:
    return [str(record["event"]) for record in records if record["log_level"] == "warning"]


@pytest.mark.usefixtures("reading")
def test_parameters_of_one_run_have_their_values_and_leave_the_node_as_it_is(
    connected: Emulator, task: Task, deferrable: bool
) -> None:
    declaration: dict[str, Any] = {
        "node_name": f"node_{uuid4().hex[:8]}",
        "content": read_content("global_variable").replace("a:a:STRING", "a:${region}:${hour}"),
        "schedule": {"cron": "00 30 02 * * ?"},
        "parameters": {"bizdate": "$bizdate", "region": "cn"},
    }
    run_parameters = {"bizdate": "${yyyymmdd-1}", "hour": "$[hh24-1/24]"}
    subject = operator(**declaration, run_parameters=run_parameters, deferrable=deferrable)
    with capture_logs() as records:
        result = task.run(subject)
    assert result["parameters"] == "bizdate=20261121 region=cn hour=01"
    (shown,) = [record["event"] for record in records if "ran with the scheduling parameters" in record["event"]]
    assert set(shown.partition(" parameters ")[2].split()) == {"bizdate=20261121", "region=cn", "hour=01"}
    assert "dt=20261121" in connected.control.tables()["demo_project.demo_output_table"]
    assert not any("is expected" in warning for warning in warnings(records))
    again = operator(**declaration, wait_for_completion=False).execute(Task().context)
    assert (again["node"], again["parameters"]) == ("unchanged", "bizdate=$bizdate region=cn")


def test_a_variable_that_may_be_meant_so_is_a_warning_and_the_engines_words_are_shown(
    connected: Emulator, task: Task
) -> None:
    content = read_content("global_variable").replace("a:a:STRING", "a:a:${kind}")
    with capture_logs() as records, pytest.raises(RunFailedError, match="ODPS-0130161"):
        task.run(operator(content=content))
    assert any("Merge Columns-1" in warning and "${kind} in leftColumns" in warning for warning in warnings(records))


def test_a_parameter_that_nothing_uses_is_a_warning(connected: Emulator, task: Task) -> None:
    parameters = {"bizdate": "$bizdate", "bizdte": "$bizdate"}
    with capture_logs() as records:
        operator(parameters=parameters, wait_for_completion=False).execute(task.context)
    assert any("'bizdte' is used nowhere" in warning for warning in warnings(records))


def test_another_value_in_dataworks_is_a_warning_with_both(connected: Emulator, task: Task) -> None:
    result = task.run(operator())
    with capture_logs() as records:
        task.xcoms["deferred_run"] = {"epoch": 0, "run": {**result, "parameters": "bizdate=${yyyymmdd-1}"}}
        operator().execute_complete(task.context, event={"verdict": "ended"})
    (warning,) = warnings(records)
    assert "has '20261122' in DataWorks, where '20261121' is expected" in warning


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"run_parameters": {"bizdate": "a b"}}, SchedulingParameterError, "holds no ' '"),
        (
            {"run_parameters": {"bizdate": "1"}, "schedule": {"cron": "00 30 02 ? * 2"}},
            NodeDefinitionError,
            "not due on the day after 2026-11-22",
        ),
    ],
)
def test_bad_parameters_of_a_run_are_refused_before_any_write(
    connected: Emulator, task: Task, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with writes(connected) as called, pytest.raises(error, match=message):
        operator(**arguments).execute(task.context)
    assert called == []


def test_another_zone_than_the_configured_one_is_one_line_in_the_log(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lines() -> list[str]:
        with capture_logs() as records:
            operator(wait_for_completion=False).execute(task.context)
        return [str(record) for record in records if "time zone" in record["event"]]

    assert lines() == []
    monkeypatch.setenv("AIRFLOW__PAI_DESIGNER__TIMEZONE", "Asia/Tokyo")
    (line,) = lines()
    assert all(word in line for word in ("Asia/Tokyo", "Asia/Shanghai", "conn_id"))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"partition_key": "eu"}, "partition 'eu', which has no date"),
        ({"partition_key": "x", "partition_date": datetime(2999, 1, 1, tzinfo=UTC)}, r"future.*run_offset=-1"),
        ({"data_interval_end": datetime(2999, 1, 1, tzinfo=UTC)}, r"future.*logical date that has passed"),
    ],
)
def test_a_run_without_a_usable_business_date_asks_for_one(
    connected: Emulator, task: Task, facts: dict[str, Any], message: str
) -> None:
    run = {"run_after": RUN_AFTER, "data_interval_end": None, **facts}
    task.context["dag_run"] = SimpleNamespace(**run)
    with writes(connected) as called, pytest.raises(ConfigurationError, match=f"{message}.*business_date="):
        operator().execute(task.context)
    assert called == []
    given = operator(business_date="2026-11-01", wait_for_completion=False)
    assert given.execute(task.context)["business_date"] == "2026-11-01"


def test_the_day_of_a_partition_is_the_business_date(connected: Emulator, task: Task) -> None:
    task.context["partition_date"] = RUN_AFTER - timedelta(days=1)
    assert operator(wait_for_completion=False).execute(task.context)["business_date"] == "2026-11-22"


def test_a_partition_of_today_is_warned_of(connected: Emulator, task: Task) -> None:
    task.context["partition_date"] = datetime.now(UTC)
    with capture_logs() as records:
        operator(wait_for_completion=False).execute(task.context)
    assert any("is today" in warning and "run_offset=-1" in warning for warning in warnings(records))
