"""What a user would lose: examples that run as they stand."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.execution_time.context import OutletEventAccessor

from airflow_provider_pai_designer import macros
from airflow_provider_pai_designer.designer.node import Node, Schedule
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.scheduling import SchedulingParameters
from tests.conftest import DAGS_FOLDER, connection
from tests.contents import read_content
from tests.generations import on_both
from tests.operators.test_assets import events_of


def load_dag(name: str, variable: str = "dag") -> Any:
    """Import an example as Airflow does, by its path."""
    path = Path(DAGS_FOLDER) / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, variable)


def told(page: str) -> Any:
    """The result of a task as a page shows it: the one block of Python that is a value."""
    text = (Path(DAGS_FOLDER).parent / "docs" / page).read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(\{.*?)```", text, re.DOTALL)
    return ast.literal_eval(block)


def shape(value: Any) -> Any:
    """What a DAG relies on: the names of members, in lists of them too; but no names that the pipeline gives."""
    if isinstance(value, list):
        return shape(value[0]) if value else None
    return {name: shape(value[name]) for name in value if name != "value"} if isinstance(value, dict) else None


@on_both
@pytest.mark.parametrize("deferrable", [False, True], ids=["in place", "deferred"])
@pytest.mark.usefixtures("airflow_database")
def test_example_pai_designer_node(connected: Emulator, deferrable: bool) -> None:
    dag = load_dag("example_pai_designer_node")
    dag.get_task("daily_features").deferrable = deferrable
    run = dag.test()
    assert run.state == "success"
    assert "demo_project.demo_output_table" in connected.control.tables()
    (features,) = [item for item in run.get_task_instances() if item.task_id == "daily_features"]
    assert shape(features.xcom_pull(task_ids="daily_features")) == shape(told("operators.md"))


@pytest.mark.usefixtures("airflow_database")
def test_example_pai_designer_load_pipeline(connected: Emulator) -> None:
    run = load_dag("example_pai_designer_load_pipeline").test()
    assert run.state == "success"
    yesterday = macros.bizdate({"dag_run": run})
    assert f"dt={yesterday}" in connected.control.tables()["demo_project.demo_output_table"]


@pytest.mark.usefixtures("airflow_database")
def test_example_pai_designer_macros(connected: Emulator) -> None:
    run = load_dag("example_pai_designer_macros").test()
    assert run.state == "success"
    week_ago = macros.bizdate({"dag_run": run}, offset=-7)
    assert f"dt={week_ago}" in connected.control.tables()["demo_project.demo_output_table"]


@pytest.mark.usefixtures("airflow_database")
def test_example_pai_designer_backfill(connected: Emulator) -> None:
    run = load_dag("example_pai_designer_backfill").test()
    assert run.state == "success"
    yesterday = macros.bizdate({"dag_run": run})
    assert f"dt={yesterday}" in connected.control.tables()["demo_project.demo_output_table"]


@pytest.mark.parametrize("deferrable", [False, True], ids=["in place", "deferred"])
@pytest.mark.usefixtures("airflow_database")
def test_example_pai_designer_assets(connected: Emulator, deferrable: bool) -> None:
    dag = load_dag("example_pai_designer_assets")
    dag.get_task("features").deferrable = deferrable
    run = dag.test()
    assert run.state == "success"
    (event,) = events_of(run)
    day = macros.bizdate({"dag_run": run}, "yyyy-mm-dd")
    assert event.extra["business_dates"] == [day]
    # Airflow 3.2 has no way to name partitions
    assert event.partition_key == (day if hasattr(OutletEventAccessor, "add_partitions") else None)
    assert load_dag("example_pai_designer_assets", "scores").test().state == "success"


@on_both
@pytest.mark.usefixtures("airflow_database")
def test_example_pai_designer_operation_center(connected: Emulator) -> None:
    run = load_dag("example_pai_designer_operation_center").test()
    assert run.state == "success"
    written = connected.control.tables()["demo_project.demo_output_table"]
    assert {f"dt=2026010{day}" for day in range(1, 8)} <= set(written)
    assert PaiDesignerHook().compare_node(node_of_the_examples("operated_features")) is None


@pytest.mark.usefixtures("airflow_database")
def test_example_pai_designer_rerun_failed(connected: Emulator) -> None:
    connected.control.seed({"steps": [{"behaviour": "fail", "node": "repaired_features", "step": "*", "times": 2}]})
    dag = load_dag("example_pai_designer_rerun_failed")
    run = dag.test()
    states = {item.task_id: item.state for item in run.get_task_instances()}
    assert states == {"deploy": "success", "backfill": "failed", "rerun_failed": "success"}


@pytest.mark.parametrize("deferrable", [False, True], ids=["in place", "deferred"])
@pytest.mark.usefixtures("airflow_database", "connected")
def test_example_pai_designer_pipeline(deferrable: bool) -> None:
    dag = load_dag("example_pai_designer_pipeline")
    for name in ("train", "wait"):
        dag.get_task(name).deferrable = deferrable
    run = dag.test()
    assert run.state == "success"
    tasks = {item.task_id: item for item in run.get_task_instances()}
    assert tasks["report"].xcom_pull(task_ids="report")
    assert shape(tasks["train"].xcom_pull(task_ids="train")) == shape(told("pipelines.md"))


@on_both
@pytest.mark.parametrize("deferrable", [False, True], ids=["in place", "deferred"])
@pytest.mark.usefixtures("airflow_database", "connected")
def test_example_pai_designer_from_template(deferrable: bool) -> None:
    dag = load_dag("example_pai_designer_from_template")
    for name in ("run_once", "wait"):
        dag.get_task(name).deferrable = deferrable
    run = dag.test()
    assert run.state == "success"
    tasks = {item.task_id: item for item in run.get_task_instances()}
    assert tasks["read_metrics"].xcom_pull(task_ids="read_metrics")
    hook, ran = PaiDesignerHook(), tasks["run_once"].xcom_pull(task_ids="run_once")
    assert hook.paistudio.find_whole_job(hook.get_pipeline(ran["pipeline_id"])).id == ran["job_id"]


@pytest.mark.usefixtures("airflow_database")
def test_example_pai_designer_dataworks_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    with launch(time_scale=20, seed={"days_ago": 3}) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(emulator))
        schedule = Schedule(cron="00 30 02 * * ?", start=0, end=4_000_000_000_000)
        PaiDesignerHook().ensure_node(node_of_the_examples("scheduled_features", schedule), environment="PROD")
        emulator.control.clock.advance(3.5 * 86_400)
        assert load_dag("example_pai_designer_dataworks_drives").test().state == "success"


def node_of_the_examples(name: str, schedule: Schedule | None = None) -> Node:
    return Node(
        name=name,
        folder="Business Flow/demo/Algorithm",
        content=read_content("global_variable"),
        parameters=SchedulingParameters.from_mapping({"bizdate": "$bizdate"}),
        schedule=schedule or Schedule(),
    )
