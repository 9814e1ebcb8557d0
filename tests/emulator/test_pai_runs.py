"""What a user would lose: a run of PAIFlow that can be started once, watched step by step, stopped and run again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.emulator.new_support import DataStudio
from tests.emulator.pai_support import ARGUMENTS, BIG_MANIFEST, MANIFEST, WORKSPACE, Pai, broken
from tests.emulator.support import DataWorks, RefusedError


def refused(call: Callable[..., Any], *arguments: Any, **fields: Any) -> tuple[int, str]:
    with pytest.raises(RefusedError) as caught:
        call(*arguments, **fields)
    return caught.value.http, caught.value.code


def test_the_steps_run_one_after_the_other(pai: Pai) -> None:
    """A step table that a user watches must show what waits, what runs and what is done."""
    run = pai.run(Arguments=ARGUMENTS)
    seen = [(pai.status(run), *pai.statuses(run))]
    for _ in range(2):
        pai.advance(1)
        seen.append((pai.status(run), *pai.statuses(run)))
    assert seen == [
        ("Running", "Running", "Running", "ReadyToSchedule"),
        ("Running", "Succeeded", "Succeeded", "Running"),
        ("Succeeded", "Succeeded", "Succeeded", "Succeeded"),
    ]
    ended = pai.flow("GetPipelineRun", run)
    assert ended["Duration"] == 2
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", ended["FinishedAt"])


def test_a_failed_step_fails_the_run_and_skips_what_follows(pai: Pai) -> None:
    pai.dataworks.emulator.control.seed({"steps": [{"behaviour": "fail", "node": "fails", "step": "sql", "times": 1}]})
    run = pai.run(Name="fails")
    pai.advance(60)
    assert pai.status(run) == "Failed"
    assert pai.statuses(run) == ["Failed", "Succeeded", "Skipped"]
    assert "seeded failure" in pai.flow("GetPipelineRun", run)["Message"]


def test_a_run_that_is_not_confirmed_waits_to_be_started(pai: Pai) -> None:
    """Who waits for it without starting it would wait for ever."""
    run = pai.run(NoConfirmRequired=False)
    pai.advance(3600)
    assert (pai.status(run), set(pai.statuses(run))) == ("Initialized", {"Initialized"})
    pai.flow("StartPipelineRun", run)
    pai.advance(60)
    assert pai.status(run) == "Succeeded"
    assert refused(pai.flow, "StartPipelineRun", run) == (400, "Undocumented.PipelineRunStarted")


def test_a_run_starts_at_once_unless_it_is_told_otherwise(pai: Pai) -> None:
    fields = {"WorkspaceId": WORKSPACE, "PipelineManifest": MANIFEST}
    run = pai.flow("CreatePipelineRun", **fields)["PipelineRunId"]
    assert pai.flow("GetPipelineRun", run)["Name"] == run
    assert pai.status(run) == "Running"


@pytest.mark.parametrize("fields", [{}, {"PipelineId": "pipeline-1", "PipelineManifest": MANIFEST}])
def test_exactly_one_of_id_and_manifest(pai: Pai, fields: dict[str, str]) -> None:
    assert refused(pai.flow, "CreatePipelineRun", WorkspaceId=WORKSPACE, **fields) == (
        400,
        "Undocumented.InvalidPipeline",
    )


def test_two_calls_make_two_runs(pai: Pai) -> None:
    """There is no token that would make the second call the first one: a client must look its run up by name."""
    first, second = pai.run(Name="asked twice"), pai.run(Name="asked twice")
    found = pai.flow("ListPipelineRuns", WorkspaceId=WORKSPACE, Name="asked twice")
    assert [run["PipelineRunId"] for run in found["PipelineRuns"]] == [second, first]


@pytest.mark.parametrize("change", ["cycle", "dangling", "duplicate"])
def test_a_manifest_that_cannot_run_is_refused(pai: Pai, change: str) -> None:
    before = pai.flow("ListPipelineRuns")["TotalCount"]
    assert refused(pai.run, PipelineManifest=broken(change)) == (400, "Undocumented.InvalidManifest")
    assert pai.flow("ListPipelineRuns")["TotalCount"] == before


@pytest.mark.parametrize("text", ["no: [", "42", "spec: {}", "a: 1\n---\nb: 2", "[" * 9999])
def test_a_text_that_is_no_manifest_is_refused(pai: Pai, text: str) -> None:
    assert refused(pai.run, PipelineManifest=text) == (400, "Undocumented.InvalidManifest")


@pytest.mark.parametrize("change", ["cycle", "dangling", "duplicate"])
def test_or_its_run_fails(pai: Pai, reading: Callable[[str, str], None], change: str) -> None:
    reading("pai_bad_manifest", "run_fails")
    run = pai.run(PipelineManifest=broken(change))
    assert pai.status(run) == "Failed"
    assert pai.flow("GetPipelineRun", run)["Message"]


@pytest.mark.parametrize(
    "text", ["arguments: [", "- 1", "arguments: 1", "arguments: {parameters: [{value: 1}]}", "[" * 9999]
)
def test_arguments_that_nobody_can_read_are_refused(pai: Pai, text: str) -> None:
    assert refused(pai.run, Arguments=text) == (400, "Undocumented.InvalidArguments")


def test_the_arguments_say_where_a_run_executes(pai: Pai) -> None:
    """Logs and temporary tables are in the project of the arguments, not in that of the workspace."""
    run = pai.run(Arguments=ARGUMENTS)
    project = yaml.safe_load(ARGUMENTS)["arguments"]["parameters"][0]["value"]["odpsProject"]
    node = pai.steps(run)["Read Table-1"]["Metadata"]["NodeId"]
    logs = pai.flow("ListPipelineRunNodeLogs", run, node)["Logs"]
    assert any(line.endswith(f"Job running on project {project}") for line in logs)
    assert pai.flow("GetPipelineRun", run)["Arguments"] == ARGUMENTS


def test_a_log_is_read_line_by_line_with_a_cursor(pai: Pai) -> None:
    """What comes later is appended: a client that goes on at the next line misses none and repeats none."""
    run = pai.run()
    node = pai.steps(run)["Read Table-1"]["Metadata"]["NodeId"]
    first = pai.flow("ListPipelineRunNodeLogs", run, node, Offset=0, PageSize=3)
    assert (len(first["Logs"]), first["TotalCount"]) == (3, 4)
    pai.advance(60)
    rest = pai.flow("ListPipelineRunNodeLogs", run, node, Offset=3, PageSize=100)
    assert rest["TotalCount"] == 5
    whole = pai.flow("ListPipelineRunNodeLogs", run, node)["Logs"]
    assert first["Logs"] + rest["Logs"] == whole
    assert whole[-1].endswith("[Read Table-1] OK")
    assert pai.flow("ListPipelineRunNodeLogs", run, node, Reverse=True)["Logs"] == whole[::-1]
    assert pai.flow("ListPipelineRunNodeLogs", run, node, Keyword="OK")["TotalCount"] == 1
    assert pai.flow("ListPipelineRunNodeLogs", run, node, ToTimeInSeconds=1)["Logs"] == []
    assert pai.flow("ListPipelineRunNodeLogs", run, node, Offset=99)["Logs"] == []


def test_a_tree_is_as_deep_as_was_asked(pai: Pai) -> None:
    run = pai.run()
    root = pai.flow("GetPipelineRun", run)["NodeId"]
    flat = pai.flow("GetPipelineRunNode", run, root, Depth=1)
    assert (flat["Metadata"]["NodeType"], flat["Spec"]["HasPipelines"], flat["Spec"]["Pipelines"]) == ("Dag", True, [])
    assert len(pai.flow("GetPipelineRunNode", run, root)["Spec"]["Pipelines"]) == 3
    names = [status["NodeName"] for status in pai.flow("ListPipelineRunNodeStatus", run, root)["Status"]]
    assert names[1:] == [node["Metadata"]["Name"] for node in pai.steps(run).values()]
    step = pai.steps(run)["SQL Script-1"]["Metadata"]["NodeId"]
    assert pai.flow("GetPipelineRunNode", run, step)["Metadata"]["DisplayName"] == "SQL Script-1"


def test_outputs_are_tables_models_and_metrics(pai: Pai) -> None:
    run = pai.run(PipelineManifest=BIG_MANIFEST)
    root = pai.flow("GetPipelineRun", run)["NodeId"]
    assert pai.flow("ListPipelineRunNodeOutputs", run, root, Depth=2)["Outputs"] == []
    pai.advance(600)
    assert pai.status(run) == "Succeeded"
    found = pai.flow("ListPipelineRunNodeOutputs", run, root, Depth=2, PageSize=100)
    assert {output["Type"] for output in found["Outputs"]} == {"DataSet", "Model", "Metrics"}
    metrics = pai.flow("ListPipelineRunNodeOutputs", run, root, Depth=2, Type="Metrics")
    assert metrics["TotalCount"] == len(metrics["Outputs"]) > 0
    page = pai.flow("ListPipelineRunNodeOutputs", run, root, Depth=2, PageSize=1, SortBy="Type", Order="ASC")
    assert (page["Outputs"][0]["Type"], page["TotalCount"]) == ("DataSet", found["TotalCount"])
    assert pai.flow("ListPipelineRunNodeOutputs", run, root, Depth=1)["TotalCount"] == 0


def test_outputs_need_a_depth(pai: Pai) -> None:
    run = pai.run()
    root = pai.flow("GetPipelineRun", run)["NodeId"]
    assert refused(pai.flow, "ListPipelineRunNodeOutputs", run, root) == (400, "MissingDepth")


def test_a_variable_that_nobody_replaced_fails_its_step(pai: Pai) -> None:
    """The ports of a SQL component look like variables and are none."""
    reading = MANIFEST.replace("SELECT 2;", "SELECT * FROM ${t1};")
    ports, nobody = (pai.run(PipelineManifest=text) for text in (reading, reading.replace("t1", "nobody")))
    pai.advance(60)
    assert (pai.status(ports), pai.status(nobody)) == ("Succeeded", "Failed")
    assert "Parse exception" in pai.flow("GetPipelineRun", nobody)["Message"]


def test_a_parameter_may_be_a_date(pai: Pai) -> None:
    """YAML makes one of what looks like one."""
    run = pai.run(PipelineManifest=MANIFEST.replace('"select 1;"', "2026-11-22"))
    pai.advance(60)
    assert pai.status(run) == "Succeeded"


def test_terminate(pai: Pai) -> None:
    """A run that was cancelled writes nothing any more, and says so."""
    pai.dataworks.emulator.control.seed({"steps": [{"behaviour": "hang", "node": "hangs", "step": "SQL Script-1"}]})
    run = pai.run(Name="hangs")
    pai.advance(3600)
    assert (pai.status(run), pai.statuses(run)) == ("Running", ["Running", "Succeeded", "ReadyToSchedule"])
    pai.flow("TerminatePipelineRun", run)
    assert pai.status(run) == "Terminating"
    pai.flow("TerminatePipelineRun", run)
    pai.advance(60)
    assert (pai.status(run), pai.statuses(run)) == ("Terminated", ["Terminated", "Succeeded", "Terminated"])


@pytest.mark.parametrize(("played", "answer"), [("refuse", (400, "Undocumented.PipelineRunEnded")), ("accept", None)])
def test_terminate_what_has_ended(
    pai: Pai, reading: Callable[[str, str], None], played: str, answer: tuple[int, str] | None
) -> None:
    run = pai.run()
    pai.advance(60)
    reading("pai_terminate_ended", played)
    if answer:
        assert refused(pai.flow, "TerminatePipelineRun", run) == answer
    else:
        pai.flow("TerminatePipelineRun", run)
    assert pai.status(run) == "Succeeded"


def test_a_run_can_be_terminated_before_it_was_started(pai: Pai) -> None:
    run = pai.run(NoConfirmRequired=False)
    pai.flow("TerminatePipelineRun", run)
    assert (pai.status(run), set(pai.statuses(run))) == ("Terminated", {"Terminated"})
    assert refused(pai.flow, "StartPipelineRun", run) == (400, "Undocumented.PipelineRunStarted")


def test_a_rerun_names_no_run(pai: Pai) -> None:
    run = pai.run(Name="again")
    assert refused(pai.flow, "RerunPipelineRun", run) == (400, "Undocumented.PipelineRunActive")
    pai.advance(60)
    assert set(pai.flow("RerunPipelineRun", run)) == {"RequestId"}
    assert pai.status(run) == "Running"
    pai.advance(60)
    assert pai.status(run) == "Succeeded"
    assert pai.flow("ListPipelineRuns", Name="again")["TotalCount"] == 1


def test_or_makes_one_that_must_be_looked_for(pai: Pai, reading: Callable[[str, str], None]) -> None:
    reading("pai_rerun", "new_run")
    run = pai.run(Name="once more")
    pai.advance(60)
    pai.flow("RerunPipelineRun", run)
    assert pai.status(run) == "Succeeded"
    newest, first = pai.flow("ListPipelineRuns", Name="once more")["PipelineRuns"]
    assert (first["PipelineRunId"], newest["Status"]) == (run, "Running")


def test_only_the_name_can_be_changed(pai: Pai) -> None:
    run = pai.run()
    pai.flow("UpdatePipelineRun", run, Name="another")
    assert pai.flow("GetPipelineRun", run)["Name"] == "another"
    assert refused(pai.flow, "UpdatePipelineRun", run) == (400, "MissingName")


def test_a_deleted_run_is_gone_and_known_as_deleted(pai: Pai) -> None:
    run = pai.run(Name="deleted")
    assert refused(pai.flow, "DeletePipelineRun", run) == (400, "Undocumented.PipelineRunActive")
    pai.advance(60)
    pai.flow("DeletePipelineRun", run)
    assert refused(pai.flow, "GetPipelineRun", run) == (404, "Undocumented.PipelineRunNotExists")
    assert pai.flow("ListPipelineRuns", Name="deleted")["TotalCount"] == 0
    (status,) = pai.flow("ListPipelineRunsStatus", PipelineRuns=[run])["PipelineRuns"]
    assert status["IsDeleted"] is True


def test_one_call_tells_of_many_runs(pai: Pai) -> None:
    """A watch of a thousand runs that had to ask for each would use up the account's calls."""
    first, second = pai.run(), pai.run(NoConfirmRequired=False)
    found = pai.flow("ListPipelineRunsStatus", PipelineRuns=[second, "flow-nobody", first], WorkspaceId=WORKSPACE)
    assert [(run["PipelineRunId"], run["Status"]) for run in found["PipelineRuns"]] == [
        (second, "Initialized"),
        (first, "Running"),
    ]
    assert pai.flow("ListPipelineRunsStatus", PipelineRuns=[first], WorkspaceId="100002")["PipelineRuns"] == []


