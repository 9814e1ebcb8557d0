"""What a user would lose: a node redeployed for nothing, or left as it was although the DAG says otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_pai_designer.designer.node import Node, RerunPolicy, Schedule, SchedulerType, difference
from airflow_provider_pai_designer.designer.workspace import (
    DeploymentStatus,
    Environment,
    Workspace,
    read_deployment,
)
from airflow_provider_pai_designer.exceptions import ConfigurationError, ContentError, NodeDefinitionError
from airflow_provider_pai_designer.scheduling import SchedulingParameters
from tests.contents import read_content

NODE = Node(name="daily", folder="Business Flow/demo/Algorithm", content=read_content("three_steps"))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"content": read_content("global_variable")}, ["content"]),
        ({"parameters": SchedulingParameters.from_mapping({"dt": "$bizdate"})}, ["parameters"]),
        ({"schedule": Schedule(cron="00 10 01 * * ?")}, ["cron"]),
        ({"schedule": Schedule(cron="00 10 00-23/1 * * ?")}, ["cron", "cycle_type"]),
        ({"schedule": Schedule(start=0)}, ["effective_start"]),
        ({"schedule": Schedule(type=SchedulerType.PAUSE)}, ["scheduler_type"]),
        ({"parents": ("demo.other",)}, ["parents"]),
        ({"rerun": RerunPolicy(times=3, interval_seconds=60)}, ["rerun_times", "rerun_interval"]),
        ({"description": "new"}, ["description"]),
        ({"owner": "1"}, ["owner"]),
        ({"resource_group": "group_1"}, ["resource_group"]),
    ],
)
def test_a_difference_is_found_and_named(change: dict[str, Any], named: list[str]) -> None:
    assert [item.name for item in difference(NODE, replace(NODE, **change))] == named


def test_what_the_declaration_leaves_open_is_no_difference() -> None:
    assert difference(replace(NODE, owner="1", resource_group="group_1"), NODE) == ()


def test_order_of_parents_is_no_difference() -> None:
    assert difference(replace(NODE, parents=("a", "b")), replace(NODE, parents=("b", "a"))) == ()


def test_whatever_is_stored_can_be_compared() -> None:
    odd = replace(NODE, content="DROP TABLE x", schedule=Schedule(cron="day"))
    assert {item.name for item in difference(odd, NODE)} == {"content", "cron", "cycle_type"}


def test_by_default_dataworks_does_not_start_the_node_by_itself() -> None:
    assert Schedule().type is SchedulerType.NORMAL
    assert Schedule().start > 4_000_000_000_000


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"name": ""}, NodeDefinitionError, "is not a node name"),
        ({"name": "a/b"}, NodeDefinitionError, "is not a node name"),
        ({"folder": "/"}, NodeDefinitionError, "needs a folder"),
        ({"content": "{"}, ContentError, "is not JSON"),
        ({"schedule": Schedule(cron="0 2 * * *")}, NodeDefinitionError, r"'0 2 \* \* \*' is not valid"),
        ({"schedule": Schedule(start=2, end=1)}, NodeDefinitionError, "before it starts"),
        ({"rerun": RerunPolicy(mode="ALWAYS")}, NodeDefinitionError, "'ALWAYS'; write one of ALL_ALLOWED"),
        ({"rerun": RerunPolicy(times=11)}, NodeDefinitionError, "0 to 10"),
        ({"rerun": RerunPolicy(interval_seconds=1801)}, NodeDefinitionError, "0 to 1800"),
    ],
)
def test_a_bad_declaration_is_refused_before_anything_is_sent(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        replace(NODE, **change).check()


@pytest.mark.parametrize(("kind", "reason"), [(SchedulerType.PAUSE, "frozen"), (SchedulerType.SKIP, "dry run")])
def test_a_schedule_that_does_no_work_is_refused_together_with_a_run(kind: SchedulerType, reason: str) -> None:
    with pytest.raises(NodeDefinitionError, match=reason):
        Schedule(type=kind).check_runnable()


@pytest.mark.parametrize(
    ("status", "checking", "expected"),
    [
        (0, None, DeploymentStatus.PENDING),
        (1, None, DeploymentStatus.SUCCESS),
        ("1", "", DeploymentStatus.SUCCESS),
        (1, 8, DeploymentStatus.CHECKING),
        (1, 7, DeploymentStatus.CHECK_FAILED),
        (2, None, DeploymentStatus.FAILED),
        (6, None, DeploymentStatus.FAILED),
        (None, None, DeploymentStatus.PENDING),
        (99, None, DeploymentStatus.PENDING),
    ],
)
def test_a_deployment_is_done_only_where_nothing_is_left_to_check(
    status: object, checking: object, expected: DeploymentStatus
) -> None:
    assert read_deployment(deployment_id=1, status=status, checking=checking, message="").status is expected


def test_a_basic_workspace_has_no_development_environment_and_the_error_says_what_to_write() -> None:
    workspace = Workspace(id=1, identifier="demo", environments=(Environment.PROD,))
    assert workspace.check_environment("PROD") is Environment.PROD
    with pytest.raises(ConfigurationError, match='basic mode.*environment="PROD"'):
        workspace.check_environment("DEV")
    with pytest.raises(ConfigurationError, match="no environment 'prod'. Write one of PROD"):
        workspace.check_environment("prod")
