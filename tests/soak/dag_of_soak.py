"""The DAGs of the soak: every way to wait for a run, for each generation of DataStudio."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG

from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerBackfillNodeOperator,
    PaiDesignerNodeOperator,
    PaiDesignerTestNodeOperator,
)
from airflow_provider_pai_designer.sensors.pai_designer import PaiDesignerRunSensor
from tests.contents import read_content
from tests.soak.kinds import FOLDER, GENERATIONS, KINDS, PARAMETERS, connection_of, dag_of, node_of

START = "run"


def add_task(kind: str, generation: str) -> None:
    """Add what a DAG of this kind does: its task ``run`` asks for the run."""
    asks: dict[str, Any] = {
        "task_id": START,
        "pai_designer_conn_id": connection_of(generation),
        "node_name": node_of(kind),
        "folder": FOLDER,
        "poll_interval": 2,
        "settle": 20,
    }
    match kind:
        case "in_place":
            PaiDesignerNodeOperator(**asks, content=read_content("global_variable"), parameters=PARAMETERS)
        case "deferred":
            PaiDesignerTestNodeOperator(**asks, deferrable=True)
        case "doomed":
            PaiDesignerTestNodeOperator(**asks, deferrable=True, retries=2)
        case "rerun":
            PaiDesignerTestNodeOperator(**asks, deferrable=generation == "new", on_retry="rerun_failed")
        case "backfill":
            PaiDesignerBackfillNodeOperator(
                **asks,
                start_business_date="2026-10-01",
                end_business_date="2026-10-03",
                max_parallel_dates=2,
                deferrable=generation == "legacy",
            )
        case "sensor":
            start = PaiDesignerTestNodeOperator(**asks, wait_for_completion=False)
            PaiDesignerRunSensor(
                task_id="sense",
                pai_designer_conn_id=connection_of(generation),
                run=start.output,
                poke_interval=2,
                mode="reschedule",
                deferrable=generation == "legacy",
            )


for generation in GENERATIONS:
    for kind in KINDS:
        with DAG(
            dag_of(kind, generation),
            schedule=None,
            start_date=datetime(2026, 1, 1),
            catchup=False,
            max_active_runs=50,
            default_args={"retries": 10, "retry_delay": timedelta(seconds=2)},
        ) as dag:
            add_task(kind, generation)
        globals()[dag.dag_id] = dag
