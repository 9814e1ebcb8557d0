"""What a user would lose: a result that Airflow can keep, with what the pipeline has left behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_pai_designer.designer.pipeline import (
    AskedPipelineRun,
    PipelineRunOutput,
    PipelineRunStatus,
    PipelineRunStep,
    outputs_to_list,
)


def step(**changes: Any) -> PipelineRunStep:
    values: dict[str, Any] = {
        "node_id": "node-1",
        "name": "id-1",
        "display_name": "Split",
        "kind": "",
        "status": PipelineRunStatus.SUCCEEDED,
        "started": "2026-01-01T00:00:00.000Z",
        "finished": "2026-01-01T00:00:02.500Z",
        "children": (),
    }
    return PipelineRunStep(**{**values, **changes})


def output(kind: str, value: Any) -> PipelineRunOutput:
    return PipelineRunOutput(
        id="artifact-1", name="o", type=kind, node_id="node-1", producer="p", information={"value": value}
    )


def test_metrics_come_first_and_json_in_a_text_is_read() -> None:
    table = output("DataSet", '{"location": {"table": "t"}}')
    listed = outputs_to_list([table, output("Metrics", '{"auc": 0.9}'), output("Model", "no json")], [step()])
    assert [(item["type"], item["value"]) for item in listed] == [
        ("Metrics", {"auc": 0.9}),
        ("DataSet", {"location": {"table": "t"}}),
        ("Model", "no json"),
    ]
    assert {item["step"] for item in listed} == {"Split"}


def test_what_is_too_large_is_left_out_and_said_to_be() -> None:
    large, small = output("Metrics", "x" * 5000), output("Model", "y")
    listed = outputs_to_list([large, small], [], limit=1000)
    assert [(item["value"], item.get("left_out", False)) for item in listed] == [(None, True), ("y", False)]


@pytest.mark.parametrize("value", ['{"auc": NaN, "loss": [Infinity, 1e999]}', {"auc": float("nan"), "when": {1, 2}}])
def test_a_metric_that_is_no_number_fails_no_task(value: Any) -> None:
    (item,) = outputs_to_list([output("Metrics", value)], [])
    assert json.loads(json.dumps(item, allow_nan=False))["value"]["auc"] == "NaN"


def test_a_value_that_no_json_reader_survives_stays_a_text() -> None:
    (item,) = outputs_to_list([output("Model", "[" * 20_000)], [])
    assert item["value"] == "[" * 20_000


@given(
    sizes=st.lists(st.integers(0, 3000), max_size=40),
    limit=st.integers(0, 4000),
)
def test_the_list_is_never_larger_than_its_limit(sizes: list[int], limit: int) -> None:
    listed = outputs_to_list([output("Metrics", "é" * size) for size in sizes], [step()], limit=limit)
    assert sum(len(json.dumps(item)) for item in listed) <= limit


@given(started=st.text(max_size=30), finished=st.text(max_size=30))
def test_no_time_that_the_service_prints_breaks_a_result(started: str, finished: str) -> None:
    assert json.dumps(step(started=started, finished=finished).to_dict())


def test_times_with_and_without_a_zone_are_no_duration() -> None:
    assert step().duration_seconds == 2.5
    assert step(finished="2026-01-01T00:00:02").duration_seconds is None


def test_the_steps_are_the_nodes_that_hold_no_others() -> None:
    inner = step(node_id="node-3", children=(step(node_id="node-4"),))
    root = step(node_id="node-0", children=(step(), inner))
    assert [found.node_id for found in root.leaves] == ["node-1", "node-4"]
    assert step().leaves == ()


def test_a_run_survives_its_way_through_json() -> None:
    for run in (
        AskedPipelineRun(name="n", workspace_id="7"),
        AskedPipelineRun(name="n", workspace_id="7", id="flow-1"),
    ):
        assert AskedPipelineRun.from_dict(json.loads(json.dumps(run.to_dict()))) == run
