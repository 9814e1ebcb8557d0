"""Whose a run is: whether the task that asked for it still wants it.

Airflow stops a process for many reasons, and does not say which: a task that was cleared or marked looks like a worker
that is shut down, and a trigger that moves to another triggerer like one that is no longer needed.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, Queue
from threading import Thread
from typing import Any

RUNNING, DEFERRED = "running", "deferred"
_ENDED = ("success", "failed", "skipped", "upstream_failed", "removed")


def is_running(ti: Any) -> bool:
    """Ask Airflow whether a task instance is still running; only from a thread other than the task's own."""
    return _state(ti) == RUNNING


def has_ended(ti: Any) -> bool:
    """Ask Airflow whether a task instance has ended without its process: a user marked it; see :func:`is_running`."""
    return _state(ti) in _ENDED


def is_awaited(ti: Any, run_name: str) -> bool:
    """Ask Airflow whether a task instance is still deferred for this run, so that a trigger for it lives on elsewhere.

    A task that was cleared may have come back and be deferred for another run by now; the run it names is its own.
    """
    from airflow.sdk.execution_time.xcom import XCom

    return _state(ti) == DEFERRED and XCom.get_value(ti_key=ti, key="run_name") == run_name


def answer_within(seconds: float, question: Callable[[], bool]) -> bool:
    """Ask in a thread of its own; no answer in time, or an error, is a no."""
    answers: Queue[bool] = Queue()

    def ask() -> None:
        try:
            answers.put(question())
        except BaseException:
            # Airflow's own signals for a connection that is gone are no Exceptions.
            answers.put(False)

    Thread(target=ask, name="pai_designer-ownership", daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except Empty:
        return False


def _state(ti: Any) -> str | None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(
        dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
    )
    state = states.get(ti.run_id, {}).get(ti.task_id)
    return None if state is None else str(getattr(state, "value", state))
