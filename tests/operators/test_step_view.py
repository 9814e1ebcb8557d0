"""What a user would lose: to learn from the task which step of a node failed, and why, without a click."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pai_designer.designer.log import InstanceLog
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import RunFailedError
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from tests.generations import only_legacy
from tests.operators.support import Task
from tests.operators.test_node_operator import operator


def failure(emulator: Emulator, task: Task, *, deferrable: bool = False) -> str:
    """Let a node's run fail in one of its steps, and return what the task says."""
    subject = operator(deferrable=deferrable)
    rule = {"behaviour": "fail", "node": subject.node_name, "step": "Merge Columns-1", "message": "no such column"}
    emulator.control.seed({"steps": [rule]})
    with pytest.raises(RunFailedError) as failed:
        task.run(subject)
    return str(failed.value)


def test_a_failed_node_says_which_step_failed_with_the_steps_own_log(
    connected: Emulator, task: Task, deferrable: bool
) -> None:
    calls = connected.control.calls("GetPipelineRunNode")
    said = failure(connected, task, deferrable=deferrable)
    assert "in PAIFlow: Failed step: Merge Columns-1 (id-bbbb0002-0002-4002-8002). Its log ends: " in said
    assert said.count("no such column") >= 2
    assert connected.control.calls("GetPipelineRunNode") == calls + 1


@only_legacy
def test_a_log_that_names_no_run_takes_nothing_from_the_failure(connected: Emulator, task: Task) -> None:
    connected.control.seed({"doubts": {"pai_id_in_log": "no"}})
    calls = connected.control.calls("GetPipelineRun")
    try:
        said = failure(connected, task)
    finally:
        connected.control.seed({"doubts": {"pai_id_in_log": "yes"}})
    assert "no such column" in said
    assert "in PAIFlow" not in said
    assert connected.control.calls("GetPipelineRun") == calls


@only_legacy
@pytest.mark.parametrize(
    "fault",
    [
        {"behaviour": "reset"},
        {"behaviour": "garbage"},
        {"behaviour": "http", "status": 403, "code": "Forbidden"},
        {"behaviour": "http", "status": 404, "code": "NotFound"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
@pytest.mark.parametrize("operation", ["GetPipelineRun", "GetPipelineRunNode", "ListPipelineRunNodeLogs"])
def test_paiflow_out_of_reach_takes_nothing_from_the_failure(
    connected: Emulator, task: Task, operation: str, fault: dict[str, Any]
) -> None:
    calls = connected.control.calls(operation)
    connected.control.seed({"faults": [{**fault, "operation": operation, "times": 1}]})
    said = failure(connected, task)
    assert "no such column" in said
    assert "in PAIFlow" not in said
    assert connected.control.calls(operation) <= calls + 1


def test_a_region_without_paiflow_takes_nothing_from_the_failure(
    connected: Emulator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(_: PaiDesignerHook) -> None:
        raise RuntimeError("there is no PAIFlow here")

    monkeypatch.setattr(PaiDesignerHook, "paiflow", property(nowhere))
    assert "no such column" in failure(connected, task)


@pytest.mark.parametrize(
    ("text", "run_id"),
    [
        ("PAIFlow run id: flow-0123456789abcdef01\n", "flow-0123456789abcdef01"),
        ("first flow-aaaa, after the rerun flow-bbbb.", "flow-bbbb"),
        ("workflow-aaaa flow-up flow-aa-bb FLOW-AAAA", ""),
        ("", ""),
    ],
)
def test_the_run_is_the_last_one_that_the_log_names(text: str, run_id: str) -> None:
    assert InstanceLog(text=text, request_id="").pipeline_run_id == run_id
