"""The boundary to Alibaba Cloud: credentials, endpoints, errors, and one module per service. Knows no Airflow."""

from __future__ import annotations
