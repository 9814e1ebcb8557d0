"""The business date of an Airflow run: one rule for operators, macros and emulator."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.exceptions import ConfigurationError


def business_date_for(
    *,
    run_after: datetime,
    data_interval_end: datetime | None,
    partition_date: datetime | None,
    timezone: str,
) -> date:
    """Give the day that a run's data is for, in the zone of the workspace.

    That is the day before the run's schedule time, which is the end of its data interval, or ``run_after``
    where a run has no interval. A partitioned run names its day itself. All times carry a zone.

    :param timezone: the workspace's zone, for example ``Asia/Shanghai``; never the DAG's.
    :raises ConfigurationError: there is no such zone.
    """
    zone = workspace_zone(timezone)
    if partition_date is not None:
        return _local_date(partition_date, zone)
    return _local_date(data_interval_end or run_after, zone) - timedelta(days=1)


def workspace_zone(name: str) -> ZoneInfo:
    """Return the time zone of that name.

    :raises ConfigurationError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigurationError(
            f"There is no time zone {name!r}. Write the name of the workspace's zone as in the IANA"
            " database, such as 'Asia/Shanghai', in the connection's field or in [pai_designer] timezone."
        ) from None


def _local_date(moment: datetime, zone: ZoneInfo) -> date:
    if moment.tzinfo is None:
        raise ConfigurationError(f"{moment} has no time zone; give it one, such as {moment}+00:00.")
    local = moment.astimezone(zone)
    # A plain date even where pendulum's datetime is given.
    return date(local.year, local.month, local.day)
