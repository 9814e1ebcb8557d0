"""Tasks as Airflow runs them, without Airflow's processes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_pai_designer.emulator.launch import Emulator

RUN_AFTER = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
"""02:30 on the 23rd in Shanghai: the business date is the 22nd there, and the 21st in UTC."""

_WRITES = {
    "CreateFile": "create",
    "CreateNode": "create",
    "UpdateFile": "update",
    "UpdateNode": "update",
    "SubmitFile": "publish",
    "DeployFile": "publish",
    "CreatePipelineRun": "publish",
    "ExecPipelineRunStage": "publish",
    "OfflineNode": "take offline",
    "DeleteFile": "delete",
    "DeleteNode": "delete",
    "RunSmokeTest": "start",
    "RunCycleDagNodes": "start",
    "CreateWorkflowInstances": "start",
    "RestartInstance": "rerun",
    "RerunTaskInstances": "rerun",
    "StopInstance": "stop",
    "StopTaskInstances": "stop",
}
"""What the write operations of both generations of DataStudio do."""


@contextmanager
def writes(emulator: Emulator) -> Iterator[list[str]]:
    """Give what was written inside the block, in the order of the list above."""
    before = {name: emulator.control.calls(name) for name in _WRITES}
    written: list[str] = []
    yield written
    for name, verb in _WRITES.items():
        written += [verb] * (emulator.control.calls(name) - before[name])


class Store:
    """Airflow's task state store: it outlives the tries of a task."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.kept[key]) if key in self.kept else default

    def set(self, key: str, value: Any) -> None:
        self.kept[key] = json.dumps(value)


class Task:
    """What a task instance knows and keeps, as far as the operator uses it.

    :param remembers: whether Airflow keeps state for it over its tries, as it does from 3.3 on.
    :param forgets_at_clear: whether a clear deletes that state, as it does from 3.4 on.
    """

    def __init__(self, *, remembers: bool = True, forgets_at_clear: bool = False) -> None:
        self.forgets_at_clear = forgets_at_clear
        self.xcoms: dict[str, Any] = {}
        self.store = Store()
        self.context: Any = {
            "ti": SimpleNamespace(
                dag_id="dag",
                run_id=f"run_{uuid4().hex[:8]}",
                task_id="daily",
                map_index=-1,
                try_number=1,
                max_tries=0,
                xcom_push=lambda key, value: self.xcoms.update({key: value}),
                xcom_pull=lambda *, key, **_: self.xcoms.get(key),
            ),
            "dag_run": SimpleNamespace(run_after=RUN_AFTER, data_interval_end=None),
            "dag": SimpleNamespace(fileloc=__file__),
            **({"task_state_store": self.store} if remembers else {}),
        }

    def retry(self) -> None:
        """Begin the next try, as Airflow does after a failure: XComs are gone, the state store stays."""
        self.xcoms.clear()
        self.context["ti"].try_number += 1

    def clear(self) -> None:
        """Begin again, as Airflow does when somebody clears the task."""
        self.retry()
        self.context["ti"].max_tries = self.context["ti"].try_number
        if self.forgets_at_clear:
            self.store.kept.clear()

    def run(self, subject: Any) -> Any:
        """Run a task to its end, through the trigger where it defers."""
        try:
            return subject.execute(self.context)
        except TaskDeferred as deferral:
            deferred = deferral
        while True:
            arguments = {**(deferred.kwargs or {}), "event": fire(deferred.trigger)}
            try:
                return subject.resume_execution(deferred.method_name, arguments, self.context)
            except TaskDeferred as again:
                deferred = again


def fire(trigger: Any) -> dict[str, Any]:
    """Run a trigger, made again from what is stored of it, until it fires."""
    _, arguments = trigger.serialize()
    again = type(trigger)(**arguments)

    async def first() -> Any:
        async for event in again.run():
            return event.payload
        raise AssertionError("the trigger fired nothing")

    payload: dict[str, Any] = asyncio.run(first())
    return payload


def status_of(emulator: Emulator, dag_id: int) -> str:
    return str(next(item["status"] for item in emulator.control.state()["instances"] if item["run_id"] == dag_id))


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    pause, turns = threading.Event(), int(seconds / 0.1)
    for _ in range(turns):
        if condition():
            return
        pause.wait(0.1)
    raise AssertionError("it did not come to that")
