"""What a user would lose: a run started twice because its reply was lost, or a task failed by one hiccup of a read.

Every verb meets every way in which the network and the service fail.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.cloud.credentials import Credentials
from airflow_provider_pai_designer.cloud.dataworks import DataWorks
from airflow_provider_pai_designer.cloud.endpoints import Endpoint
from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.node import Change, Node, RerunPolicy
from airflow_provider_pai_designer.designer.run import Run
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.emulator.seed import FAULTS
from airflow_provider_pai_designer.exceptions import (
    NotSentError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RejectedError,
    ServiceError,
    ThrottledError,
    UnclearError,
)
from tests.cloud.support import client_of, stop
from tests.cloud.test_gateway import no_waiting
from tests.contents import read_content
from tests.emulator.vendor_requests import valid_requests

__all__ = ["no_waiting", "valid_requests"]

DEV, PROD = Environment.DEV, Environment.PROD
DAY = date(2026, 11, 22)
FOLDER = "Business Flow/demo/Algorithm"
PATIENCE_MILLISECONDS = 50
READS, WRITES = 2, 5
"""How often a read (here: to save time) and a write may be made."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What a call meets, and what the client makes of it.

    :param fault: a fault of the emulator's seed.
    :param replied: whether the service's own words reach the client.
    """

    fault: Mapping[str, Any]
    error: type[ServiceError] = UnclearError
    code: str = "Unclear"
    replied: bool = False

    @property
    def name(self) -> str:
        """Its name in a test report."""
        return "-".join("done" if value is True else str(value) for value in self.fault.values())

    @property
    def carried_out(self) -> bool:
        """Whether the service does what it was asked to do."""
        behaviours = ("later", "delay", "truncated", "contradict")
        return bool(self.fault.get("done")) or self.fault["behaviour"] in behaviours

    @property
    def slow(self) -> bool:
        """Whether the client must lose its patience."""
        return self.fault["behaviour"] in ("hang", "delay")


def lost(behaviour: str, **fault: Any) -> Trouble:
    """No usable reply: nobody can know whether the call was carried out."""
    return Trouble(fault={"behaviour": behaviour, **fault})


def answered(status: int, code: str, error: type[ServiceError], **fault: Any) -> Trouble:
    """An HTTP error in the vendor's form."""
    given = {"behaviour": "http", "status": status, "code": code, **fault}
    return Trouble(fault=given, error=error, code=code, replied=True)


def said_no(behaviour: str, code: str, error: type[ServiceError]) -> Trouble:
    """``Success`` false."""
    return Trouble(fault={"behaviour": behaviour, "code": code}, error=error, code=code, replied=True)


CONTRADICTION = said_no("contradict", "Odd", UnclearError)
TROUBLES = [
    lost("close"),
    lost("close", done=True),
    lost("later", seconds=30),
    lost("reset"),
    lost("reset", done=True),
    lost("hang"),
    lost("hang", done=True),
    lost("delay", seconds=1),
    lost("html"),
    lost("html", done=True),
    lost("truncated"),
    lost("garbage"),
    lost("garbage", done=True),
    answered(500, "InternalError.System", UnclearError),
    answered(500, "InternalError.System", UnclearError, done=True),
    answered(500, "Forbidden.Not.Server", RejectedError),
    answered(403, "Forbidden.Access", PermissionDeniedError),
    answered(429, "Throttling.Api", ThrottledError),
    answered(429, "Throttling.System", ThrottledError),
    answered(429, "Throttling.User", ThrottledError),
    answered(429, "Throttling.Api.Risk", QuotaExhaustedError),
    answered(429, "Throttling.Resource", QuotaExhaustedError),
    said_no("refuse", "1201111179", RejectedError),
    CONTRADICTION,
]

NO_CONTRADICTION = {
    *("ListProjects", "ListFileType", "ListDeployments"),
    *("DeleteFile", "ListInstanceHistory", "OfflineNode", "UpdateFile"),
}
"""Replies that cannot say yes and no at once: the first three have no Success, the others no Data."""
NO_ERROR_CODE = {"GetProject", "ListResourceGroups"}
"""Replies that can, without room for a code."""


