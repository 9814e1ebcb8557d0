"""A daily run for each business date, made to be backfilled: from Airflow's pages, its command line or its REST API.

The timetable has data intervals of one day, in the workspace's time zone. A backfill goes by the starts of intervals,
and here an interval starts with the business date: the dates of a backfill are the business dates that it fills.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable

from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerNodeOperator

with DAG(
    "example_pai_designer_backfill",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="Asia/Shanghai"),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # of scheduled runs; a backfill has a limit of its own
    max_active_runs=2,
    tags=["example", "pai_designer"],
) as dag:
    PaiDesignerNodeOperator(
        task_id="daily_features",
        node_name="backfilled_features",
        folder="Business Flow/demo/Algorithm",
        content_file="pipelines/daily_features.json",
        parameters={"bizdate": "$bizdate"},
        environment="DEV",
        # a long backfill waits without worker slots
        deferrable=True,
        poll_interval=1,
        timeout=3600,
        # the first runs of all want to make the node at the same time; one that is refused finds it at the next try
        retries=1,
        retry_delay=timedelta(seconds=10),
    )
