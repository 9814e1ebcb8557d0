"""A whole task in a real Airflow with LocalExecutor: what it takes beyond the remote run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from benchmarks.load.world import connection
from benchmarks.report import Line, Section
from benchmarks.rows.bench import Bench
from tests.e2e.real_airflow import RealAirflow

CASES = ()
COUNTS_ONLY = False
_MODES = {"in_place": 5.0, "deferred": 10.0}
"""The task's id to the most seconds that it may take of its own."""

_DAG = """
from datetime import datetime
from airflow.sdk import DAG
from airflow_provider_pai_designer.emulator.seed import content
from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerNodeOperator
for name in ("in_place", "deferred"):
    with DAG(name, schedule=None, start_date=datetime(2026, 1, 1)):
        PaiDesignerNodeOperator(
            task_id=name, node_name=name, folder="Business Flow/demo/Algorithm", content=content("three_steps"),
            poll_interval=1, deferrable=name == "deferred",
        )
"""


def measure(bench: Bench) -> Section:
    """Return the lines of this row."""
    times = 7 if bench.full else 3
    with _airflow() as (airflow, emulator):
        for name in _MODES:
            # the first one makes the node
            _overhead(airflow, emulator, name)
        overheads = {name: [_overhead(airflow, emulator, name) for _ in range(times)] for name in _MODES}
    return Section(
        title="Full task, `poll_interval=1`, node unchanged",
        notes="From the task's start to its end as Airflow records them, less the time from the creation of the "
        "instance to its end; of the deferred one, the ways to the triggerer and back are in it.",
        lines=[
            Line(
                what=f"{name.replace('_', ' ')}, median of {times}",
                measured=f"{median(overheads[name]):.1f} s",
                target=f"under {most:.0f} s",
                met=median(overheads[name]) < most,
            )
            for name, most in _MODES.items()
        ],
    )


@contextmanager
def _airflow() -> Iterator[tuple[RealAirflow, Emulator]]:
    with tempfile.TemporaryDirectory(prefix="pai-designer-bench-") as home, launch() as emulator:
        variables = {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor", **connection(emulator.url)}
        airflow = RealAirflow(Path(home) / "airflow", variables=variables)
        (airflow.dags / "benchmark.py").write_text(_DAG, encoding="utf-8")
        with airflow.running(*_MODES):
            yield airflow, emulator


def _overhead(airflow: RealAirflow, emulator: Emulator, name: str) -> float:
    """Run a task, and return the seconds that it took beyond its remote run."""
    run_id = airflow.call(f"/dags/{name}/dagRuns", {"logical_date": None})["dag_run_id"]

    def ended() -> Any:
        instance = airflow.call(f"/dags/{name}/dagRuns/{run_id}/taskInstances/{name}")
        return instance if instance["state"] in ("success", "failed") else None

    task = airflow.wait_for(f"the task {name}", ended, seconds=120)
    assert task["state"] == "success", airflow.ends_of_logs()
    taken = datetime.fromisoformat(task["end_date"]) - datetime.fromisoformat(task["start_date"])
    newest = max(emulator.control.rows("instances"), key=lambda row: int(row["id"]))
    return float(taken.total_seconds() - (newest["finished"] - newest["created"]) / 1000)
