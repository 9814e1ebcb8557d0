"""What an Airflow run's own dates mean in the workspace: its business date and its schedule time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.exceptions import ConfigurationError
from airflow_provider_pai_designer.scheduling.business_date import business_date_for, workspace_zone

_PARTITION_CURE = (
    "for a partitioned timetable write run_offset=-1, so that a run fills the partition of the cycle before it"
)


@dataclass(frozen=True, kw_only=True)
class RunTimes:
    """The dates of an Airflow run; the business date is always the day before the schedule time.

    :param schedule_time: end of the data interval, or ``run_after``, local to the workspace and with its zone. A
        partitioned run has the same values whether it is scheduled or a backfill, so there it is the time of day of
        the partition's date, one day later.
    :param business_date: the day the run's data is for.
    """

    schedule_time: datetime
    business_date: date


def read_run_times(context: Mapping[str, Any], *, timezone: str, now: datetime | None = None) -> RunTimes:
    """Read the dates of a run from the context of one of its tasks.

    A partition that Airflow gives no date, but whose key is a day (``2026-11-22``), is for that day: so a run that an
    asset event has triggered has the business date of the event.

    :param timezone: the workspace's zone, for example ``Asia/Shanghai``.
    :param now: the present, with a zone; only tests give another one than the clock's.
    :raises ConfigurationError: there is no such zone, the run is for a partition without a date, or the business date
        lies in the future.
    """
    zone = workspace_zone(timezone)
    partition_key = _of_run(context, "partition_key")
    partition_date = _of_run(context, "partition_date") or _day(partition_key, zone)
    data_interval_end = _of_run(context, "data_interval_end")
    run_after = context["dag_run"].run_after
    if partition_date is None and partition_key is not None:
        raise ConfigurationError(
            f"The run is for the partition {partition_key!r}, which has no date here (Airflow tells it from 3.3 on, "
            'and for partitions that are dates): give the operator business_date=, such as "{{ dag_run.partition_key '
            '}}" where the key is a day.'
        )
    business_date = business_date_for(
        run_after=run_after, data_interval_end=data_interval_end, partition_date=partition_date, timezone=timezone
    )
    today = (now or datetime.now(zone)).astimezone(zone).date()
    if business_date > today:
        raise _in_the_future(business_date, today, zone, partitioned=partition_date is not None)
    moment = (partition_date or data_interval_end or run_after).astimezone(zone)
    day_after = business_date + timedelta(days=1)
    return RunTimes(
        schedule_time=datetime.combine(day_after, moment.time(), tzinfo=zone),
        business_date=business_date,
    )


def _day(partition_key: object, zone: ZoneInfo) -> datetime | None:
    """Return the midnight at which the day begins that is a partition's key, None for any other key."""
    if not isinstance(partition_key, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", partition_key):
        return None
    try:
        return datetime.combine(date.fromisoformat(partition_key), time(), tzinfo=zone)
    except ValueError:
        return None


def _of_run(context: Mapping[str, Any], name: str) -> Any:
    # Absent from the context of a run without a logical date, and of Airflow 3.2; the run itself may still know.
    value = context.get(name)
    return getattr(context["dag_run"], name, None) if value is None else value


def _in_the_future(business_date: date, today: date, zone: ZoneInfo, *, partitioned: bool) -> ConfigurationError:
    cure = _PARTITION_CURE if partitioned else "trigger the run with a logical date that has passed"
    return ConfigurationError(
        f"The business date {business_date} of this run lies in the future (it is {today} in {zone.key}), so there is "
        f"no data for it yet: {cure}, or give the operator business_date=."
    )
