"""What a user would lose: a provider that understands the new Data Studio as the vendor prints it, oddities and all."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.cloud import new_data_studio, publish
from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.cloud.new_data_studio import NewDataStudio
from airflow_provider_pai_designer.cloud.new_replies import (
    read_node_row,
    read_pipeline_run,
    read_task,
    read_task_instance,
    read_workflow_instance,
)
from airflow_provider_pai_designer.cloud.publish import Publisher
from airflow_provider_pai_designer.cloud.studio_nodes import StudioNodes
from airflow_provider_pai_designer.designer.flow_spec import read_moment
from airflow_provider_pai_designer.designer.node import Node, RerunPolicy, SchedulerType
from airflow_provider_pai_designer.designer.run import InstanceStatus, Outcome, Run, TaskType
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import DeploymentError, PaiDesignerError
from tests.cloud.test_gateway import no_waiting
from tests.cloud.test_vendor_replies import mutate
from tests.cloud.wire import Wire

__all__ = ["no_waiting"]

REPLIES = Path(__file__).parent.parent / "emulator" / "vendor_replies" / "2024-05-18"
ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2024, 3, 12)
PROD = Environment.PROD
WORKSPACE = Workspace(id=1, identifier="demo", environments=(Environment.DEV, PROD))
NODE = Node(name="n", folder="f", content="{}", parents=("demo_root",))
RUN = Run(name="n", node_id=1234, environment="PROD", business_date=DAY, remote_dag_ids=(1234,))
OPERATIONS = sorted(path.stem for path in REPLIES.glob("*.json"))


def sample(operation: str) -> Any:
    return json.loads((REPLIES / f"{operation}.json").read_text(encoding="utf-8"))["reply"]


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = Wire()
    for operation in OPERATIONS:
        wire.will(operation, sample(operation))
    wire.will("GetWorkflowInstance", workflow_instance())
    yield wire
    wire.close()


def workflow_instance() -> dict[str, Any]:
    """The reply of GetWorkflowInstance, of which the vendor publishes no sample: the fields are those of the list."""
    (row,) = sample("ListWorkflowInstances")["PagingInfo"]["WorkflowInstances"]
    return {"WorkflowInstance": row}


@pytest.fixture(scope="module")
def cloud(wire: Wire) -> NewDataStudio:
    return NewDataStudio(gateway=wire.gateway, timezone=ZONE)


def nodes(gateway: Gateway) -> StudioNodes:
    return StudioNodes(gateway=gateway, workspace=WORKSPACE, zone=ZONE)


def test_every_sample_has_a_reader_here() -> None:
    assert OPERATIONS == [
        "CreateNode",
        "CreatePipelineRun",
        "CreateWorkflowInstances",
        "GetCreateWorkflowInstancesResult",
        "GetNode",
        "GetPipelineRun",
        "GetTask",
        "GetTaskInstance",
        "GetTaskInstanceLog",
        "ListNodes",
        "ListTaskInstances",
        "ListWorkflowInstances",
    ]


def test_create_node(wire: Wire) -> None:
    assert nodes(wire.gateway).create(NODE) == "860438872620113XXXX"


def test_create_pipeline_run_and_its_stray_line_break(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "PATIENCE_SECONDS", -1.0)
    publisher = Publisher(gateway=wire.gateway, workspace=WORKSPACE, pause=lambda _: None)
    with pytest.raises(DeploymentError, match=r"Publish package build \(DEV_CHECK\), which is Running"):
        publisher.take_offline("1")
    assert wire.asked("GetPipelineRun")[-1]["Id"] == "a7ef0634-20ec-4a7c-a214-54020f91XXXX"


def test_create_workflow_instances_and_a_failure_message_beside_created(cloud: NewDataStudio) -> None:
    run = cloud.start_test(WORKSPACE, node_id=1, environment=PROD, business_date=DAY, name="n")
    assert run.remote_dag_ids == (1234,)


def test_get_node(wire: Wire) -> None:
    stored = nodes(wire.gateway).read("860438872620113XXXX")
    assert (stored.id, stored.task_id, stored.workflow) == ("860438872620113XXXX", 700006680527, None)
    assert (stored.node.name, stored.node.folder) == ("ODPS_SQL_Test", "XX/OpenAPI_Test")
    assert (stored.node.content, stored.node.parents) == ("select now();", ("lwttest_standard_root",))
    assert stored.node.rerun == RerunPolicy(mode="ALL_ALLOWED", times=3, interval_seconds=180)
    assert stored.node.schedule.cron == "00 00 00 * * ?"
    assert stored.node.schedule.end == read_moment("9999-01-01 00:00:00", ZONE)
    assert (stored.node.resource_group, stored.node.owner) == ("S_res_group_XXXX_XXXX", "110755000425XXXX")


def test_get_pipeline_run() -> None:
    run = read_pipeline_run(sample("GetPipelineRun")["Pipeline"])
    (stage,) = run.stages
    assert (run.status, run.created) == ("Running", 1724984066000)
    assert (stage.code, stage.step, stage.kind, stage.status) == ("DEV_CHECK", 1, "Check", "Running")


def test_get_task(cloud: NewDataStudio) -> None:
    task = read_task(sample("GetTask")["Task"], ZONE)
    assert (task.id, task.environment) == (1234, PROD)
    assert task.node.content == 'echo "helloWorld"'
    assert task.node.parameters == {"para1": "$bizdate"}
    assert task.node.rerun == RerunPolicy(mode="ALL_ALLOWED", times=3, interval_seconds=60)
    assert task.node.parents == ("pre.odps_sql_demo_0",)
    assert task.node.schedule.type is SchedulerType.NORMAL
    read = cloud.get_node(1234, PROD)
    assert (read.name, read.parameters, read.scheduler_type) == ("SQL node", "para1=$bizdate", "NORMAL")


def test_get_task_instance() -> None:
    instance = read_task_instance(sample("GetTaskInstance")["TaskInstance"], ZONE)
    assert (instance.status, instance.task_type) == (InstanceStatus.SUCCESS, TaskType.NORMAL)
    assert (instance.outcome, instance.parameters) == (Outcome.SUCCESS, "para1=$bizdate")


def test_get_task_instance_log(cloud: NewDataStudio) -> None:
    log = cloud.get_log(1234, PROD)
    assert (log.text, log.request_id) == ("This is running log", "22C97E95-F023-56B5-8852-B1A77A17XXXX")


def test_list_nodes_and_its_numbers_that_are_text(wire: Wire) -> None:
    (row,) = [read_node_row(data) for data in sample("ListNodes")["PagingInfo"]["Nodes"]]
    assert (row.id, row.name, row.path, row.command) == ("860438872620113XXXX", "test", "root/demo", "ODPS_SQL")
    assert row.task_id == 88888888888
    assert (row.inputs, row.outputs) == (("623731286945488XXXX",), ("860438872620113XXXX",))
    assert nodes(wire.gateway).find("other", "f") is None


def test_list_task_instances(cloud: NewDataStudio) -> None:
    (instance,) = cloud.list_scheduled_instances(WORKSPACE, node_id=1234, environment=PROD, business_date=DAY)
    assert (instance.id, instance.node_id, instance.remote_dag_id) == (1234, 1234, 1234)
    assert (instance.status, instance.task_type) == (InstanceStatus.SUCCESS, TaskType.NORMAL)
    assert instance.business_date == DAY
    assert instance.schedule_time == datetime.fromtimestamp(1710239005.403, ZONE)
    assert (instance.parameters, instance.reruns_left) == ("para1=val1 para2=val2", None)


def test_a_row_that_does_not_say_how_it_was_triggered_is_no_success() -> None:
    row = sample("ListTaskInstances")["PagingInfo"]["TaskInstances"][0]
    del row["TriggerRecurrence"]
    assert read_task_instance(row, ZONE).outcome is Outcome.UNKNOWN
    assert read_task_instance({**row, "TriggerType": "Manual"}, ZONE).outcome is Outcome.SUCCESS


def test_list_workflow_instances() -> None:
    (row,) = sample("ListWorkflowInstances")["PagingInfo"]["WorkflowInstances"]
    found = read_workflow_instance(row, ZONE)
    assert (found.id, found.name, found.kind, found.own_instance_id) == (1234, "WorkflowInstance1", "Normal", 1234)
    assert (found.milliseconds, found.business_date) == (1710239005403, DAY)


VERBS: dict[str, Callable[[NewDataStudio, StudioNodes], Any]] = {
    "CreateNode": lambda _, nodes: nodes.create(NODE),
    "GetCreateWorkflowInstancesResult": lambda cloud, _: cloud.start_test(
        WORKSPACE, node_id=1, environment=PROD, business_date=DAY, name="n"
    ),
    "GetNode": lambda _, nodes: nodes.read("1"),
    "GetTask": lambda cloud, _: cloud.get_node(1, PROD),
    "GetTaskInstanceLog": lambda cloud, _: cloud.get_log(1, PROD),
    "GetWorkflowInstance": lambda cloud, _: cloud.list_instances(WORKSPACE, RUN),
    "ListNodes": lambda _, nodes: nodes.find("test", "f"),
    "ListTaskInstances": lambda cloud, _: cloud.list_instances(WORKSPACE, RUN),
    "ListWorkflowInstances": lambda cloud, _: cloud.find_runs(
        WORKSPACE, node_id=1, environment=PROD, business_date=DAY, prefix="WorkflowInstance1"
    ),
}


def test_whatever_comes_is_a_value_or_a_typed_error(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    # Behind the socket, where thousands of replies take seconds; everything above it is the real SDK.
    bodies = {operation: json.dumps(sample(operation)).encode() for operation in OPERATIONS}
    good = {**{operation: sample(operation) for operation in OPERATIONS}, "GetWorkflowInstance": workflow_instance()}
    bodies["GetWorkflowInstance"] = json.dumps(workflow_instance()).encode()
    broken: dict[str, bytes] = {}

    def answer(request: Any, *_: Any) -> Any:
        action = request.headers["x-acs-action"]
        return SimpleNamespace(status_code=200, headers={}, body=broken.get(action, bodies[action]))

    monkeypatch.setattr("darabonba.core.DaraCore.do_action", answer)
    monkeypatch.setattr("airflow_provider_pai_designer.cloud.gateway._ATTEMPTS", ContextVar("attempts", default=1))
    monkeypatch.setattr(new_data_studio, "CREATION_PATIENCE_SECONDS", -1.0)
    chance = random.Random(20261122)
    errors = 0
    for _ in range(4000):
        operation = chance.choice(sorted(VERBS))
        body = json.dumps(mutate(good[operation], chance)).encode()
        broken = {operation: body[: chance.randrange(len(body))] if chance.random() < 0.05 else body}
        cloud = NewDataStudio(gateway=wire.gateway, timezone=ZONE, wait=lambda _: None)
        try:
            VERBS[operation](cloud, nodes(wire.gateway))
        except PaiDesignerError:
            errors += 1
    assert 400 < errors < 3600
