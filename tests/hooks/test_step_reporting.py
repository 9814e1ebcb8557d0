"""What a user would lose: to see a pipeline's steps in the task log, whatever the service says of them."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_pai_designer.cloud.gateway import one_attempt
from airflow_provider_pai_designer.cloud.paiflow import HEAD_LINES, TAIL_LINES, PaiFlow
from airflow_provider_pai_designer.designer.pipeline import AskedPipelineRun, PipelineReport, outputs_to_list
from airflow_provider_pai_designer.exceptions import ServiceError
from airflow_provider_pai_designer.hooks.pipeline_runs import PipelineRuns
from airflow_provider_pai_designer.hooks.step_reporting import StepReporter, failed_step_of
from tests.cloud.test_pai import JUNK, flow, flow_wire, forget, reply_of, studio_wire
from tests.cloud.wire import Refusal, Wire

__all__ = ["flow", "flow_wire", "forget", "studio_wire"]

RUN = AskedPipelineRun(name="r", workspace_id="7", id="flow-1")
OPERATIONS = ("GetPipelineRun", "GetPipelineRunNode", "ListPipelineRunNodeLogs", "ListPipelineRunNodeOutputs")


def hook_of(flow: PaiFlow) -> Any:
    """A hook with PAIFlow on the wire."""
    return SimpleNamespace(paiflow=flow, log=logging.getLogger("task"), one_attempt=one_attempt)


def told(flow: PaiFlow) -> PipelineReport:
    """Read a run, and say all that there is to be said of it."""
    hook = hook_of(flow)
    report = PipelineRuns(hook).report(RUN)
    reporter = StepReporter(hook)
    reporter.show(RUN.id, report.steps, live=True)
    reporter.show_end(report)
    assert reporter.describe_failure(report)
    outputs_to_list(flow.list_outputs(report.run), report.steps)
    return report


def test_the_vendors_own_replies_are_told(flow: PaiFlow, flow_wire: Wire) -> None:
    for operation in OPERATIONS:
        flow_wire.will(operation, reply_of("paiflow", operation))
    assert told(flow).run.id


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_reply_breaks_out_of_the_typed_errors(
    flow: PaiFlow, flow_wire: Wire, operation: str, data: st.DataObject
) -> None:
    for other in OPERATIONS:
        reply = dict(reply_of("paiflow", other))
        if other == operation:
            reply[data.draw(st.sampled_from([*reply]))] = data.draw(JUNK)
        flow_wire.will(other, reply)
    try:
        with one_attempt():
            told(flow)
    except ServiceError:
        pass
    assert isinstance(failed_step_of(hook_of(flow), "flow-1"), str)


def test_a_log_without_an_end_is_not_read_without_an_end(flow: PaiFlow, flow_wire: Wire) -> None:
    total = 1_000_000

    def page(first: int) -> dict[str, Any]:
        return {"TotalCount": total, "Logs": [f"line {number}" for number in range(first, first + 100)]}

    offsets = [*range(0, HEAD_LINES, 100), *range(total - TAIL_LINES, total, 100)]
    flow_wire.will("ListPipelineRunNodeLogs", *map(page, offsets))
    log = flow.read_log(run_id="flow-1", node_id="node-1")
    assert log.end == total
    assert log.lines[HEAD_LINES - 1 : HEAD_LINES + 2] == (
        f"line {HEAD_LINES - 1}",
        f"[... {total - TAIL_LINES - HEAD_LINES} lines of the remote log left out ...]",
        f"line {total - TAIL_LINES}",
    )
    assert log.lines[-1] == f"line {total - 1}"
    assert [int(asked["Offset"]) for asked in flow_wire.asked("ListPipelineRunNodeLogs")] == offsets


@pytest.mark.parametrize("lines", [["the same"], [f"line {number}" for number in range(100)]])
def test_a_log_without_a_total_is_not_read_without_an_end(flow: PaiFlow, flow_wire: Wire, lines: list[str]) -> None:
    flow_wire.will("ListPipelineRunNodeLogs", {"Logs": lines})
    log = flow.read_log(run_id="flow-1", node_id="node-1")
    assert (log.lines, log.end) == (tuple(lines), len(lines))


def test_the_last_lines_are_in_their_order(flow: PaiFlow, flow_wire: Wire) -> None:
    flow_wire.will("ListPipelineRunNodeLogs", {"TotalCount": 9, "Logs": ["third", "second", "first"]})
    assert flow.last_lines(run_id="flow-1", node_id="node-1", number=3) == ["first", "second", "third"]
    (asked,) = flow_wire.asked("ListPipelineRunNodeLogs")
    assert (asked["Reverse"].lower(), asked["PageSize"]) == ("true", "3")


def test_a_log_that_cannot_be_read_is_a_warning(
    flow: PaiFlow, flow_wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    for operation in OPERATIONS:
        flow_wire.will(operation, reply_of("paiflow", operation))
    child = {"Metadata": {"NodeId": "node-1", "Name": "id-1"}, "StatusInfo": {"Status": "Failed", "StartedAt": "x"}}
    root = {"Metadata": {"NodeId": "node-0"}, "Spec": {"Pipelines": [child]}}
    flow_wire.will("GetPipelineRunNode", root)
    flow_wire.will("ListPipelineRunNodeLogs", Refusal("Forbidden", status=403))
    assert told(flow).failed_steps
    assert "The log of the step id-1 cannot be read" in caplog.text
