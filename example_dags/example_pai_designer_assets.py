"""Let the DAG that needs a table start when the table has new data, for the business date of that data.

The task that fills the table names it as its outlet. When its run has succeeded, Airflow (from 3.3 on) has an event for
each business date, with the day as partition key. The second DAG listens for partitions, so each of them gives it a run
of its own, and the operator there knows the day without being told: it is the run's partition.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, Asset, PartitionedAssetTimetable

from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerNodeOperator

FEATURES = Asset("daily_features", uri="maxcompute://cn-shanghai/demo_project.demo_output_table")
NODE: dict[str, Any] = {
    "folder": "Business Flow/demo/Algorithm",
    "content_file": "pipelines/daily_features.json",
    "parameters": {"bizdate": "$bizdate"},
    "environment": "DEV",
    "poll_interval": 1,
}

with DAG(
    "example_pai_designer_assets",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["example", "pai_designer"],
) as dag:
    PaiDesignerNodeOperator(task_id="features", node_name="features_with_outlet", outlets=[FEATURES], **NODE)

with DAG(
    "example_pai_designer_assets_scores",
    schedule=PartitionedAssetTimetable(assets=FEATURES),
    start_date=datetime(2026, 1, 1),
    tags=["example", "pai_designer"],
) as scores:
    PaiDesignerNodeOperator(task_id="scores", node_name="scores_of_the_day", **NODE)
