"""What a user would lose: replies in the shapes of the vendor, on which a client for the real service was built."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_pai_designer.emulator.dataworks_2020_05_18 import OPERATIONS
from tests.emulator.support import (
    BASIC,
    FOLDER,
    SAMPLES,
    STANDARD,
    DataWorks,
    RefusedError,
    backfill_fields,
    send,
    signed_headers,
)

NOT_MODELLED = {
    # data quality rules: the vendor's pages contradict each other, so they are not to be used
    "DqcType",
    "DqcDescription",
    # things the emulator does not have
    "BaselineId",
    "RefTableName",
    "MaxFlowNode",
    "Appkey",
    "BaseProject",
    "Destination",
    "DevStorageQuota",
    "ProdStorageQuota",
    "UseProxyOdpsAccount",
    "ResourceManagerResourceGroupId",
    "DefaultDiResourceGroupIdentifier",
    "Key",
    "Value",
    # marked as deprecated
    "Instances[].ErrorMessage",
}


@pytest.fixture(scope="module")
def examples(running: DataWorks) -> dict[str, dict[str, Any]]:
    """A successful reply of every operation, with all the fields that the vendor's samples fill."""
    control = running.emulator.control
    control.seed({"junk_error_fields": True, "deployments": [{"behaviour": "check_fails", "file": "full"}]})
    file_fields: dict[str, Any] = {
        "file_name": "full",
        "file_description": "filled",
        "connection_name": "odps_source",
        "advanced_settings": "{}",
        "output_list": "demo_project.full_out",
        "resource_group_identifier": "group_demo_exclusive",
        "dependent_type": "USER_DEFINE",
        "dependent_node_id_list": "5,10",
        "end_effect_date": 4155787800000,
        "auto_rerun_times": 3,
        "auto_rerun_interval_millis": 120000,
        "input_parameters": json.dumps([{"ParameterName": "in", "ValueSource": "demo_project.a:out"}]),
        "output_parameters": json.dumps(
            [{"ParameterName": "out", "Type": "1", "Value": "${bizdate}", "Description": "a date"}]
        ),
    }
    replies = {"CreateFile": running.reply("CreateFile", project_id=STANDARD, file_type=1117, file_name="other")}
    file_id = running.create_file(**file_fields)
    named: dict[str, Any] = {"project_id": STANDARD, "file_id": file_id}
    replies["SubmitFile"] = running.reply("SubmitFile", **named)
    running.advance(5)
    replies["GetDeployment"] = running.reply(
        "GetDeployment", project_id=STANDARD, deployment_id=replies["SubmitFile"]["Data"]
    )
    replies["GetFile"] = running.reply("GetFile", **named)
    replies["ListFiles"] = running.reply(
        "ListFiles",
        project_id=STANDARD,
        exact_file_name="full",
        need_content=True,
        need_absolute_folder_path=True,
    )
    node_id = replies["GetFile"]["Data"]["File"]["NodeId"]
    replies["GetNode"] = running.reply("GetNode", node_id=node_id, project_env="DEV")
    test: dict[str, Any] = {"node_id": node_id, "project_env": "DEV", "bizdate": "2026-11-22 00:00:00", "name": "full"}
    replies["RunSmokeTest"] = running.reply("RunSmokeTest", **test)
    running.advance(60)
    run: dict[str, Any] = {"dag_id": replies["RunSmokeTest"]["Data"], "project_env": "DEV"}
    replies["GetDag"] = running.reply("GetDag", **run)
    replies["ListInstances"] = running.reply("ListInstances", project_id=STANDARD, **run)
    instance: dict[str, Any] = {
        "instance_id": replies["ListInstances"]["Data"]["Instances"][0]["InstanceId"],
        "project_env": "DEV",
    }
    for operation in ("GetInstance", "GetInstanceLog", "StopInstance"):
        replies[operation] = running.reply(operation, **instance)
    replies["UpdateFile"] = running.reply("UpdateFile", file_description="new", **named)
    replies["DeployFile"] = running.reply("DeployFile", project_id=BASIC, file_id=running.create_file(BASIC))
    replies["CreateFolder"] = running.reply("CreateFolder", project_id=STANDARD, folder_path=f"{FOLDER}/new")
    replies["GetFolder"] = running.reply("GetFolder", project_id=STANDARD, folder_path=FOLDER)
    replies["ListFolders"] = running.reply(
        "ListFolders", project_id=STANDARD, parent_folder_path=FOLDER, page_number=1, page_size=10
    )
    replies["GetProject"] = running.reply("GetProject", project_id=STANDARD)
    replies["ListResourceGroups"] = running.reply("ListResourceGroups")
    replies |= _operation_center(running, node_id, instance)
    replies |= _lists(running)
    replies["DeleteFile"] = running.reply("DeleteFile", **named)
    control.seed({"junk_error_fields": False})
    return replies


