"""What a user would lose: a gate that opens too early, never, or another way in another mode."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSensorTimeout, AirflowSkipException, TaskDeferred

from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.exceptions import QuotaExhaustedError, UnclearError
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerTestNodeOperator
from airflow_provider_pai_designer.sensors.pai_designer import (
    AwaitSensor,
    PaiDesignerRunSensor,
    PaiDesignerScheduledInstanceSensor,
    PaiDesignerSensorError,
)
from tests.conftest import connection
from tests.generations import Generation, only_legacy
from tests.operators.support import Task
from tests.operators.test_existing_node import FOLDER, deployed

MODES = ("poke", "reschedule", "deferred")
MET, FAILED, SKIPPED, OUT_OF_TIME = "met", "failed", "skipped", "out of time"
PAUSE = 0.2


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def outcome_of(mode: str, kind: type[AwaitSensor], **arguments: Any) -> tuple[str, Any]:
    """Run a sensor in a mode to its end, and tell what Airflow would make of it."""

    def make() -> Any:
        waiting = {"deferrable": True} if mode == "deferred" else {"mode": mode}
        return kind(task_id="gate", poke_interval=PAUSE, **waiting, **arguments)

    try:
        result = _rescheduled(make) if mode == "reschedule" else Task().run(make())
    except AirflowSkipException as skipped:
        return SKIPPED, str(skipped)
    except AirflowSensorTimeout as timeout:
        return OUT_OF_TIME, str(timeout)
    except PaiDesignerSensorError as error:
        return FAILED, str(error)
    return MET, result


def _rescheduled(make: Callable[[], Any]) -> Any:
    """Begin the task anew for every look, as Airflow does."""
    task, first = Task(), datetime.now(UTC)
    looks = 0
    task.context["ti"].get_first_reschedule_date = lambda _: first if looks else None
    while True:
        try:
            return make().execute(task.context)
        except AirflowRescheduleException:
            looks += 1
            threading.Event().wait(PAUSE)


def started(emulator: Emulator, behaviour: dict[str, Any] | None = None, **node: Any) -> dict[str, Any]:
    """Start a run that a sensor can wait for."""
    found = deployed(**node)
    if behaviour:
        emulator.control.seed({"steps": [{"node": found["node_name"], "step": "*", **behaviour}]})
    subject = PaiDesignerTestNodeOperator(
        task_id="start", designer_node_id=found["node_id"], wait_for_completion=False, environment="DEV"
    )
    result: dict[str, Any] = subject.execute(Task().context)
    return result


def spoil(monkeypatch: pytest.MonkeyPatch, verb: str, errors: Sequence[Exception | None]) -> list[Exception | None]:
    """Let the first calls of a verb fail, each in its own way or not; return what is still to come."""
    call, left = getattr(PaiDesignerHook, verb), list(errors)

    def spoilt(*arguments: Any, **options: Any) -> Any:
        if left and (error := left.pop(0)):
            raise error
        return call(*arguments, **options)

    monkeypatch.setattr(PaiDesignerHook, verb, spoilt)
    return left


FAILS = {"behaviour": "fail", "message": "no disk"}
HANGS = {"behaviour": "hang"}


@pytest.mark.parametrize(
    ("behaviour", "arguments", "expected", "said"),
    [
        (None, {}, MET, ""),
        (FAILS, {}, FAILED, "no disk"),
        (FAILS, {"soft_fail": True}, SKIPPED, "no disk|soft_fail"),
        (FAILS, {"never_fail": True}, SKIPPED, "no disk|never_fail"),
        (HANGS, {"timeout": 1}, OUT_OF_TIME, ""),
        (HANGS, {"timeout": 1, "soft_fail": True}, SKIPPED, ""),
        (HANGS, {"timeout": 1, "never_fail": True}, SKIPPED, ""),
    ],
)
def test_a_run_has_one_outcome_in_every_mode(
    connected: Emulator,
    mode: str,
    behaviour: dict[str, Any] | None,
    arguments: dict[str, Any],
    expected: str,
    said: str,
) -> None:
    run = started(connected, behaviour)
    outcome, result = outcome_of(mode, PaiDesignerRunSensor, run=run, **arguments)
    assert outcome == expected, result
    if expected == MET:
        assert result["run_name"] == run["run_name"]
        assert [item["outcome"] for item in result["instances"]] == ["success"]
    elif said:
        assert any(word in result for word in said.split("|")), result


def test_a_dry_run_is_no_success_unless_it_is_accepted(connected: Emulator, mode: str) -> None:
    run = started(connected, schedule={"cron": "00 30 02 ? * 4"})
    outcome, said = outcome_of(mode, PaiDesignerRunSensor, run=run)
    assert outcome == FAILED
    assert "without running the pipeline" in said
    assert outcome_of(mode, PaiDesignerRunSensor, run=run, accept_dry_run=True)[0] == MET


def test_a_run_that_the_service_has_forgotten_is_gone(connected: Emulator, mode: str) -> None:
    run = {**started(connected), "remote_dag_ids": [4242]}
    outcome, said = outcome_of(mode, PaiDesignerRunSensor, run=run)
    assert outcome == FAILED
    assert "is gone" in said


@only_legacy
@pytest.mark.parametrize(
    ("run", "said"), [({"a": 1}, "not that of a run"), ([4242], "NotFoundError"), ("a name", "give designer_node_id")]
)
def test_bad_input_fails_at_once_in_every_mode(connected: Emulator, mode: str, run: Any, said: str) -> None:
    outcome, result = outcome_of(mode, PaiDesignerRunSensor, run=run)
    assert outcome == FAILED
    assert said in result


def test_a_wrong_key_fails_at_once_in_every_mode(
    emulator: Emulator, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(emulator, password="wrong"))
    outcome, said = outcome_of(mode, PaiDesignerRunSensor, run=[1])
    assert outcome == FAILED
    assert "AuthenticationError" in said


def test_weather_is_waited_out_in_every_mode(connected: Emulator, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(connected)
    spoil(monkeypatch, "list_instances", [UnclearError("no reply", operation="ListInstances")] * 4)
    assert outcome_of(mode, PaiDesignerRunSensor, run=run)[0] == MET


def test_calls_of_the_day_that_are_used_up_are_waited_for_in_every_mode(
    connected: Emulator, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(connected, {"behaviour": "slow", "seconds": 20})
    used_up = QuotaExhaustedError("no calls left today", operation="ListInstances")
    left = spoil(monkeypatch, "list_instances", [None, used_up, used_up])
    assert outcome_of(mode, PaiDesignerRunSensor, run=run)[0] == MET
    # what a deferred one looks with is the watch's
    assert not left or mode == "deferred"


@pytest.mark.parametrize("times", [1, 3])
def test_a_hiccup_before_it_is_known_what_to_wait_for_fails_no_task(
    connected: Emulator, mode: str, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    run = started(connected)
    spoil(monkeypatch, "read_run", [UnclearError("no reply", operation="GetDag")] * times)
    assert outcome_of(mode, PaiDesignerRunSensor, run=run["remote_dag_ids"])[0] == MET


def test_a_run_that_is_asked_for_later_is_waited_for_by_its_name(connected: Emulator, mode: str) -> None:
    node = deployed()
    name = f"later {uuid4().hex[:8]}"
    later = threading.Timer(
        1.0,
        lambda: PaiDesignerHook().test_node(
            node["node_id"], business_date=datetime(2026, 11, 22, tzinfo=UTC).date(), name=name
        ),
    )
    later.start()
    outcome, result = outcome_of(
        mode, PaiDesignerRunSensor, run=name, designer_node_id=node["node_id"], business_date="2026-11-22"
    )
    later.join()
    assert outcome == MET
    assert result["run_name"] == name


def test_execution_timeout_is_a_deadline_while_deferred(connected: Emulator) -> None:
    run = started(connected, HANGS)
    outcome, _ = outcome_of("deferred", PaiDesignerRunSensor, run=run, execution_timeout=timedelta(seconds=1))
    assert outcome == OUT_OF_TIME


def test_a_sensor_that_is_met_at_once_needs_no_triggerer(connected: Emulator) -> None:
    run = started(connected)
    outcome_of("poke", PaiDesignerRunSensor, run=run)
    sensor = PaiDesignerRunSensor(task_id="gate", run=run, deferrable=True)
    assert sensor.execute(Task().context)["outcome"] == "success"


def test_airflows_own_time_out_of_a_deferral_comes_long_after_ours(connected: Emulator) -> None:
    run = started(connected, HANGS)
    with pytest.raises(TaskDeferred) as deferred:
        PaiDesignerRunSensor(task_id="gate", run=run, deferrable=True, timeout=60).execute(Task().context)
    assert deferred.value.timeout is not None
    assert deferred.value.timeout > timedelta(days=1)


def test_no_template_field_is_written_while_a_task_runs(connected: Emulator) -> None:
    sensor = PaiDesignerRunSensor(task_id="gate", run=started(connected), poke_interval=PAUSE, environment="PROD")
    before = {name: getattr(sensor, name) for name in sensor.template_fields}
    sensor.execute(Task().context)
    assert {name: getattr(sensor, name) for name in sensor.template_fields} == before


@pytest.fixture(scope="module")
def scheduling() -> Iterator[Emulator]:
    """A DataWorks whose days pass when they are told to."""
    with launch(time_scale=20, seed={"days_ago": 200}) as running:
        yield running


@pytest.fixture
def days(scheduling: Emulator, generation: Generation, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(scheduling, generation=generation))
    if local_time(scheduling).hour >= 22:
        # Late in the evening the instances of the next day are made already: a node of now has none that day.
        scheduling.control.clock.advance(3 * 3600)
    return scheduling


def local_time(emulator: Emulator) -> datetime:
    return datetime.fromtimestamp(emulator.control.clock.read().now / 1000, UTC) + timedelta(hours=8)


def scheduled_day(emulator: Emulator) -> str:
    """The business date of the instances that are planned for the day that begins next."""
    return local_time(emulator).date().isoformat()


def in_schedule(**node: Any) -> dict[str, Any]:
    """Deploy a node that DataWorks starts by itself."""
    schedule = {"cron": "00 05 00 * * ?", "start": "2020-01-01", "end": "2099-01-01", **node.pop("schedule", {})}
    return deployed(environment="PROD", schedule=schedule, **node)


def later(emulator: Emulator, hours: float) -> Callable[[], None]:
    """Let hours pass in a second from now, while a sensor waits."""
    timer = threading.Timer(1.0, lambda: emulator.control.clock.advance(hours * 3600))
    timer.start()
    return timer.join


@pytest.mark.parametrize("by_name", [False, True])
def test_an_instance_that_is_not_generated_yet_is_waited_for(days: Emulator, mode: str, by_name: bool) -> None:
    node = in_schedule()
    day = scheduled_day(days)
    done = later(days, 48)
    which = {"node_name": node["node_name"], "folder": FOLDER} if by_name else {"designer_node_id": node["node_id"]}
    outcome, result = outcome_of(mode, PaiDesignerScheduledInstanceSensor, business_date=day, **which)
    done()
    assert outcome == MET, result
    assert [item["business_date"] for item in result["instances"]] == [day]


def test_one_cycle_or_all_of_a_day(days: Emulator) -> None:
    node = in_schedule(schedule={"cron": "00 10 00-23/1 * * ?"})
    day = scheduled_day(days)
    days.control.clock.advance(60 * 3600)
    sensor = {"designer_node_id": node["node_id"], "business_date": day}
    outcome, third = outcome_of("poke", PaiDesignerScheduledInstanceSensor, cycle="3", **sensor)
    assert outcome == MET
    assert [item["schedule_time"][11:16] for item in third["instances"]] == ["02:10"]
    outcome, whole = outcome_of("poke", PaiDesignerScheduledInstanceSensor, **sensor)
    assert outcome == MET
    assert len(whole["instances"]) == 24
    outcome, said = outcome_of("poke", PaiDesignerScheduledInstanceSensor, cycle=25, **sensor)
    assert outcome == FAILED
    assert "only 24 instance(s)" in said


def test_a_frozen_schedule_fails_with_the_reason(days: Emulator, mode: str) -> None:
    node = in_schedule(schedule={"type": "PAUSE"})
    day = scheduled_day(days)
    days.control.clock.advance(48 * 3600)
    outcome, said = outcome_of(
        mode, PaiDesignerScheduledInstanceSensor, designer_node_id=node["node_id"], business_date=day
    )
    assert outcome == FAILED
    assert "frozen" in said


def test_a_schedule_that_fails_shows_the_log_and_fails(days: Emulator, mode: str) -> None:
    node = in_schedule()
    days.control.seed({"steps": [{"node": node["node_name"], "step": "*", **FAILS}]})
    day = scheduled_day(days)
    days.control.clock.advance(48 * 3600)
    outcome, said = outcome_of(
        mode, PaiDesignerScheduledInstanceSensor, designer_node_id=node["node_id"], business_date=day
    )
    assert outcome == FAILED
    assert "no disk" in said


def test_a_cycle_counts_from_one(connected: Emulator) -> None:
    outcome, said = outcome_of("poke", PaiDesignerScheduledInstanceSensor, designer_node_id=1, cycle=0)
    assert outcome == FAILED
    assert "counts the instances of the day from 1" in said
