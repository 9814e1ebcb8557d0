"""What a user would lose: the whole way of a node, made, published, run and taken away, on a Data Studio with state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.cloud import publish
from airflow_provider_pai_designer.cloud.gateway import NEW_VERSION
from airflow_provider_pai_designer.cloud.new_data_studio import NewDataStudio
from airflow_provider_pai_designer.cloud.verbs import Verbs
from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.node import Node, RerunPolicy, Schedule
from airflow_provider_pai_designer.designer.run import InstanceStatus, Outcome, run_outcome
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.emulator.doubts import DOUBTS
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    DeploymentError,
    NodeDefinitionError,
    NotFoundError,
    RejectedError,
)
from airflow_provider_pai_designer.scheduling import SchedulingParameters
from tests.cloud.support import client_of
from tests.cloud.test_gateway import no_waiting
from tests.contents import read_content

__all__ = ["no_waiting"]

DEV, PROD = Environment.DEV, Environment.PROD
ZONE = ZoneInfo("Asia/Shanghai")
FIRST, LAST = date(2026, 11, 20), date(2026, 11, 22)
FOLDER = "airflow/designer"


@pytest.fixture(scope="module")
def frozen() -> Iterator[Emulator]:
    """An emulator in which time passes only while somebody waits."""
    with launch() as emulator:
        emulator.control.clock.freeze()
        yield emulator


@pytest.fixture
def pause(frozen: Emulator) -> Any:
    return lambda seconds: frozen.control.clock.advance(max(seconds, 0.001))


@pytest.fixture
def cloud(frozen: Emulator, pause: Any) -> Verbs:
    return NewDataStudio(gateway=client_of(frozen, NEW_VERSION), timezone=ZONE, wait=pause)


@pytest.fixture
def workspace(cloud: Verbs) -> Workspace:
    return cloud.get_workspace("demo_studio_project")


@pytest.fixture
def node(request: pytest.FixtureRequest) -> Node:
    """A declared node with the name of the test."""
    return Node(
        name=request.node.name.replace("[", "_").replace("]", ""),
        folder=FOLDER,
        content=read_content("global_variable"),
        parameters=SchedulingParameters.from_mapping({"bizdate": "$bizdate"}),
    )


READINGS = [
    (doubt.name, reading)
    for doubt in DOUBTS.values()
    if doubt.name.startswith("new_")
    for reading in doubt.readings[1:]
]
"""What else the service may do where its pages do not say."""


@pytest.fixture
def doubt(frozen: Emulator, request: pytest.FixtureRequest) -> Iterator[str]:
    """Another reading of a doubt, for the length of a test."""
    name, reading = request.param
    frozen.control.seed({"doubts": {name: reading}})
    yield name
    frozen.control.seed({"doubts": {name: DOUBTS[name].default}})


def test_a_workspace_is_found_by_name_and_by_number(cloud: Verbs) -> None:
    standard, basic = cloud.get_workspace("demo_studio_project"), cloud.get_workspace("demo_studio_mc_project")
    assert cloud.get_workspace(str(standard.id)) == standard
    assert (standard.environments, basic.environments) == ((DEV, PROD), (PROD,))
    for unknown in ("demo_studio", "999"):
        with pytest.raises(NotFoundError, match="region of the connection"):
            cloud.get_workspace(unknown)


def ensure(cloud: Verbs, workspace: Workspace, node: Node, pause: Any, environment: Environment = DEV) -> Any:
    return cloud.ensure_node(workspace, node, environment=environment, create_folder=False, pause=pause)


def test_a_node_is_made_once_and_then_unchanged(cloud: Verbs, workspace: Workspace, node: Node, pause: Any) -> None:
    assert cloud.compare_node(workspace, node) is None
    made = ensure(cloud, workspace, node, pause)
    assert made.actions == ("created", "published to DEV")
    assert ensure(cloud, workspace, node, pause) == replace(made, actions=())
    assert cloud.compare_node(workspace, node) == ()
    assert cloud.find_node(workspace, name=node.name, folder=FOLDER, environment=DEV) == made.node_id
    assert cloud.get_node(made.node_id, DEV).parameters == "bizdate=$bizdate"
    with pytest.raises(NodeDefinitionError, match="not published to PROD"):
        cloud.find_node(workspace, name=node.name, folder=FOLDER, environment=PROD)


def test_production_is_reached_after_development(cloud: Verbs, workspace: Workspace, node: Node, pause: Any) -> None:
    ensure(cloud, workspace, node, pause)
    made = ensure(cloud, workspace, node, pause, PROD)
    assert made.actions == ("published to PROD",)
    assert ensure(cloud, workspace, node, pause, PROD).actions == ()
    assert ensure(cloud, workspace, node, pause).actions == ()


CHANGES: dict[str, Any] = {
    "content": read_content("three_steps"),
    "parameters": SchedulingParameters.from_mapping({"dt": "$[yyyymmdd-1]", "mode": "full"}),
    "schedule": Schedule(cron="00 00 00-23/1 * * ?", start=1_700_000_000_123),
    "rerun": RerunPolicy(mode="FAILURE_ALLOWED", times=2, interval_seconds=60),
    "description": "客户流失",
    "resource_group": "group_demo_exclusive",
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_differs_is_updated_and_published(
    cloud: Verbs, workspace: Workspace, node: Node, pause: Any, what: str
) -> None:
    ensure(cloud, workspace, node, pause)
    changed = replace(node, **{what: CHANGES[what]})
    differs = cloud.compare_node(workspace, changed)
    assert differs
    actions = ensure(cloud, workspace, changed, pause).actions
    assert actions == (f"updated: {', '.join(change.name for change in differs)}", "published to DEV")
    assert ensure(cloud, workspace, changed, pause).actions == ()
    assert cloud.compare_node(workspace, changed) == ()


def test_what_was_saved_and_not_published_is_published_later(
    cloud: Verbs, workspace: Workspace, node: Node, pause: Any
) -> None:
    ensure(cloud, workspace, node, pause)

    def killed(seconds: float) -> None:
        raise RuntimeError("killed")

    changed = replace(node, description="new")
    with pytest.raises(RuntimeError):
        ensure(cloud, workspace, changed, killed)
    assert cloud.compare_node(workspace, changed) == ()
    assert ensure(cloud, workspace, changed, pause).actions == ("published to DEV",)


def test_parents_are_kept(cloud: Verbs, workspace: Workspace, node: Node, pause: Any) -> None:
    parent = replace(node, name=f"{node.name}_parent")
    ensure(cloud, workspace, parent, pause)
    child = replace(node, parents=(f"demo_studio_project.{parent.name}",))
    assert ensure(cloud, workspace, child, pause).actions == ("created", "published to DEV")
    assert ensure(cloud, workspace, node, pause).actions == ("updated: parents", "published to DEV")
    assert ensure(cloud, workspace, child, pause).actions == ("updated: parents", "published to DEV")
    assert ensure(cloud, workspace, child, pause).actions == ()


def test_a_parent_that_is_not_there_is_said_before_anything_is_published(
    cloud: Verbs, workspace: Workspace, node: Node, pause: Any
) -> None:
    with pytest.raises(NodeDefinitionError, match=r"depend on demo_studio_project\.nobody alone"):
        ensure(cloud, workspace, replace(node, parents=("demo_studio_project.nobody",)), pause)


def test_a_basic_workspace_has_production_alone(cloud: Verbs, node: Node, pause: Any) -> None:
    workspace = cloud.get_workspace("demo_studio_mc_project")
    made = ensure(cloud, workspace, node, pause, PROD)
    assert made.actions == ("created", "published to PROD")
    assert ensure(cloud, workspace, node, pause, PROD) == replace(made, actions=())


def test_a_name_that_stands_elsewhere_is_said(cloud: Verbs, workspace: Workspace, node: Node, pause: Any) -> None:
    ensure(cloud, workspace, node, pause)
    with pytest.raises(NodeDefinitionError, match=f"at 'airflow/designer/{node.name}'"):
        ensure(cloud, workspace, replace(node, folder="other"), pause)


def test_the_stage_that_failed_is_named(
    frozen: Emulator, cloud: Verbs, workspace: Workspace, node: Node, pause: Any
) -> None:
    frozen.control.seed(
        {"deployments": [{"file": node.name, "stage": "DEV_CHECK", "behaviour": "fail", "message": "no table"}]}
    )
    with pytest.raises(DeploymentError, match=r"\(DEV_CHECK\).*no table"):
        ensure(cloud, workspace, node, pause)
    frozen.control.clear_behaviours()
    assert ensure(cloud, workspace, node, pause).actions == ("published to DEV",)


def test_the_legacy_datastudio_is_recognised(cloud: Verbs, node: Node, pause: Any) -> None:
    with pytest.raises(ConfigurationError, match="other generation of DataStudio"):
        ensure(cloud, cloud.get_workspace("demo_project"), node, pause)


def test_a_test_runs_to_its_end(frozen: Emulator, cloud: Verbs, workspace: Workspace, node: Node, pause: Any) -> None:
    node_id = ensure(cloud, workspace, node, pause).node_id
    run = cloud.start_test(workspace, node_id=node_id, environment=DEV, business_date=LAST, name="t-1")
    assert run_outcome(cloud.list_instances(workspace, run)) is Outcome.ACTIVE
    frozen.control.clock.advance(60)
    (instance,) = cloud.list_instances(workspace, run)
    assert (instance.node_id, instance.business_date, instance.outcome) == (node_id, LAST, Outcome.SUCCESS)
    assert "20261122" in cloud.get_log(instance.id, DEV).text
    assert cloud.get_run(run.remote_dag_ids, DEV) == replace(run, node_id=None)
    found = cloud.find_runs(workspace, node_id=node_id, environment=DEV, business_date=LAST, prefix="t-1")
    assert found == [run]
    assert cloud.list_instances(workspace, replace(run, node_id=None)) == (instance,)


def test_parameters_of_a_run_reach_it(
    frozen: Emulator, cloud: Verbs, workspace: Workspace, node: Node, pause: Any
) -> None:
    node_id = ensure(cloud, workspace, node, pause).node_id
    run = cloud.start_test(
        workspace, node_id=node_id, environment=DEV, business_date=LAST, name="t-2", parameters="bizdate=19991231"
    )
    frozen.control.clock.advance(60)
    (instance,) = cloud.list_instances(workspace, run)
    assert "19991231" in cloud.get_log(instance.id, DEV).text


def test_a_backfill_has_an_instance_for_every_date(
    frozen: Emulator, cloud: Verbs, workspace: Workspace, node: Node, pause: Any
) -> None:
    node_id = ensure(cloud, workspace, node, pause, PROD).node_id
    backfill = Backfill(node_id=node_id, first=FIRST, last=LAST, parallel_dates=2, alert_on="FAILURE", alert_by="MAIL")
    run = cloud.start_backfill(workspace, backfill, environment=PROD, name="b-1")
    assert (run.business_date, run.last_business_date, len(run.remote_dag_ids)) == (FIRST, LAST, 3)
    frozen.control.clock.advance(600)
    found = cloud.list_instances(workspace, run)
    assert sorted(instance.business_date for instance in found) == [FIRST, date(2026, 11, 21), LAST]
    assert run_outcome(found) is Outcome.SUCCESS
    again = cloud.start_backfill(workspace, replace(backfill, last=FIRST), environment=PROD, name="b-1")
    runs = cloud.find_runs(workspace, node_id=node_id, environment=PROD, business_date=FIRST, prefix="b-")
    assert runs == [run, again]


def test_a_backfill_of_hours_and_dry_nodes(
    frozen: Emulator, cloud: Verbs, workspace: Workspace, node: Node, pause: Any
) -> None:
    hourly = replace(node, schedule=Schedule(cron="00 00 00-23/1 * * ?"))
    node_id = ensure(cloud, workspace, hourly, pause, PROD).node_id
    other = replace(node, name=f"{node.name}_dry", parents=(f"demo_studio_project.{node.name}",))
    other_id = ensure(cloud, workspace, other, pause, PROD).node_id
    backfill = Backfill(
        node_id=node_id,
        first=LAST,
        last=LAST,
        hours=(time(2), time(3, 30)),
        include_node_ids=(other_id,),
        exclude_node_ids=(other_id,),
        future_at_once=True,
    )
    run = cloud.start_backfill(workspace, backfill, environment=PROD, name="b-2")
    frozen.control.clock.advance(3600)
    hours = [item.schedule_time for item in cloud.list_instances(workspace, run) if item.node_id == node_id]
    assert sorted(moment.hour for moment in hours if moment) == [2, 3]


def test_a_run_that_could_not_be_made_says_why(cloud: Verbs, workspace: Workspace) -> None:
    with pytest.raises(RejectedError, match="CreateWorkflowInstances: The task 1 does not exist"):
        cloud.start_test(workspace, node_id=1, environment=DEV, business_date=LAST, name="t-3")


def test_an_instance_is_stopped_and_run_again(
    frozen: Emulator, cloud: Verbs, workspace: Workspace, node: Node, pause: Any
) -> None:
    node_id = ensure(cloud, workspace, node, pause).node_id
    run = cloud.start_test(workspace, node_id=node_id, environment=DEV, business_date=LAST, name="t-4")
    frozen.control.clock.advance(3)
    (instance,) = cloud.list_instances(workspace, run)
    assert dict(cloud.stop_instances([instance.id], DEV)) == {instance.id: None}
    frozen.control.clock.advance(60)
    (instance,) = cloud.list_instances(workspace, run)
    assert instance.status is InstanceStatus.FAILURE
    cloud.restart_instance(instance.id, DEV)
    frozen.control.clock.advance(60)
    (instance,) = cloud.list_instances(workspace, run)
    assert instance.outcome is Outcome.SUCCESS
    ((_, refusal),) = cloud.stop_instances([1], DEV)
    assert isinstance(refusal, RejectedError)
    assert re.match("StopTaskInstances: .* does not exist", str(refusal))


def test_a_node_is_deleted_with_all_that_was_published(
    cloud: Verbs, workspace: Workspace, node: Node, pause: Any
) -> None:
    def delete() -> tuple[str, ...]:
        return cloud.delete_node(workspace, name=node.name, folder=FOLDER, pause=pause).actions

    assert delete() == ()
    ensure(cloud, workspace, node, pause, PROD)
    child = replace(node, name=f"{node.name}_child", parents=(f"demo_studio_project.{node.name}",))
    ensure(cloud, workspace, child, pause)
    with pytest.raises(NodeDefinitionError, match=f"other nodes depend on it: {child.name}"):
        delete()
    cloud.delete_node(workspace, name=child.name, folder=FOLDER, pause=pause)
    assert delete() == ("taken offline", "deleted")
    assert delete() == ()
    with pytest.raises(NodeDefinitionError, match="no PAI Designer node"):
        cloud.find_node(workspace, name=node.name, folder=FOLDER, environment=PROD)


@pytest.mark.parametrize("doubt", READINGS, indirect=True, ids="=".join)
def test_the_whole_way_under_every_reading(
    frozen: Emulator, cloud: Verbs, workspace: Workspace, node: Node, pause: Any, doubt: str
) -> None:
    parent = replace(node, name=f"parent_of_{doubt}")
    node = replace(node, name=f"way_of_{doubt}")
    ensure(cloud, workspace, parent, pause)
    ensure(cloud, workspace, node, pause)
    assert ensure(cloud, workspace, node, pause).actions == ()
    child = replace(node, parents=(f"demo_studio_project.{parent.name}",))
    for wanted in (child, node):
        assert ensure(cloud, workspace, wanted, pause).actions == ("updated: parents", "published to DEV")
        assert ensure(cloud, workspace, wanted, pause).actions == ()
    made = ensure(cloud, workspace, node, pause, PROD)
    assert made.actions == ("published to PROD",)
    assert ensure(cloud, workspace, node, pause, PROD) == replace(made, actions=())
    for environment in (DEV, PROD):
        node_id = cloud.find_node(workspace, name=node.name, folder=FOLDER, environment=environment)
        run = cloud.start_test(workspace, node_id=node_id, environment=environment, business_date=LAST, name=doubt)
        frozen.control.clock.advance(60)
        (instance,) = cloud.list_instances(workspace, run)
        assert (instance.outcome, instance.business_date) == (Outcome.SUCCESS, LAST)
    for name in (node.name, parent.name):
        done = cloud.delete_node(workspace, name=name, folder=FOLDER, pause=pause)
        assert done.actions == ("taken offline", "deleted")


@pytest.mark.parametrize("doubt", [("new_wrong_generation", "empty")], indirect=True, ids="=".join)
def test_a_legacy_workspace_that_looks_empty_is_hinted_at(cloud: Verbs, doubt: str) -> None:
    workspace = cloud.get_workspace("demo_project")
    with pytest.raises(NodeDefinitionError, match="other generation of DataStudio"):
        cloud.find_node(workspace, name="n", folder=FOLDER, environment=DEV)


def test_a_late_approval_is_gone_on_with(
    frozen: Emulator, cloud: Verbs, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved = {"id": 100020, "identifier": "approved", "data_studio": "new", "approval": True}
    waits = {"behaviour": "check_passes", "stage": "APPROVAL", "seconds": 2000}
    frozen.control.seed({"workspaces": [approved], "deployments": [waits]})
    workspace, passed = cloud.get_workspace("approved"), [0.0]

    def pause(seconds: float) -> None:
        passed[0] += max(seconds, 0.001)
        frozen.control.clock.advance(max(seconds, 0.001))

    monkeypatch.setattr(publish, "monotonic", lambda: passed[0])
    with pytest.raises(DeploymentError, match=r"\(APPROVAL\), which is Running"):
        ensure(cloud, workspace, node, pause, PROD)
    before = frozen.control.calls("CreatePipelineRun")
    frozen.control.clock.advance(2000)
    assert ensure(cloud, workspace, node, pause, PROD).actions == ("published to PROD",)
    assert frozen.control.calls("CreatePipelineRun") == before
    frozen.control.clear_behaviours()
