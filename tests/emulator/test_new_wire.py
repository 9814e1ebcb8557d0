"""What a user would lose: replies of 2024-05-18 in the shapes of the vendor, and the official SDK that reads them."""

from __future__ import annotations

import inspect
import re
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import urlencode

import pytest

from airflow_provider_pai_designer.emulator.dataworks_2024_05_18 import OPERATIONS
from airflow_provider_pai_designer.emulator.operations import Parameter
from tests.emulator.new_support import (
    DAY,
    SAMPLES,
    SIMPLE,
    STANDARD,
    DataStudio,
    backfill_fields,
    midnight,
    on_root,
    output,
    smoke_fields,
    spec,
)
from tests.emulator.support import BASIC, DataWorks, RefusedError, send, signed_headers
from tests.emulator.support import STANDARD as LEGACY
from tests.emulator.test_wire import shape

NOT_MODELLED = {
    "BaselineId",
    "Cu",
    "Image",
    "Node.Output",
    "SubTasks",
    "Tables[]",
    "Tags[]",
    "WorkflowName",
    # variables of tasks that come from other tasks
    "Inputs.Variables[]",
    "Outputs.Variables[]",
    # nothing has failed where there are ids
    "Result.FailureMessage",
}
FROZEN_BUILD = {"behaviour": "fail", "file": "full", "stage": "BUILD_PACKAGE", "message": "no quota", "times": 1}


@pytest.fixture(scope="module")
def examples(running: DataWorks) -> dict[str, dict[str, Any]]:
    """A successful reply of every operation, with all the fields that the vendor's samples fill."""
    studio = DataStudio(dataworks=running)
    replies = _node_replies(studio)
    node_id = replies["CreateNode"]["Id"]
    running.emulator.control.seed({"deployments": [FROZEN_BUILD]})
    named = {"ProjectId": STANDARD, "Id": node_id}
    order = {"ProjectId": STANDARD, "Type": "Online", "ObjectIds": [node_id], "Description": "filled"}
    replies["CreatePipelineRun"] = studio.call("CreatePipelineRun", **order)
    studio.advance(2)
    failed = {"ProjectId": STANDARD, "Id": replies["CreatePipelineRun"]["Id"]}
    replies["GetPipelineRun"] = studio.call("GetPipelineRun", **failed)
    replies["ListPipelineRuns"] = studio.call("ListPipelineRuns", ProjectId=STANDARD)
    replies["ListPipelineRunItems"] = studio.call(
        "ListPipelineRunItems", ProjectId=STANDARD, PipelineRunId=failed["Id"]
    )
    run = {"ProjectId": STANDARD, "Id": studio.start_publishing(node_id)}
    replies["ExecPipelineRunStage"] = studio.call("ExecPipelineRunStage", **run, Code="DEV_CHECK")
    replies["AbolishPipelineRun"] = studio.call("AbolishPipelineRun", **run)
    studio.publish(node_id)
    replies["GetNode"] = studio.call("GetNode", **named)
    replies["ListNodes"] = studio.call("ListNodes", ProjectId=STANDARD, Name="full")
    replies |= _run_replies(studio, replies["GetNode"]["Node"]["TaskId"])
    replies["GetProject"] = studio.call("GetProject", Id=STANDARD)
    replies["ListProjects"] = studio.call("ListProjects")
    replies["ListResourceGroups"] = studio.call("ListResourceGroups", ProjectId=STANDARD)
    return replies


