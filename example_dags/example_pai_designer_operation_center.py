"""Every button of Operation Center as a task: deploy, Test, Backfill, stop, delete.

The node is deployed to production once and runs there when this DAG says so: its own schedule has no effect, because
the effective window lies far in the future.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG

from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerBackfillNodeOperator,
    PaiDesignerDeleteNodeOperator,
    PaiDesignerDeployNodeOperator,
    PaiDesignerStopRunOperator,
    PaiDesignerTestNodeOperator,
)
from airflow_provider_pai_designer.sensors.pai_designer import PaiDesignerRunSensor

NAME, FOLDER = "operated_features", "Business Flow/demo/Algorithm"
NODE_ID = "{{ ti.xcom_pull('deploy', key='node_id') }}"
RUN = "{{ ti.xcom_pull('start') | tojson }}"

with DAG(
    "example_pai_designer_operation_center",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    default_args={"poll_interval": 1, "environment": "PROD"},
    tags=["example", "pai_designer"],
) as dag:
    deploy = PaiDesignerDeployNodeOperator(
        task_id="deploy",
        content_file="pipelines/daily_features.json",
        parameters={"bizdate": "$bizdate"},
        node_name=NAME,
        folder=FOLDER,
    )

    # one Test for each of two days, as mapped tasks
    test = PaiDesignerTestNodeOperator.partial(task_id="test", designer_node_id=NODE_ID).expand(
        business_date=["2026-01-01", "2026-01-02"]
    )

    # a week at once, two days at a time
    backfill = PaiDesignerBackfillNodeOperator(
        task_id="backfill",
        designer_node_id=NODE_ID,
        start_business_date="2026-01-01",
        end_business_date="2026-01-07",
        max_parallel_dates=2,
    )

    # start here, wait there: what lies between goes on beside the run
    start = PaiDesignerTestNodeOperator(task_id="start", designer_node_id=NODE_ID, wait_for_completion=False)
    wait = PaiDesignerRunSensor(task_id="wait", run=RUN, poke_interval=1, timeout=600)

    # a run that is no longer wanted
    stop = PaiDesignerStopRunOperator(task_id="stop", run=RUN)

    delete = PaiDesignerDeleteNodeOperator(task_id="delete", node_name=NAME, folder=FOLDER)

    deploy >> test >> backfill >> start >> wait >> stop >> delete
