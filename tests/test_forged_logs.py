"""What a user would lose: a task log in which what DataWorks says cannot pass for what Airflow says, or hide it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from airflow_provider_pai_designer.cloud.errors import reply_error
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import DeploymentError, RunFailedError
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerDeployNodeOperator,
    PaiDesignerTestNodeOperator,
)
from airflow_provider_pai_designer.sensors.pai_designer import PaiDesignerRunSensor, PaiDesignerSensorError
from tests.drawing import MERGE, draw, redraw, run_whole
from tests.operators.support import Task, wait_until
from tests.operators.test_existing_node import deployed
from tests.operators.test_run_pipeline import MANIFEST, VALUES, behave, subject

FORGED = "no disk ::endgroup:: \x1b[2K\x1b[32mall is well\x1b[0m ::gr\x1b[1moup::Post Execute\x08\x9b1m"
SHOWN = "no disk : :endgroup:: all is well : :group::Post Execute1m"
MARKS = re.compile(r"::(?:end)?group::|[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


@pytest.fixture(params=[False, True], ids=["in place", "deferred"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def spoken(connected: Emulator, caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Every line that a task and our modules write into the log."""
    lines: list[str] = []
    with capture_logs() as records, caplog.at_level(logging.INFO, "airflow_provider_pai_designer"):
        yield lines
    lines += [str(record["event"]) for record in records]
    connected.control.clear_behaviours()
    assert records
    ours = [record for record in caplog.records if record.name.startswith("airflow_provider_pai_designer")]
    told = [record.getMessage() for record in ours]
    for line in (*lines, *told):
        assert not MARKS.search(without_own_mark(line)), line
    assert_folded(told)


def without_own_mark(line: str) -> str:
    """Leave out the mark with which a line of ours opens or closes a group."""
    return "" if line == "::endgroup::" else line.removeprefix("::group::")


def assert_folded(lines: list[str]) -> None:
    """Read lines as Airflow's page does: a mark anywhere in a line opens or closes a group."""
    depth = 0
    for line in lines:
        depth += ("::group::" in line) - ("::endgroup::" in line)
        assert 0 <= depth <= 1, line
        assert depth == 1 or "] start: component" not in line, f"a line of the remote log lies open: {line}"
    assert depth == 0


def waits(node: dict[str, Any], **arguments: Any) -> PaiDesignerTestNodeOperator:
    return PaiDesignerTestNodeOperator(
        task_id="daily", designer_node_id=node["node_id"], poll_interval=0.2, timeout=60, **arguments
    )


@pytest.mark.usefixtures("spoken")
def test_a_step_that_fails_forges_no_line_and_no_reason(connected: Emulator, deferrable: bool) -> None:
    node = deployed()
    rule = {"behaviour": "fail", "node": node["node_name"], "step": "Write Table-1", "message": FORGED}
    connected.control.seed({"steps": [rule]})
    task = Task()
    with pytest.raises(RunFailedError) as caught:
        task.run(waits(node, deferrable=deferrable))
    run = task.xcoms["remote_dag_ids"]
    with pytest.raises(PaiDesignerSensorError) as seen:
        Task().run(PaiDesignerRunSensor(task_id="gate", run=run, deferrable=deferrable, poke_interval=0.2))
    for said in map(str, (caught.value, seen.value)):
        assert f"Failed step: Write Table-1: {SHOWN}" in said
        assert not MARKS.search(said)


@pytest.mark.usefixtures("spoken")
def test_a_step_of_a_pipeline_forges_no_line_and_no_reason(connected: Emulator, deferrable: bool) -> None:
    task = Task()
    behave(connected, task, behaviour="fail", step="Two", message=FORGED)
    manifest = MANIFEST.replace("Merge Columns-1", "Two").replace("Read Table-1", "::endgroup:: One ::group::")
    with pytest.raises(RunFailedError) as caught:
        task.run(subject(manifest=manifest, variables=VALUES, deferrable=deferrable))
    assert SHOWN in str(caught.value)
    assert not MARKS.search(str(caught.value))


@pytest.mark.usefixtures("spoken")
def test_a_refusal_that_is_waited_out_forges_no_line(
    connected: Emulator, deferrable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    node = deployed()
    fault = {"behaviour": "http", "status": 503, "code": "X::endgroup::", "message": f"{FORGED}\r\n{FORGED}"}
    connected.control.seed({"faults": [{**fault, "operation": "[GL]*Instance*", "after": 1, "times": 1}]})
    assert Task().run(waits(node, deferrable=deferrable))["outcome"] == "success"
    assert f"{SHOWN} {SHOWN} (code X: :endgroup::" in caplog.text


@pytest.mark.parametrize("message", [FORGED, f"\n{FORGED}\r\n", f"{FORGED}\u2028"])
def test_no_error_of_ours_can_be_forged(message: str) -> None:
    refused = reply_error(operation="GetNode", code="X\x1b[2K", message=message, request_id="::group::1")
    for error in (refused, DeploymentError(f"The submit failed: {message}", deployment_id=1)):
        assert SHOWN in str(error)
        assert not MARKS.search(str(error))


@pytest.mark.usefixtures("spoken")
def test_what_is_drawn_in_a_loaded_pipeline_forges_no_line(connected: Emulator) -> None:
    draft = draw(connected, name=FORGED, variables={"global_var1": "20260101", "HOME": "/root"})
    hook = PaiDesignerHook()
    arguments: dict[str, Any] = {
        "task_id": "deploy",
        "node_name": f"node_{draft[-8:]}",
        "folder": "Business Flow/demo/Algorithm",
        "pipeline_id": draft,
        "parameters": {"global_var1": "$bizdate"},
    }
    PaiDesignerDeployNodeOperator(**arguments).execute(Task().context)
    redraw(hook, draft, MERGE, "script", "echo ${HOME}", label=FORGED)
    PaiDesignerDeployNodeOperator(**arguments).execute(Task().context)
    run_whole(hook, draft, wait_until)
    dry = PaiDesignerDeployNodeOperator(**arguments, dry_run=True).execute(Task().context)
    assert SHOWN in dry["changes"][-1]
    PaiDesignerDeployNodeOperator(**arguments).execute(Task().context)
