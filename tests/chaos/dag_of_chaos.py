"""DAGs with one task each, which waits in place or deferred; barriers come with the file."""

from __future__ import annotations

import os
from datetime import datetime

from airflow.sdk import DAG

from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerNodeOperator, PaiDesignerTestNodeOperator
from tests.chaos.barriers import install
from tests.chaos.kinds import DAGS, FOLDER, NODE, OF_THE_DAG, OPTIONS, connection_of
from tests.contents import read_content

install()

for (kind, mode, generation), dag_id in DAGS.items():
    with DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1), catchup=False, **OF_THE_DAG.get(kind, {})) as dag:
        options = {
            "task_id": "run",
            "pai_designer_conn_id": connection_of(generation),
            "deferrable": mode == "deferred",
            "poll_interval": 1,
            **OPTIONS[kind],
        }
        if kind == "deploying":
            PaiDesignerNodeOperator(
                **options,
                node_name="{{ run_id }}",
                folder=FOLDER,
                content=read_content("global_variable"),
                parameters={"bizdate": "$bizdate"},
                environment="PROD",
            )
        else:
            PaiDesignerTestNodeOperator(**options, designer_node_id=os.environ[NODE[generation]])
    globals()[dag_id] = dag
