"""What a user would lose: a pipeline that runs by itself, once, that stops when told, and says which step failed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from airflow.sdk.exceptions import TaskDeferred
from structlog.testing import capture_logs

from airflow_provider_pai_designer.cloud.paiflow import PaiFlow
from airflow_provider_pai_designer.designer.pipeline import PipelineRun, PipelineRunStatus
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    ContentError,
    NotFoundError,
    PaiDesignerError,
    PipelineError,
    RunFailedError,
    RunOutOfSightError,
    RunStoppedError,
    RunTimeoutError,
    UnclearError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.hooks.pipeline_runs import PipelineRuns
from airflow_provider_pai_designer.operators.run_pipeline import PaiDesignerRunPipelineOperator
from tests.conftest import connection
from tests.contents import read_content
from tests.operators.support import Task, fire, wait_until
from tests.operators.test_durability import dies

WORKSPACE = "100001"
MANIFEST = json.loads(json.loads(read_content("global_variable"))["content"])["paiflowPipeline"]
VALUES = {"global_var1": "20261122"}
SLOW = {"behaviour": "slow", "seconds": 30}
HANGS = {"behaviour": "hang"}
FAILS = {"behaviour": "fail", "message": "no disk"}


@pytest.fixture
def generation() -> Any:
    """PAIFlow knows no generations of DataStudio."""
    from tests.generations import LEGACY

    return LEGACY


@pytest.fixture(params=[True, False], ids=["3.3", "3.2"])
def any_task(request: pytest.FixtureRequest) -> Task:
    """A task under an Airflow that keeps state for it, and under one that does not."""
    return Task(remembers=bool(request.param))


def subject(**arguments: Any) -> PaiDesignerRunPipelineOperator:
    """The task, made anew for every try as Airflow does."""
    if not any(name.startswith(("pipeline", "manifest", "registered")) for name in arguments):
        arguments = {"manifest": MANIFEST, "variables": VALUES, **arguments}
    return PaiDesignerRunPipelineOperator(**{"task_id": "daily", "poll_interval": 0.1, "timeout": 60, **arguments})


def behave(emulator: Emulator, task: Task, **rule: Any) -> None:
    """Let the steps of the task's runs do what the rule says."""
    task.context["ti"].dag_id = f"dag_{uuid4().hex[:8]}"
    emulator.control.seed({"steps": [{"node": f"{task.context['ti'].dag_id}.*", "step": "*", **rule}]})


def runs_of(emulator: Emulator, task: Task) -> list[dict[str, Any]]:
    """All runs that a task ever had."""
    stem = f"{task.context['ti'].dag_id}.{task.context['ti'].task_id}-"
    return [row for row in emulator.control.rows("flow_runs") if row["name"].startswith(stem)]


def own(task: Task) -> Task:
    task.context["ti"].dag_id = f"dag_{uuid4().hex[:8]}"
    return task


def status_of(run_id: str) -> str:
    return PaiDesignerHook().paiflow.get_run(run_id).status.value


def said(records: Any) -> list[str]:
    return [str(record["event"]) % tuple(record.get("positional_args", ())) for record in records]


def test_a_drawn_pipeline_runs_as_it_last_ran_and_leaves_its_outputs(
    connected: Emulator, task: Task, deferrable: bool
) -> None:
    with capture_logs() as records:
        result = task.run(subject(pipeline="churn", deferrable=deferrable))
    assert (result["outcome"], result["status"]) == ("success", "Succeeded")
    assert result["pipeline"] == "churn"
    assert result["pipeline_run_id"] == task.xcoms["pipeline_run_id"]
    assert [step["status"] for step in result["steps"]] == ["Succeeded"] * 3
    assert all(step["duration_seconds"] > 0 for step in result["steps"])
    assert result["outputs"]
    assert {item["type"] for item in result["outputs"]} <= {"DataSet", "Model", "Metrics"}
    (run,) = [row for row in connected.control.rows("flow_runs") if row["id"] == result["pipeline_run_id"]]
    assert (run["source_type"], run["source_id"]) == ("DESIGNER", result["pipeline_id"])
    assert yaml.safe_load(run["arguments"])["arguments"]["parameters"]
    lines = said(records)
    for step in result["steps"]:
        assert any(line.startswith(f"Step {step['step']}") and line.endswith("Succeeded") for line in lines)
        assert any(line.startswith(f"::group::Log of step {step['step']}") for line in lines)
    assert lines.count("::endgroup::") == sum(line.startswith("::group::") for line in lines) == 4


