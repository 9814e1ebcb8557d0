"""A real Airflow on PostgreSQL whose tasks can be held and killed, and a local DataWorks behind its connection."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from tests.browser.conftest import all_healthy
from tests.browser.postgresql import empty_database
from tests.chaos.barriers import FOLDER
from tests.chaos.scene import DAGS, Scene
from tests.conftest import connection
from tests.e2e.real_airflow import RealAirflow
from tests.operators.test_existing_node import deployed

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """A local DataWorks in which a run takes some five seconds."""
    with launch() as running:
        yield running


@pytest.fixture(scope="session")
def scene(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An Airflow that notices soon when a task is gone."""
    folder = tmp_path_factory.mktemp("barriers")
    os.environ["AIRFLOW_CONN_PAI_DESIGNER_DEFAULT"] = connection(emulator)
    node = deployed(node_name="chaos")
    with empty_database() as database:
        airflow = RealAirflow(
            tmp_path_factory.mktemp("airflow"),
            database=database,
            variables={
                "AIRFLOW_CONN_PAI_DESIGNER_DEFAULT": connection(emulator),
                "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "12",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
                "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
                "PYTHONPATH": str(ROOT),
                FOLDER: str(folder),
                "PAI_DESIGNER_CHAOS_NODE": str(node["node_id"]),
            },
        )
        shutil.copy(Path(__file__).parent / "dag_of_chaos.py", airflow.dags)
        try:
            airflow.migrate()
            for component in ("api-server", "scheduler", "dag-processor", "triggerer"):
                airflow.start(component)
            airflow.log_in()
            airflow.wait_for("all components", lambda: all_healthy(airflow))
            airflow.wait_for("the DAGs", lambda: airflow.call("/dags")["total_entries"] == len(DAGS))
            for dag_id in DAGS.values():
                airflow.call(f"/dags/{dag_id}", {"is_paused": False}, method="PATCH")
            yield Scene(airflow=airflow, emulator=emulator, folder=folder, node_id=node["node_id"])
        finally:
            airflow.stop()