def test_nodes_are_preferred_to_runs(pai: Pai) -> None:
    run = pai.run()
    pai.advance(60)
    node = pai.steps(run)["SQL Script-1"]["Metadata"]
    nodes = [{"PipelineRunId": run, "NodeId": node["NodeId"]}]
    found = pai.flow("ListPipelineRunsStatus", PipelineRuns=[run], Nodes=nodes, OutputType="DataSet")
    assert [(one["NodeName"], one["Status"]) for one in found["Nodes"]] == [(node["Name"], "Succeeded")]
    assert [output["NodeId"] for output in found["Outputs"]] == [node["NodeId"]]
    assert found["PipelineRuns"] == []


def test_runs_are_chosen_sorted_and_paged(pai: Pai) -> None:
    runs = [pai.run(Name=f"chosen {number}", SourceId="draft-chosen", SourceType="SDK") for number in range(3)]
    pai.advance(60)

    def ids(**fields: Any) -> list[str]:
        found = pai.flow("ListPipelineRuns", SourceId="draft-chosen", **fields)["PipelineRuns"]
        return [run["PipelineRunId"] for run in found]

    assert ids() == ids(WorkspaceId=WORKSPACE, Status="Succeeded", SourceType="SDK") == runs[::-1]
    assert ids(SortBy="GmtCreateTime", Order="ASC", PageSize=2, PageNumber=2) == runs[2:]
    assert ids(PipelineRunId=runs[0]) == ids(Name="chosen 0") == runs[:1]
    assert ids(Status="Failed") == ids(WorkspaceId="100002") == ids(PipelineIds="pipeline-1") == []


