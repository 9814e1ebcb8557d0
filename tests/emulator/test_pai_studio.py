"""What a user would lose: pipelines of PAI Designer that are found, made, drawn and run without its pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.manifest import Manifest
from airflow_provider_pai_designer.emulator import canvas
from airflow_provider_pai_designer.emulator.paistudio_2021_02_02.unsupported import ADDRESSES
from airflow_provider_pai_designer.emulator.seed import CONTENTS, content
from tests.emulator.pai_support import CHURN, DAILY, NEVER_RUN, WORKSPACE, Pai
from tests.emulator.test_pai_runs import refused


def create(pai: Pai, name: str = "mine", **fields: Any) -> str:
    request = {"Name": name, "WorkspaceId": WORKSPACE, "FolderId": "root", **fields}
    return str(pai.studio("CreateExperiment", **request)["ExperimentId"])


def names(pai: Pai, **fields: Any) -> list[str]:
    found = pai.studio("ListExperiments", WorkspaceId=WORKSPACE, PageSize=100, **fields)["Experiments"]
    return [draft["Name"] for draft in found]


def test_a_blank_pipeline(pai: Pai) -> None:
    identity = create(pai, Description="new")
    draft = pai.studio("GetExperiment", identity)
    drawn = json.loads(draft["Content"])
    assert (drawn["nodes"], drawn["edges"], drawn["metadata"]) == ([], [], {"name": "mine", "desc": "new"})
    assert pai.studio("GetExperimentMeta", identity)["Version"] == str(draft["Version"])
    assert pai.studio("GetExperimentStatus", identity)["Status"] == "Stopped"
    assert refused(pai.studio, "CreateJob", PipelineDraftId=identity) == (400, "Undocumented.InvalidContent")


def test_a_pipeline_from_a_template(pai: Pai) -> None:
    identity = create(pai, TemplateId="template-demo-sql")
    job = pai.job(identity)
    pai.advance(60)
    assert pai.studio("GetJob", job["JobId"])["Status"] == "Succeeded"
    assert refused(create, pai, TemplateId="template-nobody") == (404, "Undocumented.TemplateNotExists")


def test_preset_and_custom_templates_come_together(pai: Pai) -> None:
    """Several may have one name: who takes the first one draws from another's template."""
    found = pai.studio("ListTemplates", WorkspaceId=WORKSPACE, Name="Binary")["TemplateData"]
    ids = {item["Template"]["TemplateId"]: item["TemplateType"] for item in found}
    assert set(ids) == {"template-demo-binary", "template-demo-binary-custom"}
    one = pai.studio("ListTemplates", WorkspaceId=WORKSPACE, TypeId=ids["template-demo-binary"]["TypeId"])
    assert {item["Template"]["Name"] for item in one["TemplateData"]} == {"Binary classification", "Two SQL steps"}
    elsewhere = pai.studio("ListTemplates", WorkspaceId="100002")["TemplateData"]
    assert {item["TemplateType"]["Name"] for item in elsewhere} == {"Undocumented.Preset"}
    assert pai.studio("ListTemplates", Label="none")["TotalCount"] == 0
    assert refused(pai.studio, "ListTemplates", List="types") == (400, "NotSupported")
    template = pai.studio("GetTemplate", "template-demo-daily", Verbose=True)
    assert json.loads(template["Content"])["nodes"]
    assert "Content" not in pai.studio("GetTemplate", "template-demo-daily")
    assert refused(pai.studio, "GetTemplate", "template-nobody") == (404, "Undocumented.TemplateNotExists")


def test_nobody_overwrites_what_another_has_drawn(pai: Pai) -> None:
    identity = create(pai)
    draft = pai.studio("GetExperiment", identity)
    fields = {"Content": draft["Content"], "Version": draft["Version"]}
    assert pai.studio("UpdateExperimentContent", identity, **fields)["Version"] == draft["Version"] + 1
    assert refused(pai.studio, "UpdateExperimentContent", identity, **fields) == (
        400,
        "Undocumented.VersionConflict",
    )


