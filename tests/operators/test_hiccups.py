"""What a user would lose: a run called good or stopped in part, or a task failed, by a hiccup at a bad moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout

from airflow_provider_pai_designer.designer.log import InstanceLog
from airflow_provider_pai_designer.designer.run import Run
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    NotSentError,
    RunNotStoppedError,
    RunStoppedError,
    ThrottledError,
    UnclearError,
)
from airflow_provider_pai_designer.hooks.arguments import (
    read_integers,
    read_names,
    read_parameters,
    read_run_reference,
    read_times,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.monitor.pool import in_pool, surely_in_pool
from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerBackfillNodeOperator,
    PaiDesignerRerunFailedOperator,
    PaiDesignerStopRunOperator,
)
from airflow_provider_pai_designer.sensors.pai_designer import PaiDesignerRunSensor
from tests.generations import LEGACY, Generation
from tests.operators.support import Task, status_of, wait_until
from tests.operators.test_durability import KilledError, dies
from tests.operators.test_durability import test as run_test
from tests.operators.test_existing_node import deployed


def backfill(node: dict[str, Any], **arguments: Any) -> PaiDesignerBackfillNodeOperator:
    return PaiDesignerBackfillNodeOperator(
        task_id="daily",
        poll_interval=0.1,
        timeout=30,
        designer_node_id=node["node_id"],
        start_business_date="2026-10-01",
        end_business_date="2026-10-02",
        **arguments,
    )


@contextmanager
def fails_once(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception, *, after: bool = False) -> Iterator[None]:
    """Let a verb of the hook fail the first time, before or after it did its work."""
    method, first = getattr(PaiDesignerHook, name), iter([True])

    def hiccup(*arguments: Any, **options: Any) -> Any:
        if next(first, False):
            if after:
                method(*arguments, **options)
            raise error
        return method(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(PaiDesignerHook, name, hiccup)
        yield


@contextmanager
def young(monkeypatch: pytest.MonkeyPatch, looks: int) -> Iterator[None]:
    """Let the last remote DAG of a run show its instances only after some looks."""
    listed, left = PaiDesignerHook.list_instances, iter([True] * looks)

    def late(hook: PaiDesignerHook, run: Any) -> Any:
        found = listed(hook, run)
        hide = next(left, False)
        return tuple(item for item in found if not hide or item.remote_dag_id != run.remote_dag_ids[-1])

    with monkeypatch.context() as patch:
        patch.setattr(PaiDesignerHook, "list_instances", late)
        yield


def test_a_backfill_is_not_done_while_a_date_shows_no_instance(
    connected: Emulator, task: Task, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = deployed()
    with young(monkeypatch, looks=60 if not deferrable else 40):
        result = task.run(backfill(node, deferrable=deferrable))
    assert sorted(item["business_date"] for item in result["instances"]) == ["2026-10-01", "2026-10-02"]
    with young(monkeypatch, looks=5):
        seen = Task().run(PaiDesignerRunSensor(task_id="gate", run=result, poke_interval=0.1, deferrable=deferrable))
    assert len(seen["instances"]) == 2


def test_a_stop_reaches_the_date_that_shows_its_instance_late(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*"}]})
    run = backfill(node, wait_for_completion=False, max_parallel_dates=2).execute(task.context)
    with young(monkeypatch, looks=2):
        PaiDesignerStopRunOperator(task_id="stop", run=run, poll_interval=0.1).execute(Task().context)
    assert {status_of(connected, dag_id) for dag_id in run["remote_dag_ids"]} == {"FAILURE"}


def test_a_stop_that_misses_a_date_says_which(connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_pai_designer.hooks.pai_designer._LOOKS_FOR_INSTANCES", 1)
    run = backfill(deployed(), wait_for_completion=False).execute(task.context)
    with young(monkeypatch, looks=99), pytest.raises(RunNotStoppedError, match=str(run["remote_dag_ids"][-1])):
        PaiDesignerStopRunOperator(task_id="stop", run=run).execute(Task().context)


def test_a_kill_in_place_stops_what_was_seen_without_looking_first(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*"}]})
    subject = backfill(node, max_parallel_dates=2)

    def execute() -> None:
        with pytest.raises(RunStoppedError):
            subject.execute(task.context)

    execution = threading.Thread(target=execute, daemon=True)
    execution.start()
    wait_until(lambda: len(subject._seen) == 2)

    def too_slow(*_: object) -> Any:
        raise ThrottledError("a list of 365 dates takes longer than Airflow waits", operation="ListInstances")

    monkeypatch.setattr(PaiDesignerHook, "list_instances", too_slow)
    subject.on_kill()
    wait_until(lambda: {status_of(connected, dag_id) for dag_id in task.xcoms["remote_dag_ids"]} == {"FAILURE"})
    execution.join()


def test_a_task_that_was_marked_just_before_it_would_be_deferred_stops_its_run(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow refuses to defer it, and tells nobody."""
    monkeypatch.setattr("airflow_provider_pai_designer.operators.base.has_ended", lambda ti: True)
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*"}]})
    with pytest.raises(RunStoppedError, match="was marked"):
        run_test(node, deferrable=True).execute(task.context)
    wait_until(lambda: {status_of(connected, dag_id) for dag_id in task.xcoms["remote_dag_ids"]} == {"FAILURE"})


