"""What a user would lose: the button Run of PAI Designer as a task, pressed once, so that a node can load what ran."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import TaskDeferred
from structlog.testing import capture_logs

from airflow_provider_pai_designer.cloud.paistudio import PaiStudio
from airflow_provider_pai_designer.designer.pipeline import PipelineJob
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    NotFoundError,
    PaiDesignerError,
    PipelineError,
    RejectedError,
    RunFailedError,
    RunOutOfSightError,
    RunStoppedError,
    RunTimeoutError,
    UnclearError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.hooks.pipeline_runs import PipelineRuns
from airflow_provider_pai_designer.operators.run_pipeline import PaiDesignerRunPipelineOperator
from tests.drawing import MERGE, draw, redraw
from tests.operators.support import Task, wait_until
from tests.operators.test_durability import dies
from tests.operators.test_run_pipeline import FAILS, HANGS, any_task, generation, said, status_of, stopper

__all__ = ["any_task", "generation"]

LOST = {"behaviour": "close", "done": True, "operation": "CreateJob", "times": 1}
CLOSED = {"behaviour": "close", "operation": "CreateJob", "times": 1}


@pytest.fixture
def draft(connected: Emulator) -> str:
    """A pipeline that has never run."""
    return draw(connected, ran=False)


def subject(draft: str, **arguments: Any) -> PaiDesignerRunPipelineOperator:
    """The task, made anew for every try as Airflow does."""
    values = {"task_id": "daily", "poll_interval": 0.1, "timeout": 60, "pipeline_id": draft, "in_designer": True}
    return PaiDesignerRunPipelineOperator(**{**values, **arguments})


def behave(emulator: Emulator, draft: str, **rule: Any) -> None:
    """Let the steps of the pipeline do what the rule says."""
    emulator.control.seed({"steps": [{"node": draft.removeprefix("draft-"), "step": "*", **rule}]})


def jobs_of(draft: str) -> tuple[PipelineJob, ...]:
    """All jobs that a pipeline ever had, newest first."""
    return tuple(PaiDesignerHook().paistudio._list_jobs(draft))


@contextmanager
def reading(emulator: Emulator, doubt: str, reading: str, usual: str) -> Iterator[None]:
    emulator.control.seed({"doubts": {doubt: reading}})
    try:
        yield
    finally:
        emulator.control.seed({"doubts": {doubt: usual}})


def press_run(draft: str) -> str:
    """Somebody runs the whole pipeline in PAI Designer."""
    return PaiDesignerHook().paistudio.create_job(draft)


def test_what_is_drawn_now_runs_and_is_what_a_node_can_load(
    connected: Emulator, task: Task, draft: str, deferrable: bool
) -> None:
    hook = PaiDesignerHook()
    pipeline = hook.get_pipeline(draft)
    with pytest.raises(PipelineError, match="in_designer=True"):
        hook.paistudio.find_whole_job(pipeline)
    redraw(hook, draft, MERGE, "leftColumns", "drawn_just_now")
    with capture_logs() as records:
        result = task.run(subject(draft, deferrable=deferrable))
    assert (result["outcome"], result["status"]) == ("success", "Succeeded")
    assert (result["pipeline"], result["pipeline_id"]) == (pipeline.name, draft)
    assert [step["status"] for step in result["steps"]] == ["Succeeded"] * 4
    assert result["outputs"]
    assert task.xcoms["pipeline_run_id"] == result["pipeline_run_id"]
    whole = hook.paistudio.latest_whole_job(pipeline)
    assert (whole.id, whole.run_id) == (result["job_id"], result["pipeline_run_id"])
    assert "drawn_just_now" in whole.manifest
    lines = said(records)
    assert all(
        any(line.startswith(f"::group::Log of step {step['step']}") for line in lines) for step in result["steps"]
    )
    assert any(result["job_id"] in line for line in lines)


def test_a_pipeline_is_found_by_its_name(connected: Emulator, task: Task, draft: str) -> None:
    result = task.run(subject(draft, pipeline_id=None, pipeline=draft.removeprefix("draft-")))
    assert (result["outcome"], result["pipeline_id"]) == ("success", draft)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (
            {"variables": {"dt": "20260101"}},
            ConfigurationError,
            "leave variables out.*run the pipeline through PAIFlow",
        ),
        ({"arguments": {"more": 7}, "variables": {"a": "b"}}, ConfigurationError, "leave arguments and variables out"),
        ({"pipeline_id": None, "manifest": "a: b"}, ConfigurationError, "not as manifest="),
        (
            {"pipeline_id": None, "registered_pipeline_id": "flow-1"},
            ConfigurationError,
            "not as registered_pipeline_id",
        ),
        ({"pipeline_id": None}, ConfigurationError, "none is given"),
        ({"pipeline_id": None, "pipeline": "twins"}, PipelineError, "draft-demo-twin-1"),
        ({"pipeline_id": "draft-nowhere"}, NotFoundError, "draft-nowhere"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_started(
    connected: Emulator, task: Task, draft: str, arguments: dict[str, Any], kind: type[PaiDesignerError], words: str
) -> None:
    asked = connected.control.calls("CreateJob")
    with pytest.raises(kind, match=words):
        task.run(subject(draft, **arguments))
    assert connected.control.calls("CreateJob") == asked


def test_a_blank_pipeline_says_that_there_is_nothing_to_run(connected: Emulator, task: Task) -> None:
    studio = PaiDesignerHook().paistudio
    blank = studio.create_pipeline(workspace_id="100001", name=f"blank_{uuid4().hex[:8]}", folder_id="root")
    asked = connected.control.calls("CreateJob")
    with pytest.raises(PipelineError, match="Nothing is drawn"):
        task.run(subject(blank))
    assert connected.control.calls("CreateJob") == asked


def test_an_answer_that_is_lost_makes_no_second_job(
    connected: Emulator, task: Task, draft: str, deferrable: bool
) -> None:
    connected.control.seed({"faults": [LOST]})
    result = task.run(subject(draft, deferrable=deferrable))
    assert result["outcome"] == "success"
    assert [job.id for job in jobs_of(draft)] == [result["job_id"]]


def test_a_job_that_is_listed_late_is_found_and_not_asked_for_again(
    connected: Emulator, task: Task, draft: str
) -> None:
    with reading(connected, "pai_job_lag", "5", "0"):
        connected.control.seed({"faults": [LOST]})
        assert task.run(subject(draft, settle=20))["outcome"] == "success"
    assert len(jobs_of(draft)) == 1


@pytest.mark.parametrize("answer", ["accept", "refuse"])
def test_while_somebody_runs_it_the_task_runs_it_too_or_says_what_is_in_its_way(
    connected: Emulator, task: Task, draft: str, answer: str
) -> None:
    behave(connected, draft, **{**HANGS, "times": 1})
    theirs = press_run(draft)
    with reading(connected, "pai_second_job", answer, "accept"):
        if answer == "accept":
            assert task.run(subject(draft))["job_id"] != theirs
        else:
            with pytest.raises(PipelineError, match=f"perhaps because its job {theirs} goes on.*The service said: "):
                task.run(subject(draft))
    PaiDesignerHook().paistudio.stop_job(theirs)


def test_of_earlier_jobs_none_is_taken_for_the_one_that_was_asked_for(
    connected: Emulator, task: Task, draft: str
) -> None:
    """Neither a name nor a token tells them apart: what ran a moment ago must not pass for what was asked for now."""
    earlier = [press_run(draft) for _ in range(3)]
    connected.control.seed({"faults": [LOST]})
    result = task.run(subject(draft))
    assert result["job_id"] not in earlier
    assert len(jobs_of(draft)) == 4


def test_a_run_of_a_part_is_not_taken_for_the_one_that_was_asked_for(
    connected: Emulator, task: Task, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = PaiDesignerHook()
    (step, *_) = json.loads(hook.paistudio.read_drawing(draft))["nodes"]
    with dies(monkeypatch, PipelineRuns, "start_job", after=False):
        subject(draft).execute(task.context)
    hook.paistudio.gateway.write("CreateJob", pipeline_draft_id=draft, execute_type="EXECUTE_ONE", node_id=step["id"])
    task.retry()
    assert task.run(subject(draft, settle=1))["outcome"] == "success"
    assert sorted(job.whole for job in jobs_of(draft)) == [False, True]


def test_a_job_that_was_never_created_is_asked_for_again(connected: Emulator, task: Task, draft: str) -> None:
    connected.control.seed({"faults": [CLOSED]})
    assert task.run(subject(draft, settle=1))["asks"] == 2
    assert len(jobs_of(draft)) == 1


def test_a_job_that_is_never_confirmed_says_where_to_look(connected: Emulator, task: Task, draft: str) -> None:
    connected.control.seed({"faults": [{**CLOSED, "times": 3}]})
    with pytest.raises(UnclearError, match=f"{draft} in PAI Designer was asked for 3 times, and never seen"):
        task.run(subject(draft, settle=1))
    assert jobs_of(draft) == ()


def test_a_job_that_came_too_late_is_told_of_and_left_alone(connected: Emulator, task: Task, draft: str) -> None:
    """Nothing tells it from that of somebody who has pressed Run."""
    behave(connected, draft, behaviour="slow", seconds=60)
    connected.control.seed({"faults": [{"behaviour": "later", "seconds": 60, "operation": "CreateJob", "times": 1}]})
    with capture_logs() as records:
        result = task.run(subject(draft, settle=1))
    assert result["outcome"] == "success"
    others = [job for job in jobs_of(draft) if job.id != result["job_id"]]
    assert all(job.status.value not in ("Terminated", "Terminating") for job in others)
    for other in others:
        assert any(f"there is the job {other.id} too" in line for line in said(records))


def test_a_job_that_came_late_and_is_in_the_way_of_the_next_one_is_joined(
    connected: Emulator, task: Task, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave(connected, draft, behaviour="slow", seconds=60)
    create = PaiStudio.create_job

    def twice(studio: PaiStudio, pipeline_id: str) -> str:
        create(studio, pipeline_id)
        return create(studio, pipeline_id)

    monkeypatch.setattr(PaiStudio, "create_job", twice)
    with reading(connected, "pai_second_job", "refuse", "accept"):
        assert task.run(subject(draft))["outcome"] == "success"
    assert len(jobs_of(draft)) == 1


def test_what_cannot_run_is_refused_in_the_services_words(connected: Emulator, task: Task, draft: str) -> None:
    studio = PaiDesignerHook().paistudio
    drawing = json.loads(studio.read_drawing(draft))
    edge = drawing["edges"][0]
    drawing["edges"].append({**edge, "source": edge["target"], "target": edge["source"]})
    studio.save_drawing(draft, json.dumps(drawing), version=studio.get_pipeline(draft).version)
    with pytest.raises(RejectedError, match="cannot be run.*cycle"):
        task.run(subject(draft))


@pytest.mark.parametrize(
    ("owner", "where", "after"),
    [(PipelineRuns, "start_job", True), (PipelineRuns, "link", False), (PipelineRuns, "report", False)],
)
def test_a_retry_after_a_kill_joins_the_run(
    connected: Emulator,
    any_task: Task,
    draft: str,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    where: str,
    after: bool,
) -> None:
    """Before Airflow 3.3 it is found while it goes on."""
    behave(connected, draft, behaviour="slow", seconds=60)
    with dies(monkeypatch, owner, where, after=after):
        subject(draft).execute(any_task.context)
    any_task.retry()
    asked = connected.control.calls("CreateJob")
    assert any_task.run(subject(draft, settle=1))["outcome"] == "success"
    assert connected.control.calls("CreateJob") == asked
    assert len(jobs_of(draft)) == 1


def test_a_run_that_somebody_started_meanwhile_is_joined(
    connected: Emulator, task: Task, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be told from ours, and runs the same drawing."""
    with dies(monkeypatch, PipelineRuns, "start_job", after=False):
        subject(draft).execute(task.context)
    theirs = press_run(draft)
    task.retry()
    assert task.run(subject(draft))["job_id"] == theirs
    assert len(jobs_of(draft)) == 1


