"""A real Airflow on PostgreSQL, and a local DataWorks in which calls fail at random."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from tests.browser.postgresql import empty_database
from tests.conftest import connection
from tests.generations import LEGACY, NEW
from tests.operators.test_existing_node import deployed
from tests.soak.hazards import RestartedAirflow
from tests.soak.kinds import FOLDER, GENERATIONS, KINDS, PARAMETERS, connection_of, dag_of, node_of

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def draw() -> int:
    """The number from which all is drawn."""
    return int(os.environ.get("PAI_DESIGNER_SOAK_SEED") or secrets.randbelow(10**6))


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the emulator keeps its state and its log."""
    return tmp_path_factory.mktemp("emulator")


@pytest.fixture(scope="session")
def emulator(data: Path) -> Iterator[Emulator]:
    """A local DataWorks in which a run takes some five seconds, and those of one node fail."""
    with launch(data) as running:
        running.control.seed({"steps": [{"behaviour": "fail", "node": node_of("doomed"), "step": "*"}]})
        yield running


@pytest.fixture(scope="session")
def airflow(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestartedAirflow]:
    """An Airflow that notices soon when a task is gone; one node of each kind is there but for those made by tasks."""
    connections = {
        f"AIRFLOW_CONN_{connection_of(generation.name).upper()}": connection(emulator, generation=generation)
        for generation in (LEGACY, NEW)
    }
    os.environ.update(connections)
    for generation in GENERATIONS:
        for kind in KINDS:
            if kind != "in_place":
                deployed(
                    node_name=node_of(kind),
                    folder=FOLDER,
                    parameters=PARAMETERS,
                    pai_designer_conn_id=connection_of(generation),
                )
    with empty_database() as database:
        started = RestartedAirflow(
            tmp_path_factory.mktemp("airflow"),
            database=database,
            variables={
                **connections,
                "AIRFLOW__CORE__PARALLELISM": "8",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
                "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
                "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
                "PYTHONPATH": str(ROOT),
            },
        )
        shutil.copy(Path(__file__).parent / "dag_of_soak.py", started.dags)
        with started.running(*(dag_of(kind, generation) for kind in KINDS for generation in GENERATIONS)):
            yield started


@pytest.fixture(scope="session")
def random(draw: int) -> Random:
    """Where chance comes from."""
    return Random(draw)