def _operation_center(running: DataWorks, node_id: int, instance: dict[str, Any]) -> dict[str, dict[str, Any]]:
    replies = {"RestartInstance": running.reply("RestartInstance", **instance)}
    replies["ListInstanceHistory"] = running.reply("ListInstanceHistory", **instance)
    replies["GetNodeCode"] = running.reply("GetNodeCode", node_id=node_id, project_env="DEV")
    replies["ListNodes"] = running.reply("ListNodes", project_id=STANDARD, project_env="DEV")
    replies["RunCycleDagNodes"] = running.reply("RunCycleDagNodes", **backfill_fields(node_id))
    running.advance(60)
    run = running.call("GetDag", dag_id=replies["RunCycleDagNodes"]["Data"][0], project_env="DEV")
    replies["ListDags"] = running.reply("ListDags", op_seq=run["OpSeq"], project_env="DEV")
    offline = running.create_node()
    replies["OfflineNode"] = running.reply("OfflineNode", project_id=STANDARD, node_id=offline)
    return replies


def _lists(running: DataWorks) -> dict[str, dict[str, Any]]:
    return {
        "ListDeployments": running.reply("ListDeployments", project_id=STANDARD, status=1),
        "ListFileType": running.reply("ListFileType", project_id=STANDARD, page_number=1, page_size=10),
        "ListProjects": running.reply("ListProjects"),
    }


def shape(value: Any, path: str = "") -> dict[str, str]:
    """Return the JSON type at every path; of a list, that of its first item."""
    if isinstance(value, dict):
        below = [shape(item, f"{path}.{name}") for name, item in value.items()]
        return {path: "object"} | {name: kind for part in below for name, kind in part.items()}
    if isinstance(value, list):
        return {path: "list", **(shape(value[0], f"{path}[]") if value else {})}
    return {path: type(value).__name__}


def _not_modelled(path: str) -> bool:
    return any(f"{path}.".endswith(f".{name}.") or f".{name}." in path for name in NOT_MODELLED)


@pytest.mark.parametrize("operation", sorted(SAMPLES))
def test_a_reply_has_the_fields_and_types_of_the_vendors_sample(
    examples: dict[str, dict[str, Any]], operation: str
) -> None:
    """The SDK passes types through: a text where a number belongs only breaks in the client."""
    sample, reply = shape(SAMPLES[operation]["reply"]), shape(examples[operation])
    wanted = {path: kind for path, kind in sample.items() if not _not_modelled(path)}
    missing = {path for path in wanted if path not in reply and "Tags[]" not in path}
    assert not missing
    assert {path: reply[path] for path in wanted if path in reply} == {
        path: kind for path, kind in wanted.items() if path in reply
    }


def test_every_operation_with_a_sample_is_checked(examples: dict[str, dict[str, Any]]) -> None:
    assert set(examples) == set(SAMPLES)


REQUIRED = [
    (operation, name)
    for operation, known in OPERATIONS.items()
    for name, rule in known.parameters.items()
    if rule.required
]
"""The vendor's own flags, as :func:`test_every_published_parameter_is_known_with_its_type` makes sure."""


