"""PAIFlow OpenAPI 2021-02-02: registered pipelines and their runs.

A run executes its manifest as an instance of DataWorks executes that of its node, and the run of such an instance can
be read here.
Source: https://help.aliyun.com/zh/pai/developer-reference/api-paiflow-2021-02-02-overview
"""

from __future__ import annotations

from airflow_provider_pai_designer.emulator.paiflow_2021_02_02 import pipelines, run_nodes, runs
from airflow_provider_pai_designer.emulator.paiflow_2021_02_02.registry import OPERATIONS

__all__ = ["OPERATIONS", "pipelines", "run_nodes", "runs"]
