"""What a user would lose: a run that is stopped, or started again, because one machine of several went away."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import psutil
import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator
from tests.cluster.conftest import TRIGGERERS
from tests.cluster.kinds import DEFERRED, IN_PLACE
from tests.e2e.real_airflow import RealAirflow

_NUMBERS = count(1)
_SECONDS = 180
_RUNS_OF_EACH = 4


class Scene:
    """Some runs of DAGs, and what Airflow and DataWorks have of them.

    :param dag_ids: a run of each is triggered.
    """

    def __init__(self, airflow: RealAirflow, emulator: Emulator, dag_ids: Sequence[str]) -> None:
        self.airflow, self.emulator = airflow, emulator
        self._before, self._stops_before = len(self._remote()), self._stops()
        self._paths = [self._trigger(dag_id) for dag_id in dag_ids]

    def _trigger(self, dag_id: str) -> str:
        run_id = f"cluster_{next(_NUMBERS)}"
        self.airflow.call(f"/dags/{dag_id}/dagRuns", {"dag_run_id": run_id, "logical_date": None})
        return f"/dags/{dag_id}/dagRuns/{run_id}"

    def tasks(self) -> list[dict[str, Any]]:
        """The task of each run, as Airflow has it."""
        return [self.airflow.call(f"{path}/taskInstances/run") for path in self._paths]

    def states(self) -> set[str]:
        """The states of the tasks."""
        return {str(task["state"]) for task in self.tasks()}

    def triggerers(self) -> set[int | None]:
        """Who has the triggers of the tasks; None of those that have no trigger, or whose trigger nobody has."""
        jobs = [task["triggerer_job"] for task in self.tasks()]
        return {None if job is None else int(job["id"]) for job in jobs}

    def wait_for(self, what: str, ask: Callable[[], Any]) -> Any:
        """Wait for something."""
        return self.airflow.wait_for(what, ask, seconds=_SECONDS)

    def _remote(self) -> list[dict[str, Any]]:
        return sorted(self.emulator.control.rows("instances"), key=lambda item: int(item["id"]))

    def runs(self) -> list[str]:
        """How each run goes that DataWorks was asked for."""
        return [str(item["status"]) for item in self._remote()[self._before :]]

    def _stops(self) -> int:
        return sum(self.emulator.control.calls(operation) for operation in ("StopInstance", "StopTaskInstances"))

    def all_ended(self) -> bool:
        """Whether all runs of the DAGs have ended."""
        return all(self.airflow.call(path)["state"] in ("success", "failed") for path in self._paths)

    def assert_untouched(self) -> None:
        """Each task ended well in its first try, with a run of its own, and nothing was stopped."""
        self.wait_for("the end of the runs", self.all_ended)
        assert [(task["state"], task["try_number"]) for task in self.tasks()] == [("success", 1)] * len(self._paths)
        remote = [tuple(self._result(path)["remote_dag_ids"]) for path in self._paths]
        assert len(set(remote)) == len(self._paths)
        assert self.runs() == ["SUCCESS"] * len(self._paths)
        assert self._stops() == self._stops_before

    def _result(self, path: str) -> dict[str, Any]:
        entry = self.airflow.call(f"{path}/taskInstances/run/xcomEntries/return_value?deserialize=true")
        result: dict[str, Any] = entry["value"]
        return result


@pytest.mark.usefixtures("workers")
def test_the_runs_survive_a_triggerer_that_is_killed(airflow: RealAirflow, emulator: Emulator) -> None:
    scene = Scene(airflow, emulator, [*DEFERRED] * _RUNS_OF_EACH)
    scene.wait_for("all to be deferred", lambda: scene.states() == {"deferred"} and None not in scene.triggerers())
    assert len(scene.triggerers()) == len(TRIGGERERS)
    # the one that was started first
    doomed = min(job for job in scene.triggerers() if job is not None)
    airflow.kill(TRIGGERERS[0])
    scene.wait_for("the other triggerer", lambda: doomed not in scene.triggerers())
    scene.assert_untouched()
    airflow.start(TRIGGERERS[0])


def test_a_warm_shutdown_of_a_worker_leaves_the_run(
    airflow: RealAirflow, emulator: Emulator, workers: list[subprocess.Popen[bytes]]
) -> None:
    scene = Scene(airflow, emulator, [IN_PLACE])
    scene.wait_for("the run", lambda: scene.runs() == ["RUNNING"])
    (busy,) = [worker for worker in workers if has_task(worker)]
    busy.terminate()
    scene.assert_untouched()
    assert busy.wait(_SECONDS) == 0


def has_task(worker: subprocess.Popen[bytes]) -> bool:
    """Whether one of the processes of a worker supervises that of a task."""
    return any(process.children() for process in psutil.Process(worker.pid).children())
