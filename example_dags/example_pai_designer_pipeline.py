"""Run a pipeline drawn in PAI Designer by itself, without a node of DataWorks, and look at its metrics.

A run can be started and awaited by one task, or started by one and awaited by a sensor: both ways are shown.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_pai_designer.operators.run_pipeline import PaiDesignerRunPipelineOperator
from airflow_provider_pai_designer.sensors.pipeline_run import PaiDesignerPipelineRunSensor


@task
def report(result: Any) -> list[Any]:
    """Show the metrics that the pipeline has left behind, and return their values."""
    metrics = [output for output in result["outputs"] if output["type"] == "Metrics"]
    for output in metrics:
        print(f"{output['step']}: {output['value']}")
    return [output["value"] for output in metrics]


with DAG(
    "example_pai_designer_pipeline",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["example", "pai_designer"],
) as dag:
    # runs as it last ran in PAI Designer
    train = PaiDesignerRunPipelineOperator(task_id="train", pipeline="risk_model", poll_interval=1)
    report(train.output)

    # another one is started here, and awaited there
    start = PaiDesignerRunPipelineOperator(task_id="start", pipeline="churn", wait_for_completion=False)
    wait = PaiDesignerPipelineRunSensor(task_id="wait", run=start.output, poke_interval=1, timeout=3600)
    train >> start >> wait
