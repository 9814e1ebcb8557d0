"""DataWorks OpenAPI 2024-05-18 (``dataworks-public``): the operations, by what they act on.

The nodes of the new Data Studio become the same scheduler's nodes as the files of the legacy one, and their runs and
instances are the same rows: two spellings of one world.
"""

from __future__ import annotations

from airflow_provider_pai_designer.emulator.dataworks_2024_05_18 import (
    nodes,
    pipeline_runs,
    task_instances,
    tasks,
    workflow_instances,
    workspaces,
)
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.registry import OPERATIONS

__all__ = ["OPERATIONS", "nodes", "pipeline_runs", "task_instances", "tasks", "workflow_instances", "workspaces"]