def test_a_stop_that_a_hiccup_hits_is_sent_again(connected: Emulator, task: Task, generation: Generation) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*"}]})
    run = backfill(node, wait_for_completion=False, max_parallel_dates=2).execute(task.context)
    wait_until(lambda: {status_of(connected, dag_id) for dag_id in run["remote_dag_ids"]} == {"RUNNING"})
    stop = "StopInstance" if generation == LEGACY else "StopTaskInstances"
    connected.control.seed({"faults": [{"behaviour": "reset", "operation": stop, "times": 1}]})
    PaiDesignerHook().stop_run(Run.from_dict(run))
    wait_until(lambda: {status_of(connected, dag_id) for dag_id in run["remote_dag_ids"]} == {"FAILURE"})
    connected.control.clear_behaviours()


@pytest.mark.parametrize("timed_out", [True, False])
def test_a_task_out_of_time_stops_its_run_and_one_that_goes_on_elsewhere_does_not(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch, timed_out: bool
) -> None:
    monkeypatch.setattr("airflow_provider_pai_designer.operators.base.is_running", lambda ti: True)
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*", "times": 1}]})
    subject = run_test(node)
    killer = threading.Timer(1.5, subject._hook.release)
    killer.start()
    with pytest.raises(RunStoppedError):
        subject.execute(task.context)
    killer.join()
    (dag_id,) = task.xcoms["remote_dag_ids"]
    try:
        raise AirflowTaskTimeout if timed_out else KilledError
    except (AirflowTaskTimeout, KilledError):
        subject.on_kill()
    if timed_out:
        wait_until(lambda: status_of(connected, dag_id) == "FAILURE")
    else:
        assert status_of(connected, dag_id) == "RUNNING"
        Task().run(PaiDesignerStopRunOperator(task_id="stop", run=[dag_id], poll_interval=0.1))


def test_a_stop_does_not_queue_behind_polls_and_outlives_its_caller() -> None:
    done, release = threading.Event(), threading.Event()

    def stop() -> None:
        release.wait(0.3)
        done.set()

    async def scene() -> None:
        polls = [asyncio.ensure_future(in_pool(release.wait)) for _ in range(16)]
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(surely_in_pool(stop), 0.05)
        await asyncio.get_running_loop().run_in_executor(None, done.wait, 5)
        release.set()
        await asyncio.gather(*polls)

    asyncio.run(scene())
    assert done.is_set()


