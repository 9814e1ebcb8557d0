"""What a user would lose: the actions of Operation Center as tasks, each with the manners of the main one."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    NodeDefinitionError,
    NotFoundError,
    PaiDesignerError,
    PermissionDeniedError,
    RunFailedError,
)
from airflow_provider_pai_designer.operators.base import RunOperator
from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerBackfillNodeOperator,
    PaiDesignerDeleteNodeOperator,
    PaiDesignerDeployNodeOperator,
    PaiDesignerNodeOperator,
    PaiDesignerRerunFailedOperator,
    PaiDesignerStopRunOperator,
    PaiDesignerTestNodeOperator,
)
from tests.contents import read_content
from tests.generations import Generation, only_legacy
from tests.operators.support import Task, status_of, writes

FOLDER = "Business Flow/demo/Algorithm"
HOURLY = "00 10 00-23/1 * * ?"
TABLE = "demo_project.demo_output_table"


def deployed(**arguments: Any) -> dict[str, Any]:
    """Deploy a node of its own name, and tell what it is."""
    values: dict[str, Any] = {
        "node_name": f"node_{uuid4().hex[:8]}",
        "folder": FOLDER,
        "content": read_content("global_variable"),
        "parameters": {"bizdate": "$bizdate"},
        **arguments,
    }
    result = PaiDesignerDeployNodeOperator(task_id="deploy", **values).execute(Task().context)
    return {**result, "node_name": values["node_name"]}


def run_operator(kind: type[RunOperator], **arguments: Any) -> Any:
    return kind(task_id="daily", poll_interval=0.1, **arguments)


def parameters_of(result: dict[str, Any]) -> dict[str, str]:
    """What DataWorks was told, by business date."""
    return {item["business_date"]: item["parameters"] for item in result["instances"]}


def test_deploying_tells_what_was_done(connected: Emulator, generation: Generation) -> None:
    name = f"node_{uuid4().hex[:8]}"
    first = deployed(node_name=name, environment="PROD")
    assert first["changes"] == ["created", *generation.into["PROD"]]
    assert first["version"] == generation.versions[0]
    again = deployed(node_name=name, environment="PROD")
    assert again == {**first, "changes": [], "node": "unchanged"}
    changed = deployed(node_name=name, environment="PROD", description="new")
    assert changed["changes"] == ["updated: description", *generation.into["PROD"]]
    assert changed["version"] == generation.versions[1]


def test_a_dry_run_of_a_deploy_tells_the_difference_and_writes_nothing(connected: Emulator) -> None:
    name = f"node_{uuid4().hex[:8]}"
    with writes(connected) as called:
        unmade = deployed(node_name=name, dry_run=True)
    assert unmade["changes"] == [f"the node {name!r} would be created"]
    assert called == []
    deployed(node_name=name)
    with writes(connected) as called:
        different = deployed(node_name=name, dry_run=True, description="new")
        same = deployed(node_name=name, dry_run=True)
    assert different["changes"] == ["description, from '' to 'new'"]
    assert same["changes"] == []
    assert called == []


@pytest.mark.parametrize("by_name", [False, True])
def test_a_node_that_is_there_is_tested(connected: Emulator, task: Task, deferrable: bool, by_name: bool) -> None:
    node = deployed()
    which: dict[str, Any] = (
        {"node_name": node["node_name"], "folder": FOLDER} if by_name else {"designer_node_id": str(node["node_id"])}
    )
    with writes(connected) as called:
        result = task.run(run_operator(PaiDesignerTestNodeOperator, deferrable=deferrable, **which))
    assert called == ["start"]
    assert result["outcome"] == "success"
    assert result["node_id"] == node["node_id"]
    assert result["parameters"] == "bizdate=$bizdate"
    assert [item["business_date"] for item in result["instances"]] == ["2026-11-22"]


def test_parameters_of_a_test_are_laid_over_those_of_the_node(connected: Emulator, task: Task) -> None:
    node = deployed(parameters={"bizdate": "$bizdate", "other": "1"})
    result = task.run(
        run_operator(
            PaiDesignerTestNodeOperator,
            designer_node_id=node["node_id"],
            run_parameters={"bizdate": "${yyyymmdd-7}"},
        )
    )
    assert result["parameters"] == "bizdate=20261115 other=1"
    assert "dt=20261115" in connected.control.tables()[TABLE]


def test_a_backfill_gives_every_business_date_its_own_run(connected: Emulator, task: Task, deferrable: bool) -> None:
    node = deployed()
    subject = run_operator(
        PaiDesignerBackfillNodeOperator,
        designer_node_id=node["node_id"],
        start_business_date="2026-10-01",
        end_business_date="20261005",
        max_parallel_dates="2",
        deferrable=deferrable,
    )
    result = task.run(subject)
    assert result["outcome"] == "success"
    assert (result["business_date"], result["last_business_date"]) == ("2026-10-01", "2026-10-05")
    days = [item["business_date"] for item in result["instances"]]
    assert sorted(days) == [f"2026-10-0{day}" for day in range(1, 6)]
    assert {f"dt=2026100{day}" for day in range(1, 6)} <= set(connected.control.tables()[TABLE])


def test_a_backfill_without_dates_is_for_the_day_of_the_airflow_run(connected: Emulator, task: Task) -> None:
    result = task.run(run_operator(PaiDesignerBackfillNodeOperator, designer_node_id=deployed()["node_id"]))
    assert [item["business_date"] for item in result["instances"]] == ["2026-11-22"]


def test_a_backfill_of_some_hours(connected: Emulator, task: Task) -> None:
    node = deployed(schedule={"cron": HOURLY})
    subject = run_operator(
        PaiDesignerBackfillNodeOperator, designer_node_id=node["node_id"], start_time="09:00", end_time="11:30"
    )
    times = [item["schedule_time"][11:16] for item in task.run(subject)["instances"]]
    assert sorted(times) == ["09:10", "10:10", "11:10"]


def test_a_backfill_over_several_dates_takes_constants(connected: Emulator, task: Task) -> None:
    node = deployed(parameters={"bizdate": "$bizdate", "size": "1"})
    days = {"start_business_date": "2026-10-01", "end_business_date": "2026-10-02"}
    result = task.run(
        run_operator(
            PaiDesignerBackfillNodeOperator,
            designer_node_id=node["node_id"],
            run_parameters={"size": "2"},
            **days,
        )
    )
    assert set(parameters_of(result).values()) == {"bizdate=$bizdate size=2"}
    with writes(connected) as called, pytest.raises(ConfigurationError, match="size=\\$bizdate.*another one on each"):
        run_operator(
            PaiDesignerBackfillNodeOperator,
            designer_node_id=node["node_id"],
            run_parameters={"size": "$bizdate"},
            **days,
        ).execute(task.context)
    assert called == []


def test_the_main_operator_backfills_when_it_is_told_to(connected: Emulator, task: Task, deferrable: bool) -> None:
    subject = PaiDesignerNodeOperator(
        task_id="daily",
        node_name=f"node_{uuid4().hex[:8]}",
        folder=FOLDER,
        content=read_content("global_variable"),
        parameters={"bizdate": "$bizdate"},
        run_mode="backfill",
        poll_interval=0.1,
        deferrable=deferrable,
    )
    with writes(connected) as called:
        result = task.run(subject)
    assert called.count("start") == 1
    (run,) = [item for item in connected.control.rows("runs") if item["id"] in result["remote_dag_ids"]]
    assert run["type"] == "SUPPLY_DATA"
    assert [item["business_date"] for item in result["instances"]] == ["2026-11-22"]


@only_legacy
def test_an_edition_without_backfills_names_both_meanings_and_the_way_out(
    connected: Emulator, generation: Generation, task: Task
) -> None:
    node = deployed()
    fault = {
        "behaviour": "http",
        "operation": generation.start_backfill,
        "status": 403,
        "code": "Forbidden.Access",
        "times": 1,
    }
    connected.control.seed({"faults": [fault]})
    meanings = 'AliyunDataWorksFullAccess.*Enterprise Edition.*run_mode="test"'
    with pytest.raises(PermissionDeniedError, match=meanings) as caught:
        run_operator(PaiDesignerBackfillNodeOperator, designer_node_id=node["node_id"]).execute(task.context)
    assert caught.value.code == "Forbidden.Access"
    assert caught.value.request_id


def test_a_run_that_was_started_elsewhere_is_stopped(connected: Emulator, task: Task, deferrable: bool) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*"}]})
    started = task.run(
        run_operator(PaiDesignerTestNodeOperator, designer_node_id=node["node_id"], wait_for_completion=False)
    )
    result = Task().run(run_operator(PaiDesignerStopRunOperator, run=started, deferrable=deferrable))
    assert result["outcome"] == "failure"
    assert status_of(connected, started["remote_dag_ids"][0]) == "FAILURE"
    with writes(connected) as called:
        again = Task().run(run_operator(PaiDesignerStopRunOperator, run=started))
    assert called == []
    assert again["instances"] == result["instances"]


@pytest.mark.parametrize("known_by", ["result", "json", "ids", "name"])
def test_a_run_is_found_by_what_is_known_of_it(connected: Emulator, task: Task, known_by: str) -> None:
    node = deployed()
    started = task.run(run_operator(PaiDesignerTestNodeOperator, designer_node_id=node["node_id"]))
    known: dict[str, Any] = {
        "result": {"run": started},
        "json": {"run": json.dumps(started)},
        "ids": {"run": started["remote_dag_ids"]},
        "name": {"run": started["run_name"], "designer_node_id": node["node_id"]},
    }[known_by]
    result = Task().run(run_operator(PaiDesignerStopRunOperator, **known))
    assert result["run_name"] == started["run_name"]
    assert result["remote_dag_ids"] == started["remote_dag_ids"]
    assert result["instances"] == started["instances"]


def test_only_what_failed_runs_again(connected: Emulator, task: Task, deferrable: bool) -> None:
    node = deployed()
    rule = {"behaviour": "fail", "node": node["node_name"], "step": "*", "times": 1, "message": "no disk"}
    connected.control.seed({"steps": [rule]})
    subject = run_operator(
        PaiDesignerBackfillNodeOperator,
        designer_node_id=node["node_id"],
        start_business_date="2026-10-01",
        end_business_date="2026-10-03",
    )
    with pytest.raises(RunFailedError, match="no disk"):
        task.run(subject)
    with writes(connected) as called:
        result = Task().run(
            run_operator(PaiDesignerRerunFailedOperator, run=task.xcoms["remote_dag_ids"], deferrable=deferrable)
        )
    assert Counter(called)["rerun"] >= 1
    assert set(called) == {"rerun"}
    assert result["outcome"] == "success"
    assert len(result["instances"]) == 3
    with writes(connected) as called:
        Task().run(run_operator(PaiDesignerRerunFailedOperator, run=result))
    assert called == []


def test_a_node_is_deleted_everywhere_and_again(connected: Emulator, generation: Generation, task: Task) -> None:
    node = deployed(environment="PROD")
    subject = PaiDesignerDeleteNodeOperator(task_id="delete", node_name=node["node_name"], folder=FOLDER)
    result = subject.execute(task.context)
    assert result["changes"] == [*generation.taken_away]
    with writes(connected) as called:
        again = subject.execute(Task().context)
    assert again == {"changes": [], "node": "there was no such node"}
    assert called == []
    with pytest.raises(NotFoundError):
        run_operator(PaiDesignerTestNodeOperator, designer_node_id=node["node_id"]).execute(task.context)


def test_a_failure_names_step_message_last_lines_request_and_place(connected: Emulator, task: Task) -> None:
    node = deployed(environment="PROD")
    message = "model demo_model does not exist"
    connected.control.seed(
        {"steps": [{"behaviour": "fail", "node": node["node_name"], "step": "Write Table-1", "message": message}]}
    )
    with pytest.raises(RunFailedError) as caught:
        task.run(run_operator(PaiDesignerTestNodeOperator, designer_node_id=node["node_id"], environment="PROD"))
    said = str(caught.value)
    assert f"Failed step: Write Table-1: {message}." in said
    assert "Its log ends:" in said
    assert "request id" in said
    assert "synchronised to production" in said
    assert f"Operation Center: {connected.url}/console/runs/{task.xcoms['remote_dag_ids'][0]}" in said


@only_legacy
@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (PaiDesignerTestNodeOperator, {}, "either as designer_node_id= or as node_name= and folder="),
        (PaiDesignerTestNodeOperator, {"designer_node_id": 1, "node_name": "a"}, "either as designer_node_id="),
        (PaiDesignerTestNodeOperator, {"designer_node_id": "one"}, "must be a whole number, not 'one'"),
        (PaiDesignerTestNodeOperator, {"node_name": "a"}, "folder must be text"),
        (PaiDesignerTestNodeOperator, {"designer_node_id": 1, "business_date": "2999-01-01"}, "lies in the future"),
        (PaiDesignerBackfillNodeOperator, {"start_business_date": "soon"}, "start_business_date 'soon' is not a date"),
        (PaiDesignerBackfillNodeOperator, {"end_business_date": "2026-01-01"}, "ends before that, on 2026-01-01"),
        (PaiDesignerBackfillNodeOperator, {"end_business_date": "2999-01-01"}, "lies in the future"),
        (PaiDesignerBackfillNodeOperator, {"max_parallel_dates": 11}, "must be 1 to 10, not 11"),
        (PaiDesignerBackfillNodeOperator, {"max_parallel_dates": "0"}, "must be 1 to 10, not 0"),
        (PaiDesignerBackfillNodeOperator, {"start_time": "25:00"}, "start_time must be a time of the workspace's day"),
        (PaiDesignerBackfillNodeOperator, {"start_time": "09:00", "end_time": "08:00"}, "end before that, at 08:00"),
        (PaiDesignerBackfillNodeOperator, {"include_node_ids": "1,x"}, "include_node_ids must be a whole number"),
        (PaiDesignerBackfillNodeOperator, {"exclude_node_ids": [7]}, "names 7, which include_node_ids does not"),
        (PaiDesignerBackfillNodeOperator, {"alert_on": "SUCCESS"}, "alert_on and alert_by together"),
        (PaiDesignerBackfillNodeOperator, {"alert_on": "ALL", "alert_by": "SMS"}, "alert_on must be one of SUCCESS"),
        (PaiDesignerStopRunOperator, {"run": {"node": "x"}}, "not that of a run"),
        (PaiDesignerStopRunOperator, {"run": ""}, "not ''"),
        (PaiDesignerStopRunOperator, {"run": "some name"}, "give designer_node_id="),
        (PaiDesignerStopRunOperator, {"run": "some name", "designer_node_id": 1}, "There is no run some name"),
    ],
)
def test_bad_input_is_one_clear_error_before_any_write(
    connected: Emulator, task: Task, kind: type[RunOperator], arguments: dict[str, Any], message: str
) -> None:
    named = {"designer_node_id": 1} if kind is PaiDesignerBackfillNodeOperator else {}
    subject = run_operator(kind, **{**named, **arguments})
    with writes(connected) as called, pytest.raises(ConfigurationError, match=message) as caught:
        subject.execute(task.context)
    assert called == []
    assert isinstance(caught.value, PaiDesignerError)


def test_a_node_that_was_never_made_or_submitted_is_named(connected: Emulator, task: Task) -> None:
    subject = run_operator(PaiDesignerTestNodeOperator, node_name="nobody", folder=FOLDER)
    with pytest.raises(NodeDefinitionError, match="no PAI Designer node 'nobody'"):
        subject.execute(task.context)


@pytest.mark.parametrize(
    "kind",
    [
        PaiDesignerNodeOperator,
        PaiDesignerDeployNodeOperator,
        PaiDesignerTestNodeOperator,
        PaiDesignerBackfillNodeOperator,
        PaiDesignerStopRunOperator,
        PaiDesignerRerunFailedOperator,
        PaiDesignerDeleteNodeOperator,
    ],
)
def test_every_template_field_is_an_attribute_once(kind: type[Any]) -> None:
    about_a_run = kind in (PaiDesignerStopRunOperator, PaiDesignerRerunFailedOperator)
    needed: dict[str, Any] = {"run": 1} if about_a_run else {"node_name": "n", "folder": "f"}
    subject = kind(task_id="t", **needed)
    assert all(hasattr(subject, name) for name in subject.template_fields)
    assert len(set(subject.template_fields)) == len(subject.template_fields)


@pytest.mark.parametrize("environment", ["DEV", "PROD"])
def test_an_unchanged_node_costs_three_calls_and_two_more_in_a_new_process(
    connected: Emulator, environment: str
) -> None:
    node = deployed(environment=environment)
    before = connected.control.calls()
    with writes(connected) as called:
        assert deployed(node_name=node["node_name"], environment=environment)["node_id"] == node["node_id"]
    assert called == []
    assert connected.control.calls() - before <= 3 + 2
