"""What a user would lose: tests and backfills by 2024-05-18 that run, end and are found as the vendor's are."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.emulator.new_support import (
    DAY,
    SIMPLE,
    STANDARD,
    DataStudio,
    backfill_fields,
    midnight,
    period,
    smoke_fields,
)
from tests.emulator.support import DataWorks

Choose = Callable[[str, str], None]


@pytest.fixture(scope="module")
def task_id(running: DataWorks) -> int:
    return DataStudio(dataworks=running).task(name="to_run")


def _ended(studio: DataStudio, task_id: int, **fields: Any) -> int:
    run = studio.test(task_id, **fields)
    studio.advance(600)
    return run


def test_a_test_is_made_a_little_later(studio: DataStudio, task_id: int) -> None:
    operation = studio.call("CreateWorkflowInstances", **smoke_fields(task_id))["OperationId"]
    assert studio.call("GetCreateWorkflowInstancesResult", OperationId=operation)["Result"] == {"Status": "Creating"}
    studio.advance(1)
    result = studio.call("GetCreateWorkflowInstancesResult", OperationId=operation)["Result"]
    assert result["Status"] == "Created"
    (run,) = result["WorkflowInstanceIds"]
    assert studio.workflow(run)["Name"] == "a test"


def test_a_test_runs_the_pipeline_for_its_business_date(studio: DataStudio, task_id: int) -> None:
    run = _ended(studio, task_id)
    workflow, instance = studio.workflow(run), studio.instance(run)
    assert (workflow["Type"], workflow["EnvType"], workflow["Status"]) == ("SmokeTest", "Dev", "Success")
    assert (instance["TaskId"], instance["ProjectEnv"], instance["Status"]) == (task_id, "Dev", "Success")
    assert workflow["BizDate"] == instance["Bizdate"] == midnight(DAY)
    assert instance["TriggerTime"] == midnight("2026-11-23") + 5 * 60 * 1000
    log = studio.call("GetTaskInstanceLog", Id=instance["Id"])["TaskInstanceLog"]
    assert "SKYNET_PARAVALUE=bizdate=20261122" in log
    assert "dt=20261122" in studio.dataworks.emulator.control.tables()["demo_project.demo_output_table"]


def test_parameters_of_a_run_replace_the_nodes_own(studio: DataStudio, task_id: int) -> None:
    parameters = json.dumps({str(task_id): "bizdate=20200131", "1": "bizdate=x"})
    run = _ended(studio, task_id, TaskParameters=parameters)
    instance = studio.instance(run)
    assert instance["ScriptParameters"] == "bizdate=20200131"
    assert "bizdate=20200131" in studio.call("GetTaskInstanceLog", Id=instance["Id"])["TaskInstanceLog"]


def test_the_states_of_an_instance_have_the_names_of_this_version(studio: DataStudio, task_id: int) -> None:
    run = studio.test(task_id)
    seen = {(studio.workflow(run)["Status"], studio.instance(run)["Status"])}
    for _ in range(12):
        studio.advance(0.5)
        seen.add((studio.workflow(run)["Status"], studio.instance(run)["Status"]))
    assert seen == {
        ("NotRun", "NotRun"),
        ("Running", "WaitTime"),
        ("Running", "WaitResource"),
        ("Running", "Running"),
        ("Success", "Success"),
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"Type": "Manual"},
        {"WorkflowId": 2},
        {"AutoStartEnabled": False},
        {"DefaultRunProperties": {}},
        {"DefaultRunProperties": {"RootTaskIds": [1, 2]}},
        {"DefaultRunProperties": {"RootTaskIds": ["one"]}},
        {"DefaultRunProperties": {"RootTaskIds": [2**63]}},
        {"Periods": {"BizDates": [period("9999-12-31", "9999-12-31")]}},
        {"TaskParameters": "bizdate=20200131"},
        {"Periods": {"BizDates": [{"StartBizDate": "2026-11-22 00:00:00", "EndBizDate": DAY}]}},
        {"Periods": {"BizDates": [period(DAY, "2026-11-21")]}},
        {"Periods": {"BizDates": [period()], "StartTime": "00:00:00"}},
        {"ProjectId": SIMPLE},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(studio: DataStudio, task_id: int, changes: dict[str, Any]) -> None:
    assert studio.refused("CreateWorkflowInstances", **{**smoke_fields(task_id), **changes}).http == 400


def test_a_task_that_does_not_exist_shows_in_the_outcome(studio: DataStudio) -> None:
    """The call itself says yes."""
    result = studio.start(**smoke_fields(1))
    assert result["Status"] == "CreateFailure"
    assert "task 1 does not exist in DEV" in result["FailureMessage"]
    assert "WorkflowInstanceIds" not in result


def test_a_test_without_periods_is_for_yesterday(studio: DataStudio, task_id: int, reading: Choose) -> None:
    fields = {**smoke_fields(task_id), "Periods": {}}
    (run,) = studio.start(**fields)["WorkflowInstanceIds"]
    now = studio.dataworks.emulator.control.clock.read().now
    assert 24 * 3600 * 1000 <= now - studio.workflow(run)["BizDate"] < 48 * 3600 * 1000
    reading("new_periods_required", "yes")
    assert "Periods is required" in str(studio.refused("CreateWorkflowInstances", **fields))


def test_instances_are_listed_a_little_later_than_made(studio: DataStudio, task_id: int, reading: Choose) -> None:
    reading("new_instances_lag", "5")
    run = studio.test(task_id)
    assert studio.instances(run) == []
    studio.advance(5)
    assert len(studio.instances(run)) == 1


def test_a_backfill_makes_a_workflow_instance_for_each_business_date(
    studio: DataStudio, task_id: int, reading: Choose
) -> None:
    reading("backfill_dags", "single")
    result = studio.start(**backfill_fields(task_id))
    runs = [studio.workflow(run) for run in result["WorkflowInstanceIds"]]
    assert [run["BizDate"] for run in runs] == [midnight(f"2026-11-{day}") for day in (20, 21, 22)]
    assert {(run["Type"], run["EnvType"], run["Name"]) for run in runs} == {("SupplementData", "Prod", "a backfill")}
    assert len(set(result["UnifiedWorkflowInstanceIds"])) == 3
    studio.advance(600)
    assert [studio.instance(run["Id"])["Status"] for run in runs] == ["Success"] * 3


@pytest.mark.parametrize(
    ("properties", "begun"),
    [
        ({}, [True, False, False]),
        ({"Order": "Desc"}, [False, False, True]),
        ({"Parallelism": 2}, [True, True, False]),
        ({"Parallelism": 2, "Order": "Desc"}, [False, True, True]),
    ],
)
def test_business_dates_take_turns(
    studio: DataStudio, task_id: int, properties: dict[str, Any], begun: list[bool]
) -> None:
    runs = studio.start(**backfill_fields(task_id, properties))["WorkflowInstanceIds"]
    studio.advance(1)
    assert [studio.workflow(run)["Status"] != "NotRun" for run in runs] == begun
    studio.advance(600)
    assert {studio.workflow(run)["Status"] for run in runs} == {"Success"}


def test_a_backfill_has_up_to_seven_ranges_of_dates(studio: DataStudio, task_id: int) -> None:
    days = [str(date(2026, 10, 1) + timedelta(days=2 * number)) for number in range(8)]
    ranges = [period(day, day) for day in days]
    made = studio.start(**backfill_fields(task_id, Periods={"BizDates": ranges[:7]}))["WorkflowInstanceIds"]
    assert [studio.workflow(run)["BizDate"] for run in made] == [midnight(day) for day in days[:7]]
    refusal = studio.refused("CreateWorkflowInstances", **backfill_fields(task_id, Periods={"BizDates": ranges}))
    assert "at most 7" in str(refusal)


def test_of_an_hourly_task_the_hours_are_chosen(studio: DataStudio) -> None:
    hourly = {"type": "Scheduler", "cron": "00 10 00-23/1 * * ?", "startTime": "2099-01-01 00:00:00"}
    task_id = studio.task(trigger=hourly)
    periods = {"BizDates": [period()], "StartTime": "02:00:00", "EndTime": "04:59:59"}
    (run,) = studio.start(**backfill_fields(task_id, Periods=periods))["WorkflowInstanceIds"]
    assert sorted(instance["PeriodNumber"] for instance in studio.instances(run)) == [3, 4, 5]


def test_excluded_tasks_succeed_without_being_executed(studio: DataStudio, task_id: int) -> None:
    """Success alone does not say that anything was done."""
    other = studio.task()
    properties = {"IncludeTaskIds": [other], "ExcludeTaskIds": [other]}
    runs = studio.start(**backfill_fields(task_id, properties))["WorkflowInstanceIds"]
    studio.advance(600)
    kinds = {instance["TaskId"]: instance["TriggerRecurrence"] for instance in studio.instances(runs[0])}
    assert kinds == {task_id: "Normal", other: "SkipUnchoose"}
    assert studio.workflow(runs[0])["Status"] == "Success"


@pytest.mark.parametrize("immediately", [False, True])
def test_dates_to_come_wait_unless_told_otherwise(studio: DataStudio, immediately: bool) -> None:
    task_id = studio.task()
    future = {"BizDates": [period("2098-01-01", "2098-01-01")]}
    fields = backfill_fields(task_id, {"RunPolicy": {"Immediately": immediately}}, Periods=future)
    (run,) = studio.start(**fields)["WorkflowInstanceIds"]
    studio.advance(600)
    assert studio.instance(run)["Status"] == ("Success" if immediately else "WaitTime")


@pytest.mark.parametrize(
    "properties",
    [
        {"Parallelism": 0},
        {"Parallelism": 11},
        {"Analysis": {"Enabled": True}},
        {"Mode": "Everything"},
        {"Mode": "General", "RootTaskIds": [1, 2]},
        {"Mode": "Chain"},
        {"Order": "Random"},
        {"Alert": {"NoticeType": "Pigeon"}},
        {"RunPolicy": {"Type": "Daily"}},
        {"RootTaskIds": []},
    ],
)
def test_properties_of_a_backfill_are_checked(studio: DataStudio, task_id: int, properties: dict[str, Any]) -> None:
    refusal = studio.refused("CreateWorkflowInstances", **backfill_fields(task_id, properties))
    assert (refusal.http, refusal.code) == (400, "InvalidParameter")


def test_a_backfill_needs_its_dates(studio: DataStudio, task_id: int) -> None:
    assert studio.refused("CreateWorkflowInstances", **backfill_fields(task_id, Periods={})).http == 400


def test_a_failed_instance_says_why(studio: DataStudio, task_id: int) -> None:
    studio.dataworks.emulator.control.seed({"steps": [{"behaviour": "fail", "node": "to_run", "message": "no disk"}]})
    run = _ended(studio, task_id)
    instance = studio.instance(run)
    assert (studio.workflow(run)["Status"], instance["Status"]) == ("Failure", "Failure")
    assert "no disk" in studio.call("GetTaskInstanceLog", Id=instance["Id"])["TaskInstanceLog"]


def test_a_run_is_stopped(studio: DataStudio, task_id: int) -> None:
    studio.dataworks.emulator.control.seed({"steps": [{"behaviour": "hang", "node": "to_run"}]})
    run = _ended(studio, task_id)
    assert studio.instance(run)["Status"] == "Running"
    info = studio.call("StopWorkflowInstances", Ids=[run, 1])["SuccessInfo"]
    assert (info[str(run)]["Success"], info["1"]["Success"]) == (True, False)
    assert studio.instance(run)["Status"] == "Running"
    studio.advance(1)
    assert studio.instance(run)["Status"] == "Failure"


def test_instances_are_stopped_one_by_one(studio: DataStudio, task_id: int) -> None:
    """The call succeeds for a list of which one is unknown: only the map tells."""
    studio.dataworks.emulator.control.seed({"steps": [{"behaviour": "hang", "node": "to_run"}]})
    run = _ended(studio, task_id)
    identity = studio.instance(run)["Id"]
    info = studio.call("StopTaskInstances", Ids=[identity, 1])["SuccessInfo"]
    assert info[str(identity)] == {"Success": True, "Message": ""}
    assert not info["1"]["Success"]
    assert "does not exist" in info["1"]["Message"]
    studio.advance(1)
    assert studio.call("GetTaskInstance", Id=identity)["TaskInstance"]["Status"] == "Failure"


def test_a_rerun_is_a_new_attempt_of_the_same_instance(studio: DataStudio, task_id: int) -> None:
    rule = {"behaviour": "fail", "node": "to_run", "times": 1, "message": "once"}
    studio.dataworks.emulator.control.seed({"steps": [rule]})
    run = _ended(studio, task_id)
    identity = studio.instance(run)["Id"]
    assert studio.call("RerunTaskInstances", Ids=[identity])["SuccessInfo"][str(identity)]["Success"]
    studio.advance(600)
    attempts = studio.instances(run, Id=identity)
    assert [(one["RunNumber"], one["Status"]) for one in attempts] == [(2, "Success"), (1, "Failure")]
    first = studio.call("GetTaskInstanceLog", Id=identity, RunNumber=1)["TaskInstanceLog"]
    assert "once" in first
    assert "once" not in studio.call("GetTaskInstanceLog", Id=identity)["TaskInstanceLog"]


def test_a_task_that_may_not_be_rerun(studio: DataStudio) -> None:
    run = _ended(studio, studio.task(rerunMode="Denied"))
    identity = studio.instance(run)["Id"]
    info = studio.call("RerunTaskInstances", Ids=[identity])["SuccessInfo"][str(identity)]
    assert not info["Success"]
    assert info["Message"]


def test_workflow_instances_are_found_by_name(studio: DataStudio, task_id: int) -> None:
    """After a lost reply, the only way to learn whether a run was started. The filter is fuzzy."""
    runs = [studio.test(task_id, Name=name) for name in ("found again", "found again too")]

    def ids(**fields: Any) -> list[int]:
        fields = {"ProjectId": STANDARD, "BizDate": midnight(DAY), "Name": "found again", **fields}
        found = studio.call("ListWorkflowInstances", **fields)["PagingInfo"]["WorkflowInstances"]
        return [one["Id"] for one in found]

    assert ids() == ids(Type="SmokeTest") == ids(EnvType="Dev") == runs[::-1]
    assert ids(SortBy="Id Asc") == runs
    assert ids(Ids=runs[:1]) == runs[:1]
    assert ids(PageSize=1, PageNumber=2) == runs[:1]
    studio.advance(600)
    assert ids(Filter='{"status": "Success"}') == runs[::-1]
    assert ids(Filter='{"status": "Running"}') == []
    for nothing in ({"Type": "SupplementData"}, {"EnvType": "Prod"}, {"BizDate": midnight("2026-11-21")}):
        assert ids(**nothing) == []


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"TaskName": "_ru", "TaskType": "PAI_STUDIO", "ProjectEnv": "Dev", "WorkflowId": 1}, True),
        ({"Status": "Success", "TriggerType": "Scheduler", "TriggerRecurrence": "Normal"}, True),
        ({"WorkflowInstanceType": "SmokeTest", "Owner": "1000000000000001"}, True),
        ({"RuntimeResource": "Serverless_res_group_1000000000000001_1"}, True),
        ({"Filter": '{"createTimeStart": "1", "finishedTimeEnd": "9999999999999"}'}, True),
        ({"TaskName": "other"}, False),
        ({"Status": "Failure"}, False),
        ({"ProjectEnv": "Prod"}, False),
        ({"WorkflowId": 2}, False),
        ({"WorkflowInstanceType": "SupplementData"}, False),
        ({"TriggerRecurrence": "SkipCycle"}, False),
        ({"RuntimeResource": "group_demo_default"}, False),
        ({"UnifiedWorkflowInstanceId": 1}, False),
        ({"TaskIds": [1]}, False),
        ({"Ids": [1]}, False),
        ({"Bizdate": 1}, False),
        ({"Filter": '{"createTimeEnd": "1"}'}, False),
    ],
)
def test_instances_are_filtered(studio: DataStudio, task_id: int, fields: dict[str, Any], found: bool) -> None:
    assert bool(studio.instances(_ended(studio, task_id), **fields)) is found


def test_a_filter_that_nobody_knows_is_refused(studio: DataStudio) -> None:
    fields = {"ProjectId": STANDARD, "Bizdate": midnight(DAY)}
    assert studio.refused("ListTaskInstances", **fields, Filter='{"color": "1"}').code == "InvalidParameter"


def test_pages_of_instances(studio: DataStudio, reading: Choose) -> None:
    often = {"type": "Scheduler", "cron": "00 00/10 * * * ?", "startTime": "2099-01-01 00:00:00"}
    task_id = studio.task(trigger=often)
    (run,) = studio.start(**backfill_fields(task_id, Periods={"BizDates": [period()]}))["WorkflowInstanceIds"]
    assert len(studio.instances(run, PageSize=500)) == 144
    assert len(studio.instances(run)) == 10
    first, second = (studio.instances(run, PageNumber=number) for number in (1, 2))
    assert first[-1]["Id"] == second[0]["Id"] + 1
    assert studio.refused("ListTaskInstances", ProjectId=STANDARD, Bizdate=1, PageSize=501).http == 400
    reading("list_order", "shifts")
    assert studio.instances(run, PageNumber=2)[0]["Id"] == first[-1]["Id"]


def test_both_versions_see_the_same_world(studio: DataStudio, task_id: int) -> None:
    """A run is one thing, whatever service started it or looks at it."""
    run = _ended(studio, task_id)
    old = studio.dataworks.instance(run, "DEV", STANDARD)
    assert (old["InstanceId"], old["Status"]) == (studio.instance(run)["Id"], "SUCCESS")
    assert studio.dataworks.call("GetDag", dag_id=run, project_env="DEV")["Name"] == "a test"
    legacy = studio.dataworks.start_test(studio.dataworks.create_node())
    studio.advance(600)
    assert studio.workflow(legacy)["Status"] == "Success"
    (instance,) = studio.instances(legacy)
    task = studio.call("GetTask", Id=instance["TaskId"], ProjectEnv="Dev")["Task"]
    assert (task["Type"], task["Script"]["Parameters"]) == ("PAI_STUDIO", "bizdate=$bizdate")


def test_production_schedules_a_node_by_itself(studio: DataStudio) -> None:
    """As it does a legacy one: a node without an effective window in the future runs every night."""
    clock = studio.dataworks.emulator.control.clock
    task_id = studio.task(name="nightly", trigger={"type": "Scheduler", "cron": "00 05 00 * * ?"})
    today = datetime.fromtimestamp(clock.read().now / 1000, ZoneInfo("Asia/Shanghai")).date()
    studio.advance(3 * 24 * 3600)
    fields = {"ProjectId": STANDARD, "Bizdate": midnight(str(today + timedelta(days=1))), "TaskId": task_id}
    (instance,) = studio.call("ListTaskInstances", **fields)["PagingInfo"]["TaskInstances"]
    assert (instance["WorkflowInstanceType"], instance["ProjectEnv"]) == ("Normal", "Prod")


def test_an_instance_of_a_workflow_is_no_instance_of_a_task(studio: DataStudio, task_id: int) -> None:
    """Its id comes with every created run, and polling it finds nothing."""
    result = studio.start(**smoke_fields(task_id))
    error = studio.refused("GetTaskInstance", Id=result["WorkflowTaskInstanceIds"][0])
    assert (error.http, error.code) == (400, "InstanceNotFound")
