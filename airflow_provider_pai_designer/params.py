"""``pai-designer params``: the values that scheduling parameters have in every instance of a node."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.designer.node import Schedule
from airflow_provider_pai_designer.exceptions import PaiDesignerError
from airflow_provider_pai_designer.scheduling import SchedulingParameters, schedule_time_for, workspace_zone


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.add_argument("parameters", help="a list as in the console, such as 'dt=$bizdate h=$[hh24-1/24]'")
    dates = parser.add_mutually_exclusive_group(required=True)
    dates.add_argument("--bizdate", type=_date, dest="dates", help="a business date, YYYY-MM-DD", metavar="DATE")
    dates.add_argument("--dates", type=_dates, help="a range of them, both ends included", metavar="FIRST:LAST")
    parser.add_argument("--cron", default=Schedule().cron, help="the node's cron, seconds first (%(default)s)")
    parser.add_argument("--timezone", default="Asia/Shanghai", help="the workspace's zone (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Print the values and return the exit code."""
    try:
        for line in _lines(arguments.parameters, arguments.dates, arguments.cron, workspace_zone(arguments.timezone)):
            print(line)
    except PaiDesignerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _lines(text: str, dates: list[date], cron: str, zone: ZoneInfo) -> Iterator[str]:
    parameters = SchedulingParameters.parse(text)
    for business_date in dates:
        moments = schedule_time_for(business_date, cron)
        if not moments:
            yield f"bizdate {business_date}: not due on {business_date + timedelta(days=1)}"
        for moment in moments:
            values = parameters.evaluate(schedule_time=moment.replace(tzinfo=zone))
            words = " ".join(f"{name}={value}" for name, value in values.items())
            yield f"bizdate {business_date}, schedule time {moment:%Y-%m-%d %H:%M:%S}: {words}"


def _date(text: str) -> list[date]:
    try:
        return [date.fromisoformat(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it as YYYY-MM-DD.") from None


def _dates(text: str) -> list[date]:
    first, _, last = text.partition(":")
    (start,), (end,) = _date(first), _date(last)
    if start > end:
        raise argparse.ArgumentTypeError(f"{text!r} ends before it starts.")
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]