class Scene:
    """An emulator whose time stands still, in which a node was deployed, tested and run for a date.

    :param cloud: the client under test; ``hasty`` is one that waits 50 ms for a reply.
    """

    def __init__(self, emulator: Emulator, *, cloud: DataWorks, hasty: DataWorks) -> None:
        self.emulator = emulator
        self.cloud = cloud
        self.hasty = hasty
        self.numbers = count(1)
        self.workspace: Workspace = cloud.get_workspace("demo_project")
        self.file_id = self.file("n")
        self.node_id = self.deployed(self.file_id)
        self.deployment_id = cloud.list_deployments(self.workspace)[0].id
        self.run = self.backfill(cloud, "b")
        self.advance(60)
        self.operation_id = cloud.get_remote_dag(self.run.remote_dag_ids[0], PROD).operation_id or 0
        self.instance_id = cloud.list_instances(self.workspace, self.run)[0].id

    def advance(self, seconds: float) -> None:
        self.emulator.control.clock.advance(seconds)

    def node(self, name: str) -> Node:
        return Node(
            name=name,
            folder=FOLDER,
            content=read_content("global_variable"),
            parents=(self.workspace.root_output,),
        )

    def name(self) -> str:
        return f"n{next(self.numbers)}"

    def file(self, name: str) -> int:
        return self.cloud.create_node(self.workspace, self.node(name), create_folder=False)

    def submitted(self, file_id: int) -> int:
        self.cloud.submit(self.workspace, file_id)
        self.advance(5)
        return file_id

    def deployed(self, file_id: int) -> int:
        self.cloud.deploy(self.workspace, self.submitted(file_id))
        self.advance(5)
        return self.cloud.read_node(self.workspace, file_id, folder="").node_id or 0

    def test(self, cloud: DataWorks, name: str) -> Run:
        return cloud.start_test(self.workspace, node_id=self.node_id, environment=DEV, business_date=DAY, name=name)

    def backfill(self, cloud: DataWorks, name: str) -> Run:
        backfill = Backfill(node_id=self.node_id, first=DAY, last=DAY)
        return cloud.start_backfill(self.workspace, backfill, environment=PROD, name=name)

    def instance(self, **behaviour: Any) -> int:
        """Return a new instance: one that has ended, or one in which a step behaves otherwise."""
        self.emulator.control.seed({"steps": [behaviour] if behaviour else []})
        run = self.test(self.cloud, "t")
        self.advance(60)
        return self.cloud.list_instances(self.workspace, run)[0].id

    def meet(self, operation: str, fault: Mapping[str, Any], *, times: int | None) -> None:
        self.emulator.control.seed({"faults": [{**fault, "operation": operation, "times": times}]})

    def client(self, trouble: Trouble) -> DataWorks:
        return self.hasty if trouble.slow else self.cloud


@dataclass(frozen=True, kw_only=True)
class Read:
    """A verb that changes nothing.

    :param operation: the first operation that it calls.
    """

    operation: str
    call: Callable[[DataWorks, Scene], Any]


@dataclass(frozen=True, kw_only=True)
class Write:
    """A verb that changes something.

    :param operation: the operation that meets the trouble.
    :param changes: what shows in the emulator that it was carried out.
    :param prepare: makes what the verb is called with.
    """

    operation: str
    changes: str
    call: Callable[[DataWorks, Scene, Any], Any]
    prepare: Callable[[Scene], Any] = field(default=Scene.name)


def changed(cloud: DataWorks, scene: Scene, text: str) -> None:
    change = Change(name="description", stored="", wanted=text)
    cloud.update_node(scene.workspace, scene.file_id, [change], rerun=RerunPolicy())


