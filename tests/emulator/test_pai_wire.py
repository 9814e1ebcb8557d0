"""What a user would lose: PAIFlow and PaiStudio in the shapes of the vendor, and the official SDKs that read them."""

from __future__ import annotations

import inspect
import re
from http.client import RemoteDisconnected
from types import ModuleType
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from airflow_provider_pai_designer.emulator import paiflow_2021_02_02, paistudio_2021_02_02
from airflow_provider_pai_designer.emulator.paistudio_2021_02_02.unsupported import ADDRESSES
from tests.emulator.pai_support import CHURN, MANIFEST, WORKSPACE, Pai, samples
from tests.emulator.support import DataWorks, RefusedError
from tests.emulator.test_pai_runs import refused
from tests.emulator.test_wire import shape

FLOW = {"paiflow/" + name: item for name, item in paiflow_2021_02_02.OPERATIONS.items()}
STUDIO = {"paistudio/" + name: item for name, item in paistudio_2021_02_02.OPERATIONS.items() if name not in ADDRESSES}
OPERATIONS = {**FLOW, **STUDIO}
SAMPLES = {
    f"{service}/{name}": sample
    for service in ("paiflow", "paistudio")
    for name, sample in samples(f"{service}-2021-02-02").items()
}
NOT_MODELLED = {
    # loops, conditions and steps that are made of others
    *(f"Spec.{name}" for name in ("When", "WithItems", "WithItems[]", "WithParam", "WithSequence", "Parallelism")),
    *("ExpandedArtifactIndex", "ExpandableArtifactName"),
    # of the root of a run: it has no inputs and outputs of its own, and is before none
    *("Spec.Dependencies[]", "Spec.Inputs.Artifacts[]", "Spec.Inputs.Parameters[]"),
    *("Spec.Outputs.Artifacts[]", "Spec.Outputs.Parameters[]"),
    # free objects, which the vendor's samples fill with words such as test
    *("Spec.Pipelines[].test", "Spec.Pipelines[].test2", "Info.test", "Info.test2"),
    *("Metadata.test", "Metadata.test2", "StatusInfo.Conditions", "StatusInfo.Conditions[]"),
}


@pytest.fixture(scope="module")
def examples(running: DataWorks) -> dict[str, dict[str, Any]]:
    """A successful reply of every operation, with all the fields that the vendor's samples fill."""
    pai = Pai(dataworks=running)
    running.emulator.control.seed({"steps": [{"behaviour": "fail", "node": "full", "step": "SQL Script-2"}]})
    found = {f"paiflow/{name}": reply for name, reply in {**_pipelines(pai), **_runs(pai)}.items()}
    found |= {f"paistudio/{name}": reply for name, reply in {**_drafts(pai), **_jobs(pai)}.items()}
    running.emulator.control.clear_behaviours()
    return found


def _pipelines(pai: Pai) -> dict[str, dict[str, Any]]:
    replies = {"CreatePipeline": pai.flow("CreatePipeline", Manifest=MANIFEST, WorkspaceId=WORKSPACE)}
    identity = replies["CreatePipeline"]["PipelineId"]
    replies["UpdatePipeline"] = pai.flow("UpdatePipeline", identity, Manifest=MANIFEST)
    replies["GetPipeline"] = pai.flow("GetPipeline", identity)
    replies["ListPipelines"] = pai.flow("ListPipelines")
    request = {"PipelineId": identity, "WorkspaceId": WORKSPACE, "Name": "full", "Arguments": "arguments: {}"}
    more = {"SourceId": "draft-1", "Options": "{}", "NoConfirmRequired": False}
    replies["CreatePipelineRun"] = pai.flow("CreatePipelineRun", **request, **more)
    replies["DeletePipeline"] = pai.flow("DeletePipeline", identity)
    run = replies["CreatePipelineRun"]["PipelineRunId"]
    replies["StartPipelineRun"] = pai.flow("StartPipelineRun", run)
    pai.advance(60)
    replies["GetPipelineRun"] = pai.flow("GetPipelineRun", run, Verbose=True)
    replies["ListPipelineRuns"] = pai.flow("ListPipelineRuns", PipelineIds=identity)
    root = replies["GetPipelineRun"]["NodeId"]
    step = pai.steps(run)["SQL Script-1"]["Metadata"]["NodeId"]
    replies["GetPipelineRunNode"] = pai.flow("GetPipelineRunNode", run, root)
    replies["ListPipelineRunNodeStatus"] = pai.flow("ListPipelineRunNodeStatus", run, root)
    replies["ListPipelineRunNodeLogs"] = pai.flow("ListPipelineRunNodeLogs", run, step)
    replies["ListPipelineRunNodeOutputs"] = pai.flow("ListPipelineRunNodeOutputs", run, root, Depth=2)
    runs, nodes = (
        pai.flow("ListPipelineRunsStatus", OutputType="DataSet", **what)
        for what in ({"PipelineRuns": [run]}, {"Nodes": [{"PipelineRunId": run, "NodeId": step}]})
    )
    replies["ListPipelineRunsStatus"] = {**runs, "Nodes": nodes["Nodes"]}
    return replies


