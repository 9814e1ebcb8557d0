"""A mistake in an expression is found before the node runs, and the message says what to write instead."""

from __future__ import annotations

import contextlib
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pendulum
import pytest

from airflow_provider_pai_designer.exceptions import SchedulingParameterError
from airflow_provider_pai_designer.scheduling import (
    BuiltIn,
    BusinessDate,
    Reference,
    ScheduleTime,
    Text,
    evaluate,
    parse,
)
from airflow_provider_pai_designer.scheduling.syntax import Parser, UnexpectedError

SCHEDULE_TIME = datetime(2025, 11, 1, 2, 30, 45)


@pytest.mark.parametrize(
    ("expression", "position", "nearest"),
    [
        ("${yyyymmdd-1/24}", 12, "for hours write $[yyyymmdd-1/24]"),
        ("${yyyymmddhh24}", 10, "for the time of day write $[yyyymmddhh24]"),
        ("${yyyy-mm-dd hh24:mi}", 12, "write $[yyyy-mm-dd hh24:mi]"),
        ("${add_months(yyyymmdd,-1)}", 2, "write $[add_months(yyyymmdd,-1)]"),
        ("${bizdate-1}", 2, "write ${yyyymmdd-1}"),
        ("$[cyctime-1/24]", 2, "write $[yyyymmddhh24miss-1/24]"),
        ("x $[bizdate] y", 4, "write $bizdate"),
        ("$[yyyymmdd", 10, "write $[yyyymmdd]"),
        ("${yyyymmdd-1 and more", 12, "write ${yyyymmdd-1}"),
        ("$[yyyymmdd}", 10, "write $[yyyymmdd]"),
        ("${yyyymmdd]", 10, "write ${yyyymmdd}"),
        ("$[]", 2, "write $[yyyymmdd]"),
        ("${}", 2, "write ${yyyymmdd}"),
        ("$[quarter]", 2, "write $[yyyymmdd]"),
        ("$[yyyymmddxx]", 10, "write $[yyyymmdd]"),
        ("$[yyyymmdd-]", 10, "write $[yyyymmdd]"),
        ("$[yyyymmdd-1.5]", 12, "write $[yyyymmdd-1]"),
        ("$[yyyyMMddHHmmss]", 6, "write $[yyyymmddhh24miss]"),
        ("${yyyyMMdd-7d}", 6, "write $[yyyymmdd-7]"),
        ("${yyyyMMddHH-7h}", 6, "write $[yyyymmddhh24-7/24]"),
        ("${yyyymmdd-7m}", 12, "write $[add_months(yyyymmdd,-7)]"),
        ("${yyyymmdd-2y}", 12, "write $[add_months(yyyymmdd,-12*2)]"),
        ("$[addmonths(yyyymmdd,-1)]", 2, "write $[add_months(yyyymmdd,-1)]"),
        ("$[add_months(yyyymmdd)]", 21, "write $[add_months(yyyymmdd,-1)]"),
        ("$[add_months(yyyymmdd,)]", 22, "write $[add_months(yyyymmdd,-1)]"),
        ("$[add_months(yyyymmdd,1/2)]", 23, "write $[add_months(yyyymmdd,-1)]"),
        ("$yyyymm", 0, "write ${yyyymm}"),
        ("dt=$yyyy-mm-dd", 3, "write ${yyyy-mm-dd}"),
        ("$yyyymmddhh24", 0, "write $[yyyymmddhh24]"),
        ("$[yyyymmdd-1/00]", 13, "write $[yyyymmdd-1]"),
        ("$[yyyymmdd-9999999999999]", 11, "write $[yyyymmdd]"),
        ("$[yyyymmdd-1/999999999/999999999]", 32, "finer than a second"),
    ],
)
def test_error_names_expression_position_and_nearest_valid_form(expression: str, position: int, nearest: str) -> None:
    with pytest.raises(SchedulingParameterError) as caught:
        parse(expression)
    assert caught.value.expression == expression
    assert caught.value.position == position
    assert expression in str(caught.value)
    assert nearest in str(caught.value)


@pytest.mark.parametrize(
    "expression",
    [
        "${yyyymmdd-999999999}",
        "${yyyymm+999999999}",
        "${yyyy-3000}",
        "$[yyyymmdd+3000000]",
        "$[yyyymmdd+999999999999]",
        "$[hh24-999999999999/24]",
        "$[add_months(yyyymmdd,-12*2026)]",
        "$[add_months(yyyymmdd,999999999999)]",
    ],
)
@pytest.mark.parametrize("zone", [None, ZoneInfo("Asia/Shanghai")])
def test_offset_that_leaves_the_calendar_is_refused(expression: str, zone: ZoneInfo | None) -> None:
    with pytest.raises(SchedulingParameterError, match="leaves the calendar") as caught:
        evaluate(f"p_{expression}", schedule_time=SCHEDULE_TIME.replace(tzinfo=zone))
    assert caught.value.position == 2


def test_first_day_of_the_calendar_has_no_business_date() -> None:
    with pytest.raises(SchedulingParameterError, match="leaves the calendar"):
        evaluate("$bizdate", schedule_time=datetime.min)
    assert evaluate("$cyctime", schedule_time=datetime.min) == "00010101000000"