def _node_replies(studio: DataStudio) -> dict[str, dict[str, Any]]:
    studio.task(name="parent", outputs=output("demo_studio_project.parent"))
    document = spec(
        name="full",
        description="filled",
        depends=[{"type": "Normal", "output": "demo_studio_project.parent"}, *on_root()],
        datasource={"name": "odps_source", "type": "odps"},
        outputs=output("demo_studio_project.full"),
    )
    replies = {"CreateNode": studio.call("CreateNode", ProjectId=STANDARD, Scene="DATAWORKS_PROJECT", Spec=document)}
    named = {"ProjectId": STANDARD, "Id": replies["CreateNode"]["Id"]}
    replies["UpdateNode"] = studio.call("UpdateNode", **named, Spec=spec(name="full"))
    replies["ListNodeDependencies"] = studio.call("ListNodeDependencies", **named)
    other = {"ProjectId": STANDARD, "Id": studio.create()}
    replies["RenameNode"] = studio.call("RenameNode", **other, Name="renamed")
    replies["MoveNode"] = studio.call("MoveNode", **other, Path="elsewhere")
    replies["DeleteNode"] = studio.call("DeleteNode", **other)
    return replies


def _run_replies(studio: DataStudio, task_id: int) -> dict[str, dict[str, Any]]:
    replies = {"GetTask": studio.call("GetTask", Id=task_id), "ListTasks": studio.call("ListTasks", ProjectId=STANDARD)}
    replies["CreateWorkflowInstances"] = studio.call("CreateWorkflowInstances", **smoke_fields(task_id))
    studio.advance(600)
    operation = replies["CreateWorkflowInstances"]["OperationId"]
    replies["GetCreateWorkflowInstancesResult"] = studio.call("GetCreateWorkflowInstancesResult", OperationId=operation)
    run = replies["GetCreateWorkflowInstancesResult"]["Result"]["WorkflowInstanceIds"][0]
    replies["GetWorkflowInstance"] = studio.call("GetWorkflowInstance", Id=run)
    date = midnight(DAY)
    replies["ListWorkflowInstances"] = studio.call("ListWorkflowInstances", ProjectId=STANDARD, BizDate=date)
    replies["ListTaskInstances"] = studio.call("ListTaskInstances", ProjectId=STANDARD, Bizdate=date)
    instance = studio.instance(run)["Id"]
    for name in ("GetTaskInstance", "GetTaskInstanceLog"):
        replies[name] = studio.call(name, Id=instance)
    for name in ("RerunTaskInstances", "StopTaskInstances"):
        replies[name] = studio.call(name, Ids=[instance])
    replies["StopWorkflowInstances"] = studio.call("StopWorkflowInstances", Ids=[run])
    return replies


def _modelled(path: str) -> bool:
    return not any(f"{path}.".endswith(f".{name}.") or f".{name}." in path for name in NOT_MODELLED)


@pytest.mark.parametrize("operation", sorted(SAMPLES))
def test_a_reply_has_the_fields_and_types_of_the_vendors_sample(
    examples: dict[str, dict[str, Any]], operation: str
) -> None:
    """The SDK passes types through: a text where a number belongs only breaks in the client."""
    sample, reply = shape(SAMPLES[operation]), shape(examples[operation])
    assert {path: reply.get(path) for path in sample if _modelled(path)} == {
        path: kind for path, kind in sample.items() if _modelled(path)
    }


def test_every_operation_is_shown(examples: dict[str, dict[str, Any]]) -> None:
    assert set(examples) == set(OPERATIONS)
    assert set(SAMPLES) <= set(OPERATIONS)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_reply_has_only_fields_that_the_sdk_knows_with_their_types(
    examples: dict[str, dict[str, Any]], operation: str
) -> None:
    """Whatever else stood in it would never reach a client of the vendor's."""
    from alibabacloud_dataworks_public20240518 import models

    known = _published(getattr(models, f"{operation}ResponseBody"))
    kinds = {"RequestId": str, **{name: type(value) for name, value in examples[operation].items()}}
    assert {name: known[name] for name in kinds} == {
        name: list if kind is list else dict if kind is dict else kind for name, kind in kinds.items()
    }