VERBS: dict[str, Read | Write] = {
    "get_workspace": Read(operation="GetProject", call=lambda cloud, _: cloud.get_workspace("demo_project")),
    "list_workspace_names": Read(operation="ListProjects", call=lambda cloud, _: cloud.list_workspace_names()),
    "count_nodes": Read(operation="ListFiles", call=lambda cloud, scene: cloud.count_nodes(scene.workspace)),
    "list_resource_groups": Read(operation="ListResourceGroups", call=lambda cloud, _: cloud.list_resource_groups()),
    "list_file_types": Read(operation="ListFileType", call=lambda cloud, scene: cloud.list_file_types(scene.workspace)),
    "list_folders": Read(
        operation="ListFolders", call=lambda cloud, scene: cloud.list_folders(scene.workspace, "Business Flow")
    ),
    "check_folder": Read(operation="GetFolder", call=lambda cloud, scene: cloud.check_folder(scene.workspace, FOLDER)),
    "find_file": Read(
        operation="ListFiles", call=lambda cloud, scene: cloud.find_file(scene.workspace, name="n", folder=FOLDER)
    ),
    "find_files": Read(
        operation="ListFiles", call=lambda cloud, scene: cloud.find_files(scene.workspace, name="n", folder=FOLDER)
    ),
    "find_deployment": Read(
        operation="ListDeployments",
        call=lambda cloud, scene: cloud.find_deployment(scene.workspace, scene.file_id, name="n"),
    ),
    "read_node": Read(
        operation="GetFile",
        call=lambda cloud, scene: cloud.read_node(scene.workspace, scene.file_id, folder=FOLDER),
    ),
    "get_content": Read(
        operation="ListFiles", call=lambda cloud, scene: cloud.get_content(scene.workspace, name="n", folder=FOLDER)
    ),
    "get_node": Read(operation="GetNode", call=lambda cloud, scene: cloud.get_node(scene.node_id, PROD)),
    "list_nodes": Read(
        operation="ListNodes", call=lambda cloud, scene: cloud.list_nodes(scene.workspace, PROD, name="n")
    ),
    "get_node_content": Read(
        operation="GetNodeCode", call=lambda cloud, scene: cloud.get_node_content(scene.node_id, PROD)
    ),
    "list_children": Read(
        operation="GetNodeChildren", call=lambda cloud, scene: cloud.list_children(scene.node_id, PROD)
    ),
    "compare_node": Read(
        operation="ListFiles", call=lambda cloud, scene: cloud.compare_node(scene.workspace, scene.node("n"))
    ),
    "find_node": Read(
        operation="ListFiles",
        call=lambda cloud, scene: cloud.find_node(scene.workspace, name="n", folder=FOLDER, environment=PROD),
    ),
    "get_deployment": Read(
        operation="GetDeployment",
        call=lambda cloud, scene: cloud.get_deployment(scene.workspace, scene.deployment_id),
    ),
    "list_deployments": Read(
        operation="ListDeployments", call=lambda cloud, scene: cloud.list_deployments(scene.workspace, name="n-")
    ),
    "list_versions": Read(
        operation="ListFileVersions", call=lambda cloud, scene: cloud.list_versions(scene.workspace, scene.file_id)
    ),
    "get_version": Read(
        operation="GetFileVersion", call=lambda cloud, scene: cloud.get_version(scene.workspace, scene.file_id, 1)
    ),
    "get_run": Read(operation="GetDag", call=lambda cloud, scene: cloud.get_run(scene.run.remote_dag_ids, PROD)),
    "find_runs": Read(
        operation="ListInstances",
        call=lambda cloud, scene: cloud.find_runs(
            scene.workspace, node_id=scene.node_id, environment=PROD, business_date=DAY, prefix="b"
        ),
    ),
    "get_remote_dag": Read(
        operation="GetDag", call=lambda cloud, scene: cloud.get_remote_dag(scene.run.remote_dag_ids[0], PROD)
    ),
    "list_remote_dags": Read(
        operation="ListDags", call=lambda cloud, scene: cloud.list_remote_dags(scene.operation_id, PROD)
    ),
    "list_instances": Read(
        operation="ListInstances", call=lambda cloud, scene: cloud.list_instances(scene.workspace, scene.run)
    ),
    "list_scheduled_instances": Read(
        operation="ListInstances",
        call=lambda cloud, scene: cloud.list_scheduled_instances(
            scene.workspace, node_id=scene.node_id, environment=PROD, business_date=DAY
        ),
    ),
    "list_newest": Read(
        operation="ListInstances",
        call=lambda cloud, scene: cloud.list_newest(scene.workspace, PROD, first=DAY, last=DAY, page=1),
    ),
    "list_by_ids": Read(
        operation="GetInstance",
        call=lambda cloud, scene: cloud.list_by_ids(scene.workspace, PROD, business_date=DAY, ids=[scene.instance_id]),
    ),
    "get_instance": Read(
        operation="GetInstance", call=lambda cloud, scene: cloud.get_instance(scene.instance_id, PROD)
    ),
    "get_log": Read(operation="GetInstanceLog", call=lambda cloud, scene: cloud.get_log(scene.instance_id, PROD).text),
    "list_attempts": Read(
        operation="ListInstanceHistory", call=lambda cloud, scene: cloud.list_attempts(scene.instance_id, PROD)
    ),
    "create_folder": Write(
        operation="CreateFolder",
        changes="folders",
        call=lambda cloud, scene, name: cloud.create_folder(scene.workspace, f"{FOLDER}/{name}"),
    ),
    "create_node": Write(
        operation="CreateFile",
        changes="files",
        call=lambda cloud, scene, name: cloud.create_node(scene.workspace, scene.node(name), create_folder=False),
    ),
    "update_node": Write(operation="UpdateFile", changes="files", call=changed),
    "submit": Write(
        operation="SubmitFile",
        changes="deployments",
        prepare=lambda scene: scene.file(scene.name()),
        call=lambda cloud, scene, file_id: cloud.submit(scene.workspace, file_id),
    ),
    "deploy": Write(
        operation="DeployFile",
        changes="deployments",
        prepare=lambda scene: scene.submitted(scene.file(scene.name())),
        call=lambda cloud, scene, file_id: cloud.deploy(scene.workspace, file_id),
    ),
    "offline_node": Write(
        operation="OfflineNode",
        changes="nodes",
        prepare=lambda scene: scene.deployed(scene.file(scene.name())),
        call=lambda cloud, scene, node_id: cloud.offline_node(scene.workspace, node_id),
    ),
    "delete_file": Write(
        operation="DeleteFile",
        changes="files",
        prepare=lambda scene: scene.file(scene.name()),
        call=lambda cloud, scene, file_id: cloud.delete_file(scene.workspace, file_id),
    ),
    "start_test": Write(
        operation="RunSmokeTest", changes="runs", call=lambda cloud, scene, name: scene.test(cloud, name)
    ),
    "start_backfill": Write(
        operation="RunCycleDagNodes", changes="runs", call=lambda cloud, scene, name: scene.backfill(cloud, name)
    ),
    "stop_instances": Write(
        operation="StopInstance",
        changes="instances",
        prepare=lambda scene: scene.instance(behaviour="hang", times=1),
        call=lambda cloud, _, instance_id: stop(cloud, instance_id, DEV),
    ),
    "restart_instance": Write(
        operation="RestartInstance",
        changes="instances",
        prepare=Scene.instance,
        call=lambda cloud, _, instance_id: cloud.restart_instance(instance_id, DEV),
    ),
}