@pytest.mark.parametrize(("operation", "name"), REQUIRED)
def test_a_required_parameter_that_is_missing_is_named(dataworks: DataWorks, operation: str, name: str) -> None:
    """The SDK lets such a request through: the gateway's error is all that a user gets."""
    sent = [other for where, other in REQUIRED if where == operation and other != name]
    assert _refusal(dataworks, operation, sent) == (400, f"Missing{name}")


@pytest.mark.parametrize(
    "operation", [name for name, known in OPERATIONS.items() if "ProjectIdentifier" in known.parameters]
)
def test_a_request_that_names_no_workspace(dataworks: DataWorks, operation: str) -> None:
    """Either name of the workspace will do, so that neither is required by itself."""
    sent = [name for where, name in REQUIRED if where == operation]
    assert _refusal(dataworks, operation, sent) == (400, "MissingProjectId")


@pytest.mark.parametrize(("operation", "name"), [("GetFile", "FileId"), ("GetFolder", "FolderId")])
def test_a_request_that_names_nothing_to_get(dataworks: DataWorks, operation: str, name: str) -> None:
    assert _refusal(dataworks, operation, ["ProjectId"]) == (400, f"Missing{name}")


def _refusal(dataworks: DataWorks, operation: str, sent: list[str]) -> tuple[int, str]:
    """Return what becomes of a request with nothing but these parameters."""
    values = {"ProjectEnv": "DEV", "ProjectId": str(STANDARD)}
    body = "&".join(f"{name}={values.get(name, '1')}" for name in sent)
    url = dataworks.emulator.url
    headers = signed_headers(url, body=body.encode(), x_acs_action=operation)
    status, reply = send(url, headers=headers, body=body.encode())
    return status, reply["Code"]


@pytest.mark.parametrize("operation", sorted(SAMPLES))
def test_every_published_parameter_is_known_with_its_type(operation: str) -> None:
    """A parameter that is silently ignored makes a client look right that is not."""
    types = {"integer": int, "string": str, "boolean": bool}
    schema = {
        name: (types[rule["type"]], rule["required"])
        for name, rule in SAMPLES[operation]["request_schema"].items()
        if name != "Tags"
    }
    known = {name: (rule.kind, rule.required) for name, rule in OPERATIONS[operation].parameters.items()}
    assert {name: known.get(name) for name in schema} == schema


def test_an_error_of_the_gateway_has_the_vendors_fields(dataworks: DataWorks) -> None:
    url = dataworks.emulator.url
    status, reply = send(url, headers=signed_headers(url, body=b"", x_acs_action="Nonsense"))
    assert status == 404
    assert set(reply) == {"RequestId", "HostId", "Code", "Message", "Recommend"}
    assert reply["Code"] == "InvalidAction.NotFound"


def test_an_unknown_version_is_refused(dataworks: DataWorks) -> None:
    url = dataworks.emulator.url
    status, reply = send(url, headers=signed_headers(url, body=b"", x_acs_version="2015-01-01"))
    assert (status, reply["Code"]) == (400, "InvalidVersion")


@pytest.mark.parametrize("number", ["many", "9" * 40, "1.5", ""])
def test_a_number_that_is_none_is_refused(dataworks: DataWorks, number: str) -> None:
    """And does not bring the emulator down."""
    url, body = dataworks.emulator.url, f"InstanceId={number}&ProjectEnv=DEV".encode()
    status, reply = send(url, headers=signed_headers(url, body=body, x_acs_action="GetInstance"), body=body)
    assert (status, reply["Code"]) == (400, "Invalid.Param")


def test_a_success_carries_no_error_fields(dataworks: DataWorks) -> None:
    reply = dataworks.reply("GetFolder", project_id=STANDARD, folder_path=FOLDER)
    assert set(reply) == {"RequestId", "HttpStatusCode", "Success", "Data"}