def test_before_airflow_3_3_a_run_of_an_older_drawing_is_not_joined(connected: Emulator, draft: str) -> None:
    behave(connected, draft, **{**HANGS, "times": 1})
    task, older = Task(remembers=False), press_run(draft)
    wait_until(lambda: jobs_of(draft)[0].status.value == "Running")
    connected.control.clock.advance(2)
    redraw(PaiDesignerHook(), draft, MERGE, "leftColumns", "drawn_later")
    task.retry()
    result = task.run(subject(draft, settle=1))
    assert (result["outcome"], len(jobs_of(draft))) == ("success", 2)
    assert result["job_id"] != older
    PaiDesignerHook().paistudio.stop_job(older)


def test_a_retry_after_a_failure_runs_again(connected: Emulator, any_task: Task, draft: str) -> None:
    behave(connected, draft, **{**FAILS, "times": 1})
    with pytest.raises(RunFailedError):
        any_task.run(subject(draft, settle=1))
    any_task.retry()
    assert any_task.run(subject(draft, settle=1))["outcome"] == "success"
    assert len(jobs_of(draft)) == 2


def test_a_failure_says_which_step_and_how_its_log_ends(
    connected: Emulator, task: Task, draft: str, deferrable: bool
) -> None:
    behave(connected, draft, **{**FAILS, "step": "Merge*"})
    with pytest.raises(RunFailedError, match=r"Failed step: Merge Columns-1.*Its log ends: .*no disk"):
        task.run(subject(draft, deferrable=deferrable))


