"""What a user would lose: a node that runs another pipeline than the one that was loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_pai_designer.designer.content import NodeContent, PipelineCopy
from airflow_provider_pai_designer.designer.manifest import Manifest
from airflow_provider_pai_designer.designer.variables import bindings, put_back, variable_names
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


TEXTS = st.text(alphabet="ab c'\"\\${}:#-\n\té市", max_size=12)


@st.composite
def drawn(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The steps of a pipeline that somebody may have drawn: each may read what an earlier one puts out."""
    names = draw(st.lists(st.from_regex(r"id-[0-9a-f]{1,6}", fullmatch=True), min_size=1, max_size=6, unique=True))
    steps: list[dict[str, Any]] = []
    for place, name in enumerate(names):
        sources = draw(st.lists(st.sampled_from(names[:place]), unique=True)) if place else []
        identifier = draw(st.sampled_from(["data_source", "SqlWriteTable_1", "sql"]))
        table = draw(st.sampled_from(["", "project.table", "project.other"]))
        parameters = [
            {"name": "inputTableName", "value": table},
            {"name": "outputTableName", "value": table},
            {"name": "text", "value": draw(TEXTS)},
            {"name": "flag", "value": draw(st.booleans())},
        ]
        artifacts = [
            {"name": f"port{number}", "from": f"{{{{pipelines.{source}.outputs.artifacts.out}}}}"}
            for number, source in enumerate(sources)
        ]
        steps.append(
            {
                "metadata": {"name": name, "displayName": draw(TEXTS), "identifier": identifier},
                "spec": {"arguments": {"artifacts": artifacts, "parameters": parameters}, "dependencies": sources},
            }
        )
    return steps


def written(steps: list[dict[str, Any]]) -> str:
    return yaml.safe_dump({"spec": {"pipelines": steps}}, allow_unicode=True)


def built(text: str, **changes: Any) -> NodeContent:
    return NodeContent.build(copy_of(NodeContent.parse(read("three_steps")), manifest=text, **changes))


@given(steps=drawn())
def test_whatever_is_drawn_is_in_the_content_as_it_was_drawn(steps: list[dict[str, Any]]) -> None:
    content = built(written(steps))
    content.check()
    assert yaml.safe_load(content.flow["paiflowPipeline"])["spec"]["pipelines"] == steps
    assert [task["taskUniqueCode"] for task in content.flow["tasks"]] == [step["metadata"]["name"] for step in steps]
    assert [task["root"] for task in content.flow["tasks"]] == [not step["spec"]["dependencies"] for step in steps]
    assert len(content.flow["taskRelations"]) == sum(len(step["spec"]["dependencies"]) for step in steps)
    reads = {item["value"] for item in content.flow["inputs"]}
    assert reads == {
        parameter["value"]
        for step in steps
        if step["metadata"]["identifier"] == "data_source"
        for parameter in step["spec"]["arguments"]["parameters"]
        if parameter["name"] == "inputTableName" and parameter["value"]
    }
    assert NodeContent.parse(content.render()).same_as(content)
    assert content.replace().render() == content.render()
    assert content.changes_since(content) == ()


def cycle(steps: list[dict[str, Any]]) -> None:
    steps[0]["spec"]["dependencies"] = [steps[-1]["metadata"]["name"]]
    steps[-1]["spec"]["dependencies"] = [steps[0]["metadata"]["name"]]


def dangling(steps: list[dict[str, Any]]) -> None:
    steps[-1]["spec"]["arguments"]["artifacts"] = [{"name": "p", "from": "{{pipelines.gone.outputs.artifacts.out}}"}]


def duplicate(steps: list[dict[str, Any]]) -> None:
    steps.append(steps[0])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(cycle, "form a cycle"), (dangling, "refers to the step 'gone'"), (duplicate, "two steps with the name")],
)
@given(steps=drawn())
def test_what_cannot_run_is_refused_before_a_node_is_made(
    spoil: Callable[[list[dict[str, Any]]], None], message: str, steps: list[dict[str, Any]]
) -> None:
    spoil(steps)
    with pytest.raises(ContentError, match=message):
        built(written(steps))


def test_another_project_and_another_pipeline_are_changes() -> None:
    older = NodeContent.parse(read("three_steps"))
    arguments = older.flow["paiflowArguments"]
    project = yaml.safe_load(arguments)["arguments"]["parameters"][0]["value"]["odpsProject"]
    newer = NodeContent.build(
        copy_of(older, arguments=arguments.replace(project, "elsewhere"), pipeline_id="draft-other")
    )
    assert newer.changes_since(older) == (
        f"the pipeline is draft-other and was {older.editor['experimentId']}",
        f"the MaxCompute project is elsewhere and was {project}",
    )


def test_variables_are_bound_to_the_parameters_of_their_names_and_no_others() -> None:
    content = NodeContent.parse(read("global_variable"))
    assert bindings(content.manifest, ["global_var1", "other"]) == {"global_var1": "${global_var1}"}
    assert bindings(content.manifest, ["other"]) == {}


NAMES_IN_TEXT = st.sampled_from(["${day}", "${hour}", "${t1}", "dt=", "/", "", "x.y"])


@given(parts=st.lists(NAMES_IN_TEXT, max_size=6), day=st.sampled_from(["20260101", "", "dt=/"]))
def test_variables_that_have_values_are_put_back_and_nothing_else(parts: list[str], day: str) -> None:
    text = "".join(parts)
    ran = text.replace("${day}", day).replace("${hour}", "07")
    steps = yaml.safe_load(read_manifest("three_steps"))["spec"]["pipelines"]
    steps[0]["spec"]["arguments"]["parameters"].append({"name": "mine", "value": ran})
    drawing = {"nodes": [{"id": steps[0]["metadata"]["name"], "properties": [{"name": "mine", "value": text}]}]}
    put, names = put_back(written(steps), json.dumps(drawing))
    assert set(names) == {name for name in ("day", "hour") if f"${{{name}}}" in text}
    (value,) = [
        item["value"]
        for item in yaml.safe_load(put)["spec"]["pipelines"][0]["spec"]["arguments"]["parameters"]
        if item["name"] == "mine"
    ]
    assert value == text


@pytest.mark.parametrize("drawing", ["", "{", "[]", '{"nodes": 1}', '{"nodes": [{"id": "x"}]}', '{"nodes": [{}]}'])
def test_a_drawing_that_nobody_can_read_changes_nothing(drawing: str) -> None:
    text = read_manifest("global_variable")
    assert put_back(text, drawing) == (text, ())


@pytest.mark.parametrize("ran", ["dt=2026/x", "ds=20260101/", "dt=${day}/", "dt=", ""])
def test_a_field_that_was_drawn_anew_since_stays_as_it_ran(ran: str) -> None:
    steps = yaml.safe_load(read_manifest("three_steps"))["spec"]["pipelines"]
    steps[0]["spec"]["arguments"]["parameters"].append({"name": "mine", "value": ran})
    drawing = {"nodes": [{"id": steps[0]["metadata"]["name"], "properties": [{"name": "mine", "value": "dt=${day}/"}]}]}
    text = written(steps)
    assert put_back(text, json.dumps(drawing)) == (text, ())


def read_manifest(name: str) -> str:
    return str(NodeContent.parse(read(name)).flow["paiflowPipeline"])
