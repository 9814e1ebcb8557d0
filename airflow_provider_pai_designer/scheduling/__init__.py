"""Scheduling parameters and schedules of DataWorks nodes, evaluated without DataWorks."""

from __future__ import annotations

from airflow_provider_pai_designer.scheduling.business_date import business_date_for, workspace_zone
from airflow_provider_pai_designer.scheduling.cron import cycle_type, schedule_time_for, validate_cron
from airflow_provider_pai_designer.scheduling.evaluation import evaluate
from airflow_provider_pai_designer.scheduling.parameters import SchedulingParameters
from airflow_provider_pai_designer.scheduling.syntax import (
    BuiltIn,
    BusinessDate,
    Expression,
    Part,
    Reference,
    ScheduleTime,
    Text,
    parse,
)

__all__ = [
    "BuiltIn",
    "BusinessDate",
    "Expression",
    "Part",
    "Reference",
    "ScheduleTime",
    "SchedulingParameters",
    "Text",
    "business_date_for",
    "cycle_type",
    "evaluate",
    "parse",
    "schedule_time_for",
    "validate_cron",
    "workspace_zone",
]
