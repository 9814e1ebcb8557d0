"""What a user would lose: a provider that understands replies as the vendor prints them, oddities and all."""

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

from airflow_provider_pai_designer.cloud.dataworks import DataWorks
from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.node import Node, RerunPolicy
from airflow_provider_pai_designer.designer.run import InstanceStatus, Run, TaskType
from airflow_provider_pai_designer.designer.workspace import DeploymentStatus, Environment, Folder, Workspace
from airflow_provider_pai_designer.exceptions import ServiceError, UnclearError
from tests.cloud.test_gateway import Script, no_waiting

REPLIES = Path(__file__).parent.parent / "emulator" / "vendor_replies"
ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 1, 1)
PROD = Environment.PROD
WORKSPACE = Workspace(id=1, identifier="demo", environments=(Environment.DEV, PROD))
RUN = Run(name="n", node_id=1, environment="PROD", business_date=DAY, remote_dag_ids=(1,))
NODE = Node(name="n", folder="f", content="{}")
FOLDER = "业务流程/我的第一个业务流程/MaxCompute/ods层"

Verb = Callable[[DataWorks], Any]
VERBS: dict[str, Verb] = {
    "CreateFile": lambda cloud: cloud.create_node(WORKSPACE, NODE, create_folder=False),
    "CreateFolder": lambda cloud: cloud.create_folder(WORKSPACE, "f"),
    "DeleteFile": lambda cloud: cloud.delete_file(WORKSPACE, 1),
    "DeployFile": lambda cloud: cloud.deploy(WORKSPACE, 1),
    "GetDag": lambda cloud: cloud.get_remote_dag(1, PROD),
    "GetDeployment": lambda cloud: cloud.get_deployment(WORKSPACE, 1),
    "GetFile": lambda cloud: cloud.read_node(WORKSPACE, 1, folder="f"),
    "GetFolder": lambda cloud: cloud.check_folder(WORKSPACE, "f"),
    "GetInstance": lambda cloud: cloud.get_instance(1, PROD),
    "GetInstanceLog": lambda cloud: cloud.get_log(1, PROD),
    "GetNode": lambda cloud: cloud.get_node(1, PROD),
    "GetNodeCode": lambda cloud: cloud.get_node_content(1, PROD),
    "GetProject": lambda cloud: cloud.get_workspace("demo"),
    "ListDags": lambda cloud: cloud.list_remote_dags(1, PROD),
    "ListDeployments": lambda cloud: cloud.list_deployments(WORKSPACE),
    "ListFileType": lambda cloud: cloud.list_file_types(WORKSPACE),
    "ListFiles": lambda cloud: cloud.find_file(WORKSPACE, name="ods_user_info_d", folder=FOLDER),
    "ListFolders": lambda cloud: cloud.list_folders(WORKSPACE, "f"),
    "ListInstanceHistory": lambda cloud: cloud.list_attempts(1, PROD),
    "ListInstances": lambda cloud: cloud.list_instances(WORKSPACE, RUN),
    "ListNodes": lambda cloud: cloud.list_nodes(WORKSPACE, PROD),
    "ListProjects": lambda cloud: cloud.list_workspace_names(),
    "ListResourceGroups": lambda cloud: cloud.list_resource_groups(),
    "OfflineNode": lambda cloud: cloud.offline_node(WORKSPACE, 1),
    "RestartInstance": lambda cloud: cloud.restart_instance(1, PROD),
    "RunCycleDagNodes": lambda cloud: cloud.start_backfill(
        WORKSPACE, Backfill(node_id=1, first=DAY, last=DAY), environment=PROD, name="n"
    ),
    "RunSmokeTest": lambda cloud: cloud.start_test(WORKSPACE, node_id=1, environment=PROD, business_date=DAY, name="n"),
    "StopInstance": lambda cloud: dict(cloud.stop_instances([1], PROD)),
    "SubmitFile": lambda cloud: cloud.submit(WORKSPACE, 1),
    "UpdateFile": lambda cloud: cloud.update_node(WORKSPACE, 1, (), rerun=RerunPolicy()),
}
"""The verb that uses each operation."""