@pytest.mark.parametrize(("played", "found"), [("part", 2), ("exact", 1)])
def test_a_name_may_be_a_part(pai: Pai, reading: Callable[[str, str], None], played: str, found: int) -> None:
    """Who takes the first row for the one that was asked for joins a stranger's run."""
    for name in (f"named {played}", f"named {played} too"):
        pai.run(Name=name)
    reading("pai_name_filter", played)
    assert pai.flow("ListPipelineRuns", Name=f"named {played}")["TotalCount"] == found


def test_a_list_may_lag(pai: Pai, reading: Callable[[str, str], None]) -> None:
    """A run that is not found yet may exist."""
    reading("pai_list_lag", "5")
    run = pai.run(Name="lags")
    assert pai.flow("ListPipelineRuns", Name="lags")["TotalCount"] == 0
    assert pai.status(run) == "Running"
    pai.advance(5)
    assert pai.flow("ListPipelineRuns", Name="lags")["TotalCount"] == 1


def test_a_registered_pipeline_runs_by_its_id(pai: Pai) -> None:
    named = MANIFEST.replace("job-root-pipeline-identifier", "registered")
    identity = pai.flow("CreatePipeline", Manifest=named, WorkspaceId=WORKSPACE)["PipelineId"]
    run = pai.run(PipelineId=identity)
    pai.advance(60)
    assert pai.status(run) == "Succeeded"
    assert pai.flow("ListPipelineRuns", PipelineIds=f"{identity}, other")["PipelineRuns"][0]["PipelineRunId"] == run
    assert pai.flow("GetPipelineRun", run, Verbose=True)["Manifest"] == named
    assert "Manifest" not in pai.flow("GetPipelineRun", run)
    assert refused(pai.flow, "GetPipelineRun", run, Verbose=True, ManifestType="Runtime") == (400, "NotSupported")