def _published(model: Any) -> dict[str, type]:
    """Return the members of a model of the SDK, with the type of each in JSON."""
    types: dict[str, type] = {"str": str, "int": int, "bool": bool}
    arguments = list(inspect.signature(model.__init__).parameters.values())[1:]
    return {
        "".join(part.capitalize() for part in argument.name.split("_")): types.get(
            str(argument.annotation), list if "List[" in str(argument.annotation) else dict
        )
        for argument in arguments
    }


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_published_parameter_is_known_with_its_type(operation: str) -> None:
    """A parameter that is silently ignored makes a client look right that is not."""
    from alibabacloud_dataworks_public20240518 import models

    known = {name: rule.kind for name, rule in OPERATIONS[operation].parameters.items()}
    # a text in which there is JSON
    texts = {"Filter": dict}
    assert known == {
        name: texts.get(name, kind) for name, kind in _published(getattr(models, f"{operation}Request")).items()
    }


REQUIRED = [
    (operation, name)
    for operation, item in OPERATIONS.items()
    for name, rule in item.parameters.items()
    if rule.required
]


@pytest.mark.parametrize(("operation", "name"), REQUIRED)
def test_a_required_parameter_that_is_missing_is_named(studio: DataStudio, operation: str, name: str) -> None:
    """The SDK lets such a request through: the gateway's error is all that a user gets."""
    rules = OPERATIONS[operation].parameters
    sent = {other: _value(rules[other]) for where, other in REQUIRED if where == operation and other != name}
    refusal = studio.refused(operation, **sent)
    assert (refusal.http, refusal.code) == (400, f"Missing{name}")


def _value(rule: Parameter) -> Any:
    return rule.choices[0] if rule.choices else [] if rule.kind is list else "1"


@pytest.mark.parametrize("operation", ["GetProject", "GetNode", "ListNodes", "GetTaskInstance"])
def test_what_is_read_with_get_is_not_read_with_a_form(dataworks: DataWorks, operation: str) -> None:
    status, reply = _send(dataworks, operation, f"ProjectId={STANDARD}&Id=1")
    assert (status, reply["Code"]) == (400, "UnsupportedHTTPMethod")


def _send(dataworks: DataWorks, operation: str, body: str) -> tuple[int, dict[str, Any]]:
    url = dataworks.emulator.url
    headers = signed_headers(url, body=body.encode(), x_acs_action=operation, x_acs_version="2024-05-18")
    return send(url, headers=headers, body=body.encode())


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("StopTaskInstances", "Ids=7"),
        ("StopTaskInstances", "Ids=%5B"),
        ("StopTaskInstances", "Ids=" + "%5B" * 100_000),
        ("CreateWorkflowInstances", "ProjectId=100003&Name=n&Type=SmokeTest&WorkflowId=1&Periods=7"),
        ("ListTasks", "ProjectId=100003&PageSize=101"),
        ("ListTasks", "ProjectId=x"),
    ],
)
def test_a_value_that_the_schema_does_not_allow_is_refused(dataworks: DataWorks, operation: str, body: str) -> None:
    """And does not bring the emulator down."""
    status, reply = _send(dataworks, operation, body)
    assert (status, reply["Code"]) == (400, "Invalid.Param")


def test_a_refusal_is_an_http_error_with_the_gateways_fields(dataworks: DataWorks) -> None:
    """There is no reply with status 200 that says no."""
    status, reply = _send(dataworks, "ListTasks", "ProjectId=1")
    assert (status, reply["Code"]) == (400, "ProjectNotFound")
    assert set(reply) == {"RequestId", "HostId", "Code", "Message", "Recommend"}


def test_a_success_has_neither_success_nor_error_code(dataworks: DataWorks) -> None:
    """Not even where the older version fills them with junk."""
    dataworks.emulator.control.seed({"junk_error_fields": True})
    status, reply = _send(dataworks, "ListProjects", "")
    dataworks.emulator.control.seed({"junk_error_fields": False})
    assert (status, set(reply)) == (200, {"RequestId", "PagingInfo"})


def test_the_versions_are_apart(dataworks: DataWorks, studio: DataStudio) -> None:
    """Both have a GetProject, with nothing in common but the name."""
    assert studio.call("GetProject", Id=LEGACY)["Project"]["Name"] == "demo_project"
    assert dataworks.call("GetProject", project_id=LEGACY)["ProjectIdentifier"] == "demo_project"
    status, reply = _send(dataworks, "RunSmokeTest", "")
    assert (status, reply["Code"]) == (404, "InvalidAction.NotFound")


