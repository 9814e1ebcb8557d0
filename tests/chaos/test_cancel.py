"""What a user would lose: a run that goes on after it was cancelled."""

from __future__ import annotations

import time

import pytest

from tests.chaos.cases import BY_HAND, CANCELS, Case
from tests.chaos.kinds import LIMIT
from tests.chaos.scene import Play, Scene

_MOST_SECONDS = 20
"""Twice what is promised of nearly all: the machine of the tests is busy with Airflow itself."""


@pytest.mark.parametrize("case", CANCELS, ids=str)
def test_a_cancel_reaches_the_run(scene: Scene, case: Case) -> None:
    play = scene.play(case)
    play.wait_for("the run", lambda: play.runs() == ("RUNNING",))
    play.in_state("deferred" if case.mode == "deferred" else "running")
    due = cancel(play, case.then)
    took = play.stopped_at() - due
    scene.book.stops.append((f"{case.then}, {case.mode}", took))
    assert took < _MOST_SECONDS
    assert play.outcome() == case.expected


def cancel(play: Play, how: str) -> float:
    """Cancel the task, or wait for its time-out to do so; give the epoch seconds from which the stop is due."""
    if how in BY_HAND:
        due = time.time()
        play.clear() if how == "clear" else play.mark(how)
        return due
    return LIMIT + play.begun("run" if how == "dagrun_timeout" else "task")