def _runs(pai: Pai) -> dict[str, dict[str, Any]]:
    run = pai.run()
    replies = {"TerminatePipelineRun": pai.flow("TerminatePipelineRun", run)}
    pai.advance(60)
    replies["RerunPipelineRun"] = pai.flow("RerunPipelineRun", run)
    replies["UpdatePipelineRun"] = pai.flow("UpdatePipelineRun", run, Name="new")
    pai.advance(60)
    return {**replies, "DeletePipelineRun": pai.flow("DeletePipelineRun", run)}


def _drafts(pai: Pai) -> dict[str, dict[str, Any]]:
    there = {"WorkspaceId": WORKSPACE, "FolderId": "root"}
    new = {"Description": "filled", "Options": "{}", "TemplateId": "template-demo-sql"}
    replies = {"CreateExperiment": pai.studio("CreateExperiment", Name="full", **there, **new)}
    identity = replies["CreateExperiment"]["ExperimentId"]
    for name in ("GetExperiment", "GetExperimentMeta"):
        replies[name] = pai.studio(name, identity)
    changed = {"Content": replies["GetExperiment"]["Content"], "Version": replies["GetExperiment"]["Version"]}
    replies["UpdateExperimentContent"] = pai.studio("UpdateExperimentContent", identity, **changed)
    replies["UpdateExperimentMeta"] = pai.studio("UpdateExperimentMeta", identity, Name="new")
    replies["CopyExperiment"] = pai.studio("CopyExperiment", identity, Name="copy", **there)
    replies["PublishExperiment"] = pai.studio("PublishExperiment", identity, FolderId="root")
    replies["ListExperiments"] = pai.studio("ListExperiments", WorkspaceId=WORKSPACE)
    replies["GetExperimentFolderChildren"] = pai.studio("GetExperimentFolderChildren", "root", WorkspaceId=WORKSPACE)
    replies["CreateExperimentFolder"] = pai.studio("CreateExperimentFolder", WorkspaceId=WORKSPACE, Name="full")
    folder = replies["CreateExperimentFolder"]["FolderId"]
    replies["UpdateExperimentFolder"] = pai.studio("UpdateExperimentFolder", folder, Name="new")
    replies["DeleteExperimentFolder"] = pai.studio("DeleteExperimentFolder", folder)
    replies["ListTemplates"] = pai.studio("ListTemplates", Verbose=True)
    replies["GetTemplate"] = pai.studio("GetTemplate", "template-demo-sql", Verbose=True)
    return {**replies, "DeleteExperiment": pai.studio("DeleteExperiment", identity)}


def _jobs(pai: Pai) -> dict[str, dict[str, Any]]:
    replies = {"CreateJob": pai.studio("CreateJob", PipelineDraftId=CHURN)}
    job = replies["CreateJob"]["JobId"]
    pai.advance(60)
    replies["GetJob"] = pai.studio("GetJob", job, Verbose=True)
    replies["ListJobs"] = pai.studio("ListJobs", ExperimentId=CHURN)
    replies["GetExperimentStatus"] = pai.studio("GetExperimentStatus", CHURN)
    replies["StopJob"] = pai.studio("StopJob", job)
    return {**replies, "StopExperiment": pai.studio("StopExperiment", CHURN)}


