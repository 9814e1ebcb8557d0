"""What a user would lose: a node that runs another pipeline than the one that was loaded."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_pai_designer.designer.content import NodeContent, PipelineCopy
from airflow_provider_pai_designer.designer.manifest import Manifest
from airflow_provider_pai_designer.designer.variables import variable_names
from airflow_provider_pai_designer.exceptions import ContentError
from tests.contents import NAMES
from tests.contents import read_content as read

RANDOM = ("flowUniqueCode", "requestId")


def copy_of(content: NodeContent, **changes: Any) -> PipelineCopy:
    flow = content.flow
    facts = {
        "pipeline_id": content.editor.get("experimentId", "draft-1"),
        "job_id": "job-1",
        "name": flow["name"],
        "description": flow.get("description", ""),
        "workspace_id": flow["appId"],
        "region": flow["paraValue"].split("--region=")[1],
        "manifest": flow["paiflowPipeline"],
        "arguments": flow["paiflowArguments"],
        "variables": flow["paiflowParameters"],
    }
    return PipelineCopy(**{**facts, **changes})


def in_one_order(flow: Any) -> dict[str, Any]:
    """Leave out what the console draws at random, and the order of lists in which order says nothing."""
    sets = ("taskRelations", "inputs", "outputs")
    rest = {key: value for key, value in flow.items() if key not in RANDOM}
    return {**rest, **{key: sorted(map(str, flow[key])) for key in sets}}


@pytest.mark.parametrize("name", NAMES)
def test_a_content_is_built_from_its_manifest_as_the_console_builds_it(name: str) -> None:
    given_content = NodeContent.parse(read(name))
    built = NodeContent.build(copy_of(given_content))
    expected = {"connectionType": "MaxCompute", "description": "", **given_content.flow}
    assert in_one_order(built.flow) == in_one_order(expected)
    built.check()
    if given_content.editor:
        assert built.editor == given_content.editor


def test_loading_the_same_job_twice_changes_no_node() -> None:
    copy = copy_of(NodeContent.parse(read("global_variable")))
    assert NodeContent.build(copy).render() == NodeContent.build(copy).render()


@pytest.mark.parametrize("arguments", ["", "a: [", "arguments: {parameters: [{name: x, value: {}}]}", "[1]", "7"])
def test_arguments_without_an_engine_are_refused_before_a_node_is_made(arguments: str) -> None:
    copy = copy_of(NodeContent.parse(read("three_steps")), arguments=arguments)
    with pytest.raises(ContentError, match="MaxCompute"):
        NodeContent.build(copy)


def test_global_variables_are_read_from_the_steps_and_ports_of_sql_are_not() -> None:
    assert variable_names(NodeContent.parse(read("global_variable")).manifest) == {"global_var1"}
    assert variable_names(NodeContent.parse(read("three_steps")).manifest) == frozenset()


def manifest(*names: str, **extra: Any) -> Manifest:
    steps = [{"metadata": {"name": name}, "spec": {"arguments": {}, **extra.get(name, {})}} for name in names]
    return Manifest.parse(yaml.safe_dump({"spec": {"pipelines": steps}}))


def test_a_difference_names_the_steps() -> None:
    older = manifest("a", "b", "c")
    newer = manifest("a", "c", "d", c={"dependencies": ["a"]})
    assert str(newer.difference(older)) == "added d (d); removed b (b); changed c (c)"
    assert newer.fingerprint != older.fingerprint


def test_another_output_port_is_a_change_though_the_steps_are_the_same() -> None:
    text = json.dumps(yaml.safe_load(NodeContent.parse(read("thirteen_steps")).flow["paiflowPipeline"]))
    assert "outputs.artifacts.output1Table" in text
    older, newer = (
        Manifest.parse(text),
        Manifest.parse(text.replace("artifacts.output1Table", "artifacts.output2Table")),
    )
    assert newer.difference(older).changed
    assert newer.fingerprint != older.fingerprint


@given(names=st.lists(st.from_regex(r"id-[0-9a-f]{1,6}", fullmatch=True), min_size=1, max_size=8, unique=True))
def test_order_spelling_and_account_change_no_fingerprint(names: list[str]) -> None:
    one = manifest(*names)
    other = manifest(*reversed(names), **{name: {"volumes": [], "dependencies": []} for name in names})
    assert one.fingerprint == other.fingerprint
    assert not one.difference(other)
