"""DataWorks' scheduling parameters wherever Airflow takes a template, and in the code of a task.

The node is run as in ``example_pai_designer_node``; the global variable of its pipeline gets another day for this run
alone, and the tasks beside it name the same days with the macros.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, task

from airflow_provider_pai_designer.macros import bizdate, evaluate
from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerNodeOperator


@task
def announce(partition: str) -> None:
    """Show a rendered template."""
    print("waiting for", partition)


@task
def compare(written: str) -> None:
    """Work with the same days in the code of a task."""
    print("business date", bizdate("yyyy-mm-dd"), "and a month before the run", evaluate("$[add_months(yyyymmdd,-1)]"))
    print("written", written)


with DAG(
    "example_pai_designer_macros",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["example", "pai_designer"],
    # for environments where plugins are switched off
    user_defined_macros={"business_date": bizdate},
) as dag:
    features = PaiDesignerNodeOperator(
        task_id="features_of_a_week_ago",
        node_name="features_of_a_week_ago",
        folder="Business Flow/demo/Algorithm",
        content_file="pipelines/daily_features.json",
        parameters={"bizdate": "$bizdate"},
        run_parameters={"bizdate": "${yyyymmdd-7}"},
        business_date="{{ business_date() }}",
        environment="DEV",
        poll_interval=1,
    )
    announce("dt={{ macros.pai_designer.bizdate(offset=-7) }}") >> features
    features >> compare("dt={{ macros.pai_designer.evaluate('${yyyymmdd-7}') }}")
