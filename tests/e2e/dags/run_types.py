"""A DAG for every timetable, in two zones; each run writes down what the macros gave it."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import (
    DAG,
    Asset,
    CronDataIntervalTimetable,
    CronPartitionTimetable,
    CronTriggerTimetable,
    DeltaDataIntervalTimetable,
    DeltaTriggerTimetable,
    get_current_context,
    task,
)

from airflow_provider_pai_designer import macros

ZONES = {"utc": ("UTC", "30 18 * * *"), "shanghai": ("Asia/Shanghai", "30 2 * * *")}
FIRST = datetime(2025, 3, 1, 18, 30, tzinfo=ZoneInfo("UTC"))
DAY = timedelta(days=1)
EXPRESSIONS = {"hour_before": "$[yyyymmddhh24-1/24]", "month_before": "$[add_months(yyyymm,-1)]"}


@task
def record(rendered: dict[str, str]) -> None:
    """Write down what the templates were rendered to, and what the same functions give in the code of a task."""
    context: Any = get_current_context()
    run = context["dag_run"]
    in_code = {
        "bizdate": macros.bizdate(),
        "cyctime": macros.cyctime(),
        "evaluated": json.dumps(macros.evaluate_all(EXPRESSIONS)),
    }
    facts = {"dag": run.dag_id, "run_id": run.run_id, "ds": context.get("ds"), "run_after": run.run_after.isoformat()}
    part = Path(os.environ["AIRFLOW_HOME"]) / "recorded" / f"{context['ti'].id}.part"
    part.parent.mkdir(exist_ok=True)
    part.write_text(json.dumps({**facts, "rendered": rendered, "in_code": in_code}))
    part.rename(part.with_suffix(".json"))


for name, (zone, cron) in ZONES.items():
    timetables: dict[str, Any] = {
        "cron_trigger": CronTriggerTimetable(cron, timezone=zone),
        "cron_data_interval": CronDataIntervalTimetable(cron, timezone=zone),
        "delta_trigger": DeltaTriggerTimetable(DAY),
        "delta_data_interval": DeltaDataIntervalTimetable(DAY),
        "cron_partition": CronPartitionTimetable(cron, timezone=zone, run_offset=-1),
        "asset": [Asset(f"{name}_asset")],
    }
    for kind, timetable in timetables.items():
        start = (FIRST - DAY if kind.endswith("data_interval") else FIRST).astimezone(ZoneInfo(zone))
        with DAG(
            f"{kind}.{name}",
            schedule=timetable,
            start_date=start,
            end_date=start + DAY / 2,
            catchup=True,
            is_paused_upon_creation=False,
        ) as dag:
            record(
                {
                    "bizdate": "{{ macros.pai_designer.bizdate() }}",
                    "cyctime": "{{ macros.pai_designer.cyctime() }}",
                    "evaluated": "{{ macros.pai_designer.evaluate_all(%s) | tojson }}" % EXPRESSIONS,  # noqa: UP031
                }
            )
        globals()[dag.dag_id] = dag
