"""What a user would lose: a task failed, or a run stopped, because the service was away for a while."""

from __future__ import annotations

import itertools
import socket
import threading
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.exceptions import (
    AuthenticationError,
    NotFoundError,
    QuotaExhaustedError,
    RunFailedError,
    RunOutOfSightError,
    ServiceError,
    UnclearError,
)
from airflow_provider_pai_designer.monitor.watch import RunWatch, Verdict
from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerTestNodeOperator
from tests.conftest import connection
from tests.generations import Generation
from tests.operators.support import Task
from tests.operators.test_existing_node import deployed

HOUR = 3600.0
STORMS: list[dict[str, Any]] = [
    {"behaviour": "http", "status": 429, "code": "Throttling.User"},
    {"behaviour": "http", "status": 500, "code": "InternalError.System"},
    {"behaviour": "http", "status": 400, "code": "InvalidSecurityToken.Expired"},
    {"behaviour": "reset"},
    {"behaviour": "close"},
    {"behaviour": "html"},
    {"behaviour": "truncated"},
    {"behaviour": "garbage"},
]


def waits(node: dict[str, Any], **arguments: Any) -> PaiDesignerTestNodeOperator:
    return PaiDesignerTestNodeOperator(
        task_id="daily", designer_node_id=node["node_id"], poll_interval=0.2, timeout=60, **arguments
    )


def polled(emulator: Emulator) -> int:
    """How often instances were listed, in either generation."""
    return emulator.control.calls("ListInstances") + emulator.control.calls("ListTaskInstances")


def stopped(emulator: Emulator) -> int:
    """How often something was asked to stop, in either generation."""
    return emulator.control.calls("StopInstance") + emulator.control.calls("StopTaskInstances")


@pytest.mark.parametrize("storm", STORMS, ids=lambda storm: "-".join(map(str, storm.values())))
def test_a_storm_fails_no_task_and_stops_no_run(
    connected: Emulator, task: Task, deferrable: bool, storm: dict[str, Any]
) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "slow", "node": node["node_name"], "step": "*", "seconds": 15}]})
    polls = polled(connected)
    stops = stopped(connected)
    connected.control.seed({"faults": [{**storm, "operation": "List*Instances", "times": 8}]})
    assert task.run(waits(node, deferrable=deferrable))["outcome"] == "success"
    assert stopped(connected) == stops
    # a poll is one request, storm or not: eight for the storm, and some for the run
    assert polled(connected) - polls < 30


def test_a_name_that_is_not_found_for_a_while_fails_no_task(
    connected: Emulator, task: Task, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "slow", "node": node["node_name"], "step": "*", "seconds": 15}]})
    # the connection that is open needs no name
    connected.control.seed({"faults": [{"behaviour": "reset", "operation": "List*Instances"}]})
    asked, find = itertools.count(), socket.getaddrinfo

    def lost(host: Any, *arguments: Any, **options: Any) -> Any:
        if polled(connected) > polls and next(asked) < 8:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return find(host, *arguments, **options)

    polls, stops = polled(connected), stopped(connected)
    monkeypatch.setattr("urllib3.util.connection.socket", SimpleNamespace(**{**vars(socket), "getaddrinfo": lost}))
    assert task.run(waits(node, deferrable=deferrable))["outcome"] == "success"
    assert next(asked) >= 8
    assert stopped(connected) == stops


def test_a_storm_while_a_run_is_asked_for_fails_no_task_and_starts_one_run(
    connected: Emulator, task: Task, generation: Generation, deferrable: bool
) -> None:
    node = deployed()
    storm = {"behaviour": "http", "status": 429, "code": "Throttling.User", "operation": generation.start_test}
    connected.control.seed({"faults": [{**storm, "times": 7}]})
    assert task.run(waits(node, deferrable=deferrable))["outcome"] == "success"
    started = [item for item in connected.control.rows("instances") if item["node_id"] == node["node_id"]]
    assert len(started) == 1


def test_a_storm_while_a_rerun_is_asked_for_fails_no_try(
    connected: Emulator, task: Task, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = deployed()
    connected.control.seed({"steps": [{"behaviour": "fail", "node": node["node_name"], "step": "*", "times": 1}]})
    with pytest.raises(RunFailedError):
        task.run(waits(node, deferrable=deferrable, on_retry="rerun_failed"))
    task.retry()
    connected.control.seed({"faults": [{"behaviour": "reset", "operation": "List*Instances", "after": 2, "times": 8}]})
    assert task.run(waits(node, deferrable=deferrable, on_retry="rerun_failed"))["outcome"] == "success"


def test_a_service_that_is_restarted_loses_no_run(
    monkeypatch: pytest.MonkeyPatch, task: Task, deferrable: bool
) -> None:
    with launch(time_scale=20) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(emulator))
        node = deployed()
        emulator.control.seed({"steps": [{"behaviour": "slow", "node": node["node_name"], "step": "*", "seconds": 40}]})

        def crash() -> None:
            emulator.kill()
            threading.Event().wait(1.5)
            emulator.restart()

        crashing = threading.Timer(1.0, crash)
        crashing.start()
        result = task.run(waits(node, deferrable=deferrable))
        crashing.join()
        assert result["outcome"] == "success"
        assert len([item for item in emulator.control.state()["instances"] if item["node_id"] == node["node_id"]]) == 1


def test_a_run_out_of_sight_for_too_long_is_left_alone(connected: Emulator, task: Task, deferrable: bool) -> None:
    node = deployed()
    stops = stopped(connected)
    connected.control.seed({"faults": [{"behaviour": "reset", "operation": "List*Instances", "times": 9999}]})
    try:
        with pytest.raises(RunOutOfSightError, match="was left alone"):
            task.run(waits(node, deferrable=deferrable, outage_timeout=1))
    finally:
        connected.control.clear_behaviours()
    assert stopped(connected) == stops


def misses(watch: RunWatch, error: ServiceError, *, seconds: float) -> list[float]:
    """Let polls fail for a while; give the times at which they were made."""
    now, times = 0.0, []
    while now < seconds and watch.miss(error, now=now) is Verdict.WAIT:
        times.append(now)
        now += watch.pause(now=now)
    return times


UNCLEAR = UnclearError("no reply", operation="ListInstances")


def test_polls_come_slower_in_a_storm_and_never_two_intervals_apart() -> None:
    times = misses(RunWatch(poll_interval=30), UNCLEAR, seconds=900)
    pauses = [later - sooner for sooner, later in pairwise(times)]
    assert pauses[-1] > 1.3 * pauses[0]
    assert max(pauses) < 60
    assert len(times) < 900 / 30


def test_after_a_storm_the_pace_is_as_before() -> None:
    watch = RunWatch(poll_interval=30)
    misses(watch, UNCLEAR, seconds=900)
    watch.observe((), now=900)
    assert watch.pause(now=900) <= 33


@pytest.mark.parametrize(
    ("error", "deadline", "patience"),
    [
        (UNCLEAR, None, HOUR),
        (AuthenticationError("expired", operation="ListInstances"), None, HOUR),
        (NotFoundError("gone", operation="ListInstances"), None, 300),
        (QuotaExhaustedError("of the day", operation="ListInstances"), None, HOUR),
        (QuotaExhaustedError("of the day", operation="ListInstances"), 86_400.0, 86_400),
    ],
)
def test_how_long_a_run_may_be_out_of_sight(error: ServiceError, deadline: float | None, patience: float) -> None:
    watch = RunWatch(poll_interval=30, deadline=deadline)
    assert misses(watch, error, seconds=100_000)[-1] == pytest.approx(patience, abs=60)
