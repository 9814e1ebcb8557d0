"""What a user would lose: a run of the new Data Studio as it was asked for, asked for once, and found again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.cloud import new_data_studio
from airflow_provider_pai_designer.cloud.new_data_studio import NewDataStudio
from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.node import Node
from airflow_provider_pai_designer.designer.run import Instance, InstanceStatus, Outcome, Run, TaskType, run_outcome
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import (
    NodeDefinitionError,
    NotFoundError,
    PermissionDeniedError,
    RejectedError,
    ServiceError,
    ThrottledError,
    UnclearError,
)
from tests.cloud.support import stop
from tests.cloud.test_gateway import no_waiting
from tests.cloud.wire import Answer, Refusal, Wire

__all__ = ["no_waiting"]

DEV, PROD = Environment.DEV, Environment.PROD
ZONE = ZoneInfo("Asia/Shanghai")
WORKSPACE = Workspace(id=7, identifier="demo", environments=(DEV, PROD))
DAY = date(2026, 11, 22)
MIDNIGHT = 1795276800000
"""2026-11-22 00:00 in Shanghai."""

RUN = Run(name="r", node_id=70, environment="DEV", business_date=DAY, remote_dag_ids=(500,))


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    wire.will("CreateWorkflowInstances", {"OperationId": "operation-1"})
    wire.will("GetCreateWorkflowInstancesResult", result("Creating"), result("Created", [500]))
    wire.will("GetWorkflowInstance", {"WorkflowInstance": workflow()})
    yield wire
    wire.close()


@pytest.fixture
def cloud(wire: Wire) -> NewDataStudio:
    return NewDataStudio(gateway=wire.gateway, timezone=ZONE, wait=lambda _: None)


def result(status: str, ids: list[int] | None = None, message: str | None = None) -> dict[str, Any]:
    return {"Result": {"Status": status, "WorkflowInstanceIds": ids or [], "FailureMessage": message}}


def workflow(**changes: Any) -> dict[str, Any]:
    """A workflow instance of a test."""
    found = {"Id": 500, "Name": "r", "Type": "SmokeTest", "BizDate": MIDNIGHT, "WorkflowTaskInstanceId": 999}
    return {**found, **changes}


def row(**changes: Any) -> dict[str, Any]:
    """A task instance."""
    instance = {
        "Id": 900,
        "TaskId": 70,
        "TaskName": "n",
        "Status": "Success",
        "Bizdate": MIDNIGHT,
        "TriggerTime": MIDNIGHT + 24 * 3_600_000 + 300_000,
        "TriggerType": "Scheduler",
        "TriggerRecurrence": "Normal",
        "WorkflowInstanceId": 500,
    }
    return {**instance, **changes}


def rows(*found: dict[str, Any], total: int | None = None, member: str = "TaskInstances") -> dict[str, Any]:
    return {"PagingInfo": {member: list(found), "TotalCount": len(found) if total is None else total}}


def start_test(cloud: NewDataStudio, **changes: Any) -> Run:
    return cloud.start_test(
        WORKSPACE, **{"node_id": 70, "environment": DEV, "business_date": DAY, "name": "r", **changes}
    )


def test_a_test_asks_for_one_day_of_one_task(wire: Wire, cloud: NewDataStudio) -> None:
    assert start_test(cloud, parameters="a=1 b=$bizdate") == RUN
    (asked,) = wire.asked("CreateWorkflowInstances")
    assert {name: asked[name] for name in ("ProjectId", "Name", "Type", "WorkflowId", "EnvType")} == {
        "ProjectId": "7",
        "Name": "r",
        "Type": "SmokeTest",
        "WorkflowId": "1",
        "EnvType": "Dev",
    }
    assert json.loads(asked["Periods"]) == {"BizDates": [{"StartBizDate": "2026-11-22", "EndBizDate": "2026-11-22"}]}
    assert json.loads(asked["DefaultRunProperties"]) == {"RootTaskIds": [70]}
    assert json.loads(asked["TaskParameters"]) == {"70": "a=1 b=$bizdate"}
    assert [asked["OperationId"] for asked in wire.asked("GetCreateWorkflowInstancesResult")] == ["operation-1"] * 2


def test_a_test_without_parameters_keeps_those_of_the_node(wire: Wire, cloud: NewDataStudio) -> None:
    start_test(cloud)
    assert "TaskParameters" not in wire.asked("CreateWorkflowInstances")[0]


def test_a_backfill_asks_for_all_that_was_declared(wire: Wire, cloud: NewDataStudio) -> None:
    backfill = Backfill(
        node_id=70,
        first=date(2026, 11, 1),
        last=DAY,
        parallel_dates=3,
        hours=(time(2), time(3, 30)),
        include_node_ids=(71, 72),
        exclude_node_ids=(72,),
        parameters="a=1",
        future_at_once=True,
        alert_on="SUCCESS_FAILURE",
        alert_by="SMS_MAIL",
    )
    run = cloud.start_backfill(WORKSPACE, backfill, environment=PROD, name="b")
    assert (run.business_date, run.last_business_date, run.remote_dag_ids) == (date(2026, 11, 1), DAY, (500,))
    (asked,) = wire.asked("CreateWorkflowInstances")
    assert (asked["Type"], asked["EnvType"], asked["WorkflowId"]) == ("SupplementData", "Prod", "1")
    assert json.loads(asked["Periods"]) == {
        "BizDates": [{"StartBizDate": "2026-11-01", "EndBizDate": "2026-11-22"}],
        "StartTime": "02:00:00",
        "EndTime": "03:30:00",
    }
    assert json.loads(asked["DefaultRunProperties"]) == {
        "Mode": "ManualSelection",
        "RootTaskIds": [70],
        "IncludeTaskIds": [70, 71, 72],
        "ExcludeTaskIds": [72],
        "Parallelism": 3,
        "Order": "Asc",
        "Analysis": {"Enabled": False, "Blocked": False},
        "RunPolicy": {"Type": "Daily", "StartTime": "00:00:00", "EndTime": "23:59:59", "Immediately": True},
        "Alert": {"Type": "SuccessFailure", "NoticeType": "SmsMail"},
    }


def test_a_plain_backfill_asks_for_no_more_than_it_needs(wire: Wire, cloud: NewDataStudio) -> None:
    cloud.start_backfill(WORKSPACE, Backfill(node_id=70, first=DAY, last=DAY), environment=PROD, name="b")
    (asked,) = wire.asked("CreateWorkflowInstances")
    properties = json.loads(asked["DefaultRunProperties"])
    assert properties.keys() == {"Mode", "RootTaskIds", "IncludeTaskIds", "Parallelism", "Order", "Analysis"}
    assert json.loads(asked["Periods"]).keys() == {"BizDates"}


def test_a_run_that_the_service_could_not_make_was_refused(wire: Wire, cloud: NewDataStudio) -> None:
    wire.will("GetCreateWorkflowInstancesResult", result("CreateFailure", message="Invalid Param xxx"))
    with pytest.raises(RejectedError, match=r"Invalid Param xxx \(operation operation-1\)") as caught:
        start_test(cloud)
    assert not caught.value.acted


def test_a_run_that_is_made_for_too_long_is_unclear(
    wire: Wire, cloud: NewDataStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_data_studio, "CREATION_PATIENCE_SECONDS", -1.0)
    with pytest.raises(UnclearError, match=r"run r was accepted .operation operation-1.*still Creating"):
        start_test(cloud)


@pytest.mark.parametrize(
    "answer",
    [None, Refusal("Throttling.User", status=429), Refusal("Gone"), {"Result": {}}, result("Created")],
    ids=repr,
)
def test_a_run_that_was_accepted_is_never_taken_for_one_that_was_not(
    wire: Wire, cloud: NewDataStudio, answer: Answer
) -> None:
    wire.will("GetCreateWorkflowInstancesResult", answer)
    with pytest.raises(UnclearError, match="accepted") as caught:
        start_test(cloud)
    assert caught.value.acted
    assert len(wire.asked("CreateWorkflowInstances")) == 1


WEATHER: list[Answer] = [
    None,
    b"<html>hello</html>",
    b'{"OperationId": "opera',
    b"[]",
    b"",
    {},
    Refusal("InternalError.System", status=500),
    Refusal("ServiceUnavailable", status=503),
]


@pytest.mark.parametrize("weather", WEATHER, ids=repr)
def test_a_write_without_a_clear_answer_is_never_repeated(wire: Wire, cloud: NewDataStudio, weather: Answer) -> None:
    wire.will("CreateWorkflowInstances", weather, {"OperationId": "operation-2"})
    with pytest.raises(UnclearError) as caught:
        start_test(cloud)
    assert caught.value.acted
    assert len(wire.asked("CreateWorkflowInstances")) == 1


@pytest.mark.parametrize("weather", [None, Refusal("InternalError.System", status=500), b"<html>"], ids=repr)
def test_a_read_gets_through_a_hiccup(wire: Wire, cloud: NewDataStudio, weather: Answer) -> None:
    wire.will("ListTaskInstances", weather, weather, rows(row()))
    assert len(cloud.list_instances(WORKSPACE, RUN)) == 1


@pytest.mark.parametrize(
    ("code", "status", "kind", "advice"),
    [
        ("58014884415", 400, RejectedError, "definition of the node"),
        ("0x5083000000000005", 400, RejectedError, "definition of the node"),
        ("5801489541076353033", 400, NotFoundError, "in a workflow"),
        ("1201111431", 400, RejectedError, "other generation of DataStudio"),
        ("ProjectNotFound", 400, NotFoundError, "Check the workspace"),
        ("InstanceNotFound", 400, NotFoundError, "words of the service"),
        ("Forbidden.RAM", 400, PermissionDeniedError, "AliyunDataWorksFullAccess"),
        ("NoPermission", 400, PermissionDeniedError, "AliyunDataWorksFullAccess"),
        ("9990010001", 400, RejectedError, "Activate DataWorks"),
    ],
)
def test_a_no_says_what_to_do(
    wire: Wire, cloud: NewDataStudio, code: str, status: int, kind: type[ServiceError], advice: str
) -> None:
    wire.will("CreateWorkflowInstances", Refusal(code, status=status))
    with pytest.raises(kind, match=advice):
        start_test(cloud)
    assert len(wire.asked("CreateWorkflowInstances")) == 1


def test_a_throttled_call_was_not_carried_out_and_is_made_again(wire: Wire, cloud: NewDataStudio) -> None:
    wire.will("CreateWorkflowInstances", Refusal("9990020002"), {"OperationId": "operation-1"})
    assert start_test(cloud) == RUN
    wire.will("CreateWorkflowInstances", Refusal("9990020002"))
    with pytest.raises(ThrottledError):
        start_test(cloud)


def test_an_output_name_that_is_taken_is_explained(wire: Wire, cloud: NewDataStudio) -> None:
    taken = Refusal("5000", "can not exported multiple nodes into the same output: demo.n")
    wire.will("ListNodes", rows(member="Nodes"))
    wire.will("CreateNode", taken)
    with pytest.raises(RejectedError, match=r"demo\.n.*give the node another name"):
        cloud.ensure_node(
            WORKSPACE,
            Node(name="n", folder="f", content="{}"),
            environment=DEV,
            create_folder=False,
            pause=lambda _: None,
        )


def test_the_business_date_of_a_run_is_asked_for_once(wire: Wire, cloud: NewDataStudio) -> None:
    wire.will("ListTaskInstances", rows(row()))
    for _ in range(3):
        assert len(cloud.list_instances(WORKSPACE, RUN)) == 1
    assert len(wire.asked("GetWorkflowInstance")) == 1
    asked = wire.asked("ListTaskInstances")[-1]
    assert {name: asked[name] for name in ("ProjectId", "Bizdate", "WorkflowInstanceId", "ProjectEnv", "PageSize")} == {
        "ProjectId": "7",
        "Bizdate": str(MIDNIGHT),
        "WorkflowInstanceId": "500",
        "ProjectEnv": "Dev",
        "PageSize": "500",
    }


def test_more_instances_than_a_page_has_are_read_and_each_counts_once(wire: Wire, cloud: NewDataStudio) -> None:
    first = [row(Id=number) for number in range(500)]
    wire.will("ListTaskInstances", rows(*first, total=502), rows(row(Id=499), row(Id=500), row(Id=501), total=502))
    assert len(cloud.list_instances(WORKSPACE, RUN)) == 502
    assert [asked["PageNumber"] for asked in wire.asked("ListTaskInstances")] == ["1", "2"]


OWN = row(Id=999, TaskId=12345)


@pytest.mark.parametrize(
    ("listed", "node_id", "ids"),
    [
        ([], 70, []),
        ([OWN], 70, []),
        ([OWN, row()], 70, [900]),
        ([OWN, row(), row(Id=901, TaskId=71)], 70, [900, 901]),
        ([row(Id=999)], 70, [999]),
        ([row(Id=999), row(Id=901, TaskId=71)], 70, [999, 901]),
        ([OWN, row()], None, [900]),
        ([row(Id=999)], None, [999]),
    ],
)
def test_the_instance_of_the_workflow_itself_does_not_count(
    wire: Wire, cloud: NewDataStudio, listed: list[dict[str, Any]], node_id: int | None, ids: list[int]
) -> None:
    wire.will("ListTaskInstances", rows(*listed))
    run = Run(name="r", node_id=node_id, environment="DEV", business_date=DAY, remote_dag_ids=(500,))
    assert [instance.id for instance in cloud.list_instances(WORKSPACE, run)] == ids


def read(wire: Wire, cloud: NewDataStudio, **changes: Any) -> Instance:
    wire.will("ListTaskInstances", rows(row(**changes)))
    (instance,) = cloud.list_instances(WORKSPACE, RUN)
    return instance


@pytest.mark.parametrize(
    ("printed", "status"),
    [
        ("NotRun", InstanceStatus.NOT_RUN),
        ("Running", InstanceStatus.RUNNING),
        ("WaitTime", InstanceStatus.WAIT_TIME),
        ("CheckingCondition", InstanceStatus.CHECKING_CONDITION),
        ("WaitResource", InstanceStatus.WAIT_RESOURCE),
        ("Failure", InstanceStatus.FAILURE),
        ("Success", InstanceStatus.SUCCESS),
        ("Checking", InstanceStatus.CHECKING),
        ("WaitTrigger", InstanceStatus.WAIT_TRIGGER),
        ("Suspended", InstanceStatus.UNKNOWN),
    ],
)
def test_a_status_means_what_it_says_and_no_other_is_final(
    wire: Wire, cloud: NewDataStudio, printed: str, status: InstanceStatus
) -> None:
    instance = read(wire, cloud, Status=printed)
    assert instance.status is status
    assert run_outcome([instance]) is {"Success": Outcome.SUCCESS, "Failure": Outcome.FAILURE}.get(
        printed, Outcome.ACTIVE
    )


@pytest.mark.parametrize(
    ("printed", "kind", "outcome"),
    [
        ("Normal", TaskType.NORMAL, Outcome.SUCCESS),
        ("Manual", TaskType.MANUAL, Outcome.SUCCESS),
        ("Pause", TaskType.PAUSE, Outcome.DRY_RUN),
        ("PauseCalendar", TaskType.PAUSE, Outcome.DRY_RUN),
        ("Skip", TaskType.SKIP, Outcome.DRY_RUN),
        ("SkipCalendar", TaskType.SKIP, Outcome.DRY_RUN),
        ("SkipUnchoose", TaskType.SKIP_UNCHOOSE, Outcome.DRY_RUN),
        ("SkipCycle", TaskType.SKIP_CYCLE, Outcome.DRY_RUN),
        ("ConditionUnchoose", TaskType.CONDITION_UNCHOOSE, Outcome.DRY_RUN),
        ("RealtimeDeprecated", TaskType.REALTIME_DEPRECATED, Outcome.DRY_RUN),
        ("Tomorrow", TaskType.UNKNOWN, Outcome.UNKNOWN),
        (None, TaskType.UNKNOWN, Outcome.UNKNOWN),
    ],
)
def test_only_what_was_executed_is_a_success(
    wire: Wire, cloud: NewDataStudio, printed: str | None, kind: TaskType, outcome: Outcome
) -> None:
    instance = read(wire, cloud, TriggerRecurrence=printed)
    assert (instance.task_type, instance.outcome) == (kind, outcome)


def test_a_frozen_instance_is_told_from_a_failed_one(wire: Wire, cloud: NewDataStudio) -> None:
    assert read(wire, cloud, Status="Failure", TriggerRecurrence="Pause").outcome is Outcome.FROZEN


def test_times_are_the_workspaces(wire: Wire, cloud: NewDataStudio) -> None:
    instance = read(wire, cloud, StartedTime=MIDNIGHT + 1000, FinishedTime=MIDNIGHT + 5200, ScriptParameters="a=1")
    assert instance.business_date == DAY
    assert instance.schedule_time == datetime(2026, 11, 23, 0, 5, tzinfo=ZONE)
    assert (instance.duration_seconds, instance.parameters, instance.reruns_left) == (4.2, "a=1", None)


def test_scheduled_instances_are_those_of_the_services_own_schedule(wire: Wire, cloud: NewDataStudio) -> None:
    later, earlier = row(Id=901), row(Id=902, TriggerTime=MIDNIGHT)
    wire.will("ListTaskInstances", rows(later, earlier))
    found = cloud.list_scheduled_instances(WORKSPACE, node_id=70, environment=PROD, business_date=DAY)
    assert [instance.id for instance in found] == [902, 901]
    (asked,) = wire.asked("ListTaskInstances")
    assert {name: asked[name] for name in ("Bizdate", "TaskId", "WorkflowInstanceType", "ProjectEnv")} == {
        "Bizdate": str(MIDNIGHT),
        "TaskId": "70",
        "WorkflowInstanceType": "Normal",
        "ProjectEnv": "Prod",
    }


CHANGES = {"StopTaskInstances": stop, "RerunTaskInstances": NewDataStudio.restart_instance}


@pytest.mark.parametrize("operation", CHANGES)
def test_a_batch_that_was_accepted_may_still_refuse_the_one(wire: Wire, cloud: NewDataStudio, operation: str) -> None:
    wire.will(operation, {"SuccessInfo": {"900": {"Success": True, "Message": ""}}})
    CHANGES[operation](cloud, 900, DEV)
    assert wire.asked(operation)[0]["Ids"] == "[900]"
    wire.will(operation, {"SuccessInfo": {"900": {"Success": False, "Message": "it has ended"}}})
    with pytest.raises(RejectedError, match=f"{operation}: it has ended .instance 900"):
        CHANGES[operation](cloud, 900, DEV)


@pytest.mark.parametrize("operation", CHANGES)
@pytest.mark.parametrize(
    "answer", [{}, {"SuccessInfo": {}}, {"SuccessInfo": {"901": {"Success": True}}}, None], ids=repr
)
def test_a_batch_that_says_nothing_of_the_one_is_unclear(
    wire: Wire, cloud: NewDataStudio, operation: str, answer: Answer
) -> None:
    wire.will(operation, answer)
    with pytest.raises(UnclearError):
        CHANGES[operation](cloud, 900, DEV)
    assert len(wire.asked(operation)) == 1


def test_a_long_backfill_is_stopped_by_a_few_calls(wire: Wire, cloud: NewDataStudio) -> None:
    def answer(ids: Sequence[int]) -> Answer:
        return {"SuccessInfo": {str(item): {"Success": item != 907, "Message": "it has ended"} for item in ids}}

    ids = list(range(900, 970))
    batches = [ids[:50], ids[50:]]
    wire.will("StopTaskInstances", *map(answer, batches))
    answers = dict(cloud.stop_instances(ids, DEV))
    assert [json.loads(asked["Ids"]) for asked in wire.asked("StopTaskInstances")] == batches
    assert {identity for identity, refusal in answers.items() if refusal} == {907}


def test_runs_are_found_by_the_beginning_of_their_names(wire: Wire, cloud: NewDataStudio) -> None:
    listed = [
        workflow(Id=503, Name="r-2", CreateTime=3),
        workflow(Id=501, Name="r-1", CreateTime=1),
        workflow(Id=502, Name="another r-1"),
        workflow(Id=504, Name="r-3", Type="Normal"),
        workflow(Id=505, Name="r-1", CreateTime=5),
    ]
    wire.will("ListWorkflowInstances", rows(*listed, member="WorkflowInstances"))
    found = cloud.find_runs(WORKSPACE, node_id=70, environment=DEV, business_date=DAY, prefix="r-")
    assert [(run.name, run.remote_dag_ids) for run in found] == [("r-1", (501,)), ("r-2", (503,)), ("r-1", (505,))]
    assert {(run.node_id, run.business_date, run.last_business_date) for run in found} == {(70, DAY, None)}


def test_two_backfills_of_overlapping_dates_are_two(wire: Wire, cloud: NewDataStudio) -> None:
    def day(number: int, *names: str) -> dict[str, Any]:
        moment = MIDNIGHT + number * 24 * 3_600_000
        found = [
            workflow(Id=1000 * place + number, Name=name, Type="SupplementData", BizDate=moment, CreateTime=place)
            for place, name in enumerate(names, start=1)
        ]
        return rows(*found, member="WorkflowInstances")

    wire.will("ListWorkflowInstances", day(0, "r-1", "r-1"), day(1, "r-1", "r-1", "r-9"), day(2, "r-1"), day(3))
    found = cloud.find_runs(WORKSPACE, node_id=70, environment=PROD, business_date=DAY, prefix="r-")
    assert [run.remote_dag_ids for run in found] == [(1000, 1001, 1002), (2000, 2001)]


def test_a_backfill_is_found_with_all_its_dates(wire: Wire, cloud: NewDataStudio) -> None:
    day = 24 * 3_600_000
    pages = [
        rows(
            workflow(Id=500 + number, Type="SupplementData", BizDate=MIDNIGHT + number * day),
            member="WorkflowInstances",
        )
        for number in range(3)
    ]
    wire.will("ListWorkflowInstances", *pages, rows(member="WorkflowInstances"))
    (run,) = cloud.find_runs(WORKSPACE, node_id=70, environment=PROD, business_date=DAY, prefix="r")
    assert (run.remote_dag_ids, run.business_date, run.last_business_date) == ((500, 501, 502), DAY, date(2026, 11, 24))
    assert [int(asked["BizDate"]) for asked in wire.asked("ListWorkflowInstances")] == [
        MIDNIGHT + number * day for number in range(4)
    ]


def test_a_run_that_nobody_started_is_not_found(wire: Wire, cloud: NewDataStudio) -> None:
    wire.will("ListWorkflowInstances", rows(member="WorkflowInstances"))
    assert cloud.find_runs(WORKSPACE, node_id=70, environment=DEV, business_date=DAY, prefix="r") == []
    wire.will("GetWorkflowInstance", Refusal("InstanceNotFound"))
    with pytest.raises(NotFoundError):
        cloud.get_run((500,), DEV)


def test_a_node_of_a_workflow_is_left_alone(wire: Wire, cloud: NewDataStudio) -> None:
    listed = {"Id": "86", "Name": "n", "Script": {"Path": "f/n", "Runtime": {"Command": "pai_studio"}}}
    wire.will("ListNodes", rows(listed, member="Nodes"))
    spec = {"workflows": [{"name": "nightly", "nodes": [{"id": "86", "name": "n", "script": {"path": "f/n"}}]}]}
    node = {"Id": "86", "Spec": json.dumps({"version": "2.0.0", "kind": "CycleWorkflow", "spec": spec})}
    wire.will("GetNode", {"Node": node})
    with pytest.raises(NodeDefinitionError, match="part of the workflow 'nightly'"):
        cloud.ensure_node(
            WORKSPACE,
            Node(name="n", folder="f", content="{}"),
            environment=DEV,
            create_folder=False,
            pause=lambda _: None,
        )
    assert {name for name, _ in wire.calls} == {"ListNodes", "GetNode"}


def test_a_node_of_another_type_is_left_alone(wire: Wire, cloud: NewDataStudio) -> None:
    listed = {"Id": "86", "Name": "n", "Script": {"Path": "f/n", "Runtime": {"Command": "ODPS_SQL"}}}
    wire.will("ListNodes", rows(listed, member="Nodes"))
    with pytest.raises(NodeDefinitionError, match="of the type ODPS_SQL"):
        cloud.find_node(WORKSPACE, name="n", folder="f", environment=DEV)