@pytest.mark.parametrize("text", ["{", "[]", "{}", "[" * 100_000])
def test_a_content_that_nobody_can_read_is_refused(pai: Pai, text: str) -> None:
    identity = create(pai)
    assert refused(pai.studio, "UpdateExperimentContent", identity, Content=text, Version=1) == (
        400,
        "Undocumented.InvalidContent",
    )


def test_a_drawing_that_cannot_run(pai: Pai) -> None:
    """It can be kept, and is refused when it is to run."""
    identity = create(pai, TemplateId="template-demo-sql")
    draft = pai.studio("GetExperiment", identity)
    drawn = json.loads(draft["Content"])
    edge = drawn["edges"][0]
    drawn["edges"].append({**edge, "source": edge["target"], "target": edge["source"]})
    changed = {"Content": json.dumps(drawn), "Version": draft["Version"]}
    pai.studio("UpdateExperimentContent", identity, **changed)
    assert refused(pai.studio, "CreateJob", PipelineDraftId=identity) == (400, "Undocumented.InvalidContent")


@pytest.mark.parametrize(
    "content",
    [
        {"nodes": [1]},
        {"nodes": [{}]},
        {"nodes": [{"id": []}]},
        {"nodes": [{"id": "id-1"}]},
        {"nodes": [{"id": "id-1", "metadata": {"identifier": "sql"}, "properties": [1]}]},
        {"nodes": [{"id": "id-1", "metadata": {"identifier": "sql"}}] * 2},
        {"nodes": [{"id": "id-1", "metadata": {"identifier": "sql"}}], "edges": 5},
    ],
)
def test_a_drawing_that_makes_no_sense(pai: Pai, content: dict[str, Any]) -> None:
    """And does not bring the emulator down."""
    identity = create(pai)
    pai.studio("UpdateExperimentContent", identity, Content=json.dumps(content), Version=1)
    assert refused(pai.studio, "CreateJob", PipelineDraftId=identity) == (400, "Undocumented.InvalidContent")


@pytest.mark.parametrize("name", [name for name in CONTENTS if name != "global_variable_bare"])
def test_the_manifest_of_a_drawing_is_that_of_the_node(name: str) -> None:
    """A node that is made of a pipeline must do what the pipeline does."""
    manifest = NodeContent.parse(content(name)).flow["paiflowPipeline"]
    drawn = json.loads(canvas.of_manifest(manifest, name=name))
    ids = [node["id"] for node in drawn["nodes"]]
    again = Manifest.parse(canvas.manifest(drawn, only=ids, provider="1"))
    wanted = Manifest.parse(manifest)
    assert again.tasks == wanted.tasks
    assert [step.parameters for step in again.steps] == [step.parameters for step in wanted.steps]
    assert [set(step.dependencies) for step in again.steps] == [set(step.dependencies) for step in wanted.steps]


def test_a_job_leads_to_its_run_and_back(pai: Pai) -> None:
    """Manifest and arguments of a node come from the run of a job: there is no other way to them."""
    job = pai.job(CHURN)
    run = pai.flow("GetPipelineRun", job["RunId"], Verbose=True)
    assert (run["SourceType"], run["SourceId"], run["NodeId"]) == ("DESIGNER", CHURN, job["PaiflowNodeId"])
    assert (job["RunInfo"], job["Arguments"]) == (run["Manifest"], run["Arguments"])
    assert len(Manifest.parse(job["RunInfo"]).steps) == 3
    assert pai.studio("GetExperimentStatus", CHURN)["Status"] == "Running"
    assert "RunInfo" not in pai.studio("GetJob", job["JobId"])
    pai.advance(60)
    assert pai.studio("GetExperimentStatus", CHURN)["Status"] == "Stopped"


def test_what_the_seed_has_run_is_found_by_its_jobs(pai: Pai) -> None:
    """A node can be made of a pipeline only if all of it has run."""
    (job,) = pai.studio("ListJobs", ExperimentId=DAILY)["Jobs"]
    assert (job["Status"], job["ExecuteType"]) == ("Succeeded", "EXECUTE_ALL")
    assert {node["Status"] for node in pai.studio("GetExperimentStatus", DAILY)["Nodes"]} == {"Succeeded"}
    assert pai.studio("ListJobs", ExperimentId=NEVER_RUN)["Jobs"] == []
    assert pai.studio("GetExperimentStatus", NEVER_RUN)["Nodes"] == []


