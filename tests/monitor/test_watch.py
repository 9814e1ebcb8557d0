"""What a user would lose: a task failed by a hiccup, or a task that waits for ever."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pai_designer.designer.run import InstanceStatus
from airflow_provider_pai_designer.exceptions import UnclearError
from airflow_provider_pai_designer.monitor.watch import OUTAGE_SECONDS, RunWatch, Verdict
from tests.designer.test_run import instance

HICCUP = UnclearError("no reply", operation="ListInstances")


def failing(**changes: Any) -> Any:
    return instance(status=InstanceStatus.FAILURE, reruns_left=1, rerun_interval_seconds=60, **changes)


def test_a_run_is_awaited_until_it_ends() -> None:
    watch = RunWatch(poll_interval=10)
    assert watch.observe([], now=0) is Verdict.WAIT
    assert watch.observe([instance(status=InstanceStatus.RUNNING)], now=10) is Verdict.WAIT
    assert watch.observe([instance()], now=20) is Verdict.ENDED


def test_a_failed_poll_says_nothing_about_the_run() -> None:
    watch = RunWatch(poll_interval=10)
    for moment in range(0, int(OUTAGE_SECONDS) + 1, 60):
        assert watch.miss(HICCUP, now=1 + moment) is Verdict.WAIT
    assert watch.observe([instance(status=InstanceStatus.RUNNING)], now=OUTAGE_SECONDS + 2) is Verdict.WAIT
    assert watch.miss(HICCUP, now=OUTAGE_SECONDS + 3) is Verdict.WAIT


def test_a_run_that_stays_out_of_sight_is_said_to_be_so() -> None:
    watch = RunWatch(poll_interval=10)
    watch.miss(HICCUP, now=1)
    assert watch.miss(HICCUP, now=OUTAGE_SECONDS + 2) is Verdict.OUT_OF_SIGHT
    assert watch.last_error is HICCUP


@pytest.mark.parametrize("blind", [False, True])
def test_the_deadline_holds_in_sight_and_out_of_sight(blind: bool) -> None:
    watch = RunWatch(poll_interval=10, deadline=100)

    def poll(now: float) -> Verdict:
        return watch.miss(HICCUP, now=now) if blind else watch.observe([], now=now)

    assert poll(99) is Verdict.WAIT
    assert watch.pause(now=99) <= 1
    assert poll(100) is Verdict.DEADLINE


def test_a_run_that_ends_at_its_deadline_has_ended() -> None:
    assert RunWatch(poll_interval=10, deadline=100).observe([instance()], now=200) is Verdict.ENDED


def test_a_failure_with_reruns_left_is_waited_out_but_not_for_ever() -> None:
    watch = RunWatch(poll_interval=10)
    assert watch.observe([failing()], now=1) is Verdict.WAIT
    assert watch.observe([failing()], now=100) is Verdict.WAIT
    assert watch.observe([instance(status=InstanceStatus.RUNNING)], now=110) is Verdict.WAIT
    assert watch.observe([failing()], now=200) is Verdict.WAIT
    assert watch.observe([failing()], now=381) is Verdict.ENDED


def test_a_rerun_that_does_not_come_ends_a_run_whose_other_instances_have_ended() -> None:
    watch = RunWatch(poll_interval=10)
    assert watch.observe([failing(), instance()], now=1) is Verdict.WAIT
    assert watch.observe([failing(), instance()], now=182) is Verdict.ENDED


def test_polls_are_spread() -> None:
    watch = RunWatch(poll_interval=10)
    pauses = {round(watch.pause(now=0), 3) for _ in range(50)}
    assert len(pauses) > 10
    assert all(9 <= pause <= 11 for pause in pauses)
