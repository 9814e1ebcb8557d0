"""What the vendor's pages promise for an expression, and what this package decided where they are silent."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.exceptions import SchedulingParameterError
from airflow_provider_pai_designer.scheduling import evaluate
from airflow_provider_pai_designer.scheduling.ambiguities import AMBIGUITIES, Ambiguity

VECTORS: list[dict[str, str]] = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))


def schedule_time_of(vector: dict[str, str]) -> datetime:
    """A vector gives a business date, for the run at midnight of the day after, or a local schedule time."""
    moment = datetime.fromisoformat(vector["bizdate_or_schedule_time"])
    if len(vector["bizdate_or_schedule_time"]) == len("2025-11-01"):
        moment += timedelta(days=1)
    if "timezone" in vector:
        zone = ZoneInfo(vector["timezone"])
        # An offset in the text only picks one of the two hours of the same name when summer time ends.
        moment = moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
    return moment


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["expression"])
def test_documented_value(vector: dict[str, str]) -> None:
    current_date = vector.get("current_date")
    value = evaluate(
        vector["expression"],
        schedule_time=schedule_time_of(vector),
        current_date=date.fromisoformat(current_date) if current_date else None,
    )
    assert value == vector["expected"], vector["note"]


@pytest.mark.parametrize(
    "ambiguity", [row for row in AMBIGUITIES if row.example is not None], ids=lambda row: row.question
)
def test_the_table_of_ambiguous_points_says_what_the_code_does(ambiguity: Ambiguity) -> None:
    assert ambiguity.example is not None
    moment = datetime.fromisoformat(ambiguity.schedule_time).replace(tzinfo=ZoneInfo(ambiguity.timezone))
    if ambiguity.value is None:
        with pytest.raises(SchedulingParameterError):
            evaluate(ambiguity.example, schedule_time=moment)
    else:
        assert evaluate(ambiguity.example, schedule_time=moment) == ambiguity.value
