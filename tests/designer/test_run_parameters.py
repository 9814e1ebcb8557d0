"""What a user would lose: a good run, to an expression on the node that only DataWorks understands."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.designer.run_parameters import differences, known_values
from airflow_provider_pai_designer.scheduling import SchedulingParameters

MOMENTS = [datetime(2026, 11, 23, hour, 30, tzinfo=ZoneInfo("Asia/Shanghai")) for hour in (2, 3)]


@pytest.mark.parametrize("strange", ["${x-y-z}", "$[foo", "$nodeid", "${workspace.x}"])
def test_an_expression_that_is_not_ours_is_left_to_dataworks(strange: str) -> None:
    parameters = SchedulingParameters.parse(f"strange={strange} day=$bizdate", strict=False)
    assert known_values(parameters, *MOMENTS) == {"day": "20261122"}
    (said,) = differences(parameters, "strange=whatever day=20261101", schedule_time=MOMENTS[0])
    assert "day=$bizdate has '20261101'" in said


def test_a_value_that_depends_on_the_hour_is_not_known_for_the_day() -> None:
    parameters = SchedulingParameters.parse("hour=$[hh24] day=$[yyyymmdd]", strict=False)
    assert known_values(parameters, *MOMENTS) == {"day": "20261123"}
    assert known_values(parameters, MOMENTS[0]) == {"hour": "02", "day": "20261123"}
