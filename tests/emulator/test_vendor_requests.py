"""What a user would lose: a request that only the emulator would have accepted."""

from __future__ import annotations

from datetime import date, time
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.cloud.dataworks import DataWorks as Client
from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.node import Node, RerunPolicy, Schedule, SchedulerType, difference
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.emulator.dataworks_2020_05_18 import OPERATIONS
from airflow_provider_pai_designer.scheduling import SchedulingParameters
from tests.cloud.support import client_of
from tests.emulator.support import FOLDER, SAMPLES, STANDARD, DataWorks
from tests.emulator.vendor_requests import UNPUBLISHED, mistakes, valid_requests

__all__ = ["valid_requests"]

TEST: dict[str, Any] = {"ProjectEnv": "DEV", "NodeId": 1, "Bizdate": "2026-11-22 00:00:00", "Name": "n"}


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({}, ""),
        ({"ProjectEnv": "TEST"}, "'TEST' is not one of"),
        ({"NodeId": "one"}, "'one' is not of type 'integer'"),
        ({"Name": "n" * 129}, "is too long"),
        ({"Name": None}, "'Name' is a required property"),
        ({"Nonsense": "1"}, "'Nonsense' was unexpected"),
    ],
)
def test_a_request_with_a_mistake_is_found(change: dict[str, Any], mistake: str) -> None:
    fields = {name: value for name, value in {**TEST, **change}.items() if value is not None}
    found = list(mistakes("RunSmokeTest", query={}, body=urlencode(fields)))
    assert len(found) == bool(mistake)
    assert mistake in "".join(found)


def test_a_parameter_belongs_into_its_part_of_the_request() -> None:
    assert not list(mistakes("GetProject", query={"ProjectId": "1"}, body=b""))
    assert list(mistakes("GetProject", query={}, body=b"ProjectId=1"))


def test_what_the_sdk_sends_is_recorded(dataworks: DataWorks, valid_requests: list[Any]) -> None:
    dataworks.call("GetProject", project_id=STANDARD)
    dataworks.create_file()
    assert [request.headers["x-acs-action"] for request in valid_requests] == ["GetProject", "CreateFile"]


FULL = Node(
    name="full",
    folder=f"{FOLDER}/new",
    content="{}",
    parameters=SchedulingParameters.from_mapping({"bizdate": "$bizdate"}),
    schedule=Schedule(cron="00 10 00-23/1 * * ?", type=SchedulerType.SKIP, start=1, end=2),
    parents=("demo_project.a_out", "demo_project.b_out"),
    rerun=RerunPolicy(mode="FAILURE_ALLOWED", times=2, interval_seconds=60),
    resource_group="group_demo_exclusive",
    owner="1000000000000002",
    description="filled",
)


def test_whatever_a_user_gives_is_sent_as_the_vendor_wants_it(dataworks: DataWorks) -> None:
    """Every property of a node and every option of a run, however seldom used."""
    cloud = Client(gateway=client_of(dataworks.emulator), timezone=ZoneInfo("Asia/Shanghai"))
    workspace, day = cloud.get_workspace("demo_project"), date(2026, 11, 22)
    cloud.create_node(workspace, FULL, create_folder=True)
    changes = difference(Node(name="full", folder=FULL.folder, content="{ }"), FULL)
    node_id = dataworks.create_node()
    cloud.update_node(workspace, dataworks.create_file(para_value="a=b"), changes, rerun=FULL.rerun)
    cloud.start_test(
        workspace,
        node_id=node_id,
        environment=Environment.PROD,
        business_date=day,
        name="n" * 128,
        parameters="bizdate=1 other=2",
    )
    backfill = Backfill(
        node_id=node_id,
        first=day,
        last=day,
        parallel_dates=2,
        hours=(time(1), time(22, 59)),
        include_node_ids=(node_id,),
        exclude_node_ids=(node_id,),
        parameters="bizdate=1",
        future_at_once=True,
        alert_on="FAILURE",
        alert_by="SMS_MAIL",
    )
    cloud.start_backfill(workspace, backfill, environment=Environment.PROD, name="b")


def test_every_operation_is_measured() -> None:
    assert set(OPERATIONS) - set(SAMPLES) == UNPUBLISHED
