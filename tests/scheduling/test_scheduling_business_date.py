"""The data of a run is that of the day its workspace means, wherever Airflow's clock stands."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pendulum
import pytest

from airflow_provider_pai_designer.exceptions import ConfigurationError
from airflow_provider_pai_designer.scheduling import business_date_for

# 2026-11-24 01:30 in Shanghai.
TICK = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
LATER = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("run_after", "data_interval_end", "partition_date", "timezone", "expected"),
    [
        (LATER, TICK, None, "Asia/Shanghai", date(2026, 11, 23)),
        (LATER, TICK, None, "UTC", date(2026, 11, 22)),
        (TICK, None, None, "Asia/Shanghai", date(2026, 11, 23)),
        (LATER, None, TICK, "Asia/Shanghai", date(2026, 11, 24)),
        (LATER, LATER, TICK, "America/Los_Angeles", date(2026, 11, 23)),
    ],
)
def test_rule(
    run_after: datetime,
    data_interval_end: datetime | None,
    partition_date: datetime | None,
    timezone: str,
    expected: date,
) -> None:
    given = {"run_after": run_after, "data_interval_end": data_interval_end, "partition_date": partition_date}
    assert business_date_for(**given, timezone=timezone) == expected  # type: ignore[arg-type]


def test_pendulum_times_give_a_plain_date() -> None:
    day = business_date_for(
        run_after=pendulum.instance(TICK), data_interval_end=None, partition_date=None, timezone="Asia/Shanghai"
    )
    assert type(day) is date


@pytest.mark.parametrize("timezone", ["Asia/Shanghay", "", "UTC+8", "../etc/passwd", "Asia", "\0"])
def test_unknown_zone_is_named(timezone: str) -> None:
    with pytest.raises(ConfigurationError, match="'Asia/Shanghai'") as caught:
        business_date_for(run_after=TICK, data_interval_end=None, partition_date=None, timezone=timezone)
    assert repr(timezone) in str(caught.value)


def test_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no time zone"):
        business_date_for(
            run_after=TICK.replace(tzinfo=None), data_interval_end=None, partition_date=None, timezone="UTC"
        )
