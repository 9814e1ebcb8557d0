"""Backfill a week, and give what failed a second chance before anybody is called.

Only the instances that failed run again, under their own ids; those that succeeded stay.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG

from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerBackfillNodeOperator,
    PaiDesignerDeployNodeOperator,
    PaiDesignerRerunFailedOperator,
)

with DAG(
    "example_pai_designer_rerun_failed",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    default_args={"poll_interval": 1},
    tags=["example", "pai_designer"],
) as dag:
    deploy = PaiDesignerDeployNodeOperator(
        task_id="deploy",
        node_name="repaired_features",
        folder="Business Flow/demo/Algorithm",
        content_file="pipelines/daily_features.json",
        parameters={"bizdate": "$bizdate"},
    )
    backfill = PaiDesignerBackfillNodeOperator(
        task_id="backfill",
        designer_node_id="{{ ti.xcom_pull('deploy', key='node_id') }}",
        start_business_date="2026-01-01",
        end_business_date="2026-01-07",
    )
    # remote_dag_ids is there from the start of the run, so it is there after a failure too
    rerun_failed = PaiDesignerRerunFailedOperator(
        task_id="rerun_failed",
        run="{{ ti.xcom_pull(task_ids='backfill', key='remote_dag_ids') | tojson }}",
        trigger_rule="one_failed",
    )
    deploy >> backfill >> rerun_failed
