"""What a user would lose: publishing runs that stop, wait and fail where those of the vendor do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.new_support import SIMPLE, STANDARD, DataStudio, output

Choose = Callable[[str, str], None]
ONLINE = {
    SIMPLE: ["BUILD_PACKAGE", "PROD_CHECK", "PROD"],
    STANDARD: ["BUILD_PACKAGE", "DEV_CHECK", "DEV", "PROD_CHECK", "PROD"],
}


def _statuses(pipeline: dict[str, Any]) -> dict[str, str]:
    return {stage["Code"]: stage["Status"] for stage in pipeline["Stages"]}


def _environments(studio: DataStudio, name: str, project: int = STANDARD) -> list[str]:
    reply = studio.call("ListTasks", ProjectId=project, Name=name, SortBy="CreateTime")
    return [task["ProjectEnv"] for task in reply["PagingInfo"]["Tasks"]]


@pytest.mark.parametrize("project", [STANDARD, SIMPLE])
def test_the_stages_follow_from_the_mode_of_the_workspace(studio: DataStudio, project: int) -> None:
    run = studio.start_publishing(studio.create(project), project)
    pipeline = studio.pipeline(run, project)
    assert [stage["Code"] for stage in pipeline["Stages"]] == ONLINE[project]
    assert [stage["Step"] for stage in pipeline["Stages"]] == list(range(1, len(ONLINE[project]) + 1))
    assert {stage["Type"] for stage in pipeline["Stages"]} == {"Build", "Check", "Deploy"}


def test_only_the_package_is_built_without_being_asked(studio: DataStudio) -> None:
    run = studio.start_publishing(studio.create())
    studio.advance(3600)
    pipeline = studio.pipeline(run)
    assert pipeline["Status"] == "Running"
    assert list(_statuses(pipeline).values()) == ["Success", "Init", "Init", "Init", "Init"]


def test_a_stage_is_under_way_before_it_has_ended(studio: DataStudio) -> None:
    """The call that starts it says only that it was accepted."""
    run = studio.start_publishing(studio.create())
    studio.call("ExecPipelineRunStage", ProjectId=STANDARD, Id=run, Code="DEV_CHECK")
    assert _statuses(studio.pipeline(run))["DEV_CHECK"] == "Running"
    studio.advance(2)
    assert _statuses(studio.pipeline(run))["DEV_CHECK"] == "Success"


def test_a_node_has_a_task_in_development_and_then_one_in_production(studio: DataStudio) -> None:
    run = studio.start_publishing(studio.create(name="step_by_step"))
    studio.execute(run, "DEV_CHECK")
    assert _environments(studio, "step_by_step") == []
    studio.execute(run, "DEV")
    assert _environments(studio, "step_by_step") == ["Dev"]
    studio.execute(run, "PROD_CHECK")
    assert _environments(studio, "step_by_step") == ["Dev"]
    studio.execute(run, "PROD")
    assert _environments(studio, "step_by_step") == ["Dev", "Prod"]
    assert studio.pipeline(run)["Status"] == "Success"


def test_in_simple_mode_there_is_production_only(studio: DataStudio) -> None:
    run = studio.start_publishing(studio.create(SIMPLE, name="simple"), SIMPLE)
    studio.execute(run, "PROD_CHECK", "PROD", project=SIMPLE)
    assert _environments(studio, "simple", SIMPLE) == ["Prod"]


def test_an_automatic_run_goes_on_to_its_end(studio: DataStudio) -> None:
    assert set(_statuses(studio.publish(studio.create())).values()) == {"Success"}


def test_an_automatic_run_stops_after_the_stage_it_was_told(studio: DataStudio) -> None:
    """And stays running: who waits for its end waits for ever."""
    node_id = studio.create()
    pipeline = studio.publish(node_id, AutoRunUntilStage="DEV")
    assert pipeline["Status"] == "Running"
    assert list(_statuses(pipeline).values()) == ["Success", "Success", "Success", "Init", "Init"]
    studio.execute(pipeline["Id"], "PROD_CHECK")
    assert _statuses(studio.pipeline(pipeline["Id"]))["PROD"] == "Init"


def test_a_stage_that_the_workspace_does_not_have(studio: DataStudio) -> None:
    node_id = studio.create(SIMPLE)
    fields = {"ProjectId": SIMPLE, "Type": "Online", "ObjectIds": [node_id], "AutoRunUntilStage": "DEV"}
    assert studio.refused("CreatePipelineRun", **fields, RunMode="Auto").code == "InvalidParameter"
    run = studio.start_publishing(node_id, SIMPLE)
    assert studio.refused("ExecPipelineRunStage", ProjectId=SIMPLE, Id=run, Code="DEV").http == 400


@pytest.mark.parametrize("code", ["PROD", "BUILD_PACKAGE"])
def test_no_stage_is_left_out_or_done_twice(studio: DataStudio, code: str) -> None:
    run = studio.start_publishing(studio.create())
    assert studio.refused("ExecPipelineRunStage", ProjectId=STANDARD, Id=run, Code=code).http == 400
    assert _statuses(studio.pipeline(run))["DEV_CHECK"] == "Init"


def test_after_the_end_no_stage_is_executed(studio: DataStudio) -> None:
    run = studio.publish(studio.create())["Id"]
    error = studio.refused("ExecPipelineRunStage", ProjectId=STANDARD, Id=run, Code="PROD")
    assert error.http == 400
    assert "pipeline is not running" in str(error)


@pytest.mark.parametrize("wrong", [["1"], [], ['["1"]'], [12]])
def test_what_cannot_be_published_is_refused_with_the_vendors_code(studio: DataStudio, wrong: list[Any]) -> None:
    error = studio.refused("CreatePipelineRun", ProjectId=STANDARD, Type="Online", ObjectIds=wrong)
    assert (error.http, error.code) == (400, "5801489541076353033")


def test_only_the_first_object_is_published(studio: DataStudio) -> None:
    first, second = studio.create(), studio.create()
    studio.publish(first, ObjectIds=[first, second])
    assert "TaskId" in studio.node(first)
    assert "TaskId" not in studio.node(second)


def test_what_was_changed_after_the_package_was_built_is_not_published(studio: DataStudio) -> None:
    node_id = studio.create(rerunTimes=1)
    run = studio.start_publishing(node_id)
    studio.update(node_id, rerunTimes=3)
    studio.execute(run, "DEV_CHECK", "DEV")
    task = studio.call("GetTask", Id=studio.node(node_id)["TaskId"], ProjectEnv="Dev")["Task"]
    assert task["RerunTimes"] == 1


def test_a_stage_fails_with_a_reason_and_ends_the_run(studio: DataStudio) -> None:
    rule = {"behaviour": "fail", "file": "failing", "stage": "PROD_CHECK", "message": "no quota"}
    studio.dataworks.emulator.control.seed({"deployments": [rule]})
    pipeline = studio.publish(studio.create(name="failing"))
    assert (pipeline["Status"], pipeline["Message"]) == ("Fail", "no quota")
    assert list(_statuses(pipeline).values()) == ["Success", "Success", "Success", "Fail", "Init"]
    assert _environments(studio, "failing") == ["Dev"]


def test_two_nodes_with_one_output_cannot_both_be_in_production(studio: DataStudio) -> None:
    outputs = output("demo_studio_project.shared")
    assert studio.publish(studio.create(outputs=outputs))["Status"] == "Success"
    pipeline = studio.publish(studio.create(outputs=outputs))
    assert _statuses(pipeline)["DEV"] == "Success"
    assert _statuses(pipeline)["PROD"] == "Fail"
    assert "can not exported multiple nodes into the same output" in pipeline["Message"]


def test_an_approval_waits_for_somebody(studio: DataStudio) -> None:
    """However automatic the run is: a client that waits for it needs a deadline."""
    control = studio.dataworks.emulator.control
    control.seed({"workspaces": [{"id": 100014, "identifier": "approved", "data_studio": "new", "approval": True}]})
    node_id = studio.create(100014, name="waits")
    pipeline = studio.publish(node_id, 100014)
    studio.advance(24 * 3600)
    assert _statuses(studio.pipeline(pipeline["Id"], 100014))["APPROVAL"] == "Running"
    control.seed({"deployments": [{"behaviour": "check_passes", "stage": "APPROVAL", "seconds": 30}]})
    assert studio.publish(studio.create(100014), 100014)["Status"] == "Success"
    control.seed({"deployments": [{"behaviour": "check_fails", "stage": "APPROVAL", "message": "not today"}]})
    assert studio.publish(studio.create(100014), 100014)["Message"] == "not today"


def test_a_run_is_abolished_and_what_it_published_stays(studio: DataStudio) -> None:
    node_id = studio.create(name="abolished")
    run = studio.start_publishing(node_id)
    studio.execute(run, "DEV_CHECK", "DEV")
    studio.call("ExecPipelineRunStage", ProjectId=STANDARD, Id=run, Code="PROD_CHECK")
    studio.call("AbolishPipelineRun", ProjectId=STANDARD, Id=run)
    studio.advance(60)
    pipeline = studio.pipeline(run)
    assert (pipeline["Status"], _statuses(pipeline)["PROD_CHECK"]) == ("Termination", "Termination")
    assert _environments(studio, "abolished") == ["Dev"]
    assert studio.refused("AbolishPipelineRun", ProjectId=STANDARD, Id=run).http == 400


def test_a_node_that_was_deleted_meanwhile_is_not_published(studio: DataStudio) -> None:
    node_id = studio.create(name="gone")
    run = studio.start_publishing(node_id)
    studio.call("DeleteNode", ProjectId=STANDARD, Id=node_id)
    studio.execute(run, "DEV_CHECK")
    assert studio.pipeline(run)["Status"] == "Fail"
    assert _environments(studio, "gone") == []


def test_runs_of_a_node_are_found_again(studio: DataStudio) -> None:
    """After a lost reply, the only way to learn whether the run was started."""
    node_id = studio.create()
    runs = [studio.publish(node_id)["Id"], studio.start_publishing(node_id)]
    found = studio.call("ListPipelineRuns", ProjectId=STANDARD, ObjectId=node_id)["PagingInfo"]
    assert [run["Id"] for run in found["PipelineRuns"]] == runs[::-1]
    running = studio.call("ListPipelineRuns", ProjectId=STANDARD, ObjectId=node_id, Status="Running")["PagingInfo"]
    assert (running["TotalCount"], running["PipelineRuns"][0]["Id"]) == (1, runs[1])


def test_a_second_run_beside_the_first(studio: DataStudio, reading: Choose) -> None:
    node_id = studio.create()
    studio.start_publishing(node_id)
    assert studio.start_publishing(node_id)
    reading("new_second_publish", "refuse")
    error = studio.refused("CreatePipelineRun", ProjectId=STANDARD, Type="Online", ObjectIds=[node_id])
    assert "being published" in str(error)


def test_offline_takes_the_tasks_away_and_leaves_the_node(studio: DataStudio) -> None:
    node_id = studio.create(name="offline")
    studio.publish(node_id)
    run = studio.start_publishing(node_id, Type="Offline")
    assert [stage["Type"] for stage in studio.pipeline(run)["Stages"]] == ["Check", "Check", "Offline"]
    studio.execute(run, "PROD_CHECK", "PROD")
    assert studio.pipeline(run)["Status"] == "Success"
    assert _environments(studio, "offline") == []
    assert "TaskId" not in studio.node(node_id)


def test_the_task_id_of_a_node_in_development(studio: DataStudio, reading: Choose) -> None:
    node_id = studio.create()
    studio.publish(node_id, AutoRunUntilStage="DEV")
    assert "TaskId" in studio.node(node_id)
    reading("new_dev_task_id", "no")
    assert "TaskId" not in studio.node(node_id)


def test_the_task_ids_of_both_environments(studio: DataStudio, reading: Choose) -> None:
    def ids(name: str) -> list[int]:
        tasks = studio.call("ListTasks", ProjectId=STANDARD, Name=name, SortBy="CreateTime")["PagingInfo"]["Tasks"]
        return [task["Id"] for task in tasks]

    studio.task(name="ids_alike")
    assert len(set(ids("ids_alike"))) == 1
    reading("new_task_id_envs", "differ")
    task_id = studio.task(name="ids_apart")
    assert len(set(ids("ids_apart"))) == 2
    assert ids("ids_apart")[1] == task_id


def test_a_task_is_what_was_published(studio: DataStudio) -> None:
    task_id = studio.task(
        name="a_task",
        rerunMode="FailureAllowed",
        rerunTimes=2,
        rerunInterval=120000,
        outputs=output("demo_studio_project.a_task"),
        datasource={"name": "odps_source", "type": "odps"},
        description="filled",
    )
    task = studio.call("GetTask", Id=task_id)["Task"]
    assert (task["Type"], task["ProjectEnv"], task["WorkflowId"]) == ("PAI_STUDIO", "Prod", 1)
    assert (task["RerunMode"], task["RerunTimes"], task["RerunInterval"]) == ("FailureAllowed", 2, 120)
    assert task["Script"]["Parameters"] == "bizdate=$bizdate"
    assert task["Trigger"]["StartTime"] == "2099-01-01 00:00:00"
    assert {"Output": "demo_studio_project.a_task"} in task["Outputs"]["TaskOutputs"]
    assert (task["DataSource"], task["Description"]) == ({"Name": "odps_source"}, "filled")


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"TaskType": "PAI_STUDIO"}, 2),
        ({"TaskType": "ODPS_SQL"}, 0),
        ({"ProjectEnv": "Dev"}, 1),
        ({"TriggerRecurrence": "Skip"}, 2),
        ({"TriggerType": "Manual"}, 0),
        ({"WorkflowId": 2}, 0),
        ({"Owner": "1000000000000001"}, 2),
        ({"RuntimeResource": "group_demo_exclusive"}, 2),
        ({"Ids": [1]}, 0),
    ],
)
def test_tasks_are_filtered(studio: DataStudio, fields: dict[str, Any], found: int) -> None:
    if not _environments(studio, "to_filter"):
        group = {"resourceGroup": "group_demo_exclusive"}
        studio.task(name="to_filter", recurrence="Skip", runtimeResource=group)
    reply = studio.call("ListTasks", ProjectId=STANDARD, Name="to_filter", **fields)
    assert reply["PagingInfo"]["TotalCount"] == found


def test_an_order_that_does_not_exist_is_refused(studio: DataStudio) -> None:
    assert studio.refused("ListTasks", ProjectId=STANDARD, SortBy="Name").code == "InvalidParameter"


def test_what_a_run_published_is_told(studio: DataStudio) -> None:
    node_id = studio.create(name="told")
    run = studio.publish(node_id)["Id"]
    (item,) = studio.call("ListPipelineRunItems", ProjectId=STANDARD, PipelineRunId=run)["PagingInfo"][
        "PipelineRunItems"
    ]
    assert (item["Id"], item["Name"], item["Type"], item["Status"]) == (node_id, "told", "Node", "Success")
    assert item["Spec"] == studio.node(node_id)["Spec"]
    assert item["Version"] == 1


def test_a_run_that_does_not_exist(studio: DataStudio) -> None:
    assert studio.refused("GetPipelineRun", ProjectId=STANDARD, Id="none").http == 400