def test_a_registered_pipeline_has_an_identity_of_its_own(pai: Pai) -> None:
    named = MANIFEST.replace("job-root-pipeline-identifier", "unique")
    identity = pai.flow("CreatePipeline", Manifest=named, WorkspaceId=WORKSPACE)["PipelineId"]
    assert refused(pai.flow, "CreatePipeline", Manifest=named, WorkspaceId=WORKSPACE) == (
        400,
        "Undocumented.PipelineExists",
    )
    uuid = pai.flow("GetPipeline", identity)["Uuid"]
    pai.flow("UpdatePipeline", identity, Manifest=named)
    assert pai.flow("GetPipeline", identity)["Uuid"] != uuid
    assert pai.flow("ListPipelines", PipelineIdentifier="unique")["TotalCount"] == 1
    assert pai.flow("ListPipelines", PipelineIdentifier="uniq")["TotalCount"] == 0
    assert pai.flow("ListPipelines", PipelineIdentifier="uniq", FuzzyMatching=True)["TotalCount"] == 1
    pai.flow("DeletePipeline", identity)
    assert refused(pai.flow, "GetPipeline", identity) == (404, "Undocumented.PipelineNotExists")
    assert refused(pai.flow, "CreatePipeline", Manifest=broken("cycle"), WorkspaceId=WORKSPACE) == (
        400,
        "Undocumented.InvalidManifest",
    )


