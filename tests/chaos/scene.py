"""What a chaos test does: run a task, hold it at a point, kill something, and count what DataWorks saw."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from airflow_provider_pai_designer.emulator.launch import Emulator
from tests.chaos.barriers import arm
from tests.chaos.cases import BOTH, EVICTION, NOTHING, SUPERVISOR, TASK, Case, Outcome
from tests.chaos.kinds import DAGS
from tests.chaos.report import Book
from tests.e2e.real_airflow import RealAirflow

_NUMBERS = count(1)
_ENDED = ("success", "failed")
_STOPS = ("StopInstance", "StopTaskInstances")
_PRODUCTION = 2
_FINAL = ("SUCCESS", "FAILURE")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One Airflow, one DataWorks, and one node of each generation that all tasks run.

    :param book: where outcomes are kept.
    """

    airflow: RealAirflow
    emulator: Emulator
    folder: Path
    book: Book

    def play(self, case: Case) -> Play:
        """Let DataWorks behave as a case has it, and trigger the run of the DAG, in which a task will be held."""
        for name in ("armed", "taken", "reached", "released"):
            (self.folder / name).unlink(missing_ok=True)
        arm(self.folder, case.point)
        self.emulator.control.clear_behaviours()
        self.emulator.control.seed(case.seed)
        play = Play(scene=self, case=case, before=len(self.remote()), stops_before=self.stops())
        dag_id = DAGS[case.kind, case.mode, case.generation]
        self.airflow.call(f"/dags/{dag_id}/dagRuns", {"dag_run_id": play.run_id, "logical_date": None})
        return play

    def remote(self) -> list[dict[str, Any]]:
        """All runs that DataWorks was ever asked for, as their instances."""
        return sorted(self.emulator.control.rows("instances"), key=lambda item: int(item["id"]))

    def stops(self) -> int:
        """How often DataWorks was asked to stop something."""
        return sum(self.emulator.control.calls(operation) for operation in _STOPS)

    def end_triggerer(self, how: str) -> None:
        """End the triggerer with a signal."""
        {"SIGKILL": self.airflow.kill, "SIGTERM": self.airflow.end}[how]("triggerer")

    def restart_triggerer(self, how: str) -> None:
        """End the triggerer, and start another one."""
        self.end_triggerer(how)
        self.airflow.start("triggerer")

    @contextmanager
    def second_triggerer(self) -> Iterator[None]:
        """Run another triggerer for a while."""
        self.airflow.start("triggerer", name="second triggerer")
        try:
            yield
        finally:
            self.airflow.kill("second triggerer")


@dataclass(frozen=True, kw_only=True)
class Play:
    """A case as it happens.

    :param before: how many runs DataWorks had before.
    """

    scene: Scene
    case: Case
    before: int
    stops_before: int
    run_id: str = field(default_factory=lambda: f"chaos_{next(_NUMBERS)}")

    @property
    def path(self) -> str:
        """The run of the DAG, for the REST API."""
        return f"/dags/{DAGS[self.case.kind, self.case.mode, self.case.generation]}/dagRuns/{self.run_id}"

    def held(self) -> psutil.Process:
        """Wait until a task or a trigger is held, and give its process."""
        reached = self.scene.folder / "reached"
        self.wait_for("the barrier", reached.exists)
        return psutil.Process(int(reached.read_text()))

    def release(self) -> None:
        """Let the process go on that was held."""
        (self.scene.folder / "released").touch()

    def kill(self, task: psutil.Process) -> None:
        """Do to a task what the case says; what lives on is still held."""
        supervisor = task.parent()
        assert supervisor is not None
        doomed = {
            TASK: [task],
            SUPERVISOR: [supervisor],
            BOTH: [supervisor, task],
            EVICTION: [supervisor],
            NOTHING: [],
        }[self.case.event]
        for process in doomed:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGTERM if self.case.event == EVICTION else signal.SIGKILL)

    def gone(self, task: psutil.Process) -> None:
        """Wait until a process has ended, so that nothing is left that could ask for a run."""

        def ended() -> bool:
            with suppress(psutil.NoSuchProcess):
                # its new parent may leave it as a zombie
                return not task.is_running() or task.status() == psutil.STATUS_ZOMBIE
            return True

        self.wait_for("the end of the process", ended)

    def clear(self) -> None:
        """Clear the task."""
        _, _, dag_id, _, run_id = self.path.split("/")
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": ["run"], "only_failed": False}
        self.scene.airflow.call(f"/dags/{dag_id}/clearTaskInstances", body)

    def mark(self, state: str) -> None:
        """Mark the task."""
        self.scene.airflow.call(f"{self.path}/taskInstances/run", {"new_state": state}, method="PATCH")

    def task(self) -> dict[str, Any]:
        """The one task of the run, as Airflow has it."""
        found: dict[str, Any] = self.scene.airflow.call(f"{self.path}/taskInstances/run")
        return found

    def in_state(self, wanted: str, *, tries: int = 1) -> None:
        """Wait until the task is in a state."""
        self.wait_for(
            f"the state {wanted}",
            lambda: (task := self.task())["state"] == wanted and task["try_number"] == tries,
        )

    def runs(self) -> tuple[str, ...]:
        """The runs that DataWorks was asked for, the oldest first: how each goes."""
        return tuple(str(item["status"]) for item in self.scene.remote()[self.before :])

    def deployments(self) -> list[str]:
        """Every time that the node of a task of its own went into production: the file that it was made from."""
        rows = self.scene.emulator.control.rows
        files = [item["id"] for item in rows("files") if item["name"] == self.run_id]
        legacy = [item for item in rows("deployments") if item["to_environment"] == _PRODUCTION]
        found = [item["file_id"] for item in (*legacy, *rows("pipeline_runs")) if item["file_id"] in files]
        assert set(found) == set(files)
        return found

    def stops(self) -> int:
        """How often DataWorks was asked to stop something."""
        return self.scene.stops() - self.stops_before

    def begun(self, what: str) -> float:
        """Epoch seconds at which Airflow says that the ``task`` or the ``run`` has begun."""
        found = self.task() if what == "task" else self.scene.airflow.call(self.path)
        return datetime.fromisoformat(found["start_date"]).timestamp()

    def stopped_at(self) -> float:
        """Wait for the first stop, and tell when it was seen, in epoch seconds."""
        self.wait_for("the stop", self.stops)
        return time.time()

    def ended(self) -> None:
        """Wait for the end of the run of the DAG."""
        self.wait_for("the end of the run", lambda: self.scene.airflow.call(self.path)["state"] in _ENDED, seconds=120)

    def outcome(self) -> Outcome:
        """Wait until nothing goes on any more, and tell what came of it."""
        self.ended()
        self.wait_for("the end of what DataWorks runs", lambda: all(status in _FINAL for status in self.runs()))
        task = self.task()
        outcome = Outcome(state=str(task["state"]), tries=int(task["try_number"]), runs=self.runs())
        self.scene.book.note(self.case, outcome)
        return outcome

    def wait_for(self, what: str, ask: Any, seconds: float = 60) -> None:
        """Wait for something."""
        self.scene.airflow.wait_for(what, ask, seconds=seconds)
