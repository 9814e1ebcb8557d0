"""Places in a task at which a test can hold it, to kill it there; they are put in from outside, by the DAG file.

A test arms one of them by a file; the first process that comes by takes it away, says that it is there, and waits.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.monitor.watch import Verdict
from airflow_provider_pai_designer.operators import base
from airflow_provider_pai_designer.operators.base import RunOperator
from airflow_provider_pai_designer.operators.memory import RunMemory
from airflow_provider_pai_designer.triggers.pai_designer import PaiDesignerRunTrigger

FOLDER = "PAI_DESIGNER_CHAOS"
POINTS = (
    "before the record",
    "between record and call",
    "in the call, before it is sent",
    "in the call, after the service acted",
    "between answer and record",
    "after the record",
    "while it waits",
    "during the end",
)
IN_THE_DEPLOYMENT = ("in the deployment, before it is sent", "in the deployment, after the service acted")
LOOKING = "while it looks for the run"
"""Passed only after a lost answer."""
FIRING = "between end and event"
"""In the triggerer."""
_IN_A_CALL = {
    **dict.fromkeys(("RunSmokeTest", "CreateWorkflowInstances"), POINTS[2:4]),
    **dict.fromkeys(("DeployFile", "CreatePipelineRun"), IN_THE_DEPLOYMENT),
}
_LONGEST_SECONDS = 120


def arm(folder: Path, point: str) -> None:
    """Hold the next process that comes to a point."""
    (folder / "armed").write_text(point)


def install() -> None:
    """Put the barriers in; once in a process."""
    if getattr(RunMemory, "has_barriers", False):
        return
    RunMemory.has_barriers = True  # type: ignore[attr-defined]
    _wrap(RunMemory, "save", _around_save)
    _wrap(Gateway, "write", _around_write)
    _wrap(PaiDesignerHook, "list_instances", _before("while it waits"))
    _wrap(PaiDesignerHook, "identify", _before(LOOKING))
    _wrap(RunOperator, "_finish", _before("during the end"))
    base.PaiDesignerRunTrigger = HeldTrigger  # type: ignore[attr-defined]


class HeldTrigger(PaiDesignerRunTrigger):
    """The trigger, which can be held as well; the triggerer reads no DAG file."""

    async def _act(self, verdict: Verdict) -> dict[str, Any]:
        done = await super()._act(verdict)
        for _ in _steps(FIRING):
            await asyncio.sleep(0.1)
        return done


def _hold(point: str) -> None:
    for _ in _steps(point):
        Event().wait(0.1)


def _steps(point: str) -> Iterator[None]:
    """Yield for as long as a process that comes to a point is to wait there."""
    folder = Path(os.environ[FOLDER])
    armed = folder / "armed"
    with suppress(FileNotFoundError):
        if armed.read_text() != point:
            return
        armed.rename(folder / "taken")
        (folder / "reached.new").write_text(str(os.getpid()))
        (folder / "reached.new").rename(folder / "reached")
        for _ in range(_LONGEST_SECONDS * 10):
            if (folder / "released").exists():
                return
            yield


def _wrap(owner: type, name: str, around: Callable[..., Any]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, lambda *arguments, **options: around(original, *arguments, **options))


def _around_save(original: Callable[..., Any], memory: RunMemory[Any], record: Any) -> None:
    answered = bool(record.run.remote_dag_ids)
    _hold("between answer and record" if answered else "before the record")
    original(memory, record)
    _hold("after the record" if answered else "between record and call")


def _around_write(original: Callable[..., Any], gateway: Any, operation: str, **parameters: Any) -> Any:
    if operation not in _IN_A_CALL:
        return original(gateway, operation, **parameters)
    before, after = _IN_A_CALL[operation]
    _hold(before)
    reply = original(gateway, operation, **parameters)
    _hold(after)
    return reply


def _before(point: str) -> Callable[..., Any]:
    def around(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        _hold(point)
        return original(*arguments, **options)

    return around
