"""What a user would lose: the right pipeline, a run that is never started twice, and the word on how it went."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_pai_designer.cloud.gateway import PAI_VERSION, PAIFLOW, PAISTUDIO, one_attempt
from airflow_provider_pai_designer.cloud.paiflow import PaiFlow
from airflow_provider_pai_designer.cloud.paistudio import PaiStudio
from airflow_provider_pai_designer.designer.content import NodeContent, PipelineCopy
from airflow_provider_pai_designer.designer.manifest import Manifest
from airflow_provider_pai_designer.designer.pipeline import (
    Pipeline,
    PipelineRun,
    PipelineRunStatus,
    read_pipeline_run_status,
)
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    ContentError,
    DrawingChangedError,
    NotFoundError,
    PipelineError,
    RejectedError,
    ServiceError,
    UnclearError,
)
from tests.cloud.wire import Refusal, Wire

REPLIES = Path(__file__).parent.parent / "emulator" / "vendor_replies"
RUN = PipelineRun(
    id="flow-1",
    name="r",
    status=PipelineRunStatus.RUNNING,
    root_node_id="node-0",
    workspace_id="7",
    source_id="",
    message="",
    url="",
    created="",
)
PIPELINE = Pipeline(id="draft-1", name="churn", description="", workspace_id="7", creator="", modified="")


def reply_of(product: str, operation: str) -> dict[str, Any]:
    document = json.loads((REPLIES / f"{product}-2021-02-02" / f"{operation}.json").read_text(encoding="utf-8"))
    reply: dict[str, Any] = document["reply"]
    return reply


@pytest.fixture(scope="module")
def flow_wire() -> Iterator[Wire]:
    wire = Wire(PAI_VERSION, PAIFLOW)
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def studio_wire() -> Iterator[Wire]:
    wire = Wire(PAI_VERSION, PAISTUDIO)
    yield wire
    wire.close()


@pytest.fixture(autouse=True)
def forget(flow_wire: Wire, studio_wire: Wire) -> None:
    for wire in (flow_wire, studio_wire):
        wire.answers.clear()
        wire.calls.clear()


@pytest.fixture
def flow(flow_wire: Wire) -> PaiFlow:
    return PaiFlow(gateway=flow_wire.gateway)


@pytest.fixture
def studio(studio_wire: Wire) -> PaiStudio:
    return PaiStudio(gateway=studio_wire.gateway)


class TestRuns:
    def test_a_run_starts_at_once_under_its_name(self, flow: PaiFlow, flow_wire: Wire) -> None:
        flow_wire.will("CreatePipelineRun", {"PipelineRunId": "flow-1"})
        assert flow.create_run(workspace_id="7", name="r", manifest="a: 1", source_id="draft-1") == "flow-1"
        (asked,) = flow_wire.asked("CreatePipelineRun")
        assert asked == {
            "path": "/api/v1/pipelineruns",
            "Name": "r",
            "NoConfirmRequired": True,
            "PipelineManifest": "a: 1",
            "SourceId": "draft-1",
            "SourceType": "DESIGNER",
            "WorkspaceId": "7",
        }

    @pytest.mark.parametrize("lost", [None, b"<html>", Refusal("InternalError", status=500), {}])
    def test_a_lost_answer_starts_no_second_run(self, flow: PaiFlow, flow_wire: Wire, lost: Any) -> None:
        flow_wire.will("CreatePipelineRun", lost)
        with pytest.raises(UnclearError):
            flow.create_run(workspace_id="7", name="r", manifest="a: 1")
        assert len(flow_wire.asked("CreatePipelineRun")) == 1

    @pytest.mark.parametrize("given_source", [{}, {"pipeline_id": "p", "manifest": "m"}, {"manifest": "m", "name": ""}])
    def test_what_the_service_would_refuse_is_not_sent(
        self, flow: PaiFlow, flow_wire: Wire, given_source: dict[str, str]
    ) -> None:
        with pytest.raises(ConfigurationError):
            flow.create_run(**{"workspace_id": "7", "name": "r", **given_source})
        assert not flow_wire.calls

    def test_a_run_is_found_by_its_whole_name_on_any_page(self, flow: PaiFlow, flow_wire: Wire) -> None:
        others = [{"PipelineRunId": f"flow-{number}", "Name": f"r{number}"} for number in range(3)]
        wanted = {"PipelineRunId": "flow-9\n", "Name": "r\n", "Status": "Running"}
        flow_wire.will(
            "ListPipelineRuns",
            {"TotalCount": 4, "PipelineRuns": others},
            {"TotalCount": 4, "PipelineRuns": [wanted]},
        )
        (found,) = flow.find_runs(workspace_id="7", name="r")
        assert (found.id, found.status) == ("flow-9", PipelineRunStatus.RUNNING)
        assert [asked["PageNumber"] for asked in flow_wire.asked("ListPipelineRuns")] == ["1", "2"]

    def test_a_row_that_moves_to_the_next_page_is_no_second_run(self, flow: PaiFlow, flow_wire: Wire) -> None:
        wanted, new = {"PipelineRunId": "flow-1", "Name": "r"}, {"PipelineRunId": "flow-2", "Name": "r2"}
        flow_wire.will(
            "ListPipelineRuns",
            {"TotalCount": 3, "PipelineRuns": [new, wanted]},
            {"TotalCount": 4, "PipelineRuns": [wanted, {**new, "PipelineRunId": "flow-0"}]},
        )
        assert [run.id for run in flow.find_runs(workspace_id="7", name="r")] == ["flow-1"]

    def test_many_runs_are_looked_at_by_one_call(self, flow: PaiFlow, flow_wire: Wire) -> None:
        rows = [
            {"PipelineRunId": "flow-1", "Status": "Succeeded", "IsDeleted": False},
            {"PipelineRunId": "flow-2", "Status": "SomethingNew"},
            {"PipelineRunId": "flow-3", "Status": "Succeeded", "IsDeleted": True},
        ]
        flow_wire.will("ListPipelineRunsStatus", {"PipelineRuns": rows})
        assert flow.run_statuses(workspace_id="7", run_ids=["flow-1", "flow-2", "flow-3"]) == {
            "flow-1": PipelineRunStatus.SUCCEEDED,
            "flow-2": PipelineRunStatus.UNKNOWN,
        }
        assert len(flow_wire.calls) == 1

    def test_stop_and_rerun_name_the_run(self, flow: PaiFlow, flow_wire: Wire) -> None:
        flow_wire.will("TerminatePipelineRun", {})
        flow_wire.will("RerunPipelineRun", {})
        flow.terminate_run("flow-1")
        flow.rerun("flow-1")
        paths = [asked["path"] for _, asked in flow_wire.calls]
        assert paths == ["/api/v1/pipelineruns/flow-1/termination", "/api/v1/pipelineruns/flow-1/rerun"]

    def test_a_run_that_is_not_there_is_told_apart(self, flow: PaiFlow, flow_wire: Wire) -> None:
        flow_wire.will("GetPipelineRun", Refusal("PipelineRunNotFound", status=404))
        with pytest.raises(NotFoundError):
            flow.get_run("flow-1")

    def test_the_steps_are_a_tree(self, flow: PaiFlow, flow_wire: Wire) -> None:
        child = {"Metadata": {"NodeId": "node-1", "Name": "id-1", "DisplayName": "Split-1"}, "StatusInfo": {}}
        root = {"Metadata": {"NodeId": "node-0", "NodeType": "Dag"}, "Spec": {"Pipelines": [child]}}
        flow_wire.will("GetPipelineRunNode", root)
        tree = flow.get_steps(RUN)
        assert [(step.node_id, step.display_name) for step in tree.walk()] == [("node-0", ""), ("node-1", "Split-1")]
        assert not any(step.status.succeeded for step in tree.walk())

    def test_a_log_is_read_from_where_it_was_left_until_it_is_quiet(self, flow: PaiFlow, flow_wire: Wire) -> None:
        flow_wire.will("ListPipelineRunNodeLogs", {"Logs": ["c", "d"], "TotalCount": 9}, {"Logs": []})
        log = flow.read_log(run_id="flow-1", node_id="node-1", offset=2)
        assert (log.lines, log.end) == (("c", "d"), 4)
        assert [asked["Offset"] for asked in flow_wire.asked("ListPipelineRunNodeLogs")] == ["2", "4"]


class TestPipelines:
    def rows(self, *names: str) -> dict[str, Any]:
        return {
            "TotalCount": len(names),
            "Experiments": [{"ExperimentId": f"draft-{index}", "Name": name} for index, name in enumerate(names)],
        }

    def test_a_pipeline_is_found_by_its_whole_name(self, studio: PaiStudio, studio_wire: Wire) -> None:
        studio_wire.will("ListExperiments", self.rows("churn2", "churn"))
        assert studio.find_pipeline(workspace_id="7", name="churn").id == "draft-1"

    def test_the_service_is_asked_for_the_name_and_for_all_only_where_it_is_not_there(
        self, studio: PaiStudio, studio_wire: Wire
    ) -> None:
        studio_wire.will("ListExperiments", self.rows("churn"))
        studio.find_pipeline(workspace_id="7", name="churn")
        with pytest.raises(PipelineError):
            studio.find_pipeline(workspace_id="7", name="churns")
        assert [asked.get("Name") for asked in studio_wire.asked("ListExperiments")] == ["churn", "churns", None]

    def test_several_of_one_name_are_listed(self, studio: PaiStudio, studio_wire: Wire) -> None:
        studio_wire.will("ListExperiments", self.rows("churn", "churn"))
        with pytest.raises(PipelineError, match="draft-0, draft-1"):
            studio.find_pipeline(workspace_id="7", name="churn")

    def test_a_misspelt_name_gets_the_nearest(self, studio: PaiStudio, studio_wire: Wire) -> None:
        studio_wire.will("ListExperiments", self.rows("churn", "sales"))
        with pytest.raises(PipelineError, match="near to it are 'churn'"):
            studio.find_pipeline(workspace_id="7", name="chrun")

    def test_a_template_is_found_by_id_or_name_and_several_show_their_types(
        self, studio: PaiStudio, studio_wire: Wire
    ) -> None:
        rows = [
            {"Template": {"TemplateId": f"template-{kind}", "Name": "risk"}, "TemplateType": {"Name": kind}}
            for kind in ("one", "two")
        ]
        studio_wire.will("ListTemplates", {"TotalCount": 2, "TemplateData": rows})
        assert studio.find_template(workspace_id="7", name_or_id="template-two").kind == "two"
        with pytest.raises(PipelineError, match=r"template-one \(one\), template-two \(two\)"):
            studio.find_template(workspace_id="7", name_or_id="risk")
        with pytest.raises(PipelineError, match="near to it are 'risk'"):
            studio.find_template(workspace_id="7", name_or_id="risks")

    @pytest.mark.parametrize("lost", [None, Refusal("InternalError", status=500), {}])
    def test_a_lost_answer_makes_no_second_pipeline(self, studio: PaiStudio, studio_wire: Wire, lost: Any) -> None:
        studio_wire.will("CreateExperiment", lost)
        with pytest.raises(UnclearError):
            studio.create_pipeline(workspace_id="7", name="churn", folder_id="folder-1")
        assert len(studio_wire.asked("CreateExperiment")) == 1

    def test_only_a_whole_successful_job_is_loaded_and_the_newest_one(
        self, studio: PaiStudio, studio_wire: Wire
    ) -> None:
        def job(number: int, scope: str, status: str) -> dict[str, str]:
            created = f"2026-01-0{number}T00:00:00Z"
            return {"JobId": f"job-{number}", "ExecuteType": scope, "Status": status, "GmtCreateTime": created}

        jobs = [
            job(1, "EXECUTE_ALL", "Succeeded"),
            job(2, "EXECUTE_ALL", "Succeeded"),
            job(3, "EXECUTE_ONE", "Succeeded"),
            job(4, "EXECUTE_ALL", "Failed"),
        ]
        studio_wire.will("ListJobs", {"Jobs": jobs})
        studio_wire.will("GetJob", {**jobs[1], "RunInfo": "manifest", "Arguments": "arguments"})
        loaded = studio.latest_whole_job(PIPELINE)
        assert (loaded.id, loaded.manifest, loaded.arguments) == ("job-2", "manifest", "arguments")
        assert studio_wire.asked("GetJob")[0]["path"] == "/api/v1/jobs/job-2"

    @pytest.mark.parametrize(
        ("order", "pages"), [("newest first", ["1"]), ("at once", ["1", "2"]), ("oldest first", ["1", "2", "3"])]
    )
    def test_jobs_are_read_as_far_as_their_order_asks_for(
        self, studio: PaiStudio, studio_wire: Wire, order: str, pages: list[str]
    ) -> None:
        jobs = [
            {
                "JobId": f"job-{number}",
                "ExecuteType": "EXECUTE_ALL",
                "Status": "Succeeded",
                "GmtCreateTime": f"2026-01-0{number}T00:00:00Z",
            }
            for number in (4, 3, 2, 1)
        ]
        jobs[1]["GmtCreateTime"] = jobs[0]["GmtCreateTime"] if order == "at once" else jobs[1]["GmtCreateTime"]
        if order == "oldest first":
            jobs.reverse()
        studio_wire.will("ListJobs", {"Jobs": jobs[:2]}, {"Jobs": jobs[2:]}, {"Jobs": []})
        assert studio.find_whole_job(PIPELINE).id == "job-4"
        assert [asked["PageNumber"] for asked in studio_wire.asked("ListJobs")] == pages

    def test_a_folder_is_found_by_its_path_from_the_root(self, studio: PaiStudio, studio_wire: Wire) -> None:
        def folders(*items: tuple[str, str, str]) -> dict[str, Any]:
            return {"Items": [{"Id": identity, "Name": name, "Type": kind} for identity, name, kind in items]}

        draft = ("draft-1", "Demo", "pipelinedraft")
        studio_wire.will(
            "GetExperimentFolderChildren",
            folders(draft, ("folder-1", "Demo", "dir")),
            folders(("folder-2", "Churn", "dir"), ("folder-3", "Twin", "dir"), ("folder-4", "Twin", "dir")),
        )
        assert studio.find_folder(workspace_id="7", path="Demo/Churn") == "folder-2"
        asked = studio_wire.asked("GetExperimentFolderChildren")
        assert [call["path"].split("/")[-2] for call in asked] == ["root", "folder-1"]
        assert studio.find_folder(workspace_id="7", path="root") == "root"
        assert len(studio_wire.calls) == 2
        studio_wire.will(
            "GetExperimentFolderChildren", folders(("folder-3", "Twin", "dir"), ("folder-4", "Twin", "dir"))
        )
        with pytest.raises(PipelineError, match="folder-3, folder-4"):
            studio.find_folder(workspace_id="7", path="Twin")
        with pytest.raises(PipelineError, match="near to it are 'Twin'"):
            studio.find_folder(workspace_id="7", path="Twins")

    def test_a_refused_root_says_to_name_a_folder_and_another_refusal_stays(
        self, studio: PaiStudio, studio_wire: Wire
    ) -> None:
        studio_wire.will("CreateExperiment", Refusal("FolderNotFound", status=404))
        with pytest.raises(PipelineError, match="name a folder"):
            studio.create_pipeline(workspace_id="7", name="churn", folder_id="root")
        with pytest.raises(NotFoundError):
            studio.create_pipeline(workspace_id="7", name="churn", folder_id="folder-1")

    def test_a_pipeline_that_never_ran_whole_says_what_to_do(self, studio: PaiStudio, studio_wire: Wire) -> None:
        studio_wire.will("ListJobs", {"Jobs": []})
        with pytest.raises(PipelineError, match="Run all of it once"):
            studio.latest_whole_job(PIPELINE)

    def test_a_whole_pipeline_is_run_by_one_call(self, studio: PaiStudio, studio_wire: Wire) -> None:
        studio_wire.will("CreateJob", {"JobId": "job-1"})
        assert studio.create_job("draft-1") == "job-1"
        assert studio_wire.asked("CreateJob") == [
            {"path": "/api/v1/jobs", "PipelineDraftId": "draft-1", "ExecuteType": "EXECUTE_ALL"}
        ]

    @pytest.mark.parametrize("lost", [None, b"<html>", Refusal("InternalError", status=500), {}])
    def test_a_lost_answer_makes_no_second_job(self, studio: PaiStudio, studio_wire: Wire, lost: Any) -> None:
        studio_wire.will("CreateJob", lost)
        with pytest.raises(UnclearError):
            studio.create_job("draft-1")
        assert len(studio_wire.asked("CreateJob")) == 1

    @pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
    def test_a_new_job_is_told_from_those_before_it_in_any_order(
        self, studio: PaiStudio, studio_wire: Wire, order: int
    ) -> None:
        """Of two of one moment, too: whoever takes an old run for the new one never asks for it."""
        before = [job("a", second=1), job("b", second=2), job("c", second=2)]
        after = [job("d", second=2), job("e", second=3, scope="EXECUTE_ONE"), job("f", second=4)]
        studio_wire.will("ListJobs", *pages(before, order))
        expected = studio.expect_job("draft-1")
        assert (expected.since, set(expected.before)) == (job("b", second=2)["GmtCreateTime"], {"job-b", "job-c"})
        studio_wire.answers.clear()
        studio_wire.will("ListJobs", *pages(before, order))
        assert studio.find_jobs(expected) == ()
        studio_wire.answers.clear()
        studio_wire.will("ListJobs", *pages(before + after, order))
        assert [found.id for found in studio.find_jobs(expected)] == ["job-d", "job-f"]

    def test_before_the_first_job_any_is_new(self, studio: PaiStudio, studio_wire: Wire) -> None:
        studio_wire.will("ListJobs", {"Jobs": []}, *pages([job("a", second=1)], -1))
        assert [found.id for found in studio.find_jobs(studio.expect_job("draft-1"))] == ["job-a"]


class TestDrawing:
    """Two who change a pipeline at once: the second must not undo what the first has drawn."""

    def test_it_is_saved_under_the_version_that_was_read(self, studio: PaiStudio, studio_wire: Wire) -> None:
        studio_wire.will("UpdateExperimentContent", {"Version": 8})
        assert studio.save_drawing("draft-1", "{}", version=7) == 8
        (asked,) = studio_wire.asked("UpdateExperimentContent")
        assert asked == {"path": "/api/v1/experiments/draft-1/content", "Content": "{}", "Version": 7}

    @pytest.mark.parametrize("version", [9, "9"])
    def test_a_conflict_is_told_by_the_version(self, studio: PaiStudio, studio_wire: Wire, version: object) -> None:
        """No page names the code of a conflict."""
        studio_wire.will("UpdateExperimentContent", Refusal("Whatever", status=400))
        studio_wire.will("GetExperiment", {"ExperimentId": "draft-1", "Version": version})
        with pytest.raises(DrawingChangedError, match="has the version 9, not 7, and nothing was saved"):
            studio.save_drawing("draft-1", "{}", version=7)

    def test_another_refusal_stays_what_it_is(self, studio: PaiStudio, studio_wire: Wire) -> None:
        studio_wire.will("UpdateExperimentContent", Refusal("InvalidContent", status=400))
        studio_wire.will("GetExperiment", {"ExperimentId": "draft-1", "Version": 7})
        with pytest.raises(RejectedError, match="InvalidContent"):
            studio.save_drawing("draft-1", "{}", version=7)


def job(name: str, *, second: int, scope: str = "EXECUTE_ALL") -> dict[str, Any]:
    created = f"2026-11-22T01:02:{second:02}Z"
    return {"JobId": f"job-{name}", "ExecuteType": scope, "Status": "Running", "GmtCreateTime": created}


def pages(jobs: list[dict[str, Any]], order: int) -> list[dict[str, Any]]:
    """What ListJobs says, until a page is empty."""
    return [{"Jobs": jobs[::order]}, {"Jobs": []}]


FLOW_READS: dict[str, Callable[[PaiFlow], Any]] = {
    "GetPipelineRun": lambda flow: flow.get_run("flow-1"),
    "GetPipelineRunNode": lambda flow: flow.get_steps(RUN),
    "ListPipelineRunNodeLogs": lambda flow: flow.read_log(run_id="flow-1", node_id="node-1").lines,
    "ListPipelineRunNodeOutputs": lambda flow: flow.list_outputs(RUN),
    "ListPipelineRuns": lambda flow: flow.find_runs(workspace_id="15945", name="testName"),
    "ListPipelineRunsStatus": lambda flow: flow.run_statuses(workspace_id="7", run_ids=["flow-1"]),
}
STUDIO_READS: dict[str, Callable[[PaiStudio], Any]] = {
    "GetExperiment": lambda studio: studio.get_pipeline("draft-1"),
    "GetJob": lambda studio: studio.read_job("job-1").manifest,
    "ListExperiments": lambda studio: studio.list_pipelines("7"),
}


@pytest.mark.parametrize("operation", FLOW_READS)
def test_the_vendors_own_replies_of_paiflow_are_read(flow: PaiFlow, flow_wire: Wire, operation: str) -> None:
    flow_wire.will(operation, reply_of("paiflow", operation))
    assert FLOW_READS[operation](flow)


@pytest.mark.parametrize("operation", STUDIO_READS)
def test_the_vendors_own_replies_of_paistudio_are_read(studio: PaiStudio, studio_wire: Wire, operation: str) -> None:
    studio_wire.will(operation, reply_of("paistudio", operation))
    assert STUDIO_READS[operation](studio)


def test_the_vendors_own_job_becomes_a_node_once_it_has_run_whole(studio: PaiStudio, studio_wire: Wire) -> None:
    """The job of the sample ran a part only, and that of the list has not ended."""
    listed = reply_of("paistudio", "ListJobs")
    studio_wire.will("ListJobs", listed)
    with pytest.raises(PipelineError, match="all steps must have run successfully once"):
        studio.latest_whole_job(PIPELINE)
    studio_wire.will("ListJobs", {"Jobs": [{**listed["Jobs"][0], "Status": "Succeeded"}]})
    studio_wire.will("GetJob", reply_of("paistudio", "GetJob"))
    job = studio.latest_whole_job(PIPELINE)
    with pytest.raises(ContentError, match="Step number 1"):
        Manifest.parse(job.manifest)
    # The sample breaks off before the rest of its only step.
    manifest = f"{job.manifest.rstrip()}\n    spec: {{}}\n"
    copy = PipelineCopy(
        pipeline_id=PIPELINE.id,
        job_id=job.id,
        name=PIPELINE.name,
        description=PIPELINE.description,
        workspace_id=7,
        region="cn-shanghai",
        manifest=manifest,
        arguments=job.arguments,
        variables={},
    )
    content = NodeContent.build(copy)
    assert content.is_of_job(job.id)
    assert [task["taskUniqueCode"] for task in content.flow["tasks"]] == ["id-2d88-1608982098027-91558"]


JUNK = st.recursive(st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3), st.lists, max_leaves=4)


@pytest.mark.parametrize("operation", [*FLOW_READS])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_reply_breaks_out_of_the_typed_errors(
    flow: PaiFlow, flow_wire: Wire, operation: str, data: st.DataObject
) -> None:
    reply = dict(reply_of("paiflow", operation))
    reply[data.draw(st.sampled_from([*reply]))] = data.draw(JUNK)
    flow_wire.will(operation, reply, Refusal("Forbidden", status=403))
    try:
        with one_attempt():
            FLOW_READS[operation](flow)
    except ServiceError:
        pass


@given(text=st.text() | st.none() | st.integers())
def test_only_the_vendors_own_word_is_a_success(text: object) -> None:
    status = read_pipeline_run_status(text)
    assert status.succeeded == (str(text).strip().lower() == "succeeded")
    assert not (status is PipelineRunStatus.UNKNOWN and status.ended)
