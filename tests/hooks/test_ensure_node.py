"""What a user would lose: a node created twice, redeployed for nothing, or not changed although the DAG says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from airflow_provider_pai_designer.designer.node import Node, RerunPolicy, Schedule
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import (
    AuthenticationError,
    ConfigurationError,
    DeploymentError,
    NodeDefinitionError,
    NotFoundError,
    PaiDesignerError,
    PermissionDeniedError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.scheduling import SchedulingParameters
from tests.conftest import connection
from tests.contents import read_content

WRITES = (
    "CreateFile",
    "UpdateFile",
    "SubmitFile",
    "DeployFile",
    "OfflineNode",
    "DeleteFile",
    "RunSmokeTest",
    "RunCycleDagNodes",
    "RestartInstance",
    "StopInstance",
)


def node(**changes: Any) -> Node:
    values: dict[str, Any] = {
        "name": f"node_{uuid4().hex[:8]}",
        "folder": "Business Flow/demo/Algorithm",
        "content": read_content("global_variable"),
        "parameters": SchedulingParameters.from_mapping({"bizdate": "$bizdate"}),
    }
    return Node(**{**values, **changes})


@contextmanager
def writes(emulator: Emulator) -> Iterator[list[str]]:
    """Give the write operations that were called inside the block, in the order of the list above."""
    before = {name: emulator.control.calls(name) for name in WRITES}
    called: list[str] = []
    yield called
    called += [name for name in WRITES for _ in range(emulator.control.calls(name) - before[name])]


def test_a_new_node_is_created_and_submitted_once(connected: Emulator) -> None:
    wanted = node()
    with writes(connected) as called:
        first = PaiDesignerHook().ensure_node(wanted)
    assert first.actions == ("created", "submitted")
    assert called == ["CreateFile", "SubmitFile"]
    with writes(connected) as called:
        again = PaiDesignerHook().ensure_node(wanted)
    assert (again.summary, again.node_id, again.file_id) == ("unchanged", first.node_id, first.file_id)
    assert called == []


def test_production_is_deployed_to_once(connected: Emulator) -> None:
    wanted = node()
    assert PaiDesignerHook().ensure_node(wanted, environment="PROD").actions == ("created", "submitted", "deployed")
    with writes(connected) as called:
        assert PaiDesignerHook().ensure_node(wanted, environment="PROD").actions == ()
    assert called == []


def test_a_node_that_was_only_submitted_is_deployed_when_production_is_asked_for(connected: Emulator) -> None:
    wanted = node()
    PaiDesignerHook().ensure_node(wanted)
    assert PaiDesignerHook().ensure_node(wanted, environment="PROD").actions == ("deployed",)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"content": read_content("three_steps")}, "content"),
        ({"parameters": SchedulingParameters.from_mapping({"bizdate": "${yyyymmdd-1}"})}, "parameters"),
        ({"parameters": SchedulingParameters.from_mapping({})}, "parameters"),
        ({"schedule": Schedule(cron="00 10 00-23/1 * * ?")}, "cron, cycle_type"),
        ({"rerun": RerunPolicy(times=2, interval_seconds=60)}, "rerun_times, rerun_interval"),
        ({"description": "nightly"}, "description"),
        ({"resource_group": "group_demo_exclusive"}, "resource_group"),
    ],
)
def test_what_differs_is_updated_and_submitted_and_nothing_else(
    connected: Emulator, change: dict[str, Any], named: str
) -> None:
    wanted = node()
    PaiDesignerHook().ensure_node(wanted)
    changed = replace(wanted, **change)
    assert PaiDesignerHook().ensure_node(changed).actions == (f"updated: {named}", "submitted")
    assert PaiDesignerHook().ensure_node(changed).actions == ()


def test_a_basic_workspace_is_deployed_to_without_a_development_environment(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(emulator, workspace="demo_mc_project"))
    wanted = node()
    assert PaiDesignerHook().ensure_node(wanted, environment="PROD").actions == ("created", "deployed")
    assert PaiDesignerHook().ensure_node(wanted, environment="PROD").actions == ()
    with pytest.raises(ConfigurationError, match='basic mode.*environment="PROD"'):
        PaiDesignerHook().ensure_node(wanted, environment="DEV")


def test_the_workspace_can_be_named_by_its_number(connected: Emulator) -> None:
    assert PaiDesignerHook(workspace=100001).workspace.identifier == "demo_project"


def test_a_folder_is_made_only_where_that_was_said(connected: Emulator) -> None:
    wanted = node(folder=f"Business Flow/demo/Algorithm/{uuid4().hex[:6]}")
    with writes(connected) as called, pytest.raises(NodeDefinitionError, match="does not exist.*create_folder=True"):
        PaiDesignerHook().ensure_node(wanted)
    assert called == []
    assert PaiDesignerHook().ensure_node(wanted, create_folder=True).actions == ("created", "submitted")


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"region": None}, ConfigurationError, "No region.*such as cn-shanghai"),
        ({"region": "cn-shangai"}, ConfigurationError, "no region 'cn-shangai'"),
        ({"workspace": None}, ConfigurationError, "No workspace.*identifier or number"),
        ({"workspace": "elsewhere"}, NotFoundError, "Check the workspace"),
        ({"timezone": "Mars/Olympus"}, ConfigurationError, "no time zone 'Mars/Olympus'"),
        ({"login": "LTAI-unknown"}, AuthenticationError, "AccessKey id in the Login"),
        ({"password": "wrong"}, AuthenticationError, "secret in the Password"),
        ({"password": ""}, ConfigurationError, "no complete AccessKey pair"),
    ],
)
def test_a_bad_connection_is_one_clear_error_before_any_write(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(emulator, **fields))
    with writes(emulator) as called, pytest.raises(error, match=message):
        PaiDesignerHook().ensure_node(node())
    assert called == []


def test_an_unknown_connection_says_where_to_create_it() -> None:
    with pytest.raises(ConfigurationError, match="no connection 'nowhere'.*Admin > Connections"):
        PaiDesignerHook("nowhere").ensure_node(node())


def test_a_key_without_permission_says_what_to_grant(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    value = connection(emulator, login="LTAI-emulator-stranger", password="emulator-stranger-secret")
    monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", value)
    with pytest.raises(PermissionDeniedError, match="AliyunDataWorksFullAccess"):
        PaiDesignerHook().ensure_node(node())


def test_a_workspace_not_authorised_for_pai_names_the_role_and_who_may_create_it(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = {"id": 100077, "identifier": "no_pai", "pai_authorised": False}
    emulator.control.seed({"workspaces": [workspace]})
    monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(emulator, workspace="no_pai"))
    with pytest.raises(PermissionDeniedError, match="AliyunServiceRoleForDataworksEngine.*main account"):
        PaiDesignerHook().ensure_node(node(), create_folder=True)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"behaviour": "fail", "stage": "submit", "message": "no quota left"}, "submit.*no quota left"),
        ({"behaviour": "fail", "stage": "deploy", "message": "prod is locked"}, "deploy.*prod is locked"),
        ({"behaviour": "check_fails", "seconds": 1}, "a checker refused it"),
    ],
)
def test_a_deployment_that_fails_says_why(connected: Emulator, rule: dict[str, Any], message: str) -> None:
    wanted = node()
    connected.control.seed({"deployments": [{**rule, "file": wanted.name}]})
    with pytest.raises(DeploymentError, match=message) as caught:
        PaiDesignerHook().ensure_node(wanted, environment="PROD")
    assert str(caught.value.deployment_id) in str(caught.value)


def test_a_deployment_that_waits_for_its_checker_is_waited_for(connected: Emulator) -> None:
    wanted = node()
    connected.control.seed({"deployments": [{"behaviour": "check_passes", "seconds": 10, "file": wanted.name}]})
    assert PaiDesignerHook().ensure_node(wanted, environment="PROD").actions[-1] == "deployed"


def test_a_field_that_the_service_drops_is_named(emulator: Emulator, connected: Emulator) -> None:
    wanted = node()
    PaiDesignerHook().ensure_node(wanted)
    emulator.control.seed({"doubts": {"update_omitted": "clear"}})
    try:
        with pytest.raises(NodeDefinitionError, match="did not keep.*content"):
            PaiDesignerHook().ensure_node(replace(wanted, description="new"))
    finally:
        emulator.control.seed({"doubts": {"update_omitted": "keep"}})


@pytest.mark.parametrize(
    "change", [{"content": "{"}, {"name": ""}, {"schedule": Schedule(cron="x")}, {"rerun": RerunPolicy(times=99)}]
)
def test_a_bad_declaration_costs_no_call(connected: Emulator, change: dict[str, Any]) -> None:
    before = connected.control.calls()
    with pytest.raises(PaiDesignerError):
        PaiDesignerHook().ensure_node(node(**change))
    assert connected.control.calls() == before


def test_making_a_hook_reads_nothing() -> None:
    PaiDesignerHook("a connection that does not exist")


def test_the_node_of_production_may_have_an_id_of_its_own(connected: Emulator) -> None:
    connected.control.seed({"doubts": {"node_id_envs": "differ"}})
    try:
        wanted = node()
        development = PaiDesignerHook().ensure_node(wanted).node_id
        production = PaiDesignerHook().ensure_node(wanted, environment="PROD").node_id
        assert production != development
        assert PaiDesignerHook().dataworks.get_node(production, Environment.PROD).name == wanted.name
    finally:
        connected.control.seed({"doubts": {"node_id_envs": "same"}})


def test_an_owner_given_as_a_number_and_an_empty_description_stay_unchanged(connected: Emulator) -> None:
    wanted = node(owner="1000000000000001")
    PaiDesignerHook().ensure_node(wanted)
    assert PaiDesignerHook().ensure_node(wanted).actions == ()


@pytest.mark.parametrize("extra", ["[1]", "5"])
def test_an_extra_that_is_no_object_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, extra: str) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", f'{{"conn_type": "pai_designer", "login": "a", "extra": {extra}}}'
    )
    with pytest.raises(ConfigurationError, match="No region|must be a JSON object"):
        PaiDesignerHook().ensure_node(node())