def test_the_id_of_the_run_is_waited_for(connected: Emulator, task: Task, draft: str, deferrable: bool) -> None:
    with reading(connected, "pai_run_id_lag", "5", "0"):
        result = task.run(subject(draft, deferrable=deferrable))
    assert (result["outcome"], result["pipeline_run_id"][:5]) == ("success", "flow-")


@contextmanager
def unlinked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PAI gives no run an id."""
    read = PaiStudio.read_job

    def without_run(studio: PaiStudio, job_id: str, **how: Any) -> PipelineJob:
        return replace(read(studio, job_id, **how), run_id="")

    with monkeypatch.context() as patch:
        patch.setattr(PaiStudio, "read_job", without_run)
        yield


def test_a_run_that_gets_no_id_is_left_alone_and_said_to_be(
    connected: Emulator, task: Task, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave(connected, draft, **HANGS)
    with unlinked(monkeypatch), pytest.raises(RunOutOfSightError, match=r"job-.*was left alone"):
        task.run(subject(draft, outage_timeout=1))
    (job,) = jobs_of(draft)
    assert job.status.value == "Running"
    PaiDesignerHook().paistudio.stop_job(job.id)


def test_a_job_that_fails_before_its_run_has_an_id_is_a_failure(
    connected: Emulator, task: Task, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave(connected, draft, **FAILS)
    with unlinked(monkeypatch), pytest.raises(RunFailedError, match="look for the cause in PAI Designer"):
        task.run(subject(draft, settle=1))


@pytest.mark.parametrize("linked", [True, False], ids=["with its id", "before its id"])
def test_a_kill_in_place_stops_the_job(
    connected: Emulator, task: Task, draft: str, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    behave(connected, draft, **HANGS)
    monkeypatch.setattr("airflow_provider_pai_designer.operators.base.is_running", lambda ti: False)
    with nullcontext() if linked else unlinked(monkeypatch):
        killed = subject(draft)
        killer = threading.Timer(1.5, killed.on_kill)
        killer.start()
        with pytest.raises(RunStoppedError):
            killed.execute(task.context)
        killer.join()
    assert ("pipeline_run_id" in task.xcoms) == linked
    wait_until(lambda: jobs_of(draft)[0].status.value == "Terminated")


def test_a_kill_between_the_question_and_the_answer_stops_the_job(
    connected: Emulator, task: Task, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave(connected, draft, **HANGS)
    monkeypatch.setattr("airflow_provider_pai_designer.operators.base.is_running", lambda ti: False)
    create, killed = PaiStudio.create_job, subject(draft)

    def killed_meanwhile(studio: PaiStudio, pipeline_id: str) -> str:
        job_id = create(studio, pipeline_id)
        killed.on_kill()
        return job_id

    monkeypatch.setattr(PaiStudio, "create_job", killed_meanwhile)
    with pytest.raises(RunStoppedError):
        killed.execute(task.context)
    wait_until(lambda: [job.status.value for job in jobs_of(draft)] == ["Terminated"])


def test_a_trigger_that_is_killed_stops_the_job(
    connected: Emulator, task: Task, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave(connected, draft, **HANGS)
    with pytest.raises(TaskDeferred) as deferral:
        subject(draft, deferrable=True).execute(task.context)
    stops = connected.control.calls("StopJob")
    stopper(deferral.value.trigger, False, monkeypatch)()
    wait_until(lambda: status_of(task.xcoms["pipeline_run_id"]) == "Terminated")
    assert connected.control.calls("StopJob") == stops + 1


def test_a_deadline_stops_the_job(connected: Emulator, task: Task, draft: str, deferrable: bool) -> None:
    behave(connected, draft, **HANGS)
    with pytest.raises(RunTimeoutError, match="PAIFlow was asked to stop it"):
        task.run(subject(draft, timeout=1, deferrable=deferrable))
    (job,) = jobs_of(draft)
    wait_until(lambda: status_of(job.run_id) == "Terminated")


def test_a_clear_of_a_running_task_stops_its_job(connected: Emulator, task: Task, draft: str) -> None:
    behave(connected, draft, **{**HANGS, "times": 1})
    with pytest.raises(TaskDeferred):
        subject(draft, deferrable=True).execute(task.context)
    hanging = task.xcoms["pipeline_run_id"]
    task.clear()
    assert task.run(subject(draft))["outcome"] == "success"
    assert status_of(hanging) == "Terminated"


def test_a_job_that_is_not_listed_at_its_end_is_waited_for_and_no_failure(
    connected: Emulator, task: Task, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(connected, "pai_job_lag", "5", "0"):
        task.run(subject(draft))
    assert PaiDesignerHook().paistudio.find_whole_job(PaiDesignerHook().get_pipeline(draft))
    monkeypatch.setattr(PaiStudio, "find_jobs", unseen)
    with capture_logs() as records:
        assert task.run(subject(draft, settle=1))["outcome"] == "success"
    assert any("a node may not load it" in line for line in said(records))


def unseen(*_: Any) -> Any:
    raise UnclearError("no answer", operation="ListJobs")


def test_a_stop_whose_answer_is_lost_is_no_failure_to_stop(connected: Emulator, task: Task, draft: str) -> None:
    behave(connected, draft, **HANGS)
    run = subject(draft)._read_run(task.run(subject(draft, wait_for_completion=False)))
    connected.control.seed({"faults": [{"behaviour": "close", "done": True, "operation": "StopJob", "times": 1}]})
    PaiDesignerHook().pipeline_runs.stop(run)
    wait_until(lambda: status_of(run.id) == "Terminated")


def test_a_sensor_takes_what_was_returned(connected: Emulator, task: Task, draft: str) -> None:
    from airflow_provider_pai_designer.sensors.pipeline_run import PaiDesignerPipelineRunSensor

    started = task.run(subject(draft, wait_for_completion=False))
    sensor = PaiDesignerPipelineRunSensor(task_id="wait", run=started, poke_interval=0.1, timeout=60)
    assert sensor.execute(task.context)["outcome"] == "success"
