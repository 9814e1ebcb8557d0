"""Two DAGs with one task each, which waits in place or deferred; barriers come with the file."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from airflow.sdk import DAG

from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerTestNodeOperator
from tests.chaos.barriers import install

install()

for mode in ("in_place", "deferred"):
    with DAG(f"chaos_{mode}", schedule=None, start_date=datetime(2026, 1, 1), catchup=False) as dag:
        PaiDesignerTestNodeOperator(
            task_id="run",
            designer_node_id=os.environ["PAI_DESIGNER_CHAOS_NODE"],
            deferrable=mode == "deferred",
            poll_interval=1,
            settle=5,
            retries=2,
            retry_delay=timedelta(seconds=1),
        )
    globals()[f"chaos_{mode}"] = dag