@pytest.mark.parametrize(("played", "kept"), [("kept", True), ("replaced", False)])
def test_the_variables_of_a_job(pai: Pai, reading: Callable[[str, str], None], played: str, kept: bool) -> None:
    """Either way the run has their values: it does not fail for a variable that nobody replaced."""
    reading("pai_job_variables", played)
    job = pai.job(DAILY)
    assert ("${global_var1}" in job["RunInfo"]) is kept
    pai.advance(60)
    assert pai.status(job["RunId"]) == "Succeeded"
    assert "dt=20260101" in pai.dataworks.emulator.control.tables()["demo_project.demo_output_table"]


def test_a_run_may_be_late(pai: Pai, reading: Callable[[str, str], None]) -> None:
    reading("pai_run_id_lag", "5")
    job = pai.job(CHURN)
    assert not {"RunId", "PaiflowNodeId"} & set(job)
    pai.advance(5)
    assert pai.studio("GetJob", job["JobId"])["RunId"].startswith("flow-")


def test_a_part_of_a_pipeline_runs(pai: Pai) -> None:
    """Such a job must not pass for a run of the whole."""
    identity = create(pai, TemplateId="template-demo-sql")
    edge = json.loads(pai.studio("GetExperiment", identity)["Content"])["edges"][0]
    for kind, node, ran in (
        ("EXECUTE_ONE", edge["target"], {edge["target"]}),
        ("EXECUTE_TO_HERE", edge["target"], {edge["source"], edge["target"]}),
        ("EXECUTE_FROM_HERE", edge["source"], {edge["source"], edge["target"]}),
        ("EXECUTE_CHILDREN", edge["source"], {edge["target"]}),
    ):
        job = pai.job(identity, ExecuteType=kind, NodeId=node)
        assert {step.name for step in Manifest.parse(job["RunInfo"]).steps} == ran
        assert (job["ExecuteType"], job["NodeId"]) == (kind, node)
        pai.advance(60)
        assert pai.status(job["RunId"]) == "Succeeded"
    request = {"PipelineDraftId": identity, "ExecuteType": "EXECUTE_ONE"}
    assert refused(pai.studio, "CreateJob", **request) == (404, "Undocumented.NodeNotExists")
    assert refused(pai.studio, "CreateJob", **{**request, "ExecuteType": "EXECUTE_SOME"}) == (400, "Invalid.Param")


def test_jobs_are_paged_without_a_count(pai: Pai) -> None:
    identity = create(pai, TemplateId="template-demo-sql")
    jobs = [pai.studio("CreateJob", ExperimentId=identity)["JobId"] for _ in range(3)]

    def ids(**fields: Any) -> list[str]:
        reply = pai.studio("ListJobs", ExperimentId=identity, **fields)
        assert "TotalCount" not in reply
        return [job["JobId"] for job in reply["Jobs"]]

    assert ids() == jobs[::-1]
    assert ids(PageSize=2, PageNumber=2) == ids(Order="ASC", PageSize=1) == jobs[:1]
    assert ids(Creator="nobody") == []


def test_a_job_is_stopped_alone_or_with_its_draft(pai: Pai) -> None:
    identity = create(pai, TemplateId="template-demo-sql")
    first, second, third = (pai.job(identity) for _ in range(3))
    pai.studio("StopJob", first["JobId"])
    pai.advance(0.5)
    assert [pai.status(job["RunId"]) for job in (first, second)] == ["Terminated", "Running"]
    pai.studio("StopExperiment", identity)
    pai.advance(60)
    assert [pai.status(job["RunId"]) for job in (second, third)] == ["Terminated", "Terminated"]
    pai.studio("StopJob", third["JobId"])


def test_pipelines_are_found_by_name(pai: Pai, reading: Callable[[str, str], None]) -> None:
    """Two can have one name: who takes the first one runs another's pipeline."""
    assert names(pai, Name="twin") == names(pai, Name="twins") == ["twins", "twins"]
    assert names(pai, ExperimentId=CHURN) == ["churn"]
    assert names(pai, Creator="nobody") == names(pai, Source="nothing") == []
    reading("pai_name_filter", "exact")
    assert names(pai, Name="twin") == []


