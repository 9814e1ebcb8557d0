"""DataWorks' scheduling parameters in Airflow templates and tasks.

In a template these functions are ``macros.pai_designer.<name>``. In the code of a task they are imported from here,
and in a DAG they may be given as ``user_defined_macros``; the run is known in each of these places::

    "{{ macros.pai_designer.bizdate() }}"
    "{{ macros.pai_designer.evaluate('$[add_months(yyyymmdd,-1)]') }}"

Each of them also takes ``tz=``, a time zone, or ``conn_id=``, a connection whose time zone is meant; without either
the zone is ``[pai_designer] timezone``. Never the DAG's zone, never ``ds``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from jinja2 import pass_context

if TYPE_CHECKING:
    from airflow_provider_pai_designer.scheduling.run_times import RunTimes

__all__ = ["bizdate", "bizmonth", "cyctime", "evaluate", "evaluate_all", "gmtdate"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def _macro(function: Callable[Concatenate[RunTimes, _Arguments], _Result]) -> Callable[..., _Result]:
    """Make a macro of a function of a run's dates; its callers give ``tz`` and ``conn_id`` instead of the dates."""

    @pass_context
    @wraps(function)
    def macro(*arguments: Any, tz: str | None = None, conn_id: str | None = None, **named: Any) -> _Result:
        from airflow_provider_pai_designer.scheduling.run_times import read_run_times

        # A template engine passes its context first; the code of a task has none to pass.
        given = bool(arguments) and isinstance(arguments[0], Mapping) and "dag_run" in arguments[0]
        context = arguments[0] if given else _current_context()
        times = read_run_times(context, timezone=_timezone(tz, conn_id))
        return function(times, *arguments[given:], **named)

    return macro


@_macro
def bizdate(run: RunTimes, fmt: str = "yyyymmdd", offset: int = 0) -> str:
    """Give the business date: ``$bizdate``, and with arguments ``${...}``.

    :param fmt: format in DataWorks' words: ``yyyy``, ``yy``, ``mm``, ``dd`` and separators.
    :param offset: how many days to go on, or months or years where the format ends with them.
    """
    from airflow_provider_pai_designer.exceptions import ConfigurationError
    from airflow_provider_pai_designer.scheduling import BusinessDate, parse

    expression = f"${{{fmt}{int(offset):+d}}}" if int(offset) else f"${{{fmt}}}"
    if not all(isinstance(part, BusinessDate) for part in parse(expression).parts):
        raise ConfigurationError(f"The format {fmt!r} is none of DataWorks' for a date; write it as 'yyyy-mm-dd'.")
    return _evaluate(run, expression)


@_macro
def cyctime(run: RunTimes, fmt: str = "yyyymmddhh24miss") -> str:
    """Give the schedule time of the Airflow run: ``$cyctime``, and with a format ``$[...]``.

    It is not the schedule time that the node's own cron gives; operators use that one.

    :param fmt: format in DataWorks' words, such as ``yyyy-mm-dd hh24:mi:ss``.
    """
    return _evaluate(run, f"$[{fmt}]")


@_macro
def gmtdate(run: RunTimes) -> str:
    """Give the day of the run's schedule time: ``$gmtdate``."""
    return _evaluate(run, "$gmtdate")


@_macro
def bizmonth(run: RunTimes) -> str:
    """Give the month of the business date, or the month before within the current month: ``$bizmonth``."""
    return _evaluate(run, "$bizmonth")


@_macro
def evaluate(run: RunTimes, expression: str) -> str:
    """Give the value of any text with DataWorks' expressions in it, at the run's schedule time.

    :param expression: for example ``$[yyyymmdd-1/24]``.
    """
    return _evaluate(run, expression)


@_macro
def evaluate_all(run: RunTimes, mapping: Mapping[str, str]) -> dict[str, str]:
    """Give the values of scheduling parameters, name by name, at the run's schedule time.

    :param mapping: for example ``{"dt": "$bizdate"}``.
    """
    from airflow_provider_pai_designer.scheduling import SchedulingParameters

    return SchedulingParameters.from_mapping(mapping).evaluate(schedule_time=run.schedule_time)


def _evaluate(run: RunTimes, expression: str) -> str:
    from airflow_provider_pai_designer import scheduling

    return scheduling.evaluate(expression, schedule_time=run.schedule_time)


def _current_context() -> Mapping[str, Any]:
    from airflow.sdk import get_current_context

    return get_current_context()


def _timezone(tz: str | None, conn_id: str | None) -> str:
    if tz is not None:
        return tz
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook, configured_timezone

    return configured_timezone() if conn_id is None else PaiDesignerHook(conn_id).timezone.key
