"""What a user would lose: a node that is in production when the task says so, and the reason where it is not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_pai_designer.cloud import publish
from airflow_provider_pai_designer.cloud.publish import Publisher
from airflow_provider_pai_designer.designer.flow_spec import StudioNode
from airflow_provider_pai_designer.designer.node import Node
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import DeploymentError, RejectedError, UnclearError
from tests.cloud.test_gateway import no_waiting
from tests.cloud.wire import Refusal, Wire

__all__ = ["no_waiting"]

DEV, PROD = Environment.DEV, Environment.PROD
WORKSPACE = Workspace(id=7, identifier="demo", environments=(DEV, PROD))
STORED = StudioNode(
    id="860438872620113",
    task_id=None,
    modified=1000,
    workflow=None,
    outputs=(),
    node=Node(name="n", folder="f", content="{}"),
)
ONLINE = {
    "BUILD_PACKAGE": "Build",
    "DEV_CHECK": "Check",
    "DEV": "Deploy",
    "CODE_REVIEW": "Check",
    "PROD_BUILD": "Build",
    "PROD": "Deploy",
}


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    wire.will("ListPipelineRuns", {"PagingInfo": {"PipelineRuns": [], "TotalCount": 0}})
    wire.will("CreatePipelineRun", {"Id": "run-1\n"})
    wire.will("ExecPipelineRunStage", {"Success": True})
    yield wire
    wire.close()


@pytest.fixture
def publisher(wire: Wire) -> Publisher:
    return Publisher(gateway=wire.gateway, workspace=WORKSPACE, pause=lambda _: None)


def run(*statuses: str, status: str = "Running", stages: dict[str, str] = ONLINE, **members: Any) -> dict[str, Any]:
    """A pipeline run whose stages have these statuses, the rest Init; the service gives them in any order."""
    filled = [*statuses, *["Init"] * (len(stages) - len(statuses))]
    listed = [
        {"Code": code, "Name": code.title(), "Step": step, "Type": kind, "Status": filled[step], "Message": ""}
        for step, (code, kind) in enumerate(stages.items())
    ]
    return {"Id": "run-1", "Status": status, "Message": "", "CreateTime": 2000, "Stages": listed[::-1], **members}


def pipeline(*statuses: str, **members: Any) -> dict[str, Any]:
    return {"Pipeline": run(*statuses, **members)}


def listed(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"PagingInfo": {"PipelineRuns": list(runs), "TotalCount": len(runs)}}


DONE = ["Success"] * 6


def progress(number: int, **members: Any) -> Iterator[dict[str, Any]]:
    """A run in which one stage after the other runs and succeeds; each but a build stands still before it is begun."""
    for place in range(number):
        yield pipeline(*DONE[:place], **members)
        yield pipeline(*DONE[:place], "Running", **members)


def test_production_is_reached_stage_by_stage(wire: Wire, publisher: Publisher) -> None:
    wire.will("GetPipelineRun", *progress(6), pipeline(*DONE, status="Success"))
    publisher.publish(STORED, PROD)
    assert [asked["Code"] for asked in wire.asked("ExecPipelineRunStage")] == [
        "DEV_CHECK",
        "DEV",
        "CODE_REVIEW",
        "PROD",
    ]
    (asked,) = wire.asked("CreatePipelineRun")
    assert (asked["Type"], asked["ObjectIds"]) == ("Online", '["860438872620113"]')
    assert "RunMode" not in asked
    assert {asked["Id"] for asked in wire.asked("GetPipelineRun")} == {"run-1"}


def test_development_is_reached_by_itself_and_the_rest_is_left(wire: Wire, publisher: Publisher) -> None:
    wire.will("GetPipelineRun", *progress(3), pipeline(*DONE[:3]))
    publisher.publish(STORED, DEV)
    (asked,) = wire.asked("CreatePipelineRun")
    assert (asked["RunMode"], asked["AutoRunUntilStage"]) == ("Auto", "DEV")
    assert not wire.asked("ExecPipelineRunStage")


def test_a_stage_is_begun_once_however_long_it_takes_to_show(wire: Wire, publisher: Publisher) -> None:
    slow = [pipeline("Success")] * 4
    wire.will("GetPipelineRun", *slow, pipeline(*DONE, status="Success"))
    publisher.publish(STORED, PROD)
    assert len(wire.asked("ExecPipelineRunStage")) == 1


def test_a_failed_stage_says_which_and_why(wire: Wire, publisher: Publisher) -> None:
    failed = pipeline(*DONE[:2], "Fail", status="Fail")
    failed["Pipeline"]["Stages"][3]["Message"] = "can not exported multiple nodes into the same output"
    wire.will("GetPipelineRun", failed)
    with pytest.raises(DeploymentError, match=r"with Fail in the stage Dev \(DEV\).*same output") as caught:
        publisher.publish(STORED, PROD)
    assert caught.value.deployment_id == "run-1"


@pytest.mark.parametrize("status", ["Fail", "Termination", "Cancel"])
def test_a_run_that_somebody_ended_is_no_success(wire: Wire, publisher: Publisher, status: str) -> None:
    wire.will("GetPipelineRun", pipeline(*DONE[:2], status=status, Message="ended in the console"))
    with pytest.raises(DeploymentError, match=f"{status}.*ended in the console"):
        publisher.publish(STORED, PROD)


def test_an_approval_is_waited_for_and_the_log_says_so(
    wire: Wire, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = [pipeline(*DONE[:3], "Running")] * 3
    wire.will("GetPipelineRun", *waiting, pipeline(*DONE, status="Success"))
    with caplog.at_level(logging.INFO):
        publisher.publish(STORED, PROD)
    assert caplog.text.count("Code_Review is Running (a review or an approval is given in Data Studio)") == 1


def test_an_approval_that_does_not_come_says_what_to_do(
    wire: Wire, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "PATIENCE_SECONDS", -1.0)
    wire.will("GetPipelineRun", pipeline(*DONE[:3], "Running"))
    with pytest.raises(DeploymentError, match=r"CODE_REVIEW\), which is Running.*approval"):
        publisher.publish(STORED, PROD)


def test_after_a_late_approval_the_same_run_is_gone_on_with(wire: Wire, publisher: Publisher) -> None:
    ours, older = run(*DONE[:4]), run(*DONE[:4], Id="run-0", CreateTime=500)
    gone = run("Running", Id="run-3", CreateTime=4000, stages={"OfflineCheck": "Check", "PROD": "Offline"})
    wire.will("ListPipelineRuns", listed(gone, older, ours, run(*DONE, status="Success", Id="run-2", CreateTime=3000)))
    wire.will("GetPipelineRun", pipeline(*DONE[:5]), pipeline(*DONE, status="Success"))
    publisher.publish(STORED, PROD)
    assert not wire.asked("CreatePipelineRun")
    assert {asked["Id"] for asked in wire.asked("GetPipelineRun")} == {"run-1"}


def test_a_run_that_failed_or_carries_an_older_definition_is_not_gone_on_with(wire: Wire, publisher: Publisher) -> None:
    failed = run(*DONE[:4], "Fail", Id="run-4", CreateTime=3000)
    wire.will("ListPipelineRuns", listed(run(*DONE[:4], CreateTime=1000), failed))
    wire.will("GetPipelineRun", pipeline(*DONE, status="Success"))
    publisher.publish(STORED, PROD)
    assert len(wire.asked("CreatePipelineRun")) == 1


def test_our_own_run_that_waits_after_development_makes_way(wire: Wire, publisher: Publisher) -> None:
    ours = run(*DONE[:3], Id="run-0", Description="Started by Apache Airflow")
    wire.will("ListPipelineRuns", listed(ours))
    wire.will("CreatePipelineRun", Refusal("Undocumented", "a run is under way"), {"Id": "run-1"})
    wire.will("AbolishPipelineRun", {"Success": True})
    wire.will("GetPipelineRun", pipeline(*DONE[:3]))
    publisher.publish(STORED, DEV)
    assert [asked["Id"] for asked in wire.asked("AbolishPipelineRun")] == ["run-0"]


@pytest.mark.parametrize(
    "other",
    [
        run(*DONE[:3], Description="by hand"),
        run(*DONE[:3], "Running", Description="Started by Apache Airflow"),
        run(*DONE[:3], status="Termination", Description="Started by Apache Airflow"),
    ],
    ids=["by_somebody_else", "at_work", "ended"],
)
def test_no_other_run_is_ended_for_ours(wire: Wire, publisher: Publisher, other: dict[str, Any]) -> None:
    wire.will("ListPipelineRuns", listed(other))
    wire.will("CreatePipelineRun", Refusal("Undocumented", "a run is under way"))
    with pytest.raises(RejectedError, match="a run is under way"):
        publisher.publish(STORED, DEV)
    assert not wire.asked("AbolishPipelineRun")


@pytest.mark.parametrize("operation", ["CreatePipelineRun", "ExecPipelineRunStage"])
def test_a_step_without_a_clear_answer_is_never_repeated(wire: Wire, publisher: Publisher, operation: str) -> None:
    wire.will("GetPipelineRun", pipeline("Success"))
    wire.will(operation, None)
    with pytest.raises(UnclearError):
        publisher.publish(STORED, PROD)
    assert len(wire.asked(operation)) == 1


def test_taking_offline_is_a_run_of_its_own(wire: Wire, publisher: Publisher) -> None:
    stages = {"OfflineCheck": "Check", "PROD_CHECK": "Check", "PROD": "Offline"}
    states = [("Init",), ("Success",), ("Success", "Success"), ("Success", "Success", "Running")]
    wire.will(
        "GetPipelineRun",
        *[pipeline(*state, stages=stages) for state in states],
        pipeline(*DONE[:3], stages=stages, status="Success"),
    )
    publisher.take_offline("860438872620113")
    assert wire.asked("CreatePipelineRun")[0]["Type"] == "Offline"
    assert [asked["Code"] for asked in wire.asked("ExecPipelineRunStage")] == ["PROD_CHECK", "PROD"]


def test_a_refusal_to_go_offline_is_passed_on(wire: Wire, publisher: Publisher) -> None:
    failed = pipeline("Fail", status="Fail", Message="node_b depends on it", stages={"OfflineCheck": "Check"})
    wire.will("GetPipelineRun", failed)
    with pytest.raises(DeploymentError, match="taking offline of the node.*node_b depends on it"):
        publisher.take_offline("860438872620113")
