"""The list of parameters that a node gets is the one that was written, or the mistake in it is named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest

from airflow_provider_pai_designer.exceptions import SchedulingParameterError
from airflow_provider_pai_designer.scheduling import SchedulingParameters

SCHEDULE_TIME = datetime(2025, 11, 1, 2, 30, 45)


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", {}),
        ("a=x b=$bizdate", {"a": "x", "b": "$bizdate"}),
        ("a=x   b=y ", {"a": "x", "b": "y"}),
        ("$bizdate x", {"1": "$bizdate", "2": "x"}),
        ("a= =b a=b=c ==", {"1": "a=", "2": "=b", "3": "a=b=c", "4": "=="}),
        ("x k=v y", {"1": "x", "k": "v", "2": "y"}),
        ("a=$[yyyymmdd hh24]", {"a": "$[yyyymmdd", "1": "hh24]"}),
        ("1=x", {"1": "1=x"}),
        ('-p"-Da=$bizdate -Db=$[yyyymmdd hh24]"', {"-": '-p"-Da=$bizdate -Db=$[yyyymmdd hh24]"'}),
        ('-p  "-Da=b"', {"-": '-p  "-Da=b"'}),
    ],
)
def test_list_is_split_as_the_vendor_splits_it(text: str, parameters: dict[str, str]) -> None:
    parsed = SchedulingParameters.parse(text)
    assert dict(parsed) == parameters
    assert parsed.render().split() == text.split()


def test_ten_and_more_positional_values_keep_their_order() -> None:
    text = " ".join(f"v{index}" for index in range(1, 13))
    parameters = SchedulingParameters.parse(text)
    assert parameters.render() == text
    assert SchedulingParameters.from_mapping(dict(sorted(parameters.items()))).render() == text
    assert list(parameters.evaluate(schedule_time=SCHEDULE_TIME).values()) == text.split()


@pytest.mark.parametrize(("text", "position"), [("a=1 b=2 a=3", 8), ("a=1 date=$bizdate", 4)])
def test_assignment_without_effect_is_refused_unless_it_is_stored_already(text: str, position: int) -> None:
    with pytest.raises(SchedulingParameterError) as caught:
        SchedulingParameters.parse(text)
    assert caught.value.expression == text
    assert caught.value.position == position
    assert SchedulingParameters.parse(text, strict=False).render() == text


@pytest.mark.parametrize(
    ("mapping", "position", "advice"),
    [
        ({"a b": "x"}, 1, "write a_b"),
        ({"": "x"}, 0, "write name"),
        ({"größe": "x"}, 2, "letters, digits and underscores"),
        ({"date": "x"}, 0, "write dt="),
        ({"a": ""}, 2, "the value is missing"),
        ({"a": "$[yyyy-mm-dd hh24:mi:ss]"}, 14, "a_time=$[hh24:mi:ss]"),
        ({"a": "x\ty"}, 3, "join them in the code"),
        ({"a": "dt=$bizdate"}, 4, "write a=$bizdate"),
        ({"a": 'x-p"y'}, 3, "a value holds no"),
        ({"a": "${yyyymmdd-1/24}"}, 12, "write $[yyyymmdd-1/24]"),
        ({"1": "x", "3": "y"}, 0, "without a gap"),
        ({"01": "x"}, 0, "without a gap"),
    ],
)
def test_mapping_with_a_mistake_is_refused(mapping: Mapping[str, str], position: int, advice: str) -> None:
    with pytest.raises(SchedulingParameterError) as caught:
        SchedulingParameters.from_mapping(mapping)
    assert caught.value.position == position
    assert advice in str(caught.value)


@pytest.mark.parametrize("text", ["a=b=c", "a=", "a=$[yyyymmdd", "a=${yyyymmdd-1/24}"])
def test_stored_value_with_a_mistake_is_refused_when_it_is_evaluated(text: str) -> None:
    parameters = SchedulingParameters.parse(text)
    assert parameters.render() == text
    with pytest.raises(SchedulingParameterError):
        parameters.evaluate(schedule_time=SCHEDULE_TIME)


def test_values_at_a_schedule_time() -> None:
    parameters = SchedulingParameters.from_mapping({"dt": "$bizdate", "hour": "$[hh24-1/24]", "id": "$nodeid"})
    assert parameters.render() == "dt=$bizdate hour=$[hh24-1/24] id=$nodeid"
    values = parameters.evaluate(schedule_time=SCHEDULE_TIME, context={"nodeid": "7"})
    assert values == {"dt": "20251031", "hour": "01", "id": "7"}


def test_whole_string_is_evaluated_with_its_spaces() -> None:
    parameters = SchedulingParameters.parse('-p"-Dbizdate=$bizdate -Dendtime=$[yyyymmdd hh24 - 1/24] -De=$env_path"')
    value = parameters.evaluate(schedule_time=SCHEDULE_TIME)["-"]
    assert value == '-p"-Dbizdate=20251031 -Dendtime=20251101 01 -De=$env_path"'


def test_order_of_names_makes_no_difference_but_a_value_does() -> None:
    one = SchedulingParameters.parse("a=1 b=2")
    assert one == SchedulingParameters.parse("b=2 a=1")
    assert len({one, SchedulingParameters.parse("b=2 a=1"), SchedulingParameters.parse("a=1 b=3")}) == 2
    assert one["b"] == "2"
    assert "c" not in one
