"""Laws that hold for every text, time and zone."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_pai_designer.exceptions import SchedulingParameterError
from airflow_provider_pai_designer.scheduling import SchedulingParameters, evaluate, parse

moderately = settings(max_examples=150)

ZONES = st.sampled_from(
    [
        None,
        *map(
            ZoneInfo,
            [
                "UTC",
                "Asia/Shanghai",
                "Europe/Berlin",
                "America/Los_Angeles",
                "America/Sao_Paulo",
                "Australia/Lord_Howe",
                "Pacific/Apia",
            ],
        ),
    ]
)
NAIVE_TIMES = st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2100, 1, 1))
TIMES = st.builds(
    lambda moment, zone, fold: moment.replace(tzinfo=zone, fold=fold), NAIVE_TIMES, ZONES, st.integers(0, 1)
)

# Pieces of the language, so that many texts are nearly valid.
PIECES = st.sampled_from(
    ["$", "${", "$[", "}", "]", "(", ")", "yyyy", "yy", "mm", "dd", "hh24", "hh12", "hh", "mi", "ss", "add_months(",
     "add_months", ",", "+", "-", "*", "/", "1", "24", "0", "99999999999999", " ", ":", "_", "MM", "HH", "bizdate",
     "cyctime", "gmtdate", "date", "=", "\n", "年", "²", "x"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join))
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name != "date")
VALUES = st.sampled_from(
    [
        "$bizdate",
        "${yyyymmdd-1}",
        "$[hh24-1/24]",
        "$[add_months(yyyymm,-1)]",
        "abc",
        "p_$[yyyy]_v1",
        "'a'",
        "${b}",
        "-p",
    ]
)


@moderately
@given(TEXTS, TIMES)
def test_any_text_is_evaluated_or_refused(text: str, moment: datetime) -> None:
    with contextlib.suppress(SchedulingParameterError):
        evaluate(text, schedule_time=moment)


@moderately
@given(TEXTS, st.sampled_from([datetime.min, datetime.max]), ZONES)
def test_any_text_is_evaluated_or_refused_at_the_ends_of_the_calendar(
    text: str, moment: datetime, zone: ZoneInfo | None
) -> None:
    with contextlib.suppress(SchedulingParameterError):
        evaluate(f"$[yyyy-1/24]{text}", schedule_time=moment.replace(tzinfo=zone))


@moderately
@given(TEXTS)
def test_tree_gives_the_text_back(text: str) -> None:
    with contextlib.suppress(SchedulingParameterError):
        assert str(parse(text)) == text


@moderately
@given(TIMES)
def test_business_date_is_the_day_before_the_schedule_time(moment: datetime) -> None:
    expected = f"{moment.date() - timedelta(days=1):%Y%m%d}"
    for expression in ("${yyyymmdd}", "$[yyyymmdd-1]", "$bizdate", "$yyyymmdd", "$[yyyymmdd-24/24]"):
        assert evaluate(expression, schedule_time=moment) == expected


@moderately
@given(
    st.lists(st.datetimes(datetime(2000, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)), min_size=2, max_size=2),
    # Not Sao Paulo: where summer time ends at midnight, the day before comes back for an hour.
    st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin", "America/Los_Angeles"]),
    st.sampled_from(["", "-1", "+7*3", "-1/24", "-90/24/60"]),
)
def test_later_schedule_times_never_give_earlier_days(moments: list[datetime], zone: str, offset: str) -> None:
    local_times = [moment.astimezone(ZoneInfo(zone)) for moment in sorted(moments)]
    earlier, later = (evaluate(f"$[yyyymmdd{offset}]", schedule_time=moment) for moment in local_times)
    assert earlier <= later


@moderately
@given(TIMES, st.integers(0, 400), st.integers(1, 6))
def test_fractions_are_exact(moment: datetime, number: int, factor: int) -> None:
    short = evaluate(f"$[yyyymmddhh24miss-{number}/24/60]", schedule_time=moment)
    long = evaluate(f"$[yyyymmddhh24miss-{number * factor}/{24 * factor}/60]", schedule_time=moment)
    assert short == long


@moderately
@given(st.dictionaries(NAMES, VALUES, max_size=4), st.lists(VALUES, max_size=12))
def test_rendered_parameters_are_read_back_the_same(named: dict[str, str], positional: list[str]) -> None:
    values = named | {str(index): value for index, value in enumerate(positional, start=1)}
    parameters = SchedulingParameters.from_mapping(values)
    again = SchedulingParameters.parse(parameters.render())
    assert again == parameters
    assert hash(again) == hash(parameters)
    assert dict(again) == values


@moderately
@given(st.text(alphabet="ab1=$ []{}-p\"'\t.", max_size=40))
def test_any_stored_list_can_be_read_and_written_back(text: str) -> None:
    parameters = SchedulingParameters.parse(text, strict=False)
    assert parameters.render().split() == text.split()
    assert SchedulingParameters.parse(parameters.render(), strict=False) == parameters