ANSWERS: dict[str, Callable[[Any], bool]] = {
    "CreateFile": lambda answer: answer == 1000001,
    "CreateFolder": lambda answer: answer == "bdfd68****",
    "DeleteFile": lambda answer: answer == 1000000001,
    "DeployFile": lambda answer: answer == 30000001,
    "GetDag": lambda answer: (answer.id, answer.name, answer.status) == (351249682, "test_dag", "FAILURE"),
    "GetDeployment": lambda answer: answer.status is DeploymentStatus.CHECK_FAILED,
    "GetFile": lambda answer: (
        (answer.node_id, answer.version, answer.committed) == (300001, 3, False)
        and answer.node.parameters == {"a": "x", "b": "y"}
        and answer.node.parents == ("project.001_out",)
    ),
    "GetFolder": lambda answer: answer is None,
    "GetInstance": lambda answer: (
        (answer.status, answer.task_type) == (InstanceStatus.NOT_RUN, TaskType.NORMAL)
        and answer.business_date == date(2020, 5, 25)
        and answer.schedule_time == datetime(2020, 5, 26, tzinfo=ZONE)
        and answer.reruns_left == 0
    ),
    "GetInstanceLog": lambda answer: answer.text == "log_content",
    "GetNode": lambda answer: (answer.id, answer.resource_group) == (1234, "group_123"),
    "GetNodeCode": lambda answer: answer == "select a;",
    "GetProject": lambda answer: (answer.id, answer.environments) == (466230, (PROD,)),
    "ListDags": lambda answer: [dag.id for dag in answer] == [351249682],
    "ListDeployments": lambda answer: [(item.id, item.status) for item in answer] == [(11111, "success")],
    "ListFileType": lambda answer: answer == {10: "ODPS SQL"},
    "ListFiles": lambda answer: answer == 10000001,
    "ListFolders": lambda answer: answer == [Folder(id="2735c2****", path=FOLDER)],
    "ListInstanceHistory": lambda answer: [(item.id, item.status) for item in answer] == [(1, "NOT_RUN")],
    "ListInstances": lambda answer: [(item.id, item.remote_dag_id) for item in answer] == [(1234, 33845)],
    "ListNodes": lambda answer: [node.id for node in answer] == [1234],
    "ListProjects": lambda answer: answer == ["test_project"],
    "ListResourceGroups": lambda answer: [(item.name, item.is_default) for item in answer] == [("abc", True)],
    "OfflineNode": lambda answer: answer is None,
    "RestartInstance": lambda answer: answer is None,
    "RunCycleDagNodes": lambda answer: answer.remote_dag_ids == (111,),
    "StopInstance": lambda answer: answer == {1: None},
    "SubmitFile": lambda answer: answer == 3000001,
    "UpdateFile": lambda answer: answer is None,
}
"""What each verb makes of the vendor's own sample; RunSmokeTest's sample is an error."""

__all__ = ["no_waiting"]


def sample(operation: str) -> Any:
    return json.loads((REPLIES / f"{operation}.json").read_text(encoding="utf-8"))["reply"]


@pytest.fixture(scope="module")
def script() -> Iterator[Script]:
    server = Script()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture(scope="module")
def cloud(script: Script) -> DataWorks:
    return DataWorks(gateway=script.gateway, timezone=ZONE)


@pytest.mark.parametrize("operation", ANSWERS)
def test_the_vendors_sample_is_understood(script: Script, cloud: DataWorks, operation: str) -> None:
    script.replies = [(200, json.dumps(sample(operation)).encode())]
    answer = VERBS[operation](cloud)
    assert ANSWERS[operation](answer), answer


def test_the_sample_that_says_yes_and_no_is_not_taken_for_a_no(script: Script, cloud: DataWorks) -> None:
    script.replies = [(200, json.dumps(sample("RunSmokeTest")).encode())]
    with pytest.raises(UnclearError, match="both yes .Data 3333333. and no"):
        VERBS["RunSmokeTest"](cloud)


def mutate(value: Any, chance: random.Random) -> Any:
    """Return a value with one member changed into something that should not be there."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(sorted(value))
        changed = dict(value)
        if chance.random() < 0.2:
            del changed[name]
        else:
            changed[name] = mutate(value[name], chance)
        return changed
    if isinstance(value, list) and value and chance.random() < 0.7:
        index = chance.randrange(len(value))
        return [*value[:index], mutate(value[index], chance), *value[index + 1 :]]
    return chance.choice([None, "", "x", "NaN", -1, 0, 10**30, 1.5, True, [], {}, [None], {"a": []}, "1\n", "业务"])


def test_whatever_comes_is_a_value_or_a_typed_error(cloud: DataWorks, monkeypatch: pytest.MonkeyPatch) -> None:
    # Behind the socket, where ten thousand replies take seconds; everything above it is the real SDK.
    body = b""
    monkeypatch.setattr(
        "darabonba.core.DaraCore.do_action",
        lambda *_: SimpleNamespace(status_code=200, headers={}, body=body),
    )
    monkeypatch.setattr("airflow_provider_pai_designer.cloud.gateway._ATTEMPTS", ContextVar("attempts", default=1))
    chance = random.Random(20261122)
    samples = {operation: sample(operation) for operation in VERBS}
    errors = 0
    for _ in range(10_000):
        operation = chance.choice(sorted(VERBS))
        body = json.dumps(mutate(samples[operation], chance)).encode()
        if chance.random() < 0.05:
            body = body[: chance.randrange(len(body))]
        try:
            VERBS[operation](cloud)
        except ServiceError:
            errors += 1
    assert 1000 < errors < 9000
