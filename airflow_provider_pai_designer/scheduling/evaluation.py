"""The value of scheduling parameter expressions at one schedule time."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta

from airflow_provider_pai_designer.exceptions import SchedulingParameterError
from airflow_provider_pai_designer.scheduling.syntax import BuiltIn, BusinessDate, Part, ScheduleTime, parse


def evaluate(
    expression: str,
    *,
    schedule_time: datetime,
    current_date: date | None = None,
    context: Mapping[str, str] | None = None,
) -> str:
    """Give the text that DataWorks puts in place of an expression.

    Text around and between expressions is kept, and so is what has no value here: a ``${name}`` that is no
    date format, and ``$jobid``, ``$nodeid`` or ``$taskid`` that the context does not give.

    :param expression: for example ``$[yyyymmdd-1/24]``.
    :param schedule_time: planned time of the instance, local to the workspace; with a zone, hours and minutes
        are counted across clock changes. The business date is the day before. Microseconds are dropped.
    :param current_date: for ``$gmtdate`` and ``$bizmonth``; the date of ``schedule_time`` if not given.
    :param context: the values of ``jobid``, ``nodeid`` and ``taskid``.
    :raises SchedulingParameterError: the expression is not valid, or its offset leaves the calendar.
    """
    moment = _whole_seconds(schedule_time)
    current_date = moment.date() if current_date is None else current_date
    values: list[str] = []
    position = 0
    for part in parse(expression).parts:
        try:
            values.append(_value(part, moment, current_date, context or {}))
        except OverflowError:
            raise SchedulingParameterError(
                f"{expression!r}, position {position}: at {schedule_time} the result leaves the calendar"
                f" (years 1 to 9999); write a smaller offset, such as -1, in {part.source!r}",
                expression=expression,
                position=position,
            ) from None
        position += len(part.source)
    return "".join(values)


def _whole_seconds(moment: datetime) -> datetime:
    # A plain datetime even where pendulum's is given: pendulum adds days on the absolute time line.
    return datetime(
        moment.year,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
        tzinfo=moment.tzinfo,
        fold=moment.fold,
    )


_TOKEN_VALUES: dict[str, Callable[[datetime], str]] = {
    "yyyy": lambda moment: f"{moment.year:04}",
    "yy": lambda moment: f"{moment.year % 100:02}",
    "mm": lambda moment: f"{moment.month:02}",
    "dd": lambda moment: f"{moment.day:02}",
    "hh24": lambda moment: f"{moment.hour:02}",
    "hh12": lambda moment: f"{(moment.hour - 1) % 12 + 1:02}",
    "hh": lambda moment: f"{(moment.hour - 1) % 12 + 1:02}",
    "mi": lambda moment: f"{moment.minute:02}",
    "ss": lambda moment: f"{moment.second:02}",
}


def _value(part: Part, moment: datetime, current_date: date, context: Mapping[str, str]) -> str:
    if isinstance(part, BusinessDate):
        business_date = moment - timedelta(days=1) + timedelta(days=part.days)
        return _formatted(_add_months(business_date, part.months), part.format)
    if isinstance(part, ScheduleTime):
        return _formatted(_shifted(moment, part), part.format)
    if not isinstance(part, BuiltIn):
        return part.source
    if part.name == "gmtdate":
        return f"{current_date.year:04}{current_date.month:02}{current_date.day:02}"
    if part.name == "bizmonth":
        return _business_month(moment, current_date)
    return context.get(part.name, part.source)


def _business_month(moment: datetime, current_date: date) -> str:
    business_date = moment - timedelta(days=1)
    if (business_date.year, business_date.month) == (current_date.year, current_date.month):
        business_date = _add_months(business_date, -1)
    return _formatted(business_date, ("yyyy", "mm"))


def _shifted(moment: datetime, part: ScheduleTime) -> datetime:
    moment = _add_months(moment, part.months)
    if part.days:
        moment += timedelta(days=part.days)
    if not part.seconds:
        return moment
    if moment.tzinfo is None:
        return moment + timedelta(seconds=part.seconds)
    return (moment.astimezone(UTC) + timedelta(seconds=part.seconds)).astimezone(moment.tzinfo)


def _add_months(moment: datetime, months: int) -> datetime:
    if not months:
        return moment
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise OverflowError
    last_day = monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))


def _formatted(moment: datetime, pieces: tuple[str, ...]) -> str:
    return "".join([_TOKEN_VALUES[piece](moment) if piece in _TOKEN_VALUES else piece for piece in pieces])