@pytest.mark.parametrize(
    "text", ["", "abc", "$", "$$", "a$", "$1", "${10}", "$(date)", "$env_path", "${workflow.k}", "${变量}", "{}", "]"]
)
def test_text_without_an_expression_is_kept(text: str) -> None:
    assert evaluate(text, schedule_time=SCHEDULE_TIME) == text


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("p_$bizdate-v1", "p_20251031-v1"),
        ("$bizdate$cyctime", "2025103120251101023045"),
        ("$yyyy-$mm-$dd", "2025-10-31"),
        ("$$bizdate", "$20251031"),
        ("${yyyymmdd-1-1*3}", "20251027"),
        ("${yy}${mm}${dd}", "251031"),
        ("${dd/mm/yyyy}", "31/10/2025"),
        ("${yyyy_mm_dd}", "2025_10_31"),
        ("$[yyyy/mm/dd]", "2025/11/01"),
        ("$[yyyymmdd+7*2]", "20251115"),
        ("$[hh24:mi:ss-1/24/60/60]", "02:30:44"),
        ("$[yyyymmddhh24-1-1/24]", "2025103101"),
        ("$[hh24mi-1/2]", "1430"),
        ("$[add_months( yyyymmdd , - 1 )]", "20251001"),
        ("$[add_months(yyyymmdd,12*2)-1]", "20271031"),
        ("$[add_months(yyyymm,+1)]", "202512"),
    ],
)
def test_value(expression: str, value: str) -> None:
    assert evaluate(expression, schedule_time=SCHEDULE_TIME) == value


@pytest.mark.parametrize(("hour", "shown"), [(0, "12"), (1, "01"), (11, "11"), (12, "12"), (13, "01"), (23, "11")])
def test_hour_of_twelve(hour: int, shown: str) -> None:
    assert evaluate("$[hh12] $[hh]", schedule_time=SCHEDULE_TIME.replace(hour=hour)) == f"{shown} {shown}"


def test_ids_come_from_the_context() -> None:
    context = {"jobid": "1", "nodeid": "2", "taskid": "3"}
    assert evaluate("$jobid/$nodeid/$taskid", schedule_time=SCHEDULE_TIME, context=context) == "1/2/3"
    assert evaluate("$jobid/$nodeid", schedule_time=SCHEDULE_TIME, context={"nodeid": "2"}) == "$jobid/2"


def test_current_date_decides_gmtdate_and_business_month() -> None:
    values = {
        current: evaluate("$gmtdate $bizmonth", schedule_time=SCHEDULE_TIME, current_date=current)
        for current in (date(2025, 10, 31), date(2025, 11, 1), date(2024, 10, 31))
    }
    assert list(values.values()) == ["20251031 202509", "20251101 202510", "20241031 202510"]


def test_microseconds_of_a_manual_run_do_not_round_up() -> None:
    assert evaluate("$cyctime", schedule_time=SCHEDULE_TIME.replace(microsecond=999_999)) == "20251101023045"


def test_pendulum_times_follow_the_same_rules() -> None:
    moment = pendulum.datetime(2024, 4, 1, 0, 30, tz="Europe/Berlin")
    assert evaluate("${yyyymmdd} $[yyyymmddhh24mi-1]", schedule_time=moment) == "20240331 202403310030"


@pytest.mark.parametrize(
    ("moment", "expression", "value"),
    [
        ("2024-03-31T01:00:00+00:00", "$[hh24-1/24] $[hh24-2/24] $[hh24-1]", "01 00 03"),
        ("2024-10-27T02:00:00+00:00", "$[hh24-1/24] $[hh24-2/24] $[hh24-3/24]", "02 02 01"),
        ("2024-10-27T01:00:00+00:00", "$[hh24] $[hh24-1/24] $[hh24:mi-10/24/60]", "02 02 02:50"),
        ("2024-03-30T01:30:00+00:00", "$[yyyymmddhh24mi+1] $[yyyymmddhh24mi+1+1/24]", "202403310230 202403310430"),
    ],
)
def test_clock_changes_in_berlin(moment: str, expression: str, value: str) -> None:
    local = datetime.fromisoformat(moment).astimezone(ZoneInfo("Europe/Berlin"))
    assert evaluate(expression, schedule_time=local) == value


def test_tree_says_what_was_written() -> None:
    expression = parse("a${yyyymm-1}$[add_months(hh24,12*1)-1-2/24]$gmtdate${k}")
    assert expression.parts == (
        Text(source="a"),
        BusinessDate(source="${yyyymm-1}", format=("yyyy", "mm"), days=0, months=-1),
        ScheduleTime(source="$[add_months(hh24,12*1)-1-2/24]", format=("hh24",), months=12, days=-1, seconds=-7200),
        BuiltIn(source="$gmtdate", name="gmtdate"),
        Reference(source="${k}", name="k"),
    )


@pytest.mark.parametrize(
    "unit",
    ["$bizdate ", "${yyyymmdd-1}", "$[yyyy-mm-dd hh24:mi:ss-1/24/60]", "${name}", "$", "$yyyymmdd ", "{]}", "$x"],
)
def test_reading_takes_time_in_proportion_to_the_length(unit: str) -> None:
    assert steps(unit * 2000) <= 2 * steps(unit * 1000) <= 20_000 * len(unit)


@pytest.mark.parametrize(
    ("beginning", "unit"),
    [
        ("$[", "yyyy"),
        ("$[yyyy", "-"),
        ("$[yyyy", " "),
        ("$[yyyy", "-1"),
        ("$[yyyy-1", "*1"),
        ("$[yyyy-1", "/1"),
        ("$[add_months(yyyy,1", "*1"),
        ("${", "yyyy"),
        ("${", "yyyy_"),
        ("${", "x"),
        ("${yyyymmdd", "-1"),
        ("$", "yyyy"),
        ("$yyyy", "-mm"),
    ],
)
def test_one_long_expression_takes_time_in_proportion_to_its_length(beginning: str, unit: str) -> None:
    assert steps(beginning + unit * 2000) <= 2 * steps(beginning + unit * 1000) <= 20_000 * len(unit)


def steps(text: str) -> int:
    parser = Parser(text)
    with contextlib.suppress(UnexpectedError):
        parser.parse()
    return parser.steps