def _modelled(path: str) -> bool:
    return not any(f"{path}.".endswith(f".{name}.") or f".{name}." in path for name in NOT_MODELLED)


@pytest.mark.parametrize("operation", sorted(SAMPLES))
def test_a_reply_has_the_fields_and_types_of_the_vendors_sample(
    examples: dict[str, dict[str, Any]], operation: str
) -> None:
    """The SDK passes types through: a text where a number belongs only breaks in the client."""
    sample, reply = shape(SAMPLES[operation]["reply"]), shape(examples[operation])
    assert {path: reply.get(path) for path in sample if _modelled(path)} == {
        path: kind for path, kind in sample.items() if _modelled(path)
    }


def test_every_operation_is_shown(examples: dict[str, dict[str, Any]]) -> None:
    assert set(examples) == set(OPERATIONS)
    assert all(reply["RequestId"] for reply in examples.values())


def _sdk(service: str) -> tuple[ModuleType, Any]:
    if service == "paiflow":
        from alibabacloud_paiflow20210202 import models
        from alibabacloud_paiflow20210202.client import Client

        return models, Client
    from alibabacloud_paistudio20210202 import models as studio_models
    from alibabacloud_paistudio20210202.client import Client as StudioClient

    return studio_models, StudioClient


@pytest.mark.parametrize(
    ("service", "operations"),
    [("paiflow", paiflow_2021_02_02.OPERATIONS), ("paistudio", paistudio_2021_02_02.OPERATIONS)],
)
def test_every_operation_of_the_sdk_is_there(service: str, operations: dict[str, Any]) -> None:
    """If only to say that it is not supported."""
    _, client = _sdk(service)
    methods = {name.removesuffix("_with_options") for name in dir(client) if name.endswith("_with_options")}
    assert {re.sub("_", "", name) for name in methods} == {name.lower() for name in operations}


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_published_parameter_is_known_with_its_type(operation: str) -> None:
    """A parameter that is silently ignored makes a client look right that is not."""
    service, name = operation.split("/")
    model = getattr(_sdk(service)[0], f"{name}Request", None)
    published = list(inspect.signature(model.__init__).parameters.values())[1:] if model else []
    kinds = {"str": str, "int": int, "bool": bool}
    wanted = {
        "".join(part.capitalize() for part in item.name.split("_")): kinds.get(
            getattr(item.annotation, "__name__", str(item.annotation)), list
        )
        for item in published
    }
    in_path = re.findall(r"\{(\w+)\}", OPERATIONS[operation].path)
    known = {name: rule.kind for name, rule in OPERATIONS[operation].parameters.items() if name not in in_path}
    assert known == wanted


@pytest.mark.parametrize("operation", [name for name, sample in sorted(SAMPLES.items()) if "request_schema" in sample])
def test_a_parameter_is_as_the_vendors_schema_has_it(operation: str) -> None:
    """A request that only the emulator would have accepted, or only the vendor."""
    types = {"integer": int, "string": str, "boolean": bool, "array": list}
    known = {name: (rule.kind, rule.required) for name, rule in OPERATIONS[operation].parameters.items()}
    assert known == {
        name: (types[rule["type"]], rule["required"]) for name, rule in SAMPLES[operation]["request_schema"].items()
    }


REQUIRED = [
    (operation, name)
    for operation, item in OPERATIONS.items()
    for name, rule in item.parameters.items()
    if rule.required and f"{{{name}}}" not in item.path
]


@pytest.mark.parametrize(("operation", "name"), REQUIRED)
def test_a_required_parameter_that_is_missing_is_named(pai: Pai, operation: str, name: str) -> None:
    """The SDK lets such a request through: the error is all that a user gets."""
    item = OPERATIONS[operation]
    others = {other: "1" for where, other in REQUIRED if where == operation and other != name}
    path = re.sub(r"\{\w+\}", "nothing", item.path)
    sent: dict[str, Any] = {"body": others} if item.method in ("POST", "PUT") else others
    assert refused(pai.send, item.name, f"{item.method} {path}", **sent) == (400, f"Missing{name}")


