"""What a user would lose: a pipeline that is changed, or refused, on its way into the node."""

from __future__ import annotations

import json

import pytest
import yaml

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.exceptions import ContentError
from tests.contents import NAMES
from tests.contents import read_content as read


def with_manifest(steps: list[dict[str, object]]) -> str:
    flow = {"paiflowPipeline": yaml.safe_dump({"apiVersion": "core/v1", "spec": {"pipelines": steps}})}
    return json.dumps({"content": json.dumps(flow), "extraContent": "{}"})


def step(name: str, *dependencies: str) -> dict[str, object]:
    return {
        "metadata": {"name": name, "displayName": f"Step {name}", "identifier": "sql"},
        "spec": {"arguments": {}, "dependencies": list(dependencies)},
    }


@pytest.mark.parametrize("name", NAMES)
class TestRealContents:
    def test_an_untouched_document_renders_to_the_same_text(self, name: str) -> None:
        assert NodeContent.parse(read(name)).render() == read(name)

    def test_the_derived_members_of_the_console_are_recognised(self, name: str) -> None:
        NodeContent.parse(read(name)).check()

    def test_missing_derived_members_are_computed_as_the_console_does(self, name: str) -> None:
        original = NodeContent.parse(read(name))
        derived = ("tasks", "taskRelations", "inputs", "outputs")
        flow = {key: value for key, value in original.flow.items() if key not in derived}
        completed = NodeContent.parse(json.dumps(flow)).completed()
        assert completed.flow["tasks"] == original.flow["tasks"]
        for member in derived[1:]:
            assert sorted(map(str, completed.flow[member])) == sorted(map(str, original.flow[member]))

    def test_a_change_loses_no_unknown_member(self, name: str) -> None:
        document = json.loads(read(name))
        document["somethingNew"] = {"a": [1, "ü"]}
        changed = NodeContent.parse(json.dumps(document)).replace(description="new")
        assert json.loads(changed.render())["somethingNew"] == {"a": [1, "ü"]}
        assert changed.flow["description"] == "new"
        assert {**changed.flow, "description": None} == {
            **NodeContent.parse(json.dumps(document)).flow,
            "description": None,
        }

    def test_order_of_keys_and_spacing_say_nothing(self, name: str) -> None:
        content = NodeContent.parse(read(name))
        respaced = NodeContent.parse(json.dumps(json.loads(read(name)), indent=3, sort_keys=True))
        assert content.same_as(respaced)
        assert not content.same_as(content.replace(name="another"))

    def test_steps_come_after_what_they_depend_on(self, name: str) -> None:
        seen: set[str] = set()
        for item in NodeContent.parse(read(name)).manifest.in_order():
            assert set(item.dependencies) <= seen
            seen.add(item.name)


def test_the_bare_form_is_told_from_the_wrapped_one() -> None:
    assert NodeContent.parse(read("global_variable")).wrapped
    assert not NodeContent.parse(read("global_variable_bare")).wrapped
    assert NodeContent.parse(read("global_variable")).editor["experimentId"].startswith("draft-")
    assert NodeContent.parse(read("global_variable_bare")).editor == {}


def test_the_scheduler_gets_the_flow_alone() -> None:
    content = NodeContent.parse(read("global_variable"))
    assert json.loads(content.scheduler_text) == content.flow
    assert content.global_variables == {"global_var1": "${bizdate}"}


def test_a_new_manifest_brings_its_derived_members_with_it() -> None:
    content = NodeContent.parse(read("three_steps"))
    changed = content.replace(paiflowPipeline=yaml.safe_dump({"spec": {"pipelines": [step("a"), step("b", "a")]}}))
    changed.check()
    assert [task["taskUniqueCode"] for task in changed.flow["tasks"]] == ["a", "b"]


def test_a_content_put_together_from_two_pipelines_is_refused() -> None:
    content = NodeContent.parse(read("three_steps"))
    mixed = content.replace(tasks=NodeContent.parse(read("global_variable")).flow["tasks"])
    with pytest.raises(ContentError, match="'tasks'.*does not belong to its manifest"):
        mixed.check()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1;", "is not JSON"),
        ("[1]", "must be a JSON object, not list"),
        ('{"content": "no json"}', "'content' is not JSON"),
        ('{"content": "{}"}', "no pipeline manifest"),
        ('{"extraContent": "{}"}', "'content' is not JSON"),
        ('{"paiflowPipeline": "a: [1"}', "not valid YAML"),
        ('{"paiflowPipeline": "a: 1"}', "has no steps"),
        ('{"paiflowPipeline": "a: 2026-02-30"}', "not valid YAML"),
        ('{"paiflowPipeline": "a: !!int x"}', "not valid YAML"),
        ("[" * 100_000, "is not JSON"),
        ('{"paiflowPipeline": "spec: {pipelines: [{metadata: {name: a}, spec: {}}]}", "tasks": 5}', "must be a list"),
        ('{"paiflowPipeline": "spec: {pipelines: []}"}', "has no steps"),
        ('{"paiflowPipeline": "spec: {pipelines: [{metadata: {}}]}"}', "Step number 1"),
        (with_manifest([step("a", "b"), step("b", "c"), step("c", "a")]), r"cycle: Step \w \(\w\) -> "),
        (with_manifest([step("a", "a")]), "cycle"),
        (with_manifest([step("a"), step("a")]), "two steps with the name 'a'"),
        (with_manifest([step("a", "gone")]), r"Step a \(a\) refers to the step 'gone'"),
    ],
)
def test_bad_content_is_one_typed_error_that_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ContentError, match=message):
        NodeContent.parse(text).check()