def test_junk_error_fields_stand_beside_success(dataworks: DataWorks) -> None:
    """The vendor's samples do that: a client that takes ErrorCode for a failure breaks on the real service."""
    dataworks.emulator.control.seed({"junk_error_fields": True})
    reply = dataworks.reply("GetFolder", project_id=STANDARD, folder_path=FOLDER)
    dataworks.emulator.control.seed({"junk_error_fields": False})
    assert (reply["Success"], reply["ErrorCode"]) == (True, "Invalid.Tenant.ConnectionNotExists")


def test_a_business_error_is_a_soft_failure(dataworks: DataWorks) -> None:
    """HTTP 200 with Success false: the SDK does not raise, the client must look."""
    reply = dataworks.reply("GetFile", project_id=STANDARD, file_id=1)
    assert (reply["HttpStatusCode"], reply["Success"]) == (200, False)
    assert reply["ErrorCode"]
    assert reply["ErrorMessage"]


def test_a_workspace_that_does_not_exist(dataworks: DataWorks) -> None:
    """GetProject has no error fields, so its errors are HTTP errors; the others fail softly."""
    with pytest.raises(RefusedError) as caught:
        dataworks.call("GetProject", project_id=1)
    assert (caught.value.http, caught.value.code) == (400, "Invalid.Tenant.ProjectNotExists")
    with pytest.raises(RefusedError) as caught:
        dataworks.call("ListFiles", project_identifier="nothing")
    assert (caught.value.http, caught.value.code) == (200, "Invalid.Tenant.ProjectNotExists")


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        ("GetProject", {"project_id": STANDARD}),
        ("ListFiles", {"project_id": STANDARD}),
        ("ListResourceGroups", {}),
    ],
)
def test_a_key_without_permission_is_forbidden(dataworks: DataWorks, operation: str, fields: dict[str, Any]) -> None:
    stranger = replace(dataworks, access_key_id="LTAI-emulator-stranger", access_key_secret="emulator-stranger-secret")
    with pytest.raises(RefusedError) as caught:
        stranger.reply(operation, **fields)
    assert (caught.value.http, caught.value.code) == (403, "ResourceNotAuthorized.Api")


def test_a_key_without_permission_cannot_reach_objects_by_their_ids(dataworks: DataWorks) -> None:
    """No workspace is named in these requests, so permission hangs on the object."""
    node_id = dataworks.create_node()
    run = dataworks.start_test(node_id)
    instance_id = dataworks.instance(run)["InstanceId"]
    stranger = replace(dataworks, access_key_id="LTAI-emulator-stranger", access_key_secret="emulator-stranger-secret")
    for operation, fields in {
        "GetNode": {"node_id": node_id},
        "GetDag": {"dag_id": run},
        "GetInstance": {"instance_id": instance_id},
        "StopInstance": {"instance_id": instance_id},
        "RunSmokeTest": {"node_id": node_id, "name": "x", "bizdate": "2026-11-22 00:00:00"},
    }.items():
        with pytest.raises(RefusedError) as caught:
            stranger.reply(operation, project_env="DEV", **fields)
        assert caught.value.code == "ResourceNotAuthorized.Api"


def test_modes_of_the_two_workspaces(dataworks: DataWorks) -> None:
    standard, basic = (dataworks.call("GetProject", project_id=identity) for identity in (STANDARD, BASIC))
    assert (standard["ProjectMode"], standard["EnvTypes"]) == (3, ["DEV", "PROD"])
    assert (basic["ProjectMode"], basic["EnvTypes"]) == (2, ["PROD"])


def test_resource_groups_are_for_scheduling_unless_asked_otherwise(dataworks: DataWorks) -> None:
    names = [group["Identifier"] for group in dataworks.call("ListResourceGroups")]
    assert names == ["group_demo_default", "group_demo_exclusive"]
    assert len(dataworks.call("ListResourceGroups", resource_group_type=4)) == 1
    assert len(dataworks.call("ListResourceGroups", biz_ext_key="single")) == 1
