"""STS 2015-04-01, which gives out temporary keys: the operations.

Source: https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-overview
"""

from __future__ import annotations

from airflow_provider_pai_designer.emulator.sts_2015_04_01.roles import OPERATIONS

__all__ = ["OPERATIONS"]
