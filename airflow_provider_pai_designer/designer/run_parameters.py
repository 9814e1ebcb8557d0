"""The scheduling parameters of one run: which are sent, and whether DataWorks gave them the values that we expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.variables import unbound_names, unused_parameters
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    NodeDefinitionError,
    SchedulingParameterError,
)
from airflow_provider_pai_designer.scheduling import (
    BuiltIn,
    Reference,
    SchedulingParameters,
    Text,
    evaluate,
    parse,
    schedule_time_for,
)


def first_schedule_time(business_date: date, cron: str, zone: ZoneInfo) -> datetime:
    """Give the first time at which a node is planned on the day after a business date.

    :raises NodeDefinitionError: it is not planned on that day.
    """
    times = schedule_time_for(business_date, cron)
    if not times:
        raise NodeDefinitionError(
            f"The node is not due on the day after {business_date} (cron {cron!r}), so run_parameters have no schedule "
            "time to be evaluated at, and the run would be a dry run. Choose another business_date, or a cron that is "
            "due every day."
        )
    return times[0].replace(tzinfo=zone)


def complete_parameters(
    declared: SchedulingParameters, for_run: Mapping[str, str], *, schedule_time: datetime
) -> SchedulingParameters:
    """Lay the parameters of one run over the declared ones.

    The result is complete, so a run is the same whether the service merges or replaces its node's parameters.

    :param for_run: expressions, which are given their values here; declared ones are left to DataWorks.
    :raises SchedulingParameterError: a name or an expression is not valid.
    """
    values = SchedulingParameters.from_mapping(for_run).evaluate(schedule_time=schedule_time)
    return SchedulingParameters.from_mapping({**declared, **values})


def parameters_of_run(
    declared: SchedulingParameters,
    for_run: Mapping[str, str],
    *,
    days: tuple[date, date],
    cron: str,
    timezone: ZoneInfo,
) -> SchedulingParameters:
    """Return all scheduling parameters of a run.

    :param for_run: those of this run alone. Over one business date they get their values here; whether the service
        evaluates what is sent with a run is not documented, so over several dates they must be constants.
    :param days: first and last business date.
    :param cron: when the node is planned.
    :raises ConfigurationError: an expression over several business dates.
    """
    if not for_run:
        return declared
    if days[0] == days[1]:
        moment = first_schedule_time(days[0], cron, timezone)
        return complete_parameters(declared, for_run, schedule_time=moment)
    for name, expression in SchedulingParameters.from_mapping(for_run).items():
        if any(not isinstance(part, Text) for part in parse(expression).parts):
            raise ConfigurationError(
                f"run_parameters has the expression {name}={expression}, and the backfill several business dates: its "
                "value would be another one on each day. Declare it on the node (parameters=), where DataWorks "
                "evaluates it for every instance, or backfill one business date in each task."
            )
    return SchedulingParameters.from_mapping({**declared, **for_run})


def check_variables(content: NodeContent, parameters: SchedulingParameters) -> list[str]:
    """Compare the variables in a pipeline with the parameters of a run, before it is started.

    :return: warnings, a sentence each.
    :raises NodeDefinitionError: a field that an engine reads has a name without a value.
    """
    unbound = unbound_names(content, parameters)
    if errors := [found for found in unbound if found.is_error]:
        name = errors[0].name
        raise NodeDefinitionError(
            f"Variables without a value: {'; '.join(map(str, errors))}. Add each name to parameters= (or "
            f"run_parameters=), such as {{{name!r}: '$bizdate'}}, or correct it in the pipeline."
        )
    return [
        *(f"Perhaps a variable without a value (or the script's own): {found}." for found in unbound),
        *(
            f"The scheduling parameter {name!r} is used nowhere in the pipeline: remove it, or write ${{{name}}} there."
            for name in unused_parameters(content, parameters)
        ),
    ]


def differences(expected: SchedulingParameters, logged: str, *, schedule_time: datetime) -> Iterator[str]:
    """Name the parameters to which DataWorks gave another value than we expect, a sentence each.

    :param logged: the list with the values that DataWorks wrote into the instance's log.
    """
    actual = SchedulingParameters.parse(logged, strict=False)
    for name, expression in _known_here(expected):
        value = evaluate(expression, schedule_time=schedule_time)
        if actual.get(name) != value:
            there = repr(actual[name]) if name in actual else "no value"
            yield (
                f"The scheduling parameter {name}={expression} has {there} in DataWorks, where {value!r} is expected "
                f"for the schedule time {schedule_time:%Y-%m-%d %H:%M:%S}."
            )


def known_values(parameters: SchedulingParameters, *moments: datetime) -> dict[str, str]:
    """Return the parameters whose values are known here, and the same at each of the schedule times."""
    values = {}
    for name, expression in _known_here(parameters):
        found = {evaluate(expression, schedule_time=moment) for moment in moments}
        if len(found) == 1:
            values[name] = found.pop()
    return values


def _known_here(parameters: SchedulingParameters) -> Iterator[tuple[str, str]]:
    """Give the parameters without those that only DataWorks can evaluate, whether it knows more or we know less."""
    for name, expression in parameters.items():
        try:
            parts = parse(expression).parts
        except SchedulingParameterError:
            continue
        if not any(isinstance(part, Reference) or _only_known_there(part) for part in parts):
            yield name, expression


def _only_known_there(part: object) -> bool:
    return isinstance(part, BuiltIn) and part.name in {"jobid", "nodeid", "taskid"}
