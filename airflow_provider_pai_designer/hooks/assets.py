"""The events of a task's assets: for which business dates there is new data, and which run has made it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_pai_designer.exceptions import ConfigurationError
from airflow_provider_pai_designer.scheduling.run_times import read_run_times

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context


def describe_outlets(
    context: Context,
    outlets: Iterable[object],
    *,
    run: Mapping[str, Any],
    business_dates: Sequence[date],
    timezone: str,
    partitioned: bool,
) -> None:
    """Complete the event that Airflow emits for each asset when the task succeeds; what a user has put there stays.

    ``extra`` gets the members of ``run`` and ``business_dates``, a list of days (``YYYY-MM-DD``). From Airflow 3.3 on
    there is one event for each business date, with the day as its partition key; an Airflow run that is for a partition
    itself, of the very day, keeps its own key. An asset alias names no asset yet, and is left alone.

    :param run: plain JSON that says which run it was.
    :param timezone: the workspace's zone, for example ``Asia/Shanghai``.
    :param partitioned: False gives one event without a partition, whatever the version of Airflow.
    """
    from airflow.sdk import Asset
    from airflow.sdk.definitions.asset import AssetRef

    days = [day.isoformat() for day in business_dates]
    partitioned = partitioned and not _is_of_partition(context, business_dates, timezone)
    for outlet in outlets:
        if not isinstance(outlet, Asset | AssetRef):
            continue
        event: Any = context["outlet_events"][outlet]
        for name, value in {**run, "business_dates": days}.items():
            event.extra.setdefault(name, value)
        # Airflow 3.2 has no way to name partitions.
        if partitioned and hasattr(event, "add_partitions") and not event.partition_keys:
            event.add_partitions(days)


def _is_of_partition(context: Context, business_dates: Sequence[date], timezone: str) -> bool:
    """Tell whether the Airflow run is for a partition, and this is the partition's day."""
    if getattr(context["dag_run"], "partition_key", None) is None:
        return False
    try:
        return list(business_dates) == [read_run_times(dict(context), timezone=timezone).business_date]
    except ConfigurationError:
        return False
