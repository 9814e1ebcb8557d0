"""What a user would lose: a gate behind a pipeline's run that opens too early, or another way in another mode."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest

from airflow_provider_pai_designer.designer.run_arguments import fill_in
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.sensors.pipeline_run import PaiDesignerPipelineRunSensor
from tests.operators.support import Task
from tests.operators.test_run_pipeline import FAILS, HANGS, MANIFEST, VALUES, behave, subject
from tests.sensors.test_sensors import FAILED, MET, OUT_OF_TIME, SKIPPED, mode, outcome_of

__all__ = ["mode"]


@pytest.fixture
def generation() -> Any:
    """PAIFlow knows no generations of DataStudio."""
    from tests.generations import LEGACY

    return LEGACY


def started(emulator: Emulator, behaviour: dict[str, Any] | None = None) -> dict[str, Any]:
    """Start a run that a sensor can wait for."""
    task = Task()
    if behaviour:
        behave(emulator, task, **behaviour)
    result: dict[str, Any] = subject(wait_for_completion=False).execute(task.context)
    return result


@pytest.mark.parametrize(
    ("behaviour", "arguments", "expected", "said"),
    [
        (None, {}, MET, ""),
        (FAILS, {}, FAILED, "no disk"),
        (FAILS, {"soft_fail": True}, SKIPPED, "no disk"),
        (HANGS, {"timeout": 1}, OUT_OF_TIME, ""),
        (HANGS, {"timeout": 1, "soft_fail": True}, SKIPPED, ""),
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
    stops = connected.control.calls("TerminatePipelineRun")
    outcome, result = outcome_of(mode, PaiDesignerPipelineRunSensor, run=run, **arguments)
    assert outcome == expected, result
    if expected == MET:
        assert (result["run_name"], result["outcome"]) == (run["run_name"], "success")
    else:
        assert said in result or "soft_fail" in result
    assert connected.control.calls("TerminatePipelineRun") == stops


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_run_is_known_by_its_id_or_its_name(connected: Emulator, mode: str, by: str) -> None:
    run = started(connected)
    which = {"run": run["pipeline_run_id"]} if by == "id" else {"run_name": run["run_name"]}
    outcome, result = outcome_of(mode, PaiDesignerPipelineRunSensor, **which)
    assert outcome == MET, result
    assert result["pipeline_run_id"] == run["pipeline_run_id"]


def test_a_run_that_is_asked_for_later_is_waited_for_by_its_name(connected: Emulator, mode: str) -> None:
    name = f"later {uuid4().hex[:8]}"
    hook = PaiDesignerHook()
    later = threading.Timer(1.0, lambda: hook.pipeline_runs.start(name, manifest=fill_in(MANIFEST, VALUES)))
    later.start()
    outcome, result = outcome_of(mode, PaiDesignerPipelineRunSensor, run_name=name)
    later.join()
    assert outcome == MET, result
    assert result["run_name"] == name


def test_several_runs_of_one_name_are_listed(connected: Emulator, mode: str) -> None:
    name = f"twice {uuid4().hex[:8]}"
    runs = [PaiDesignerHook().pipeline_runs.start(name, manifest=MANIFEST) for _ in range(2)]
    outcome, said = outcome_of(mode, PaiDesignerPipelineRunSensor, run_name=name)
    assert outcome == FAILED
    assert all(run.id in said for run in runs)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "Give the run either as run="),
        ({"run": "flow-1", "run_name": "a"}, "Give the run either as run="),
        ({"run": {"a": 1}}, "not that of a run of a pipeline"),
        ({"run": "[1]"}, "or its id"),
        ({"run": "flow-nowhere"}, "is gone"),
    ],
)
def test_bad_input_fails_at_once_in_every_mode(
    connected: Emulator, mode: str, arguments: dict[str, Any], said: str
) -> None:
    outcome, result = outcome_of(mode, PaiDesignerPipelineRunSensor, **arguments)
    assert outcome == FAILED
    assert said in result


def test_weather_is_waited_out_in_every_mode(connected: Emulator, mode: str) -> None:
    run = started(connected, {"behaviour": "slow", "seconds": 10})
    for operation in ("GetPipelineRun", "ListPipelineRunsStatus"):
        connected.control.seed({"faults": [{"behaviour": "reset", "operation": operation, "times": 3}]})
    try:
        assert outcome_of(mode, PaiDesignerPipelineRunSensor, run=run)[0] == MET
    finally:
        connected.control.clear_behaviours()


def test_a_hiccup_before_the_workspace_is_known_fails_no_task(connected: Emulator, mode: str) -> None:
    run = started(connected)
    connected.control.seed({"faults": [{"behaviour": "reset", "operation": "GetProject", "times": 1}]})
    try:
        assert outcome_of(mode, PaiDesignerPipelineRunSensor, run=run["pipeline_run_id"])[0] == MET
    finally:
        connected.control.clear_behaviours()


def test_no_template_field_is_written_while_a_task_runs(connected: Emulator) -> None:
    sensor = PaiDesignerPipelineRunSensor(task_id="gate", run=started(connected), poke_interval=0.2)
    before = {name: getattr(sensor, name) for name in sensor.template_fields}
    sensor.execute(Task().context)
    assert {name: getattr(sensor, name) for name in sensor.template_fields} == before
