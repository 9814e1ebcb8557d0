"""DataWorks OpenAPI 2020-05-18 (``dataworks-public``): the operations, by what they act on.

Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-overview
"""

from __future__ import annotations

from airflow_provider_pai_designer.emulator.dataworks_2020_05_18 import (
    deployments,
    files,
    folders,
    instances,
    nodes,
    workspaces,
)
from airflow_provider_pai_designer.emulator.dataworks_2020_05_18.registry import OPERATIONS

__all__ = ["OPERATIONS", "deployments", "files", "folders", "instances", "nodes", "workspaces"]