def named_run(log: str) -> str:
    (run,) = set(re.findall(r"flow-[0-9a-f]{18}", log))
    return str(run)


def test_the_run_of_a_node_can_be_read_step_by_step(dataworks: DataWorks, pai: Pai) -> None:
    """Which step failed, and what it said: an instance of DataWorks tells neither."""
    dataworks.emulator.control.seed({"steps": [{"behaviour": "fail", "node": "told", "step": "Merge*", "times": 1}]})
    run = named_run(dataworks.log(dataworks.tested(file_name="told")))
    assert pai.status(run) == "Failed"
    steps = pai.steps(run)
    (failed,) = [name for name, node in steps.items() if node["StatusInfo"]["Status"] == "Failed"]
    assert failed.startswith("Merge")
    lines = pai.flow("ListPipelineRunNodeLogs", run, steps[failed]["Metadata"]["NodeId"])["Logs"]
    assert "seeded failure" in lines[-1]
    assert "dt=20261122" in pai.flow("GetPipelineRun", run, Verbose=True)["Manifest"]


def test_the_run_of_a_node_of_the_new_data_studio_too(studio: DataStudio, pai: Pai) -> None:
    run = studio.test(studio.task())
    studio.advance(600)
    log = studio.call("GetTaskInstanceLog", Id=studio.instance(run)["Id"])["TaskInstanceLog"]
    assert pai.status(named_run(log)) == "Succeeded"


