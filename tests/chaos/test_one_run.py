"""What a user would lose: a pipeline that runs twice, or never, because something died."""

from __future__ import annotations

import pytest

from tests.chaos.barriers import LOOKING
from tests.chaos.cases import CLEARS, DEPLOYS, JOINS, LOST, ORPHANS, RETRIES, TASK, Case
from tests.chaos.scene import Scene


@pytest.mark.parametrize("case", RETRIES, ids=str)
def test_one_ask_is_one_run(scene: Scene, case: Case) -> None:
    play = scene.play(case)
    task = play.held()
    play.kill(task)
    play.release()
    assert play.outcome() == case.expected
    play.gone(task)
    assert play.runs() == case.expected.runs
    assert play.stops() == 0


@pytest.mark.parametrize("case", DEPLOYS, ids=str)
def test_one_node_is_deployed_once(scene: Scene, case: Case) -> None:
    play = scene.play(case)
    task = play.held()
    play.kill(task)
    play.release()
    assert play.outcome() == case.expected
    play.gone(task)
    assert len(play.deployments()) == 1


@pytest.mark.parametrize("case", JOINS, ids=str)
def test_the_next_try_joins_a_run_that_goes_on(scene: Scene, case: Case) -> None:
    play = scene.play(case)
    task = play.held()
    play.kill(task)
    play.release()
    play.in_state("deferred" if case.mode == "deferred" else "running", tries=2)
    assert play.runs() == ("RUNNING",)
    assert play.outcome() == case.expected
    assert play.stops() == 0


@pytest.mark.parametrize("case", ORPHANS, ids=str)
def test_a_process_without_a_supervisor_starts_nothing_that_stays(scene: Scene, case: Case) -> None:
    play = scene.play(case)
    task = play.held()
    play.kill(task)
    if "beside" in case.then:
        play.wait_for("the run of the next try", play.runs)
    else:
        play.ended()
    play.release()
    play.gone(task)
    assert play.outcome() == case.expected


@pytest.mark.parametrize("case", CLEARS, ids=str)
def test_a_task_that_is_cleared_runs_again_and_alone(scene: Scene, case: Case) -> None:
    play = scene.play(case)
    task = play.held()
    play.kill(task)
    if case.event == TASK:
        # whichever try that is: from Airflow 3.4 on the next one is counted by now
        play.wait_for("the end of the try", lambda: play.task()["state"] == "up_for_retry")
    play.clear()
    assert play.outcome() == case.expected
    play.gone(task)
    assert play.runs() == case.expected.runs


@pytest.mark.parametrize("case", LOST, ids=str)
def test_a_lost_answer_is_no_second_run(scene: Scene, case: Case) -> None:
    play = scene.play(case)
    if case.point == LOOKING:
        play.held().kill()
    assert play.outcome() == case.expected