def test_a_call_that_is_carried_out_late_is_one_of_its_version(studio: DataStudio) -> None:
    """Both versions have a ListNodes; a write that was given up may still happen, and must then be the right one."""
    fault = {"behaviour": "later", "operation": "CreateNode", "seconds": 30}
    studio.dataworks.emulator.control.seed({"faults": [fault]})
    fields = {"ProjectId": STANDARD, "Scene": "DATAWORKS_PROJECT", "Spec": spec(name="late")}
    with pytest.raises(RemoteDisconnected):
        _send(studio.dataworks, "CreateNode", urlencode(fields))
    listed = studio.call("ListNodes", ProjectId=STANDARD, Name="late")["PagingInfo"]
    assert listed["TotalCount"] == "0"
    studio.advance(60)
    assert studio.call("ListNodes", ProjectId=STANDARD, Name="late")["PagingInfo"]["TotalCount"] == "1"


def test_a_stranger_is_refused(dataworks: DataWorks) -> None:
    secrets = {"access_key_id": "LTAI-emulator-stranger", "access_key_secret": "emulator-stranger-secret"}
    stranger = DataStudio(dataworks=DataWorks(emulator=dataworks.emulator, **secrets))
    assert stranger.call("ListProjects")["PagingInfo"]["Projects"] == []
    with pytest.raises(RefusedError) as caught:
        stranger.call("GetProject", Id=STANDARD)
    assert (caught.value.http, caught.value.code) == (403, "ResourceNotAuthorized.Api")


def test_a_workspace_that_does_not_exist(studio: DataStudio) -> None:
    for operation, fields in {"GetProject": {"Id": 1}, "ListNodes": {"ProjectId": 1}}.items():
        refusal = studio.refused(operation, **fields)
        assert (refusal.http, refusal.code) == (400, "ProjectNotFound")


def test_workspaces_are_chosen(studio: DataStudio) -> None:
    def ids(**fields: Any) -> list[int]:
        return [one["Id"] for one in studio.call("ListProjects", **fields)["PagingInfo"]["Projects"]]

    assert ids() == [LEGACY, BASIC, STANDARD, SIMPLE]
    assert ids(DevEnvironmentEnabled=False) == [BASIC, SIMPLE]
    assert ids(Names=["demo_studio_project"]) == ids(Ids=[STANDARD]) == [STANDARD]
    assert ids(PageSize=1, PageNumber=2) == [BASIC]
    assert ids(PaiTaskEnabled=False) == ids(Status="Frozen") == []


def test_resource_groups_are_general_purpose_unless_others_are_named(studio: DataStudio) -> None:
    def ids(**fields: Any) -> list[str]:
        return [one["Id"] for one in studio.call("ListResourceGroups", **fields)["PagingInfo"]["ResourceGroupList"]]

    assert ids() == ids(Statuses=["Normal"]) == ids(Name="General") == ["Serverless_res_group_1000000000000001_1"]
    assert ids(ResourceGroupTypes=["ExclusiveScheduler"]) == ["group_demo_default", "group_demo_exclusive"]
    assert ids(ResourceGroupTypes=["ExclusiveScheduler"], SortBy="CreateTime Desc")[0] == "group_demo_exclusive"
    assert ids(PaymentType="PrePaid") == ids(Statuses=["Stop"]) == []


def test_the_sdk_sends_nested_parameters_as_json(studio: DataStudio) -> None:
    """The emulator reads what the unpatched SDK writes, at every depth."""
    fields = backfill_fields(studio.task(), {"Alert": {"NoticeType": "Mail", "Type": "Failure"}})
    assert re.fullmatch("[0-9a-f-]{36}", studio.call("CreateWorkflowInstances", **fields)["OperationId"])