def test_a_clear_before_airflow_3_3_finds_and_stops_the_old_run(
    connected: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task(remembers=False)
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*", "times": 1}]})
    with dies(monkeypatch, PaiDesignerHook, "list_instances", after=False):
        run_test(node).execute(task.context)
    (dag_id,) = task.xcoms["remote_dag_ids"]
    wait_until(lambda: status_of(connected, dag_id) == "RUNNING")
    task.clear()
    assert run_test(node).execute(task.context)["outcome"] == "success"
    assert status_of(connected, dag_id) == "FAILURE"


def test_a_hiccup_while_looking_for_a_second_run_fails_no_task(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = deployed()
    connected.control.seed({"faults": [{"behaviour": "close", "operation": "RunSmokeTest", "times": 1}]})
    with fails_once(monkeypatch, "stop_others", NotSentError("refused", operation="ListInstances")):
        assert run_test(node, settle=1).execute(task.context)["outcome"] == "success"
    connected.control.clear_behaviours()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (PaiDesignerStopRunOperator, "read_run"),
        (PaiDesignerStopRunOperator, "stop_run"),
        (PaiDesignerRerunFailedOperator, "read_run"),
        (PaiDesignerRerunFailedOperator, "rerun_failed"),
    ],
)
def test_a_hiccup_fails_no_task_about_another_run(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch, kind: Any, name: str
) -> None:
    monkeypatch.setattr("airflow_provider_pai_designer.monitor.watch.RunWatch.pause", lambda *_, **__: 0.05)
    run = run_test(deployed()).execute(task.context)
    with fails_once(monkeypatch, name, NotSentError("refused", operation="GetDag")):
        assert kind(task_id="t", run=run["remote_dag_ids"]).execute(Task().context)["outcome"] == "success"


def test_a_rerun_whose_answer_is_lost_is_awaited(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "fail", "node": node["node_name"], "step": "*", "times": 1}]})
    subject = backfill(node, on_retry="rerun_failed")
    with pytest.raises(Exception, match="did not succeed"):
        subject.execute(task.context)
    restart = subject._hook.dataworks.restart_instance

    def lost(self: Any, *arguments: Any) -> None:
        restart(*arguments)
        raise UnclearError("no reply", operation="RestartInstance")

    monkeypatch.setattr(type(subject._hook.dataworks), "restart_instance", lost)
    again = PaiDesignerRerunFailedOperator(task_id="again", run=task.xcoms["remote_dag_ids"], poll_interval=0.1)
    assert again.execute(Task().context)["outcome"] == "success"


def test_a_date_with_a_zone_is_a_day_of_the_workspace(connected: Emulator, task: Task) -> None:
    given = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    assert run_test(deployed(), business_date=given).execute(task.context)["business_date"] == "2026-11-21"


def test_a_log_of_one_long_line_is_read_in_no_time() -> None:
    assert not InstanceLog(text='{"model": "abc", "k": 1}, ' * 40_000, request_id="").misses_model
    assert InstanceLog(text="[" * 500_000, request_id="").failed_step == ""


@pytest.mark.parametrize("text", ["{'run_name': 'x'}", "None", "['a']"])
def test_what_a_template_makes_of_a_result_is_no_name_of_a_run(text: str) -> None:
    with pytest.raises(ConfigurationError, match="tojson"):
        read_run_reference(text, 5)


@pytest.mark.parametrize("value", [None, True, ["a"], {"a": 1}])
def test_a_parameter_without_a_value_is_named(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"parameters\['dt'\] must be text or a number"):
        read_parameters("parameters", {"dt": value})


def test_lists_as_templates_write_them() -> None:
    assert read_integers("ids", "[]") == ()
    assert read_integers("ids", "[1, 2]") == (1, 2)
    assert read_names("parents", '["a", "b"]') == ("a", "b")
    with pytest.raises(ConfigurationError, match="parents must be a list of names"):
        read_names("parents", "['a', 'b']")


def test_a_time_of_another_zone_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="of the workspace's day"):
        read_times("09:30+08:00", "10:00")