def test_pipelines_are_sorted_and_paged(pai: Pai) -> None:
    identity = create(pai, "newest")
    pai.advance(1)
    pai.studio("UpdateExperimentMeta", CHURN, Description="changed")
    assert names(pai)[0] == "newest"
    assert names(pai, SortBy="GmtModified")[0] == "churn"
    page = pai.studio("ListExperiments", WorkspaceId=WORKSPACE, PageSize=1, PageNumber=1)
    assert ([draft["ExperimentId"] for draft in page["Experiments"]], page["TotalCount"] > 1) == ([identity], True)


def test_a_pipeline_is_copied_changed_and_deleted(pai: Pai) -> None:
    request = {"Name": "copied", "WorkspaceId": WORKSPACE, "FolderId": "folder-demo", "Accessibility": "PRIVATE"}
    identity = pai.studio("CopyExperiment", DAILY, **request)["ExperimentId"]
    assert pai.studio("GetExperiment", identity)["Content"] == pai.studio("GetExperiment", DAILY)["Content"]
    pai.studio("UpdateExperimentMeta", identity, Name="renamed", FolderId="", Description="d")
    draft = pai.studio("GetExperimentMeta", identity)
    assert (draft["Name"], draft["Description"], draft["Accessibility"]) == ("renamed", "d", "PRIVATE")
    pai.studio("PublishExperiment", identity, FolderId="root")
    assert pai.studio("GetExperimentMeta", identity)["Accessibility"] == "PUBLIC"
    pai.studio("DeleteExperiment", identity)
    assert refused(pai.studio, "GetExperiment", identity) == (404, "Undocumented.ExperimentNotExists")
    assert refused(create, pai, "n" * 129) == (400, "Invalid.Param")


def test_folders(pai: Pai) -> None:
    folder = pai.studio("CreateExperimentFolder", WorkspaceId=WORKSPACE, Name="new")["FolderId"]
    draft = create(pai, "inside", FolderId=folder)
    private = create(pai, "private", Accessibility="PRIVATE")

    def ids(identity: str, **fields: Any) -> list[str]:
        reply = pai.studio("GetExperimentFolderChildren", identity, WorkspaceId=WORKSPACE, **fields)
        assert reply["TotalCount"] == len(reply["Items"])
        return [item["Id"] for item in reply["Items"]]

    assert ids(folder) == [draft]
    assert {"folder-demo", folder, CHURN} <= set(ids("root"))
    assert set(ids("root", OnlyFolder=True)) == {"folder-demo", folder}
    assert ids("root", Accessibility="PRIVATE") == [private]
    assert ids("root", Accessibility="PRIVATE", UserId="another") == []
    assert refused(pai.studio, "DeleteExperimentFolder", folder) == (400, "Undocumented.FolderNotEmpty")
    pai.studio("UpdateExperimentFolder", folder, ParentFolderId="folder-demo")
    assert folder in ids("folder-demo")
    pai.studio("DeleteExperiment", draft)
    pai.studio("DeleteExperimentFolder", folder)
    pai.studio("DeleteExperiment", private)
    assert refused(create, pai, FolderId=folder) == (404, "Undocumented.ExperimentFolderNotExists")


def test_the_root_may_be_refused(pai: Pai, reading: Callable[[str, str], None]) -> None:
    reading("pai_root_folder", "refuse")
    assert refused(create, pai) == (404, "Undocumented.ExperimentFolderNotExists")
    assert create(pai, FolderId="folder-demo")


@pytest.mark.parametrize("operation", sorted(ADDRESSES))
def test_what_is_not_there_says_so(pai: Pai, operation: str) -> None:
    """Above all ListAuthRoles, whose reply would hold secrets."""
    method, path = ADDRESSES[operation].split(" ")
    body = [{"NodeId": "id-1"}] if operation == "QueryExperimentVisualizationData" else None
    for name in ("ExperimentId", "NodeId", "OutputId", "TableName"):
        path = path.replace(f"{{{name}}}", "something")
    assert refused(pai.send, operation, f"{method} /api/v1{path}", body) == (400, "NotSupported")
