"""Run a pipeline drawn in PAI Designer every night, for the day before.

The pipeline's content lies beside this file, in ``pipelines/``. Its write step fills the partition
``dt=${global_var1}``; the global variable is bound to ``${bizdate}``, and the scheduling parameter of that name gets
its value from DataWorks.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerNodeOperator


@task
def report(result: Any) -> None:
    """Show what a downstream task knows about the run."""
    print(json.dumps(result, indent=2))


with DAG(
    "example_pai_designer_node",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["example", "pai_designer"],
) as dag:
    features = PaiDesignerNodeOperator(
        task_id="daily_features",
        node_name="daily_features",
        folder="Business Flow/demo/Algorithm",
        content_file="pipelines/daily_features.json",
        parameters={"bizdate": "$bizdate"},
        environment="DEV",
        poll_interval=1,
    )
    report(features.output)
