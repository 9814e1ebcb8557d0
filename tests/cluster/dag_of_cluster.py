"""The DAGs of the cluster tests, with one task each: deferred on both generations of DataStudio, and in place."""

from __future__ import annotations

import os
from datetime import datetime

from airflow.sdk import DAG

from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerTestNodeOperator
from tests.cluster.kinds import DAGS, NODE, connection_of

for dag_id, (generation, deferrable) in DAGS.items():
    with DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=20) as dag:
        PaiDesignerTestNodeOperator(
            task_id="run",
            pai_designer_conn_id=connection_of(generation),
            designer_node_id=os.environ[NODE[generation]],
            deferrable=deferrable,
            poll_interval=2,
        )
    globals()[dag_id] = dag