def pairs(kind: type[Read | Write]) -> list[Any]:
    """Return every verb of a kind with every trouble that it can meet."""
    return [
        pytest.param(verb, trouble, id=f"{name}-{trouble.name}")
        for name, verb in VERBS.items()
        if isinstance(verb, kind)
        for trouble in TROUBLES
        # of a read it is all the same what becomes of a call whose reply is lost
        if not (kind is Read and trouble.fault.get("done"))
        and not (trouble is CONTRADICTION and verb.operation in NO_CONTRADICTION)
    ]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with launch() as emulator, pytest.MonkeyPatch.context() as patch:
        emulator.control.clock.freeze()
        zone = ZoneInfo("Asia/Shanghai")
        cloud = DataWorks(gateway=client_of(emulator), timezone=zone)
        patch.setattr("airflow_provider_pai_designer.cloud.gateway.READ_TIMEOUT_MILLISECONDS", PATIENCE_MILLISECONDS)
        yield Scene(emulator, cloud=cloud, hasty=DataWorks(gateway=client_of(emulator), timezone=zone))


@pytest.fixture(autouse=True)
def no_faults(scene: Scene) -> Iterator[None]:
    """Every test begins and ends with a network that works."""
    yield
    scene.emulator.control.clear_behaviours()


@pytest.fixture
def fewer_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_pai_designer.cloud.gateway._ATTEMPTS", ContextVar("attempts", default=READS))


def check_told(error: ServiceError, verb: Read | Write, trouble: Trouble) -> None:
    assert type(error) is trouble.error
    code = "" if trouble is CONTRADICTION and verb.operation in NO_ERROR_CODE else trouble.code
    assert (error.operation, error.code) == (verb.operation, code)
    assert bool(error.request_id) is trouble.replied
    assert verb.operation in str(error)


@pytest.mark.usefixtures("fewer_reads")
@pytest.mark.parametrize(("verb", "trouble"), pairs(Read))
def test_a_read_is_made_again_only_where_that_may_help(
    scene: Scene, valid_requests: list[Any], verb: Read, trouble: Trouble
) -> None:
    scene.meet(verb.operation, trouble.fault, times=None)
    with pytest.raises(ServiceError) as caught:
        verb.call(scene.client(trouble), scene)
    check_told(caught.value, verb, trouble)
    assert len(valid_requests) == (READS if trouble.error.retryable else 1)