@pytest.mark.parametrize(
    "body",
    [
        {"PipelineManifest": 1},
        {"PipelineManifest": ["text"]},
        {"PipelineManifest": MANIFEST, "NoConfirmRequired": "perhaps"},
        {"PipelineManifest": MANIFEST, "SourceType": "Airflow"},
        ["a list"],
    ],
)
def test_a_body_that_the_schema_does_not_allow_is_refused(pai: Pai, body: Any) -> None:
    """And does not bring the emulator down."""
    sent = {"WorkspaceId": WORKSPACE, **body} if isinstance(body, dict) else body
    assert refused(pai.send, "CreatePipelineRun", "POST /api/v1/pipelineruns", sent) == (400, "Invalid.Param")


def test_null_is_not_sent(pai: Pai) -> None:
    body = {"WorkspaceId": WORKSPACE, "PipelineManifest": MANIFEST, "PipelineId": None}
    assert pai.send("CreatePipelineRun", "POST /api/v1/pipelineruns", body)["PipelineRunId"]


@pytest.mark.parametrize("query", [{"PageSize": "0"}, {"PageNumber": "x"}, {"SortBy": "Colour"}, {"Status": "Fine"}])
def test_a_query_that_the_schema_does_not_allow_is_refused(pai: Pai, query: dict[str, str]) -> None:
    assert refused(pai.send, "ListPipelineRuns", "GET /api/v1/pipelineruns", **query) == (400, "Invalid.Param")


@pytest.mark.parametrize(
    ("operation", "address", "answer"),
    [
        ("GetJob", "GET /api/v1/pipelineruns/job-1", (404, "InvalidAction.NotFound")),
        ("GetJob", "GET /", (404, "InvalidAction.NotFound")),
        ("GetJob", "POST /api/v1/jobs/job-1", (400, "UnsupportedHTTPMethod")),
        ("ListPipelineRuns", "GET /api/v1/runs", (404, "InvalidAction.NotFound")),
        ("ListRuns", "GET /api/v1/runs", (404, "InvalidAction.NotFound")),
        ("GetProject", "GET /api/v1/jobs/job-1", (404, "InvalidAction.NotFound")),
    ],
)
def test_an_operation_is_called_where_it_is(pai: Pai, operation: str, address: str, answer: tuple[int, str]) -> None:
    """Above all not by the names that the same version had before."""
    assert refused(pai.send, operation, address) == answer


@pytest.mark.parametrize("identity", ["flow-nobody", "a b", "a/b", "Ä%2F", "'; DROP TABLE flow_runs"])
def test_an_id_that_does_not_exist(pai: Pai, identity: str) -> None:
    """Whatever stands in it, it is signed as it is sent."""
    assert refused(pai.flow, "GetPipelineRun", identity)[0] == 404
    assert refused(pai.studio, "GetJob", identity)[0] == 404


def test_a_refusal_has_the_gateways_fields(pai: Pai) -> None:
    from alibabacloud_tea_openapi.exceptions import ClientException

    with pytest.raises(RefusedError) as caught:
        pai.flow("GetPipelineRun", "flow-nobody")
    assert isinstance(caught.value.__context__, ClientException)
    assert set(caught.value.__context__.data) == {"RequestId", "HostId", "Code", "Message", "Recommend", "statusCode"}


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        ({"access_key_secret": "wrong"}, (400, "SignatureDoesNotMatch")),
        ({"access_key_id": "LTAI-nobody"}, (404, "InvalidAccessKeyId.NotFound")),
    ],
)
def test_every_request_is_signed(pai: Pai, keys: dict[str, str], answer: tuple[int, str]) -> None:
    other = Pai(dataworks=DataWorks(emulator=pai.dataworks.emulator, **keys))
    assert refused(other.flow, "ListPipelineRuns") == answer
    assert refused(other.studio, "CreateJob", PipelineDraftId=CHURN) == answer


