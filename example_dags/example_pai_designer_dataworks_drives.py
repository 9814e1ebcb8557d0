"""DataWorks drives: the node runs by its own schedule, and Airflow waits for its instances before it goes on.

The node ``scheduled_features`` is deployed to production with a schedule of its own, every night at 02:30 in the
workspace's time zone; nothing here starts it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_pai_designer.sensors.pai_designer import PaiDesignerScheduledInstanceSensor


@task
def publish(instances: Any) -> None:
    """Work that needs what the pipeline has written."""
    print("written by", [item["instance_id"] for item in instances["instances"]])


with DAG(
    "example_pai_designer_dataworks_drives",
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["example", "pai_designer"],
) as dag:
    features = PaiDesignerScheduledInstanceSensor(
        task_id="features",
        node_name="scheduled_features",
        folder="Business Flow/demo/Algorithm",
        environment="PROD",
        poke_interval=60,
        timeout=6 * 3600,
    )
    publish(features.output)
