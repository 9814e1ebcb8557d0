"""What a user would lose: examples that run as they stand."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pai_designer import macros
from airflow_provider_pai_designer.emulator.launch import Emulator
from tests.conftest import DAGS_FOLDER


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow's own database, made once."""
    from airflow.utils.db import initdb

    initdb()


def load_dag(name: str) -> Any:
    """Import an example as Airflow does, by its path."""
    path = Path(DAGS_FOLDER) / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.dag


@pytest.mark.parametrize("deferrable", [False, True], ids=["in place", "deferred"])
@pytest.mark.usefixtures("airflow_database")
def test_example_pai_designer_node(connected: Emulator, deferrable: bool) -> None:
    dag = load_dag("example_pai_designer_node")
    dag.get_task("daily_features").deferrable = deferrable
    run = dag.test()
    assert run.state == "success"
    assert "demo_project.demo_output_table" in connected.control.tables()


@pytest.mark.usefixtures("airflow_database")
def test_example_pai_designer_macros(connected: Emulator) -> None:
    run = load_dag("example_pai_designer_macros").test()
    assert run.state == "success"
    week_ago = macros.bizdate({"dag_run": run}, offset=-7)
    assert f"dt={week_ago}" in connected.control.tables()["demo_project.demo_output_table"]
