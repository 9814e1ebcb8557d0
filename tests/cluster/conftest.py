"""An Airflow as large installations have it: CeleryExecutor, Redis, PostgreSQL, two workers and two triggerers."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from tests.cluster.kinds import DAGS, NODE, connection_of
from tests.cluster.servers import postgresql_server, redis_server
from tests.conftest import connection
from tests.e2e.real_airflow import RealAirflow
from tests.generations import GENERATIONS
from tests.operators.test_existing_node import deployed

ROOT = Path(__file__).parent.parent.parent
TRIGGERERS = ("triggerer", "second triggerer")


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """A local DataWorks in which a run takes long enough for things to happen to those who wait."""
    with launch() as running:
        slow = {"behaviour": "slow", "node": "cluster", "step": "Write Table-1", "seconds": 25}
        running.control.seed({"steps": [slow]})
        yield running


@pytest.fixture(scope="session")
def airflow(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAirflow]:
    """Airflow with its workers apart from its scheduler; it notices soon when a triggerer is gone."""
    environment = {"PYTHONPATH": str(ROOT)}
    for generation in GENERATIONS:
        name = connection_of(generation.name)
        variable = f"AIRFLOW_CONN_{name.upper()}"
        os.environ[variable] = environment[variable] = connection(emulator, generation=generation)
        environment[NODE[generation.name]] = str(deployed(node_name="cluster", pai_designer_conn_id=name)["node_id"])
    with postgresql_server() as database, redis_server() as broker:
        started = RealAirflow(
            tmp_path_factory.mktemp("airflow"),
            database=f"postgresql+psycopg2://{database}",
            variables={
                **environment,
                "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
                "AIRFLOW__CORE__PARALLELISM": "16",
                "AIRFLOW__CELERY__BROKER_URL": broker,
                "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
                "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
                "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
                "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
                "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
                # so that both get some: whoever looks first takes all that it may
                "AIRFLOW__TRIGGERER__MAX_TRIGGER_TO_SELECT_PER_LOOP": "1",
            },
        )
        shutil.copy(Path(__file__).parent / "dag_of_cluster.py", started.dags)
        with started.running(*DAGS):
            started.start("triggerer", name=TRIGGERERS[1])
            yield started


@pytest.fixture(scope="session")
def workers(airflow: RealAirflow) -> list[subprocess.Popen[bytes]]:
    """Two workers."""
    return [
        airflow.start("celery", "worker", "--skip-serve-logs", "--celery-hostname", f"{name}@localhost", name=name)
        for name in ("worker-1", "worker-2")
    ]