def test_a_request_without_a_signature(pai: Pai) -> None:
    opener, headers = build_opener(ProxyHandler({})), {"x-acs-action": "GetJob", "x-acs-version": "2021-02-02"}
    request = Request(f"{pai.dataworks.emulator.url}/api/v1/jobs/job-1", headers=headers)
    with pytest.raises(HTTPError) as caught, opener.open(request, timeout=10):
        pass
    with caught.value as reply:
        assert (reply.code, b"MissingAccessKeyId" in reply.read()) == (400, True)


def test_a_stranger_sees_nothing(pai: Pai) -> None:
    keys = {"access_key_id": "LTAI-emulator-stranger", "access_key_secret": "emulator-stranger-secret"}
    stranger = Pai(dataworks=DataWorks(emulator=pai.dataworks.emulator, **keys))
    run, denied = pai.run(), (403, "ResourceNotAuthorized.Api")
    assert refused(stranger.flow, "GetPipelineRun", run) == refused(stranger.run) == denied
    assert refused(stranger.studio, "GetExperiment", CHURN) == denied
    assert refused(stranger.studio, "ListExperiments", WorkspaceId=WORKSPACE) == denied
    assert stranger.flow("ListPipelineRuns")["TotalCount"] == 0
    assert stranger.flow("ListPipelineRunsStatus", PipelineRuns=[run])["PipelineRuns"] == []
    assert {item["TemplateType"]["Name"] for item in stranger.studio("ListTemplates")["TemplateData"]} == {
        "Undocumented.Preset"
    }
    assert refused(stranger.studio, "GetTemplate", "template-demo-daily")[0] == 404


def test_a_workspace_that_does_not_exist(pai: Pai) -> None:
    for workspace in ("1", "demo_project", ""):
        assert refused(pai.run, WorkspaceId=workspace) == (404, "Undocumented.WorkspaceNotExists")


def test_calls_fail_as_they_are_seeded_to(pai: Pai) -> None:
    """A run whose answer was lost is there: who asks again without looking makes a second one."""
    control = pai.dataworks.emulator.control
    fault = {"behaviour": "http", "operation": "CreatePipelineRun", "status": 503, "code": "ServiceUnavailable"}
    control.seed({"faults": [{**fault, "done": True}]})
    assert refused(pai.run, Name="lost") == (503, "ServiceUnavailable")
    assert pai.flow("ListPipelineRuns", Name="lost")["TotalCount"] == 1


def test_a_call_that_is_carried_out_late(pai: Pai) -> None:
    control = pai.dataworks.emulator.control
    control.seed({"faults": [{"behaviour": "later", "operation": "CreateJob", "seconds": 30}]})
    before = len(pai.studio("ListJobs", ExperimentId=CHURN, PageSize=1000)["Jobs"])
    with pytest.raises(Exception, match=RemoteDisconnected.__name__):
        pai.studio("CreateJob", PipelineDraftId=CHURN)
    pai.advance(60)
    assert len(pai.studio("ListJobs", ExperimentId=CHURN, PageSize=1000)["Jobs"]) == before + 1


def test_calls_are_counted(pai: Pai) -> None:
    control = pai.dataworks.emulator.control
    control.reset_counters()
    run = pai.run()
    pai.status(run)
    refused(pai.flow, "GetPipelineRun", "flow-nobody")
    assert {(count.operation, count.outcome): count.calls for count in control.counters()} == {
        ("CreatePipelineRun", "ok"): 1,
        ("GetPipelineRun", "ok"): 1,
        ("GetPipelineRun", "Undocumented.PipelineRunNotExists"): 1,
    }


def test_everything_can_be_looked_at(pai: Pai) -> None:
    control, run = pai.dataworks.emulator.control, pai.run()
    (row,) = [row for row in control.rows("flow_runs") if row["id"] == run]
    assert [step["display_name"] for step in row["steps"]] == [*pai.steps(run)]
    assert {row["id"] for row in control.rows("templates")} >= {"template-demo-sql"}
