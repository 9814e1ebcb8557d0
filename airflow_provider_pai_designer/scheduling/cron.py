"""The cron expressions of DataWorks nodes: six fields, ``second minute hour day month weekday``.

The vendor follows Spring's CronSequenceGenerator (a day must match both day fields, weekday 1 is Monday, 0 and
7 are Sunday) and adds ``L`` and ``#``, see "DataWorks cron expressions"
(https://help.aliyun.com/en/dataworks/user-guide/dataworks-cron-expression) and the parameter ``CronExpress`` of
"CreateFile" (https://www.alibabacloud.com/help/en/dataworks/api-createfile).
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal, NoReturn

from airflow_provider_pai_designer.exceptions import NodeDefinitionError

_FIELD = "(?:[0-9*?/,#L-]|MON|TUE|WED|THU|FRI|SAT|SUN)+"
_EARLIEST = time(0, 5)
_SHORTEST_INTERVAL = timedelta(minutes=5)


def schedule_time_for(business_date: date, cron: str) -> tuple[datetime, ...]:
    """Give every time at which a node is planned on the day after a business date.

    :param cron: for example ``00 30 05 * * ?``.
    :return: local times without a zone, in order; none where the node is not due on that day.
    :raises NodeDefinitionError: the cron expression cannot be read.
    """
    from croniter import CroniterBadDateError, croniter

    times = _times_of_day(cron)
    midnight = datetime.combine(business_date + timedelta(days=1), time())
    days = croniter(
        " ".join(["0", "0", "0", *_fields(cron)[3:]]),
        midnight - timedelta(seconds=1),
        ret_type=datetime,
        day_or=False,
        second_at_beginning=True,
        max_years_between_matches=1,
    )
    try:
        is_due = days.get_next() == midnight
    except CroniterBadDateError:
        is_due = False
    return tuple(datetime.combine(midnight, moment) for moment in times) if is_due else ()


def validate_cron(cron: str) -> None:
    """Check a cron expression against the limits that the vendor documents for ``CronExpress``.

    :raises NodeDefinitionError: it cannot be read, is planned more often than every 5 minutes, or (once a day)
        earlier than 00:05.
    """
    times = _times_of_day(cron)
    if cycle_type(cron) == "DAY" and times[0] < _EARLIEST:
        _fail(cron, f"{times[0]:%H:%M} is earlier than 00:05, the earliest time of a daily node")
    moments = [datetime.combine(date.min, moment) for moment in times]
    if any(later - earlier < _SHORTEST_INTERVAL for earlier, later in pairwise(moments)):
        _fail(cron, "it is planned more often than every 5 minutes")


def cycle_type(cron: str) -> Literal["DAY", "NOT_DAY"]:
    """Give the ``CycleType`` that belongs to a cron expression: ``NOT_DAY`` where it names several times a day.

    :raises NodeDefinitionError: the cron expression has not the six fields it needs.
    """
    _, minute, hour, *_ = _fields(cron)
    return "DAY" if minute.isdecimal() and hour.isdecimal() else "NOT_DAY"


def _times_of_day(cron: str) -> list[time]:
    from croniter import CroniterError, croniter

    try:
        (minutes, hours, *_), _ = croniter.expand(" ".join(_fields(cron)), second_at_beginning=True)
    except CroniterError as error:
        _fail(cron, f"it cannot be read ({error})")
    return [
        time(int(hour), int(minute))
        for hour in (range(24) if "*" in hours else hours)
        for minute in (range(60) if "*" in minutes else minutes)
    ]


def _fields(cron: str) -> list[str]:
    """The six fields in croniter's words: ``*`` for ``?``, ``L5`` for ``5L`` (the month's last Friday)."""
    fields = cron.split()
    if len(fields) != 6:
        _fail(cron, f"it has {len(fields)} fields, not 6")
    if fields[0] not in {"0", "00"}:
        _fail(cron, f"the second must be 00, not {fields[0]}")
    if invalid := [field for field in fields if not re.fullmatch(_FIELD, field)]:
        _fail(cron, f"{invalid[0]!r} is no valid field")
    fields = [field.replace("?", "*") for field in fields]
    return [*fields[:5], re.sub(r"([0-7])L", r"L\1", fields[5])]


def _fail(cron: str, reason: str) -> NoReturn:
    raise NodeDefinitionError(
        f"The cron expression {cron!r} is not valid: {reason}. Write second, minute, hour, day, month and weekday,"
        " such as '00 30 05 * * ?' for every day at 05:30."
    )
