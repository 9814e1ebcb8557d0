"""What a task's arguments mean in its Airflow run: its business date, and the run of DataWorks that is meant."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.designer.run import Run
from airflow_provider_pai_designer.exceptions import ContentError
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook, configured_timezone

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context


def business_date_of(hook: PaiDesignerHook, context: Context, given: object, *, name: str = "business_date") -> date:
    """Read a business date that was given, else tell that of the Airflow run.

    :param name: the argument in which it was given.
    :raises ConfigurationError: it is no date, or lies in the future.
    """
    from airflow_provider_pai_designer.hooks.arguments import read_business_date
    from airflow_provider_pai_designer.scheduling.run_times import read_run_times

    timezone = hook.timezone
    today = datetime.now(timezone).date()
    if isinstance(given, datetime) and given.tzinfo:
        given = given.astimezone(timezone).date()
    if given is not None:
        business_date = read_business_date(given, today=today, name=name)
    else:
        if (configured := configured_timezone()) != timezone.key:
            hook.log.info(
                "Dates are days in %s, the connection's time zone; [pai_designer] timezone is %s, so give macros "
                "conn_id=%r or tz=%r.",
                timezone.key,
                configured,
                hook.pai_designer_conn_id,
                timezone.key,
            )
        business_date = read_run_times(dict(context), timezone=timezone.key).business_date
    if business_date == today:
        hook.log.warning(
            "The business date is today, %s: its data is not complete, and the node's schedule time is tomorrow. A "
            "partitioned timetable needs run_offset=-1 for the day before.",
            business_date,
        )
    return business_date


def run_of(
    hook: PaiDesignerHook,
    context: Context,
    run: object,
    *,
    node_id: object,
    business_date: object,
    environment: str,
) -> Run:
    """Read which run is meant.

    :param run: the dict that a task returned, remote DAG ids, or a name with its node and business date.
    :return: the run; one that was named has no remote DAG ids until it is identified.
    :raises ConfigurationError: it is none of these.
    :raises NotFoundError: the service does not know the ids, or no longer.
    """
    from airflow_provider_pai_designer.hooks.arguments import read_run_reference

    reference = read_run_reference(run, node_id)
    if isinstance(reference, Run):
        return reference
    if isinstance(reference, tuple):
        return hook.read_run(reference, environment=environment)
    return Run(
        name=reference.name,
        node_id=reference.node_id,
        environment=environment,
        business_date=business_date_of(hook, context, business_date),
        remote_dag_ids=(),
    )


def read_file(beside: Path, path: object, what: str) -> str:
    """Read a text file that an argument names.

    :param beside: the folder of the DAG file, where a relative path starts.
    :param what: what the file holds, for the message.
    :raises ContentError: it cannot be read.
    """
    whole = beside / str(path)
    try:
        return whole.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContentError(
            f"The {what} file {str(whole)!r} cannot be read ({error}); a relative path starts at the folder of the DAG "
            "file."
        ) from None
