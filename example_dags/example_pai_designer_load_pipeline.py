"""Load a pipeline from PAI Designer by its name, and run it as a node every night.

Nothing lies beside this file: the task takes the pipeline as its latest successful whole run had it, and takes it over
again when it has changed since. The write step fills the partition ``dt=${global_var1}``; the scheduling parameter of
that name gets its value from DataWorks.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG

from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerNodeOperator

with DAG(
    "example_pai_designer_load_pipeline",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["example", "pai_designer"],
) as dag:
    PaiDesignerNodeOperator(
        task_id="daily_table",
        node_name="loaded_daily_table",
        folder="Business Flow/demo/Algorithm",
        pipeline="daily_table",
        parameters={"global_var1": "$bizdate"},
        on_pipeline_change="reload",
        poll_interval=1,
    )
