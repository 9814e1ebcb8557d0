"""A node is expected at the times at which DataWorks plans it."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_pai_designer.exceptions import NodeDefinitionError
from airflow_provider_pai_designer.scheduling import cycle_type, schedule_time_for, validate_cron


@pytest.mark.parametrize(
    ("cron", "business_date", "times"),
    [
        ("00 30 05 * * ?", "2026-06-01", ["05:30"]),
        ("00 30 05 ? * *", "2026-06-01", ["05:30"]),
        ("0 5 6,18 * * ?", "2026-06-01", ["06:05", "18:05"]),
        ("00 00 00-03/1 * * ?", "2026-06-01", ["00:00", "01:00", "02:00", "03:00"]),
        ("00 00/20 01 * * ?", "2026-06-01", ["01:00", "01:20", "01:40"]),
        ("00 20 00 1 * ?", "2026-05-31", ["00:20"]),
        ("00 20 00 1 * ?", "2026-06-01", []),
        ("00 05 00 * * 2,5", "2026-06-01", ["00:05"]),  # Tuesday 2 June
        ("00 05 00 * * 2,5", "2026-06-02", []),
        ("00 05 00 ? * 7", "2026-06-06", ["00:05"]),  # Sunday 7 June
        ("00 05 00 ? * 0", "2026-06-06", ["00:05"]),
        ("00 05 00 ? * MON-FRI", "2026-06-06", []),
        ("00 05 00 L * ?", "2024-02-28", ["00:05"]),
        ("00 05 00 L * ?", "2025-02-26", []),
        ("00 05 00 ? * 5L", "2026-06-25", ["00:05"]),  # the last Friday of June
        ("00 05 00 ? * 5L", "2026-06-18", []),
        ("00 05 00 ? * 2#1", "2026-06-01", ["00:05"]),
        ("00 10 00 1 1-12/3 ?", "2026-03-31", ["00:10"]),
        ("00 10 00 1 1-12/3 ?", "2026-04-30", []),
        ("00 05 00 1 * 1", "2026-05-31", ["00:05"]),  # Monday 1 June
        ("00 05 00 1 * 1", "2026-06-07", []),  # Monday, but not the 1st
        ("00 05 00 29 2 ?", "2028-02-28", ["00:05"]),
        ("00 05 00 30 2 ?", "2026-06-01", []),
    ],
)
def test_schedule_times_of_the_day_after_the_business_date(cron: str, business_date: str, times: list[str]) -> None:
    planned = schedule_time_for(date.fromisoformat(business_date), cron)
    assert [f"{moment:%H:%M}" for moment in planned] == times
    assert all((moment.date() - date.fromisoformat(business_date)).days == 1 for moment in planned)
    assert all(moment.tzinfo is None and moment.second == 0 for moment in planned)


def test_every_ten_minutes_fills_the_day() -> None:
    planned = schedule_time_for(date(2026, 6, 1), "00 00/10 * * * ?")
    assert len(planned) == 144
    assert (planned[0], planned[-1]) == (datetime(2026, 6, 2, 0, 0), datetime(2026, 6, 2, 23, 50))


@pytest.mark.parametrize(
    ("cron", "kind"),
    [
        ("00 30 05 * * ?", "DAY"),
        ("00 20 00 1 * ?", "DAY"),
        ("00 05 00 * * 2,5", "DAY"),
        ("00 15 00-23/1 * * ?", "NOT_DAY"),
        ("00 00/10 * * * ?", "NOT_DAY"),
        ("00 30 06,18 * * ?", "NOT_DAY"),
    ],
)
def test_vendor_examples_are_valid_and_have_their_cycle_type(cron: str, kind: str) -> None:
    validate_cron(cron)
    assert cycle_type(cron) == kind


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("30 5 * * *", "5 fields, not 6"),
        ("", "0 fields, not 6"),
        ("00 00-59/10 8-23 * * * ?", "7 fields, not 6"),
        ("30 30 05 * * ?", "the second must be 00"),
        ("00 61 05 * * ?", "cannot be read"),
        ("00 30 05 32 * ?", "cannot be read"),
        ("00 30 05 * * 8", "cannot be read"),
        ("00 30 L * * ?", "cannot be read"),
        ("00 H 05 * * ?", "'H' is no valid field"),
        ("00 04 00 * * ?", "earlier than 00:05"),
        ("00 00/4 * * * ?", "more often than every 5 minutes"),
        ("00 * 03 * * ?", "more often than every 5 minutes"),
    ],
)
def test_cron_that_dataworks_does_not_take_is_refused_with_an_example(cron: str, reason: str) -> None:
    with pytest.raises(NodeDefinitionError, match="00 30 05") as caught:
        validate_cron(cron)
    assert reason in str(caught.value)


def test_stored_cron_beyond_the_limits_is_still_read() -> None:
    assert schedule_time_for(date(2026, 6, 1), "00 02 00 * * ?") == (datetime(2026, 6, 2, 0, 2),)
    with pytest.raises(NodeDefinitionError):
        schedule_time_for(date(2026, 6, 1), "00 02 25 * * ?")


@settings(max_examples=150)
@given(st.lists(st.text(alphabet="0123456789*?/,-#L", min_size=1, max_size=4), min_size=5, max_size=5))
def test_any_cron_is_read_or_refused(fields: list[str]) -> None:
    cron = " ".join(["00", *fields])
    try:
        planned = schedule_time_for(date(2026, 6, 1), cron)
    except NodeDefinitionError:
        return
    assert list(planned) == sorted(set(planned))
