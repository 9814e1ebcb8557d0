"""What a user would lose: a pipeline that runs twice, or a run that nobody stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from structlog.testing import capture_logs

from airflow_provider_pai_designer.designer.record import Decision, Record, Step, decide
from airflow_provider_pai_designer.designer.run import Outcome, Run
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import RunFailedError, RunTimeoutError, UnclearError
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.operators.memory import KEY
from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerBackfillNodeOperator,
    PaiDesignerTestNodeOperator,
)
from tests.generations import Generation
from tests.operators.support import Task, fire, status_of, wait_until, writes
from tests.operators.test_existing_node import deployed
from tests.operators.test_node_operator import operator


class KilledError(BaseException):
    """The process is gone, with SIGKILL: no handler sees it."""


@pytest.fixture(params=[True, False], ids=["3.3", "3.2"])
def task(request: pytest.FixtureRequest) -> Task:
    """A task under an Airflow that keeps state for it, and under one that does not."""
    return Task(remembers=bool(request.param))


@contextmanager
def dies(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *, after: bool) -> Iterator[None]:
    """End the process when a method is called, before or after it did its work."""
    method = getattr(owner, name)

    def killed(*arguments: Any, **options: Any) -> Any:
        if after:
            method(*arguments, **options)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, killed)
        with pytest.raises(KilledError):
            yield


def runs(emulator: Emulator, node_id: int) -> list[dict[str, Any]]:
    """All instances that a node ever had."""
    return [item for item in emulator.control.state()["instances"] if item["node_id"] == node_id]


def test(node: dict[str, Any], **arguments: Any) -> PaiDesignerTestNodeOperator:
    """The task, made anew for every try as Airflow does."""
    values: dict[str, Any] = {
        "task_id": "daily",
        "poll_interval": 0.1,
        "timeout": 30,
        "designer_node_id": node["node_id"],
    }
    return PaiDesignerTestNodeOperator(**{**values, **arguments})


test.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("where", "after"),
    [("test_node", True), ("list_instances", False), ("get_log", False), ("operation_center", False)],
)
def test_a_retry_after_a_kill_joins_the_run(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch, where: str, after: bool
) -> None:
    node = deployed()
    if where == "operation_center":
        connected.control.seed({"steps": [{"behaviour": "fail", "node": node["node_name"], "step": "*", "times": 1}]})
    with dies(monkeypatch, PaiDesignerHook, where, after=after):
        test(node).execute(task.context)
    task.retry()
    with writes(connected) as called:
        result = test(node).execute(task.context)
    failed_before = where == "operation_center"
    assert called == (["start"] if failed_before else [])
    assert result["outcome"] == "success"
    assert len(runs(connected, node["node_id"])) == 1 + failed_before


def test_a_kill_between_the_record_and_the_call_loses_nothing(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = deployed()
    with dies(monkeypatch, PaiDesignerHook, "test_node", after=False):
        test(node, settle=1).execute(task.context)
    task.retry()
    result = test(node, settle=1).execute(task.context)
    assert result["outcome"] == "success"
    assert len(runs(connected, node["node_id"])) == 1


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_retry_while_the_run_goes_on_waits_for_it(connected: Emulator, task: Task, deferrable: bool) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "slow", "node": node["node_name"], "step": "*", "seconds": 20}]})
    with pytest.raises(TaskDeferred):
        test(node, deferrable=True).execute(task.context)
    name = task.xcoms["run_name"]
    task.retry()
    with writes(connected) as called:
        result = task.run(test(node, deferrable=deferrable))
    assert called == []
    assert result["run_name"] == name


def test_a_retry_after_a_failure_starts_a_run_of_the_next_number(connected: Emulator, task: Task) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "fail", "node": node["node_name"], "step": "*", "times": 1}]})
    with pytest.raises(RunFailedError):
        test(node).execute(task.context)
    first = task.xcoms["run_name"]
    task.retry()
    second = test(node).execute(task.context)["run_name"]
    assert (first[-2:], second[-2:]) == ("-1", "-2")
    assert first[:-2] == second[:-2]


def test_a_retry_after_the_time_was_up_starts_anew_and_does_not_join_the_dying_run(
    connected: Emulator, task: Task
) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*", "times": 1}]})
    with pytest.raises(RunTimeoutError):
        task.run(test(node, deferrable=True, timeout=1))
    task.retry()
    assert test(node).execute(task.context)["outcome"] == "success"
    assert len(runs(connected, node["node_id"])) == 2


def test_a_retry_may_rerun_only_what_failed(connected: Emulator, task: Task) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "fail", "node": node["node_name"], "step": "*", "times": 1}]})

    def backfill() -> PaiDesignerBackfillNodeOperator:
        return PaiDesignerBackfillNodeOperator(
            task_id="daily",
            poll_interval=0.1,
            designer_node_id=node["node_id"],
            start_business_date="2026-10-01",
            end_business_date="2026-10-03",
            on_retry="rerun_failed",
        )

    with pytest.raises(RunFailedError):
        backfill().execute(task.context)
    task.retry()
    with writes(connected) as called:
        result = backfill().execute(task.context)
    assert set(called) == {"rerun"}
    assert result["outcome"] == "success"
    assert len(runs(connected, node["node_id"])) == 3


@pytest.mark.parametrize("options", [{"remembers": False}, {}, {"forgets_at_clear": True}], ids=["3.2", "3.3", "3.4"])
def test_a_clear_runs_again_and_stops_what_still_runs(connected: Emulator, options: dict[str, bool]) -> None:
    task = Task(**options)
    node = deployed()
    result = test(node).execute(task.context)
    task.clear()
    again = test(node).execute(task.context)
    assert again["run_name"] != result["run_name"]
    connected.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*", "times": 1}]})
    task.clear()
    with pytest.raises(TaskDeferred):
        test(node, deferrable=True).execute(task.context)
    (hanging,) = task.xcoms["remote_dag_ids"]
    wait_until(lambda: status_of(connected, hanging) == "RUNNING")
    task.clear()
    assert test(node).execute(task.context)["outcome"] == "success"
    wait_until(lambda: status_of(connected, hanging) == "FAILURE")


def test_the_log_of_a_task_that_is_killed_as_it_asks_names_the_run(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = deployed()
    with capture_logs() as records, dies(monkeypatch, PaiDesignerHook, "test_node", after=True):
        test(node).execute(task.context)
    (asked,) = runs(connected, node["node_id"])
    (name,) = (row["name"] for row in connected.control.rows("runs") if row["id"] == asked["run_id"])
    assert any(f"Asking for the run {name}" in str(record["event"]) for record in records)


def test_a_clear_that_meets_a_task_as_it_resumes_runs_again(connected: Emulator) -> None:
    task = Task()
    subject = test(deployed(), deferrable=True)
    with pytest.raises(TaskDeferred) as deferral:
        subject.execute(task.context)
    first = task.xcoms["run_name"]
    event = fire(deferral.value.trigger)
    # Airflow keeps what the task is to resume with, and its XComs
    task.context["ti"].try_number += 1
    task.context["ti"].max_tries += 1
    with pytest.raises(TaskDeferred) as again:
        subject.resume_execution(deferral.value.method_name, {"event": event}, task.context)
    assert task.xcoms["run_name"] != first
    event = fire(again.value.trigger)
    result = subject.resume_execution(again.value.method_name, {"event": event}, task.context)
    assert result["run_name"] == task.xcoms["run_name"]


def test_other_parameters_are_another_run(connected: Emulator) -> None:
    task = Task()
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*", "times": 1}]})
    with pytest.raises(TaskDeferred):
        test(node, deferrable=True).execute(task.context)
    (hanging,) = task.xcoms["remote_dag_ids"]
    wait_until(lambda: status_of(connected, hanging) == "RUNNING")
    task.retry()
    result = test(node, run_parameters={"bizdate": "20200101"}).execute(task.context)
    assert result["outcome"] == "success"
    assert result["run_name"].endswith("-2")
    wait_until(lambda: status_of(connected, hanging) == "FAILURE")


@pytest.mark.parametrize(
    "fault",
    [
        {"behaviour": "close", "done": True},
        {"behaviour": "close"},
        {"behaviour": "later", "seconds": 10},
        {"behaviour": "http", "status": 500, "code": "InternalError.System", "done": True},
        {"behaviour": "truncated", "done": True},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_an_answer_that_is_lost_makes_no_second_run(
    connected: Emulator, generation: Generation, fault: dict[str, Any]
) -> None:
    node = deployed()
    connected.control.seed({"faults": [{**fault, "operation": generation.start_test, "times": 1}]})
    result = test(node, settle=2).execute(Task().context)
    assert result["outcome"] == "success"
    assert len(runs(connected, node["node_id"])) == 1


def test_a_service_that_acts_very_late_is_found_out_and_the_younger_run_is_stopped(
    connected: Emulator, generation: Generation
) -> None:
    node = deployed()
    rules = [{"behaviour": "slow", "node": node["node_name"], "step": "*", "seconds": 60}]
    late = {"behaviour": "later", "operation": generation.start_test, "seconds": 50, "times": 1}
    connected.control.seed({"faults": [late], "steps": rules})
    result = test(node, settle=1).execute(Task().context)
    assert result["outcome"] == "success"
    assert result["asks"] == 2
    first, second = sorted(runs(connected, node["node_id"]), key=lambda item: int(item["id"]))
    assert first["run_id"] == result["remote_dag_ids"][0]
    wait_until(lambda: status_of(connected, second["run_id"]) == "FAILURE")


def test_a_run_that_is_never_seen_ends_in_an_error_with_its_name(connected: Emulator, generation: Generation) -> None:
    node = deployed()
    connected.control.seed({"faults": [{"behaviour": "close", "operation": generation.start_test, "times": 3}]})
    with pytest.raises(UnclearError, match=r"asked for 3 times, and never seen. Look for it"):
        test(node, settle=1).execute(Task().context)
    assert runs(connected, node["node_id"]) == []


def test_without_memory_every_try_is_a_run_of_its_own(connected: Emulator) -> None:
    task = Task()
    node = deployed()
    names = {test(node, durable=False).execute(task.context)["run_name"]}
    task.retry()
    names.add(test(node, durable=False).execute(task.context)["run_name"])
    assert len(names) == 2
    assert task.store.kept == {}


def test_the_record_is_written_before_the_run_is_asked_for(connected: Emulator, generation: Generation) -> None:
    task = Task()
    node = deployed()
    kept: list[dict[str, Any]] = []
    keep = task.store.set
    called = connected.control.calls(generation.start_test)

    def watch(key: str, value: Any) -> None:
        kept.append({"asked": connected.control.calls(generation.start_test) - called, **value})
        keep(key, value)

    task.store.set = watch  # type: ignore[method-assign]
    result = test(node).execute(task.context)
    assert [(item["asked"], bool(item["run"]["remote_dag_ids"])) for item in kept] == [(0, False), (1, True)]
    assert kept[0]["run"]["run_name"] == result["run_name"]


def test_a_process_that_stood_still_after_its_record_writes_it_again_before_it_asks(
    connected: Emulator, generation: Generation
) -> None:
    task = Task()
    node = deployed()
    asked: list[int] = []
    keep, before = task.store.set, connected.control.calls(generation.start_test)

    def slow(key: str, value: Any) -> None:
        keep(key, value)
        asked.append(connected.control.calls(generation.start_test) - before)
        if len(asked) == 1:
            threading.Event().wait(0.8)

    task.store.set = slow  # type: ignore[method-assign]
    assert test(node, settle=1).execute(task.context)["outcome"] == "success"
    assert asked == [0, 0, 1]


def test_a_process_that_cannot_write_its_record_asks_for_nothing(connected: Emulator) -> None:
    task = Task()
    node = deployed()

    def cut_off(key: str, value: Any) -> None:
        raise ConnectionError("the supervisor is gone")

    task.store.set = cut_off  # type: ignore[method-assign]
    with writes(connected) as called, pytest.raises(ConnectionError):
        test(node).execute(task.context)
    assert called == []


def test_a_process_that_has_lost_airflow_leaves_the_run_that_the_next_try_awaits(connected: Emulator) -> None:
    task = Task()
    node = deployed(node_name="daily_orphan")
    connected.control.seed({"steps": [{"behaviour": "hang", "node": "daily_orphan", "step": "*"}]})
    orphan = test(node, timeout=1)
    say = task.context["ti"].xcom_push

    def cut_off_once_the_run_is_known(key: str, value: Any) -> None:
        if "remote_dag_ids" in task.xcoms:
            raise ConnectionError("the supervisor is gone")
        say(key, value)

    task.context["ti"].xcom_push = cut_off_once_the_run_is_known
    with writes(connected) as called, pytest.raises(ConnectionError):
        orphan.execute(task.context)
    assert called == ["start"]


def test_a_record_of_another_version_is_no_reason_to_fail(connected: Emulator) -> None:
    task = Task()
    task.store.set(KEY, {"version": "of tomorrow"})
    assert test(deployed()).execute(task.context)["outcome"] == "success"


def test_the_main_operator_leaves_the_node_alone_while_its_run_goes_on(
    connected: Emulator, generation: Generation
) -> None:
    task = Task()
    subject = operator(deferrable=True)
    with pytest.raises(TaskDeferred):
        subject.execute(task.context)
    task.retry()
    reads = connected.control.calls(generation.list_nodes)
    assert task.run(operator(node_name=subject.node_name))["outcome"] == "success"
    assert connected.control.calls(generation.list_nodes) == reads


RECORD = Record(
    epoch=3,
    number=2,
    fingerprint="same",
    asked_at=0,
    run=Run.from_dict(
        {
            "run_name": "n",
            "node_id": 1,
            "environment": "DEV",
            "business_date": "2026-01-01",
            "remote_dag_ids": [5],
        }
    ),
)


@pytest.mark.parametrize(
    ("outcome", "changes", "expected"),
    [
        (Outcome.ACTIVE, {}, Decision(step=Step.JOIN, number=2)),
        (Outcome.SUCCESS, {}, Decision(step=Step.JOIN, number=2)),
        (Outcome.FAILURE, {}, Decision(step=Step.ASK, number=3)),
        (Outcome.DRY_RUN, {}, Decision(step=Step.ASK, number=3)),
        (None, {}, Decision(step=Step.ASK, number=3)),
        (Outcome.FAILURE, {"rerun_failed": True}, Decision(step=Step.RERUN_FAILED, number=2)),
        (Outcome.FROZEN, {"rerun_failed": True}, Decision(step=Step.ASK, number=3)),
        (Outcome.ACTIVE, {"epoch": 4}, Decision(step=Step.ASK, number=1, stop_first=True)),
        (Outcome.SUCCESS, {"epoch": 4}, Decision(step=Step.ASK, number=1)),
        (None, {"epoch": 4}, Decision(step=Step.ASK, number=1)),
        (Outcome.ACTIVE, {"fingerprint": "other"}, Decision(step=Step.ASK, number=3, stop_first=True)),
        (Outcome.SUCCESS, {"fingerprint": "other"}, Decision(step=Step.ASK, number=3)),
    ],
)
def test_what_becomes_of_a_recorded_run(outcome: Outcome | None, changes: dict[str, Any], expected: Decision) -> None:
    wanted: dict[str, Any] = {"epoch": 3, "fingerprint": "same", "rerun_failed": False, **changes}
    assert decide(RECORD, outcome, **wanted) == expected


def test_a_record_survives_its_way_through_json() -> None:
    assert Record.from_dict(RECORD.to_dict(), Run.from_dict) == RECORD
