"""What a user would lose: a run that is stopped, or started again, because a triggerer went away."""

from __future__ import annotations

import signal

import pytest

from tests.chaos.cases import TRIGGERERS, Case
from tests.chaos.scene import Play, Scene


@pytest.mark.parametrize("case", TRIGGERERS, ids=str)
def test_a_triggerer_that_goes_away_stops_nothing(scene: Scene, case: Case) -> None:
    play = scene.play(case)
    if case.point == "while deferred":
        play.wait_for("the triggerer", lambda: triggerer(play) is not None)
    else:
        play.held()
    how, _, rest = case.event.partition(", ")
    if rest:
        hand_over(play, how)
    else:
        scene.restart_triggerer(how.split()[0])
        if how.endswith("twice"):
            play.wait_for("the new triggerer", scene.airflow.is_healthy)
            scene.restart_triggerer("SIGKILL")
    play.release()
    assert play.outcome() == case.expected
    assert play.stops() == 0


def triggerer(play: Play) -> int | None:
    """Which triggerer has the trigger of the task."""
    job = play.task()["triggerer_job"]
    return None if job is None else int(job["id"])


def hand_over(play: Play, how: str) -> None:
    """Let a second triggerer take over what the first has."""
    airflow, first = play.scene.airflow, triggerer(play)
    comes_back = how == "it stands still"
    with play.scene.second_triggerer():
        if comes_back:
            airflow.signal("triggerer", signal.SIGSTOP)
        else:
            play.scene.end_triggerer(how)
        play.wait_for("the second triggerer", lambda: triggerer(play) not in (None, first))
        if comes_back:
            airflow.signal("triggerer", signal.SIGCONT)
        play.ended()
    if not comes_back:
        airflow.start("triggerer")
