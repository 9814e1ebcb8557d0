"""What a user would lose: verbs that do on a DataWorks with state what they do on single replies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.cloud.dataworks import DataWorks
from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.node import FILE_TYPE, Node
from airflow_provider_pai_designer.designer.run import InstanceStatus, Run
from airflow_provider_pai_designer.designer.workspace import DeploymentStatus, Environment, Workspace
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.exceptions import NotFoundError
from airflow_provider_pai_designer.scheduling import SchedulingParameters
from tests.cloud.support import client_of
from tests.contents import read_content

DEV, PROD = Environment.DEV, Environment.PROD
FIRST, LAST = date(2026, 11, 20), date(2026, 11, 22)


@pytest.fixture(scope="module")
def frozen() -> Iterator[Emulator]:
    """An emulator in which nothing happens unless a test lets time pass."""
    with launch() as emulator:
        emulator.control.clock.freeze()
        yield emulator


@pytest.fixture(scope="module")
def cloud(frozen: Emulator) -> DataWorks:
    return DataWorks(gateway=client_of(frozen), timezone=ZoneInfo("Asia/Shanghai"))


@pytest.fixture(scope="module")
def workspace(cloud: DataWorks) -> Workspace:
    return cloud.get_workspace("demo_project")


@pytest.fixture
def file_id(frozen: Emulator, cloud: DataWorks, workspace: Workspace, request: pytest.FixtureRequest) -> int:
    """A node that was submitted and deployed, with the name of the test."""
    node = Node(
        name=request.node.name,
        folder="Business Flow/demo/Algorithm",
        content=read_content("global_variable"),
        parameters=SchedulingParameters.from_mapping({"bizdate": "$bizdate"}),
        parents=(workspace.root_output,),
    )
    identity = cloud.create_node(workspace, node, create_folder=False)
    for step in (cloud.submit, cloud.deploy):
        step(workspace, identity)
        frozen.control.clock.advance(5)
    return identity


@pytest.fixture
def node_id(cloud: DataWorks, workspace: Workspace, file_id: int) -> int:
    found = cloud.read_node(workspace, file_id, folder="").node_id
    assert found is not None
    return found


def test_list_workspace_names(cloud: DataWorks) -> None:
    assert cloud.list_workspace_names()[:2] == ["demo_project", "demo_mc_project"]


def test_list_file_types(cloud: DataWorks, workspace: Workspace) -> None:
    assert FILE_TYPE in cloud.list_file_types(workspace)
    assert list(cloud.list_file_types(workspace, keyword="designer")) == [FILE_TYPE]


def test_list_nodes_and_get_node_content(cloud: DataWorks, workspace: Workspace, node_id: int) -> None:
    (node,) = cloud.list_nodes(workspace, PROD, name="test_list_nodes_and_get_node_content")
    assert (node.id, node.parameters) == (node_id, "bizdate=$bizdate")
    assert cloud.get_node_content(node_id, PROD) == read_content("global_variable")


def test_list_deployments(cloud: DataWorks, workspace: Workspace, file_id: int) -> None:
    found = cloud.list_deployments(workspace, name="test_list_deployments")
    assert [item.status for item in found] == [DeploymentStatus.SUCCESS] * 2
    assert found[0].id > found[1].id


def test_get_version(cloud: DataWorks, workspace: Workspace, file_id: int) -> None:
    version = cloud.get_version(workspace, file_id, 1)
    assert version == cloud.list_versions(workspace, file_id)[0]
    assert version.in_production
    with pytest.raises(NotFoundError):
        cloud.get_version(workspace, file_id, 2)


def test_delete_file(frozen: Emulator, cloud: DataWorks, workspace: Workspace, file_id: int, node_id: int) -> None:
    deployment = cloud.delete_file(workspace, file_id)
    assert deployment is not None
    frozen.control.clock.advance(5)
    assert cloud.get_deployment(workspace, deployment).status is DeploymentStatus.SUCCESS
    with pytest.raises(NotFoundError):
        cloud.get_node(node_id, DEV)
    assert cloud.find_file(workspace, name="test_delete_file", folder="Business Flow/demo/Algorithm") is None
    cloud.deploy(workspace, file_id)
    frozen.control.clock.advance(5)
    with pytest.raises(NotFoundError):
        cloud.get_node(node_id, PROD)


def test_offline_node(cloud: DataWorks, workspace: Workspace, node_id: int) -> None:
    cloud.offline_node(workspace, node_id)
    with pytest.raises(NotFoundError):
        cloud.get_node(node_id, PROD)
    assert cloud.get_node(node_id, DEV).id == node_id


def test_start_backfill_and_list_remote_dags(
    frozen: Emulator, cloud: DataWorks, workspace: Workspace, node_id: int
) -> None:
    backfill = Backfill(node_id=node_id, first=FIRST, last=LAST, parallel_dates=2)
    run = cloud.start_backfill(workspace, backfill, environment=PROD, name="b")
    assert len(run.remote_dag_ids) == 3
    dag = cloud.get_remote_dag(run.remote_dag_ids[0], PROD)
    assert dag.operation_id is not None
    listed = cloud.list_remote_dags(dag.operation_id, PROD)
    assert tuple(item.id for item in listed) == run.remote_dag_ids
    frozen.control.clock.advance(60)
    found = cloud.list_instances(workspace, run)
    assert {instance.status for instance in found} == {InstanceStatus.SUCCESS}
    assert sorted(instance.business_date for instance in found) == [FIRST, date(2026, 11, 21), LAST]


@pytest.fixture
def ended(frozen: Emulator, cloud: DataWorks, workspace: Workspace, node_id: int) -> Iterator[Callable[[], Run]]:
    """Start a test that fails at its first try, and let it end."""

    def start() -> Run:
        frozen.control.seed({"steps": [{"behaviour": "fail", "times": 1}]})
        run = cloud.start_test(workspace, node_id=node_id, environment=DEV, business_date=LAST, name="t")
        frozen.control.clock.advance(60)
        return run

    yield start
    frozen.control.clear_behaviours()


def test_restart_instance_and_list_attempts(
    frozen: Emulator, cloud: DataWorks, workspace: Workspace, ended: Callable[[], Run]
) -> None:
    run = ended()
    (instance,) = cloud.list_instances(workspace, run)
    cloud.restart_instance(instance.id, DEV)
    frozen.control.clock.advance(60)
    assert cloud.get_instance(instance.id, DEV).status is InstanceStatus.SUCCESS
    assert [attempt.status for attempt in cloud.list_attempts(instance.id, DEV)] == [InstanceStatus.FAILURE]
