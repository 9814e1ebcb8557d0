"""What a chaos test does: run a task, hold it at a point, kill something, and count what DataWorks saw."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from airflow_provider_pai_designer.emulator.launch import Emulator
from tests.chaos.barriers import arm
from tests.e2e.real_airflow import RealAirflow

DAGS = {"in place": "chaos_in_place", "deferred": "chaos_deferred"}
KILLS = ("task", "supervisor and task", "supervisor")
_NUMBERS = count(1)
_ENDED = ("success", "failed")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One Airflow, one DataWorks, and one node that all tasks run."""

    airflow: RealAirflow
    emulator: Emulator
    folder: Path
    node_id: int

    def begin(self, mode: str, point: str | None = None) -> str:
        """Trigger a run of the DAG, in which the task will be held at a point; give the path of its task instance."""
        for name in ("armed", "taken", "reached", "released"):
            (self.folder / name).unlink(missing_ok=True)
        if point:
            arm(self.folder, point)
        run_id = f"chaos_{next(_NUMBERS)}"
        self.airflow.call(f"/dags/{DAGS[mode]}/dagRuns", {"dag_run_id": run_id, "logical_date": None})
        return f"/dags/{DAGS[mode]}/dagRuns/{run_id}"

    def held(self) -> int:
        """Wait until a task is held, and give its process."""
        reached = self.folder / "reached"
        self.airflow.wait_for("the barrier", reached.exists, seconds=60)
        return int(reached.read_text())

    def kill(self, pid: int, what: str) -> None:
        """Kill a task, its supervisor, or both, with SIGKILL; what lives on goes on."""
        task = psutil.Process(pid)
        supervisor = task.parent()
        assert supervisor is not None
        doomed = {"task": [task], "supervisor": [supervisor], "supervisor and task": [supervisor, task]}[what]
        for process in doomed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        (self.folder / "released").touch()

    def state(self, path: str) -> str:
        """The state of the one task of a run."""
        return str(self.airflow.call(f"{path}/taskInstances/run")["state"])

    def tries(self, path: str) -> int:
        """How many tries the task has had."""
        return int(self.airflow.call(f"{path}/taskInstances/run")["try_number"])

    def ended(self, path: str) -> str:
        """Wait for the end of a run of the DAG, and give its state."""
        ended = lambda: (state := str(self.airflow.call(path)["state"])) in _ENDED and state  # noqa: E731
        return str(self.airflow.wait_for("the end of the run", ended, seconds=120))

    def in_state(self, path: str, wanted: str) -> None:
        """Wait until the task is in a state."""
        self.airflow.wait_for(f"the state {wanted}", lambda: self.state(path) == wanted, seconds=60)

    def remote(self) -> list[dict[str, Any]]:
        """All runs that DataWorks was ever asked for, as their instances."""
        return sorted(self.emulator.control.state()["instances"], key=lambda item: int(item["id"]))

    def stops(self) -> int:
        """How often DataWorks was asked to stop something."""
        return self.emulator.control.calls("StopInstance")

    def seconds_until(self, what: str, ask: Any) -> float:
        """Wait for something, and tell how long that took."""
        begun = time.monotonic()
        self.airflow.wait_for(what, ask, seconds=60)
        return time.monotonic() - begun

    def status(self, instance_id: object) -> str:
        """The status of an instance."""
        return str(next(item["status"] for item in self.remote() if item["id"] == instance_id))

    def restart_triggerer(self) -> None:
        """Kill the triggerer with SIGKILL, and start another one."""
        self.airflow.kill("triggerer")
        self.airflow.start("triggerer")

    def cancel(self, path: str, how: str) -> None:
        """Do to the task what a user does on Airflow's pages."""
        if how == "clear":
            dag_id, run_id = path.split("/")[2], path.split("/")[4]
            body = {"dry_run": False, "dag_run_id": run_id, "task_ids": ["run"], "only_failed": False}
            self.airflow.call(f"/dags/{dag_id}/clearTaskInstances", body)
        else:
            self.airflow.call(f"{path}/taskInstances/run", {"new_state": how}, method="PATCH")
