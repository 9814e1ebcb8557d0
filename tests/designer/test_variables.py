"""What a user would lose: the name of the step and field that lack a value, before an hour of running; or their peace,
where a shell's own variable is called a mistake."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.run_parameters import (
    check_variables,
    complete_parameters,
    differences,
    first_schedule_time,
)
from airflow_provider_pai_designer.designer.variables import NOT_VARIABLES, unbound_names, unused_parameters
from airflow_provider_pai_designer.exceptions import NodeDefinitionError, SchedulingParameterError
from airflow_provider_pai_designer.scheduling import SchedulingParameters
from tests.contents import NAMES, read_content

SHANGHAI = ZoneInfo("Asia/Shanghai")
MOMENT = datetime(2026, 11, 23, 2, 30, tzinfo=SHANGHAI)


def content(fields: dict[str, Any], variables: dict[str, str] | None = None) -> NodeContent:
    """A content with one step that has these fields."""
    parameters = [{"name": name, "value": value} for name, value in fields.items()]
    step = {
        "metadata": {"name": "id-1", "displayName": "Step-1", "identifier": "custom"},
        "spec": {"arguments": {"parameters": parameters}, "dependencies": []},
    }
    flow = {
        "paiflowPipeline": json.dumps({"spec": {"pipelines": [step]}}),
        "paiflowParameters": variables or {},
    }
    return NodeContent.parse(json.dumps(flow))


def parameters(**expressions: str) -> SchedulingParameters:
    return SchedulingParameters.from_mapping(expressions)


@pytest.mark.parametrize(
    ("field", "is_error"),
    [
        ("sql", True),
        ("inputTableName", True),
        ("outputTablePartition", True),
        ("script", False),
        ("command", False),
        ("execCommand", False),
    ],
)
def test_a_name_without_a_value_is_found_with_its_step_and_field(field: str, is_error: bool) -> None:
    (found,) = unbound_names(content({field: "x ${dt} y ${dt}"}), ())
    assert (found.name, found.field, found.step.display_name, found.is_error) == ("dt", field, "Step-1", is_error)
    assert unbound_names(content({field: "x ${dt} y"}), ("dt",)) == ()


def test_names_inside_nested_values_are_found() -> None:
    found = unbound_names(content({"tables": [{"name": "a_${region}"}]}), ())
    assert [item.name for item in found] == ["region"]


@pytest.mark.parametrize(
    "name",
    [
        *("t1", "t4", "pai_system_run_id", "pai_system_node_id", "pai_system_run_id_underscore"),
        *("pai_system_node_id_underscore", "bdp.system.bizdate", "bdp.system.cyctime", "workspace.region"),
    ],
)
def test_names_that_others_fill_in_need_no_parameter(name: str) -> None:
    assert unbound_names(content({"sql": f"SELECT * FROM ${{{name}}}"}), ()) == ()


def test_no_more_than_the_documented_ports_are_excused() -> None:
    (found,) = unbound_names(content({"sql": "SELECT * FROM ${t5}"}), ())
    assert found.is_error
    assert all(NOT_VARIABLES.values())


def test_an_expression_in_place_of_a_name_is_found_too() -> None:
    (found,) = unbound_names(content({"outputTablePartition": "dt=${yyyymmdd-1}"}), ())
    assert found.name == "yyyymmdd-1"


def test_a_global_variable_is_bound_unless_its_own_value_lacks_one() -> None:
    fields = {"outputTablePartition": "dt=${day}"}
    assert unbound_names(content(fields, {"day": "20260101"}), ()) == ()
    assert unbound_names(content(fields, {"day": "${bizdate}"}), ("bizdate",)) == ()
    assert unbound_names(content(fields, {"day": "${bizdate}"}), ("day",)) == ()
    (found,) = unbound_names(content(fields, {"day": "${bizdate}"}), ())
    assert (found.name, found.variable) == ("bizdate", "day")
    assert unbound_names(content({}, {"day": "${bizdate}"}), ()) == ()


def test_a_declared_parameter_that_nothing_uses_is_named() -> None:
    subject = content({"sql": "${dt}"}, {"day": "${bizdate}"})
    assert unused_parameters(subject, ("dt", "bizdate", "typo", "1", "-")) == ("typo",)


@pytest.mark.parametrize("name", NAMES)
def test_contents_of_real_shape_pass_with_the_one_parameter_they_need(name: str) -> None:
    subject = NodeContent.parse(read_content(name))
    needed = {found.name for found in unbound_names(subject, ())}
    assert needed <= {"bizdate"}
    assert check_variables(subject, parameters(**dict.fromkeys(needed, "$bizdate"))) == []


def test_errors_come_in_one_message_and_warnings_apart() -> None:
    subject = content({"sql": "${a} ${b}", "script": "echo ${HOME}"})
    with pytest.raises(NodeDefinitionError, match=r"\$\{a\} in sql.*\$\{b\} in sql.*\{'a': '\$bizdate'\}"):
        check_variables(subject, parameters())
    shell, unused = check_variables(subject, parameters(a="1", b="2", c="3"))
    assert "${HOME} in script" in shell
    assert "'c' is used nowhere" in unused


def test_the_parameters_of_a_run_are_complete_and_only_its_own_have_values() -> None:
    sent = complete_parameters(
        parameters(dt="$bizdate", region="cn"), {"dt": "${yyyymmdd-1}", "h": "$[hh24]"}, schedule_time=MOMENT
    )
    assert sent == {"dt": "20261121", "region": "cn", "h": "02"}


@pytest.mark.parametrize("value", ["${yyyymmdd-1/24}", "a b", "a=b"])
def test_a_bad_expression_for_a_run_is_refused(value: str) -> None:
    with pytest.raises(SchedulingParameterError):
        complete_parameters(parameters(), {"dt": value}, schedule_time=MOMENT)


def test_the_schedule_time_of_a_run_is_the_first_of_the_day_after() -> None:
    assert first_schedule_time(datetime(2026, 11, 22).date(), "00 30 02/4 * * ?", SHANGHAI) == MOMENT
    with pytest.raises(NodeDefinitionError, match="not due on the day after 2026-11-22"):
        first_schedule_time(datetime(2026, 11, 22).date(), "00 30 02 ? * 2", SHANGHAI)


def test_other_values_in_the_log_are_named_with_ours() -> None:
    expected = parameters(dt="$bizdate", h="$[hh24]", region="cn")
    assert list(differences(expected, "region=cn dt=20261122 h=02 more=1", schedule_time=MOMENT)) == []
    other, missing = differences(expected, "dt=20261121 h=02", schedule_time=MOMENT)
    assert "dt=$bizdate has '20261121' in DataWorks, where '20261122' is expected" in other
    assert "region=cn has no value in DataWorks, where 'cn' is expected" in missing


def test_what_only_dataworks_knows_is_not_compared() -> None:
    expected = parameters(task="$taskid", place="${workspace.region}")
    assert list(differences(expected, "task=900000001 place=cn", schedule_time=MOMENT)) == []
