"""What a user would lose: a run with the values that were meant, or the word on what is wrong before it begins."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_pai_designer.designer.run_arguments import check_bound, check_manifest, fill_in, render_arguments
from airflow_provider_pai_designer.exceptions import ConfigurationError, ContentError

COMPONENT = "apiVersion: core/v1\nmetadata: {guid: g}\nspec: {container: {image: i}}\n"


def manifest(**parameters: Any) -> str:
    """A pipeline of one step."""
    arguments = {"parameters": [{"name": name, "value": value} for name, value in parameters.items()]}
    step = {"metadata": {"name": "one", "identifier": "sql"}, "spec": {"arguments": arguments}}
    return yaml.safe_dump({"apiVersion": "core/v1", "metadata": {}, "spec": {"pipelines": [step]}})


def parameters_of(text: str) -> dict[str, Any]:
    (step,) = yaml.safe_load(text)["spec"]["pipelines"]
    return {item["name"]: item["value"] for item in step["spec"]["arguments"]["parameters"]}


def test_names_become_parameters_over_those_of_the_pipeline() -> None:
    before = {"parameters": [{"name": "a", "value": 1}, {"name": "b", "value": 2}], "artifacts": [{"name": "t"}]}
    kept = yaml.safe_dump({"arguments": before}, explicit_start=True)
    rendered = yaml.safe_load(render_arguments({"b": {"x": [3]}, "c": "é"}, over=kept))["arguments"]
    assert rendered["parameters"] == [
        {"name": "a", "value": 1},
        {"name": "b", "value": {"x": [3]}},
        {"name": "c", "value": "é"},
    ]
    assert rendered["artifacts"] == [{"name": "t"}]
    assert render_arguments({}, over=kept)
    assert render_arguments({}) == ""


def test_the_services_own_form_is_sent_as_it_is() -> None:
    whole = {"arguments": {"artifacts": [{"name": "t", "value": "{}"}]}}
    assert yaml.safe_load(render_arguments(whole)) == whole


def test_arguments_of_a_job_that_cannot_be_read_are_an_error() -> None:
    with pytest.raises(ContentError, match="not valid YAML"):
        render_arguments({}, over="{")
    with pytest.raises(ConfigurationError, match="own form"):
        render_arguments({}, over="arguments: 7")


@given(
    value=st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]))
    | st.sampled_from(["a'b", 'a"b', "a: b", "x\ny"])
)
def test_a_value_of_a_variable_arrives_whatever_is_in_it(value: str) -> None:
    filled = fill_in(
        manifest(partition="dt=${day}", nested={"deep": ["${day}"]}, kept="${other}", flag=True), {"day": value}
    )
    expected = {"partition": f"dt={value}", "nested": {"deep": [value]}, "kept": "${other}", "flag": True}
    assert parameters_of(filled) == expected


def test_the_value_of_a_variable_is_not_read_for_variables() -> None:
    filled = fill_in(manifest(partition="${a}${b}"), {"a": "${b}", "b": "${a}"})
    assert parameters_of(filled) == {"partition": "${b}${a}"}


def test_a_manifest_of_several_documents_keeps_them() -> None:
    text = f"{COMPONENT}---\n{manifest(partition='${day}')}"
    check_manifest(text)
    documents = list(yaml.safe_load_all(fill_in(text, {"day": "1"})))
    assert [document["apiVersion"] for document in documents] == ["core/v1", "core/v1"]
    check_manifest(COMPONENT)
    assert check_bound(text) == []


def test_a_name_without_a_value_is_an_error_where_an_engine_reads_it_and_a_warning_elsewhere() -> None:
    with pytest.raises(ConfigurationError, match=r"Variables without a value: the step one \(one\) uses \$\{day\}"):
        check_bound(manifest(partition="dt=${day}"))
    (warning,) = check_bound(manifest(script="echo ${HOME}"))
    assert "HOME" in warning
    assert check_bound(manifest(sql="select * from ${t1}", id="${pai_system_run_id}")) == []


@given(text=st.text(max_size=40) | st.sampled_from(["[]", "a: b: c", "!!python/object:os.system {}", "- " * 50]))
def test_no_text_breaks_out_of_the_typed_errors(text: str) -> None:
    for check in (check_manifest, check_bound, lambda given: fill_in(given, {"a": "b"})):
        with suppress(ContentError, ConfigurationError):
            check(text)