def test_a_draft_a_registered_pipeline_and_a_manifest_run_alike(
    connected: Emulator, task: Task, tmp_path: Path
) -> None:
    hook = PaiDesignerHook()
    draft = hook.paistudio.find_pipeline(workspace_id=WORKSPACE, name="churn")
    job = hook.paistudio.latest_whole_job(draft)
    registered = hook.paiflow.gateway.write("CreatePipeline", manifest=job.manifest, workspace_id=WORKSPACE)
    path = tmp_path / "manifest.yaml"
    path.write_text(job.manifest, encoding="utf-8")
    for which in (
        {"pipeline_id": draft.id},
        {"registered_pipeline_id": registered["PipelineId"]},
        {"manifest": job.manifest},
        {"manifest_file": str(path)},
    ):
        result = Task().run(subject(**which))
        assert result["outcome"] == "success"
        assert len(result["steps"]) == 3


def test_arguments_are_laid_over_those_of_the_drawn_pipeline(connected: Emulator, task: Task) -> None:
    engine = {"endpoint": "http://e", "odpsProject": "other_project"}
    result = task.run(subject(pipeline="churn", arguments={"execution_maxcompute": engine, "more": 7}))
    (run,) = [row for row in connected.control.rows("flow_runs") if row["id"] == result["pipeline_run_id"]]
    sent = {item["name"]: item["value"] for item in yaml.safe_load(run["arguments"])["arguments"]["parameters"]}
    assert sent == {"execution_maxcompute": engine, "more": 7}


def test_variables_get_their_values_before_anything_is_sent(connected: Emulator, task: Task) -> None:
    result = task.run(subject(variables={"global_var1": "20200131"}))
    assert "dt=20200131" in connected.control.tables()["demo_project.demo_output_table"]
    assert result["outcome"] == "success"


