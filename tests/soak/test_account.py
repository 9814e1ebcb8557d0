"""What a user would lose: a soak that goes well because it does not notice what went wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak.account import RemoteRun, Task

RUN = RemoteRun(epoch=10, number=1, starts=1, status="SUCCESS", began=100, ended=110)
FAILED = replace(RUN, status="FAILURE")
SECOND = replace(RUN, number=2, began=120, ended=130)
TASK = Task(
    dag_id="soak_deferred_new",
    run_id="soak_1",
    state="success",
    tries=(1, 11),
    ended=115,
    cancelled=(),
    asked=(10, 1),
    silent=True,
    cut_off=False,
    runs=(RUN,),
)
KILLED = replace(TASK, state="failed", tries=(11, 11), ended=105, runs=(replace(RUN, ended=200),))


@pytest.mark.parametrize(
    "task",
    [
        TASK,
        replace(TASK, asked=(10, 2), runs=(FAILED, SECOND), ended=135),
        replace(TASK, state="failed", runs=(FAILED,), silent=False),
        replace(TASK, state="failed", cancelled=("failed",)),
        replace(
            TASK, asked=(12, 1), cancelled=("clear",), runs=(FAILED, replace(SECOND, epoch=12, number=1)), ended=135
        ),
        KILLED,
        replace(KILLED, asked=(10, 2)),
        replace(TASK, state="failed", cancelled=("failed",), cut_off=True, runs=(replace(RUN, ended=200),)),
    ],
)
def test_a_task_that_ended_as_its_run_is_well(task: Task) -> None:
    assert task.wrongs() == []


@pytest.mark.parametrize(
    ("task", "wrong"),
    [
        (replace(TASK, state="failed", silent=False), "it ended otherwise than its run: SUCCESS"),
        (replace(TASK, runs=(FAILED,)), "it ended otherwise than its run: FAILURE"),
        (replace(TASK, state="running"), "the task is running"),
        (replace(TASK, runs=(replace(RUN, starts=2),)), "run 10-1 was started 2 times"),
        (replace(TASK, asked=(10, 2)), "it asked for 2 runs and has 1"),
        (replace(TASK, asked=(10, 2), runs=(SECOND,), ended=135), "the runs of epoch 10 have the numbers [2]"),
        (replace(TASK, asked=None), "it has runs, and remembers no ask"),
        (
            replace(TASK, asked=(10, 2), runs=(RUN, replace(SECOND, began=105)), ended=135),
            "runs 10-1 and 10-2 went on at once",
        ),
        (
            replace(TASK, state="failed", cancelled=("failed",), runs=(replace(RUN, ended=200),)),
            "run 10-1 went on for 85 s without its task",
        ),
        (
            replace(TASK, state="failed", cancelled=("failed",), runs=(replace(RUN, status="active", ended=None),)),
            "run 10-1 is active",
        ),
        (replace(KILLED, asked=(10, 2), silent=False), "it asked for 2 runs and has 1"),
        (replace(KILLED, silent=False), "run 10-1 went on for 95 s without its task"),
    ],
)
def test_whatever_is_wrong_is_told(task: Task, wrong: str) -> None:
    assert wrong in task.wrongs()