def test_a_stopped_instance_stops_its_run(dataworks: DataWorks, pai: Pai) -> None:
    dataworks.emulator.control.seed({"steps": [{"behaviour": "hang", "node": "stopped"}]})
    test = dataworks.tested(file_name="stopped")
    run = named_run(dataworks.log(test))
    assert pai.status(run) == "Running"
    dataworks.call("StopInstance", instance_id=dataworks.instance(test)["InstanceId"], project_env="DEV")
    dataworks.advance(60)
    assert pai.status(run) == "Terminated"


def test_a_terminated_run_takes_its_instance_with_it(dataworks: DataWorks, pai: Pai) -> None:
    dataworks.emulator.control.seed({"steps": [{"behaviour": "hang", "node": "terminated"}]})
    test = dataworks.tested(file_name="terminated")
    pai.flow("TerminatePipelineRun", named_run(dataworks.log(test)))
    dataworks.advance(60)
    assert dataworks.instance(test)["Status"] == "FAILURE"


def test_the_log_may_name_no_run(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    """A step view is a help, and not to be relied on."""
    reading("pai_id_in_log", "no")
    assert "flow-" not in dataworks.log(dataworks.tested())


def test_what_a_run_writes_is_written_unless_it_was_stopped(pai: Pai) -> None:
    table = "demo_project.written_by_a_run"
    manifest = yaml.safe_load(MANIFEST)
    step = manifest["spec"]["pipelines"][-1]
    step["metadata"]["identifier"] = "SqlWriteTable_1"

    def written_after(partition: str, *, stop: bool) -> list[str]:
        step["spec"]["arguments"]["parameters"] = [
            {"name": "outputTableName", "value": table},
            {"name": "outputTablePartition", "value": partition},
        ]
        run = pai.run(PipelineManifest=yaml.safe_dump(manifest))
        if stop:
            pai.flow("TerminatePipelineRun", run)
        pai.advance(60)
        return pai.dataworks.emulator.control.tables().get(table, [])

    assert written_after("dt=1", stop=True) == []
    assert written_after("dt=2", stop=False) == ["dt=2"]