CYCLE = """
apiVersion: core/v1
metadata: {identifier: a, version: v1, provider: pai}
spec:
  pipelines:
  - metadata: {name: one, identifier: sql}
    spec: {dependencies: [two], arguments: {}}
  - metadata: {name: two, identifier: sql}
    spec: {dependencies: [one], arguments: {}}
"""
DANGLING = CYCLE.replace("dependencies: [one]", "dependencies: [three]")
TWICE = CYCLE.replace("name: two", "name: one").replace("dependencies: [two]", "dependencies: []")


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"pipeline": "churn", "manifest": MANIFEST}, ConfigurationError, "pipeline, manifest is given"),
        ({"pipeline": "chum"}, PipelineError, "near to it are 'churn'"),
        ({"pipeline": "twins"}, PipelineError, "draft-demo-twin-1"),
        ({"pipeline": "never_run"}, PipelineError, "Run all of it once"),
        ({"pipeline_id": "draft-nowhere"}, NotFoundError, "draft-nowhere"),
        ({"registered_pipeline_id": "pipeline-nowhere"}, NotFoundError, "pipeline-nowhere"),
        ({"registered_pipeline_id": "p", "variables": {"a": "b"}}, ConfigurationError, "give it arguments="),
        ({"manifest": CYCLE}, ContentError, "form a cycle"),
        ({"manifest": DANGLING}, ContentError, "refers to the step 'three'"),
        ({"manifest": TWICE}, ContentError, "two steps with the name 'one'"),
        ({"manifest": "{"}, ContentError, "not valid YAML"),
        ({"manifest": "a list"}, ContentError, "must be YAML with apiVersion"),
        ({"manifest": "  "}, ConfigurationError, "must be YAML text"),
        ({"manifest": {"spec": {}}}, ConfigurationError, "must be YAML text"),
        ({"manifest_file": "/dev/null"}, ConfigurationError, "must be YAML text"),
        ({"manifest_file": "nowhere.yaml"}, ContentError, "cannot be read"),
        ({"manifest": MANIFEST}, ConfigurationError, r"global_var1.*Add each name to variables="),
        ({"manifest": MANIFEST, "variables": {**VALUES, "dat": "1"}}, ConfigurationError, r"uses \$\{dat\}"),
        ({"pipeline": "churn", "arguments": "no mapping"}, ConfigurationError, "arguments must be a mapping"),
        ({"pipeline": "churn", "arguments": {"arguments": 7}}, ConfigurationError, "own form"),
        ({"pipeline": "churn", "arguments": {"arguments": {"parameters": [7]}}}, ConfigurationError, "own form"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_started(
    connected: Emulator, task: Task, arguments: dict[str, Any], kind: type[PaiDesignerError], words: str
) -> None:
    own(task)
    with pytest.raises(kind, match=words):
        task.run(subject(**arguments))
    assert runs_of(connected, task) == []


def test_without_any_pipeline_the_choice_is_listed(connected: Emulator, task: Task) -> None:
    with pytest.raises(ConfigurationError, match="registered_pipeline_id=.* none is given"):
        PaiDesignerRunPipelineOperator(task_id="t").execute(task.context)


def test_a_failure_says_which_step_and_how_its_log_ends(connected: Emulator, task: Task, deferrable: bool) -> None:
    behave(connected, task, **{**FAILS, "step": "Merge*"})
    with capture_logs() as records, pytest.raises(RunFailedError) as failure:
        task.run(subject(deferrable=deferrable))
    text = str(failure.value)
    assert "Failed step: " in text
    assert "Its log ends: " in text
    assert "no disk" in text
    assert "step(s) after that were skipped" in text
    assert any("Failed" in line and "/" in line for line in said(records))


def test_a_run_is_asked_for_once_and_shown_as_it_goes(connected: Emulator, task: Task) -> None:
    behave(connected, task, **SLOW)
    with capture_logs() as records:
        task.run(subject(stream_logs=True))
    lines = said(records)
    steps = [line for line in lines if line.startswith("Step ")]
    assert len(steps) == len(set(steps))
    assert any(line.endswith(": Running") for line in steps)
    assert any(line.endswith(": ReadyToSchedule") for line in steps)
    first_log = next(index for index, line in enumerate(lines) if line.startswith("Log of step"))
    first_end = next(index for index, line in enumerate(lines) if line.startswith("Step ") and "Succeeded" in line)
    assert first_log < first_end
    assert len(runs_of(connected, task)) == 1


def test_an_answer_that_is_lost_makes_no_second_run(connected: Emulator, task: Task, deferrable: bool) -> None:
    own(task)
    connected.control.seed(
        {"faults": [{"behaviour": "close", "done": True, "operation": "CreatePipelineRun", "times": 1}]}
    )
    result = task.run(subject(deferrable=deferrable))
    assert result["outcome"] == "success"
    assert [row["id"] for row in runs_of(connected, task)] == [result["pipeline_run_id"]]


def test_a_run_that_is_listed_late_is_found_and_not_asked_for_again(connected: Emulator, task: Task) -> None:
    own(task)
    connected.control.seed({"doubts": {"pai_list_lag": "5"}})
    try:
        connected.control.seed(
            {"faults": [{"behaviour": "close", "done": True, "operation": "CreatePipelineRun", "times": 1}]}
        )
        assert task.run(subject(settle=20))["outcome"] == "success"
    finally:
        connected.control.seed({"doubts": {"pai_list_lag": "0"}})
    assert len(runs_of(connected, task)) == 1


def test_a_run_that_was_never_started_is_asked_for_again(connected: Emulator, task: Task) -> None:
    own(task)
    connected.control.seed({"faults": [{"behaviour": "close", "operation": "CreatePipelineRun", "times": 1}]})
    assert task.run(subject(settle=1))["asks"] == 2
    assert len(runs_of(connected, task)) == 1


def test_a_start_that_is_never_confirmed_says_what_to_search_for(connected: Emulator, task: Task) -> None:
    own(task)
    connected.control.seed({"faults": [{"behaviour": "close", "operation": "CreatePipelineRun", "times": 3}]})
    with pytest.raises(UnclearError, match=r"asked for 3 times, and never seen. Look for it in PAI"):
        task.run(subject(settle=1))
    assert runs_of(connected, task) == []


def test_a_run_that_the_service_starts_twice_runs_once(connected: Emulator, task: Task) -> None:
    own(task)
    behave(connected, task, behaviour="slow", seconds=60)
    connected.control.seed(
        {"faults": [{"behaviour": "later", "seconds": 60, "operation": "CreatePipelineRun", "times": 1}]}
    )
    result = task.run(subject(settle=1))
    assert result["outcome"] == "success"
    others = [row for row in runs_of(connected, task) if row["id"] != result["pipeline_run_id"]]
    assert [status_of(row["id"]) for row in others] in ([], ["Terminated"], ["Terminating"])


@pytest.mark.parametrize(("owner", "where", "after"), [(PipelineRuns, "start", True), (PipelineRuns, "report", False)])
def test_a_retry_after_a_kill_joins_the_run(
    connected: Emulator, any_task: Task, monkeypatch: pytest.MonkeyPatch, owner: Any, where: str, after: bool
) -> None:
    task = own(any_task)
    with dies(monkeypatch, owner, where, after=after):
        subject(settle=1).execute(task.context)
    task.retry()
    started = connected.control.calls("CreatePipelineRun")
    assert task.run(subject(settle=1))["outcome"] == "success"
    assert connected.control.calls("CreatePipelineRun") == started
    assert len(runs_of(connected, task)) == 1


def test_where_the_service_wants_whole_names_a_retry_before_airflow_3_3_joins_too(
    connected: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = own(Task(remembers=False))
    connected.control.seed({"doubts": {"pai_name_filter": "exact"}})
    try:
        with dies(monkeypatch, PipelineRuns, "start", after=True):
            subject(settle=1).execute(task.context)
        task.retry()
        assert task.run(subject(settle=1))["outcome"] == "success"
    finally:
        connected.control.seed({"doubts": {"pai_name_filter": "part"}})
    assert len(runs_of(connected, task)) == 1


def test_a_retry_after_a_failure_runs_again_under_the_next_number(connected: Emulator, any_task: Task) -> None:
    behave(connected, any_task, **{**FAILS, "times": 1})
    with pytest.raises(RunFailedError):
        any_task.run(subject(settle=1))
    any_task.retry()
    result = any_task.run(subject(settle=1))
    assert result["run_name"].endswith("-2")


def test_a_clear_of_a_running_task_stops_its_run(connected: Emulator, task: Task) -> None:
    behave(connected, task, **{**HANGS, "times": 1})
    with pytest.raises(TaskDeferred):
        subject(deferrable=True).execute(task.context)
    hanging = task.xcoms["pipeline_run_id"]
    task.clear()
    assert task.run(subject())["outcome"] == "success"
    assert status_of(hanging) == "Terminated"


def test_a_deadline_stops_the_run(connected: Emulator, task: Task, deferrable: bool) -> None:
    behave(connected, task, **HANGS)
    with pytest.raises(RunTimeoutError, match="PAIFlow was asked to stop it"):
        task.run(subject(timeout=1, deferrable=deferrable))
    (run,) = runs_of(connected, task)
    wait_until(lambda: status_of(run["id"]) == "Terminated")


def test_a_task_out_of_time_does_not_wait_for_the_end_of_a_storm(
    connected: Emulator, task: Task, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_pai_designer.operators.base._STOP_SECONDS", 1.0)
    monkeypatch.setattr("airflow_provider_pai_designer.monitor.watch.RunWatch.pause", lambda *_, **__: 0.1)
    behave(connected, task, **HANGS)
    task_out_of_time, storm = subject(timeout=2, deferrable=deferrable), iter([True] * 100)
    read = task_out_of_time._read_outcome

    def stormy(run: Any) -> Any:
        if next(storm, False):
            raise UnclearError("no reply", operation="GetPipelineRun")
        return read(run)

    monkeypatch.setattr(task_out_of_time, "_read_outcome", stormy)
    with pytest.raises(RunTimeoutError, match="was asked to stop it"):
        task.run(task_out_of_time)
    assert next(storm, False)


def in_place(task: Task, monkeypatch: pytest.MonkeyPatch, *, goes_on: bool) -> PaiDesignerRunPipelineOperator:
    """Kill a task that waits in place."""
    monkeypatch.setattr("airflow_provider_pai_designer.operators.base.is_running", lambda ti: goes_on)
    killed = subject()
    killer = threading.Timer(1.5, killed.on_kill)
    killer.start()
    with pytest.raises(RunStoppedError):
        killed.execute(task.context)
    killer.join()
    return killed


@pytest.mark.parametrize("goes_on", [False, True], ids=["killed", "evicted"])
def test_a_kill_in_place_stops_the_run_unless_the_task_goes_on(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    behave(connected, task, **HANGS)
    in_place(task, monkeypatch, goes_on=goes_on)
    run_id = task.xcoms["pipeline_run_id"]
    if goes_on:
        assert status_of(run_id) == "Running"
        PaiDesignerHook().paiflow.terminate_run(run_id)
    else:
        wait_until(lambda: status_of(run_id) == "Terminated")


@pytest.mark.parametrize("reading", ["refuse", "accept"])
def test_a_stop_of_what_has_ended_is_no_error(connected: Emulator, task: Task, reading: str) -> None:
    result = task.run(subject())
    connected.control.seed({"doubts": {"pai_terminate_ended": reading}})
    try:
        hook = PaiDesignerHook()
        assert hook.pipeline_runs.stop(subject()._read_run(result)) == (reading == "accept")
    finally:
        connected.control.seed({"doubts": {"pai_terminate_ended": "refuse"}})


STORMS: list[dict[str, Any]] = [
    {"behaviour": "http", "status": 429, "code": "Throttling.User"},
    {"behaviour": "http", "status": 500, "code": "InternalError.System"},
    {"behaviour": "reset"},
    {"behaviour": "garbage"},
]


@pytest.mark.parametrize("storm", STORMS, ids=lambda storm: "-".join(map(str, storm.values())))
def test_a_storm_fails_no_task_and_stops_no_run(
    connected: Emulator, task: Task, deferrable: bool, storm: dict[str, Any]
) -> None:
    behave(connected, task, **SLOW)
    stops = connected.control.calls("TerminatePipelineRun")
    for operation in ("GetPipelineRun", "ListPipelineRunsStatus"):
        connected.control.seed({"faults": [{**storm, "operation": operation, "times": 4}]})
    try:
        assert task.run(subject(deferrable=deferrable))["outcome"] == "success"
    finally:
        connected.control.clear_behaviours()
    assert connected.control.calls("TerminatePipelineRun") == stops


def test_a_run_out_of_sight_for_too_long_is_left_alone(connected: Emulator, task: Task, deferrable: bool) -> None:
    behave(connected, task, **HANGS)
    for operation in ("GetPipelineRun", "ListPipelineRunsStatus"):
        connected.control.seed({"faults": [{"behaviour": "reset", "operation": operation, "times": 9999}]})
    try:
        with pytest.raises(RunOutOfSightError, match="was left alone: look for it in PAI"):
            task.run(subject(outage_timeout=1, deferrable=deferrable))
    finally:
        connected.control.clear_behaviours()
    (run,) = runs_of(connected, task)
    assert status_of(run["id"]) == "Running"
    PaiDesignerHook().paiflow.terminate_run(run["id"])


def test_a_log_or_outputs_that_cannot_be_read_for_a_while_fail_no_task(connected: Emulator, task: Task) -> None:
    for operation in ("ListPipelineRunNodeLogs", "ListPipelineRunNodeOutputs"):
        connected.control.seed({"faults": [{"behaviour": "reset", "operation": operation, "times": 2}]})
    assert task.run(subject())["outcome"] == "success"


def test_without_waiting_the_run_is_returned_as_it_was_started(connected: Emulator, task: Task) -> None:
    result = task.run(subject(pipeline="churn", wait_for_completion=False))
    assert {"run_name", "workspace_id", "pipeline_run_id", "pipeline", "pipeline_id", "job_id"} == set(result)


def test_the_event_is_small_and_has_the_state(connected: Emulator, task: Task) -> None:
    with pytest.raises(TaskDeferred) as deferral:
        subject(deferrable=True).execute(task.context)
    event = fire(deferral.value.trigger)
    assert event["verdict"] == "ended"
    assert event["runs"] == {task.xcoms["pipeline_run_id"]: "Succeeded"}
    assert len(json.dumps(event)) < 2000


def test_a_workspace_that_is_given_by_its_number_is_not_looked_up_in_dataworks(connected: Emulator, task: Task) -> None:
    before = connected.control.calls("GetProject")
    assert task.run(subject(workspace=WORKSPACE))["workspace_id"] == WORKSPACE
    assert connected.control.calls("GetProject") == before


def test_no_template_field_is_written_while_a_task_runs(connected: Emulator, task: Task) -> None:
    run = subject()
    before = {name: getattr(run, name) for name in run.template_fields}
    run.execute(task.context)
    assert {name: getattr(run, name) for name in run.template_fields} == before


def test_the_buttons_lead_to_the_run(
    connected: Emulator, task: Task, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PaiDesignerHook, "_speaks_to_emulator", False)
    result = task.run(subject(deferrable=deferrable))
    assert task.xcoms["pai_designer_link_pipeline_run"].endswith(
        f"workspaceId={WORKSPACE}#/paiflow/pipeline-runs/{result['pipeline_run_id']}"
    )
    assert f"workspaceId={WORKSPACE}" in task.xcoms["pai_designer_link_pai_designer"]


def stopper(trigger: Any, awaited: bool, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Ends a trigger as a triggerer does."""
    import asyncio

    monkeypatch.setattr("airflow_provider_pai_designer.triggers.pai_designer.is_awaited", lambda *_: awaited)
    trigger.task_instance = None
    return lambda: asyncio.run(trigger.on_kill())


@pytest.mark.parametrize("awaited", [False, True], ids=["killed", "moved"])
def test_a_trigger_stops_the_run_unless_the_task_still_waits(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch, awaited: bool
) -> None:
    behave(connected, task, **HANGS)
    with pytest.raises(TaskDeferred) as deferral:
        subject(deferrable=True).execute(task.context)
    stopper(deferral.value.trigger, awaited, monkeypatch)()
    run_id = task.xcoms["pipeline_run_id"]
    if awaited:
        assert status_of(run_id) == "Running"
        PaiDesignerHook().paiflow.terminate_run(run_id)
    else:
        wait_until(lambda: status_of(run_id) == "Terminated")


def test_a_drawn_pipeline_gets_the_values_of_its_variables(connected: Emulator, task: Task) -> None:
    result = task.run(subject(pipeline="daily_table", variables={"global_var1": "20200202"}))
    assert result["outcome"] == "success"
    assert "dt=20200202" in connected.control.tables()["demo_project.demo_output_table"]
    with pytest.raises(ConfigurationError, match=r"\$\{global_var1\}.*Add each name to variables="):
        own(Task()).run(subject(pipeline="daily_table"))


def test_the_values_of_the_day_on_which_it_last_ran_are_not_run_with_again(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    with launch(time_scale=20, seed={"doubts": {"pai_job_variables": "replaced"}}) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(emulator))
        with pytest.raises(ConfigurationError, match=r"\$\{global_var1\}.*Add each name to variables="):
            task.run(subject(pipeline="daily_table"))
        assert runs_of(emulator, task) == []
        result = task.run(subject(pipeline="daily_table", variables={"global_var1": "20200202"}))
        assert result["outcome"] == "success"
        assert "dt=20200202" in emulator.control.tables()["demo_project.demo_output_table"]


def test_a_state_that_paiflow_does_not_tell_is_no_end(
    connected: Emulator, task: Task, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = PaiFlow.get_run
    stops = connected.control.calls("TerminatePipelineRun")

    def unknown(flow: PaiFlow, run_id: str) -> PipelineRun:
        return replace(read(flow, run_id), status=PipelineRunStatus.UNKNOWN)

    monkeypatch.setattr(PaiFlow, "get_run", unknown)
    with pytest.raises(RunOutOfSightError, match="could not be looked at for too long"):
        task.run(subject(outage_timeout=1, deferrable=deferrable))
    assert connected.control.calls("TerminatePipelineRun") == stops
