"""What a user would lose: the run they asked for, its reason to fail, its log, or the means to stop it."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout, TaskDeferred
from structlog.testing import capture_logs

from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    ContentError,
    NodeDefinitionError,
    PaiDesignerError,
    RunFailedError,
    RunOutOfSightError,
    RunStoppedError,
    RunTimeoutError,
    SchedulingParameterError,
    UnclearError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerNodeOperator
from tests.contents import read_content
from tests.generations import Generation, only_legacy
from tests.operators.support import Task, fire, status_of, wait_until, writes


def operator(**arguments: Any) -> PaiDesignerNodeOperator:
    values: dict[str, Any] = {
        "task_id": "daily",
        "node_name": f"node_{uuid4().hex[:8]}",
        "folder": "Business Flow/demo/Algorithm",
        "content": read_content("global_variable"),
        "parameters": {"bizdate": "$bizdate"},
        "poll_interval": 0.1,
    }
    return PaiDesignerNodeOperator(**{**values, **arguments})


def test_the_main_job(connected: Emulator, generation: Generation, task: Task, deferrable: bool) -> None:
    with capture_logs() as records:
        result = task.run(operator(deferrable=deferrable))
    assert result["outcome"] == "success"
    assert result["business_date"] == "2026-11-22"
    assert result["node"] == "; ".join(("created", *generation.into["DEV"]))
    (instance,) = result["instances"]
    assert instance["status"] == "SUCCESS"
    assert instance["parameters"] == "bizdate=$bizdate"
    assert instance["duration_seconds"] > 0
    shared = ("node_id", "run_name", "remote_dag_ids")
    assert {key: result[key] for key in shared} == {key: task.xcoms[key] for key in shared}
    shown = [record["event"] for record in records]
    assert any(line.endswith("SKYNET_PARAVALUE=bizdate=20261122") for line in shown)
    assert any(line.endswith("ran with the scheduling parameters bizdate=20261122") for line in shown)
    assert "dt=20261122" in connected.control.tables()["demo_project.demo_output_table"]


def test_a_second_run_touches_nothing_but_runs(connected: Emulator, task: Task) -> None:
    name = f"node_{uuid4().hex[:8]}"
    first = task.run(operator(node_name=name))
    with writes(connected) as called:
        second = Task().run(operator(node_name=name))
    assert called == ["start"]
    assert second["node"] == "unchanged"
    assert second["node_id"] == first["node_id"]
    assert second["remote_dag_ids"] != first["remote_dag_ids"]


def test_a_failing_step_is_named_with_its_reason(connected: Emulator, task: Task, deferrable: bool) -> None:
    subject = operator(deferrable=deferrable)
    connected.control.seed(
        {"steps": [{"behaviour": "fail", "node": subject.node_name, "step": "Write Table-1", "message": "disk full"}]}
    )
    with pytest.raises(RunFailedError, match=r"failed\..*Write Table-1.*disk full"):
        task.run(subject)


def test_a_variable_without_a_value_is_named_before_anything_is_sent(connected: Emulator, task: Task) -> None:
    with writes(connected) as called, pytest.raises(NodeDefinitionError, match="Write Table-1.*bizdate"):
        task.run(operator(parameters={}))
    assert called == []


def test_automatic_reruns_are_waited_for(connected: Emulator, task: Task, deferrable: bool) -> None:
    subject = operator(deferrable=deferrable, rerun={"times": "2", "interval_seconds": 1})
    connected.control.seed({"steps": [{"behaviour": "fail", "node": subject.node_name, "step": "*", "times": 1}]})
    assert task.run(subject)["outcome"] == "success"


def test_a_run_past_its_time_is_stopped(connected: Emulator, task: Task, deferrable: bool) -> None:
    subject = operator(deferrable=deferrable, timeout="1.5")
    connected.control.seed({"steps": [{"behaviour": "hang", "node": subject.node_name, "step": "Write Table-1"}]})
    with writes(connected) as called, pytest.raises(RunTimeoutError, match="asked to stop"):
        task.run(subject)
    assert called.count("stop") == 1


def test_a_run_that_its_trigger_has_stopped_is_out_of_time_and_has_not_failed(connected: Emulator, task: Task) -> None:
    subject = operator(deferrable=True, timeout="1.5")
    connected.control.seed({"steps": [{"behaviour": "hang", "node": subject.node_name, "step": "Write Table-1"}]})
    with pytest.raises(TaskDeferred) as deferral:
        subject.execute(task.context)
    event = fire(deferral.value.trigger)
    (dag_id,) = task.xcoms["remote_dag_ids"]
    wait_until(lambda: status_of(connected, dag_id) == "FAILURE")
    with pytest.raises(RunTimeoutError, match="asked to stop"):
        subject.resume_execution(deferral.value.method_name, {"event": event}, task.context)


def test_a_run_past_its_time_is_left_alone_where_that_is_wanted(
    connected: Emulator, task: Task, deferrable: bool
) -> None:
    subject = operator(deferrable=deferrable, timeout="1.5", cancel_on_kill=False)
    connected.control.seed({"steps": [{"behaviour": "slow", "node": subject.node_name, "step": "*", "seconds": 60}]})
    with writes(connected) as called, pytest.raises(RunTimeoutError, match="left alone"):
        task.run(subject)
    assert "stop" not in called


def test_a_time_out_waits_until_the_stop_is_sent(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    subject, sent = operator(), threading.Event()
    monkeypatch.setattr("airflow_provider_pai_designer.operators.base._KILL_SECONDS", 0.1)

    def slowly(*_: object) -> None:
        threading.Event().wait(1)
        sent.set()

    monkeypatch.setattr(subject, "_release", slowly)
    try:
        raise AirflowTaskTimeout
    except AirflowTaskTimeout:
        subject.on_kill()
    assert sent.is_set()


def test_what_a_deferral_kept_and_lost_is_named_and_starts_no_run(connected: Emulator, task: Task) -> None:
    subject = operator(deferrable=True)
    with pytest.raises(TaskDeferred) as deferral:
        subject.execute(task.context)
    event = fire(deferral.value.trigger)
    name = task.xcoms["run_name"]
    task.xcoms.clear()
    with writes(connected) as called, pytest.raises(RunOutOfSightError, match=name):
        subject.resume_execution(deferral.value.method_name, {"event": event}, task.context)
    assert called == []


def test_not_waiting_wins_over_deferring(connected: Emulator, task: Task, deferrable: bool) -> None:
    result = operator(wait_for_completion=False, deferrable=deferrable).execute(task.context)
    assert result["run_name"] == task.xcoms["run_name"]
    assert result["remote_dag_ids"]


@pytest.mark.parametrize("given", ["2026-11-01", "20261101"])
def test_a_given_business_date_wins(connected: Emulator, task: Task, given: str) -> None:
    assert task.run(operator(business_date=given))["business_date"] == "2026-11-01"


def test_a_streamed_log_shows_every_line_once(connected: Emulator, task: Task) -> None:
    subject = operator(stream_logs=True)
    connected.control.seed({"steps": [{"behaviour": "slow", "node": subject.node_name, "step": "*", "seconds": 15}]})
    with capture_logs() as records:
        result = task.run(subject)
    (instance,) = result["instances"]
    remote = PaiDesignerHook().dataworks.get_log(instance["instance_id"], Environment.DEV).text.splitlines()
    shown = [record["event"] for record in records]
    assert sum("Log of instance" in line for line in shown) > 1
    first = next(line for line in shown if "Log of instance" in line)
    assert not first.startswith("::group::"), "a log that is streamed is to be read as it comes"
    assert [line for line in shown if line in set(remote)] == remote


def test_the_log_of_an_automatic_rerun_is_shown_whole(connected: Emulator, task: Task) -> None:
    subject = operator(stream_logs=True, rerun={"times": 1, "interval_seconds": 30})
    rules = [
        {"behaviour": "fail", "node": subject.node_name, "step": "Write Table-1", "times": 1, "message": "disk full"},
        {"behaviour": "slow", "node": subject.node_name, "step": "Merge Columns-1", "seconds": 15},
    ]
    connected.control.seed({"steps": rules})
    with capture_logs() as records:
        task.run(subject)
    shown = [record["event"] for record in records]
    assert any("disk full" in line for line in shown)
    assert sum("SKYNET_PARAVALUE" in line for line in shown) == 2


def test_a_kill_before_the_submit_is_harmless(task: Task) -> None:
    operator().on_kill()


def test_a_kill_stops_the_run_and_ends_the_task(connected: Emulator, task: Task) -> None:
    subject = operator()
    connected.control.seed({"steps": [{"behaviour": "hang", "node": subject.node_name, "step": "Write Table-1"}]})
    ended = threading.Event()

    def execute() -> None:
        with pytest.raises(RunStoppedError):
            subject.execute(task.context)
        ended.set()

    threading.Thread(target=execute, daemon=True).start()
    wait_until(lambda: "remote_dag_ids" in task.xcoms)
    subject.on_kill()
    assert ended.wait(timeout=10)
    (dag_id,) = task.xcoms["remote_dag_ids"]
    wait_until(lambda: status_of(connected, dag_id) == "FAILURE")


@pytest.mark.parametrize("deferred", [False, True])
def test_a_task_killed_before_it_asks_for_a_run_asks_for_none(connected: Emulator, task: Task, deferred: bool) -> None:
    name = f"node_{uuid4().hex[:8]}"
    operator(node_name=name, wait_for_completion=False).execute(task.context)
    subject = operator(node_name=name, deferrable=deferred)
    subject.on_kill()
    with writes(connected) as called, pytest.raises(RunStoppedError):
        subject.execute(Task().context)
    assert called == []


@pytest.mark.parametrize("goes_on", [False, True], ids=["task cancelled", "worker shut down"])
def test_a_task_killed_while_it_asks_for_a_run_stops_it_unless_the_next_try_wants_it(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    monkeypatch.setattr("airflow_provider_pai_designer.operators.base.is_running", lambda ti: goes_on)
    subject = operator(deferrable=True)
    connected.control.seed({"steps": [{"behaviour": "hang", "node": subject.node_name, "step": "*"}]})
    start = PaiDesignerHook.test_node

    def killed_meanwhile(*arguments: Any, **options: Any) -> Any:
        run = start(*arguments, **options)
        subject.on_kill()
        return run

    monkeypatch.setattr(PaiDesignerHook, "test_node", killed_meanwhile)
    with writes(connected) as called, pytest.raises(RunStoppedError):
        subject.execute(task.context)
    assert called[-1] == ("start" if goes_on else "stop")


def test_a_run_without_instances_yet_is_stopped_once_it_has_some(connected: Emulator, task: Task) -> None:
    subject = operator(timeout=1)
    connected.control.seed({"steps": [{"behaviour": "hang", "node": subject.node_name, "step": "*"}]})
    connected.control.seed({"doubts": {"instance_lag": "5", "new_instances_lag": "5"}})
    connected.control.clock.set_scale(1)
    try:
        with writes(connected) as called, pytest.raises(RunTimeoutError, match="asked to stop 1 instance"):
            subject.execute(task.context)
    finally:
        connected.control.clock.set_scale(20)
        connected.control.seed({"doubts": {"instance_lag": "0", "new_instances_lag": "0"}})
    assert called.count("stop") == 1


def test_weather_while_the_result_is_read_does_not_fail_a_good_run(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = operator()
    report, storms = PaiDesignerHook.get_run, iter([True, True])

    def stormy(*arguments: Any) -> Any:
        if next(storms, False):
            raise UnclearError("no reply", operation="ListInstances")
        return report(*arguments)

    monkeypatch.setattr(PaiDesignerHook, "get_run", stormy)
    assert task.run(subject)["outcome"] == "success"


@only_legacy
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"content": None}, ConfigurationError, "once: as content=, content_file=, .* not none of them"),
        ({"content_file": "x"}, ConfigurationError, "copy_from_node=, not content and content_file"),
        ({"content": None, "content_file": "gone.json"}, ContentError, "gone.json.*cannot be read"),
        ({"content": "SELECT 1"}, ContentError, "is not JSON"),
        ({"parameters": {"a b": "1"}}, SchedulingParameterError, "'a b'"),
        ({"run_parameters": {"bizdate": "${yyyymmdd-1/24}"}}, SchedulingParameterError, "write \\$\\[yyyymmdd-1/24"),
        ({"run_parameters": "bizdate"}, ConfigurationError, "run_parameters must be a mapping"),
        ({"schedule": {"cron": "0 2 * * *"}}, NodeDefinitionError, "six|6"),
        ({"schedule": {"type": "PAUSE"}}, NodeDefinitionError, "frozen"),
        ({"schedule": {"type": "SKIP"}}, NodeDefinitionError, "dry run"),
        ({"schedule": {"type": "SOMETIMES"}}, ConfigurationError, "one of NORMAL"),
        ({"schedule": {"crown": "x"}}, ConfigurationError, "no member 'crown'; it has cron"),
        ({"schedule": "00 00 02 * * ?"}, ConfigurationError, "must be a mapping"),
        ({"schedule": {"start": "soon"}}, ConfigurationError, "must be a day such as"),
        ({"rerun": {"times": "many"}}, ConfigurationError, "must be a number"),
        ({"business_date": "yesterday"}, ConfigurationError, "write it as YYYY-MM-DD"),
        ({"business_date": "2999-01-01"}, ConfigurationError, "lies in the future"),
        ({"environment": "dev"}, ConfigurationError, "no environment 'dev'"),
        ({"poll_interval": "often"}, ConfigurationError, "poll_interval must be a number"),
        ({"poll_interval": 0}, ConfigurationError, "poll_interval must be a number"),
        ({"timeout": -1}, ConfigurationError, "timeout must be a number"),
        ({"timeout": 0}, ConfigurationError, "timeout must be a number"),
        ({"timeout": "inf"}, ConfigurationError, "timeout must be a number"),
        ({"poll_interval": "1e15"}, ConfigurationError, "poll_interval must be a number"),
        ({"node_name": None}, ConfigurationError, "node_name must be text"),
        ({"folder": None}, ConfigurationError, "folder must be text"),
        ({"parents": 5}, ConfigurationError, "parents must be a list of names"),
        ({"parents": "a,b"}, ConfigurationError, "write 'a,b' as several"),
        ({"schedule": {"cron": None}}, ConfigurationError, "cron.* must be text"),
        ({"content": object()}, ConfigurationError, "content must be text, not object"),
        (
            {"content": '{"paiflowPipeline": "spec: {pipelines: [{metadata: {name: a}, spec: {dependencies: [a]}}]}"}'},
            ContentError,
            "cycle",
        ),
    ],
)
def test_bad_input_is_one_clear_error_before_any_write(
    connected: Emulator, task: Task, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    subject = operator(**arguments)
    with writes(connected) as called, pytest.raises(error, match=message) as caught:
        subject.execute(task.context)
    assert called == []
    assert isinstance(caught.value, PaiDesignerError)


@pytest.mark.parametrize("event", [None, {}])
def test_a_trigger_that_says_nothing_is_no_success(
    connected: Emulator, task: Task, event: dict[str, Any] | None
) -> None:
    with pytest.raises(TaskDeferred) as deferral:
        (subject := operator(deferrable=True)).execute(task.context)
    with pytest.raises(RunOutOfSightError, match="without saying"):
        subject.resume_execution(
            deferral.value.method_name, {**(deferral.value.kwargs or {}), "event": event}, task.context
        )


def test_a_run_that_has_not_ended_after_all_is_waited_for_again(connected: Emulator, task: Task) -> None:
    subject = operator(deferrable=True, timeout=60)
    connected.control.seed({"steps": [{"behaviour": "hang", "node": subject.node_name, "step": "*", "times": 1}]})
    with pytest.raises(TaskDeferred) as first:
        subject.execute(task.context)
    trigger = first.value.trigger
    waiting = {name: getattr(trigger, name) for name in ("since", "poll_interval", "deadline", "outage_seconds")}
    arguments = {"event": {"verdict": "ended", "run_name": "x", "waiting": waiting}}
    with pytest.raises(TaskDeferred) as again:
        subject.resume_execution(first.value.method_name, arguments, task.context)
    assert again.value.trigger.serialize() == trigger.serialize()


def test_no_template_field_is_written_while_a_task_runs(connected: Emulator, task: Task) -> None:
    subject = operator()
    before = {name: getattr(subject, name) for name in subject.template_fields}
    task.run(subject)
    assert {name: getattr(subject, name) for name in subject.template_fields} == before


def test_the_event_of_a_trigger_is_small(connected: Emulator, task: Task) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        operator(deferrable=True).execute(task.context)
    assert len(str(fire(deferred.value.trigger))) < 2048