@pytest.mark.parametrize(("verb", "trouble"), pairs(Write))
def test_a_write_is_made_again_only_where_it_was_certainly_not_made(
    scene: Scene, verb: Write, trouble: Trouble
) -> None:
    prepared = verb.prepare(scene)
    control = scene.emulator.control
    before = control.rows(verb.changes)
    control.reset_counters()
    scene.meet(verb.operation, trouble.fault, times=None)
    with pytest.raises(ServiceError) as caught:
        verb.call(scene.client(trouble), scene, prepared)
    check_told(caught.value, verb, trouble)
    assert control.calls(verb.operation) == (WRITES if trouble.error is ThrottledError else 1)
    scene.advance(60)
    assert (control.rows(verb.changes) != before) is trouble.carried_out


@pytest.mark.parametrize("name", VERBS)
def test_a_service_that_is_not_there_was_not_called(scene: Scene, name: str) -> None:
    nowhere = Gateway(
        endpoint=Endpoint(protocol="http", host="127.0.0.1:1"),
        credentials=Credentials(access_key_id="LTAI-test", access_key_secret="not-a-real-secret"),
    )
    cloud, verb = DataWorks(gateway=nowhere, timezone=ZoneInfo("Asia/Shanghai")), VERBS[name]
    with pytest.raises(NotSentError) as caught:
        verb.call(cloud, scene) if isinstance(verb, Read) else verb.call(cloud, scene, verb.prepare(scene))
    assert not caught.value.acted


@pytest.mark.parametrize("name", [name for name, verb in VERBS.items() if isinstance(verb, Read)])
def test_a_read_gets_through_a_hiccup(scene: Scene, name: str) -> None:
    verb = VERBS[name]
    assert isinstance(verb, Read)
    good = verb.call(scene.cloud, scene)
    scene.meet(verb.operation, lost("close").fault, times=1)
    assert verb.call(scene.cloud, scene) == good


@pytest.mark.parametrize(
    "trouble", [trouble for trouble in TROUBLES if trouble.error.retryable], ids=lambda trouble: trouble.name
)
def test_a_read_gets_through_whatever_passes(scene: Scene, trouble: Trouble) -> None:
    scene.meet("GetDag", trouble.fault, times=2)
    assert scene.client(trouble).get_remote_dag(scene.run.remote_dag_ids[0], PROD).name == "b"


def test_a_write_gets_through_where_it_was_throttled(scene: Scene) -> None:
    before = len(scene.emulator.control.rows("runs"))
    scene.meet("RunSmokeTest", answered(429, "Throttling.User", ThrottledError).fault, times=2)
    scene.test(scene.cloud, "throttled")
    assert len(scene.emulator.control.rows("runs")) == before + 1


def test_only_the_chosen_call_fails(scene: Scene) -> None:
    scene.meet("RunSmokeTest", {"behaviour": "refuse", "after": 1}, times=1)
    scene.test(scene.cloud, "first")
    with pytest.raises(RejectedError):
        scene.test(scene.cloud, "second")
    scene.test(scene.cloud, "third")


def test_a_postponed_call_is_carried_out_in_its_own_time(scene: Scene) -> None:
    """A client that looks for its run at once and does not find it must not start another one."""
    control = scene.emulator.control
    scene.meet("RunSmokeTest", {"behaviour": "later", "seconds": 30}, times=1)
    began = control.clock.read().now
    with pytest.raises(UnclearError):
        scene.test(scene.cloud, "late")
    assert all(run["name"] != "late" for run in control.rows("runs"))
    scene.advance(100)
    (run,) = (run for run in control.rows("runs") if run["name"] == "late")
    assert run["created"] == began + 30_000


CONVERGING = {"ensure_node", "delete_node"}
"""Many calls, of which those whose fate is unknown are looked after: see ``test_ensure_converges.py``."""


def test_every_verb_and_every_fault_is_tried() -> None:
    verbs = {name for name, _ in inspect.getmembers(DataWorks, callable) if not name.startswith("_")}
    assert set(VERBS) == verbs - CONVERGING
    assert {trouble.fault["behaviour"] for trouble in TROUBLES} == set(FAULTS)
