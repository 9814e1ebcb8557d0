"""What befalls the Airflow of the soak: its processes die, and its users change their minds."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from threading import Event as Moment
from typing import Any

import psutil

from tests.e2e.real_airflow import RealAirflow
from tests.soak.kinds import GENERATIONS, dag_of

_PATIENCE_SECONDS = 30
_TASK_WITHIN_SECONDS = 5
_TRIGGER_SECONDS = 2
_WORKER = "airflow worker -- LocalExecutor:"
_OF_TWO_TASKS = {dag_of("sensor", generation) for generation in GENERATIONS}


class RestartedAirflow(RealAirflow):
    """An Airflow whose components are started anew, and which keeps the logs of those that ended."""

    ended_by_itself: Counter[str]
    started_at: defaultdict[str, float]
    """When a component was last started anew, epoch seconds; 0 for the first time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ended_by_itself = Counter()
        self.started_at = defaultdict(float)
        self._restarts = 0

    def restart(self, name: str, how: signal.Signals) -> None:
        """End a component with a signal, its children with it in the end, and start another one."""
        process = self._processes.pop(name)
        self.ended_by_itself[name] += process.poll() is not None
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(how)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE_SECONDS)
            process.kill()
            _kill(family)
        process.wait()
        self._restarts += 1
        log = self.home / f"{name}.log"
        kept = self.home / "logs" / "ended" / f"{name}.{self._restarts}.log"
        kept.parent.mkdir(parents=True, exist_ok=True)
        log.rename(kept)
        self.started_at[name] = time.time()
        self.start(name)

    def tasks(self) -> list[tuple[psutil.Process, psutil.Process]]:
        """The processes of tasks, each after that of its supervisor."""
        found: list[tuple[psutil.Process, psutil.Process]] = []
        with suppress(psutil.NoSuchProcess):
            for worker in psutil.Process(self._processes["scheduler"].pid).children():
                with suppress(psutil.NoSuchProcess, IndexError):
                    if worker.cmdline()[0].startswith(_WORKER):
                        found += [(worker, task) for task in worker.children()]
        return found

    def instances(self, **wanted: str | list[str]) -> list[dict[str, Any]]:
        """All task instances, or those of some state."""
        query = "&".join(f"state={state}" for state in wanted.get("state", []))
        found: list[dict[str, Any]] = []
        while True:
            page = self.call(f"/dags/~/dagRuns/~/taskInstances?limit=100&offset={len(found)}&{query}")
            found += page["task_instances"]
            if len(page["task_instances"]) < 100:
                return found

    def log_files(self) -> list[Path]:
        """Everything that Airflow has logged."""
        return [path for path in self.home.rglob("*.log*") if path.is_file()]


@dataclass(frozen=True, kw_only=True)
class Hazards:
    """Kills and cancels, and what came of them.

    :param happened: how often each was done.
    :param cancelled: by DAG id and run id how a task was cancelled.
    """

    airflow: RestartedAirflow
    random: Random
    happened: Counter[str] = field(default_factory=Counter)
    cancelled: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def kill(self, what: str) -> None:
        """Kill a component, or a task that is running; nothing where none is soon."""
        component, _, how = what.partition(", ")
        if how:
            self.airflow.restart(component, signal.Signals[how])
        elif not self._kill_a_task(what):
            return
        self.happened[what] += 1

    def _kill_a_task(self, what: str) -> bool:
        for _ in range(_TASK_WITHIN_SECONDS * 10):
            if running := self.airflow.tasks():
                supervisor, task = self.random.choice(running)
                _kill({"task": [task], "supervisor": [supervisor], "supervisor and task": [supervisor, task]}[what])
                return True
            Moment().wait(0.1)
        return False

    def cancel(self, how: str) -> None:
        """Clear or mark a task that is running or deferred; nothing where none is."""
        alive = [
            item
            for item in self.airflow.instances(state=["running", "deferred"])
            if item["dag_id"] not in _OF_TWO_TASKS
        ]
        if not alive:
            return
        chosen = self.random.choice(sorted(alive, key=lambda item: str(item["id"])))
        dag_id, run_id = chosen["dag_id"], chosen["dag_run_id"]
        if chosen["state"] == "deferred" and how != "clear" and not self._is_watched(dag_id, run_id):
            return
        if how == "clear":
            body = {"dry_run": False, "dag_run_id": run_id, "task_ids": ["run"], "only_failed": False}
            self.airflow.call(f"/dags/{dag_id}/clearTaskInstances", body)
        else:
            path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/run"
            self.airflow.call(path, {"new_state": how}, method="PATCH")
        self.cancelled.setdefault((dag_id, run_id), []).append(how)
        self.happened[f"{how}, {chosen['state']}"] += 1

    def _is_watched(self, dag_id: str, run_id: str) -> bool:
        """Wait until the triggerer of now has the trigger of a task: who marks it sooner meets a documented hole."""
        for _ in range(_PATIENCE_SECONDS):
            task = self.airflow.call(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/run")
            if task["state"] != "deferred":
                return False
            job = task.get("triggerer_job")
            if job and datetime.fromisoformat(job["start_date"]).timestamp() > self.airflow.started_at["triggerer"]:
                Moment().wait(_TRIGGER_SECONDS)
                return True
            Moment().wait(1)
        return False


def _kill(doomed: list[psutil.Process]) -> None:
    for process in doomed:
        with suppress(psutil.NoSuchProcess):
            process.kill()
