"""PaiStudio OpenAPI 2021-02-02: the drafts of pipelines, which it calls experiments, and their jobs.

A job is a run of PAIFlow, where its steps can be watched.
Source: https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-dir-workflow-draft and its siblings
"""

from __future__ import annotations

from airflow_provider_pai_designer.emulator.paistudio_2021_02_02 import (
    experiments,
    folders,
    jobs,
    templates,
    unsupported,
)
from airflow_provider_pai_designer.emulator.paistudio_2021_02_02.registry import OPERATIONS

__all__ = ["OPERATIONS", "experiments", "folders", "jobs", "templates", "unsupported"]
