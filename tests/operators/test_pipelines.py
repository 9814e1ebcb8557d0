"""What a user would lose: the right pipeline in a node, told when it changes, and never drawn twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from airflow_provider_pai_designer.cloud.paistudio import PaiStudio
from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    ContentError,
    NodeDefinitionError,
    NotFoundError,
    PipelineChangedError,
    PipelineError,
    UnclearError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerDeployNodeOperator, PaiDesignerNodeOperator
from airflow_provider_pai_designer.operators.pipelines import PaiDesignerCreatePipelineOperator
from tests.contents import read_content
from tests.drawing import MERGE, WRITE, draw, redraw, run_whole
from tests.emulator.pai_support import broken
from tests.generations import Generation, only_legacy
from tests.operators.support import Task, wait_until, writes

FOLDER = "Business Flow/demo/Algorithm"


def new_name() -> str:
    return f"node_{uuid4().hex[:8]}"


def deploy(**arguments: Any) -> PaiDesignerDeployNodeOperator:
    values: dict[str, Any] = {"task_id": "deploy", "node_name": new_name(), "folder": FOLDER}
    return PaiDesignerDeployNodeOperator(**{**values, **arguments})


def create(**arguments: Any) -> PaiDesignerCreatePipelineOperator:
    return PaiDesignerCreatePipelineOperator(**{"task_id": "create", "pipeline": new_name(), **arguments})


def content_of(node: str) -> NodeContent:
    text = PaiDesignerHook().get_content(name=node, folder=FOLDER)
    assert text is not None
    return NodeContent.parse(text)


def lost(**fault: Any) -> dict[str, Any]:
    """The reply of a creation gets lost."""
    return {"behaviour": "close", "operation": "CreateExperiment", **fault}


class TestLoad:
    def test_a_pipeline_runs_as_a_node_for_the_day_that_a_parameter_of_its_variables_name_gives(
        self, connected: Emulator, generation: Generation, task: Task
    ) -> None:
        draft, table = draw(connected, generation), f"t_{uuid4().hex[:8]}"
        hook = PaiDesignerHook()
        redraw(hook, draft, WRITE, "outputTableName", table)
        run_whole(hook, draft, wait_until)
        result = task.run(
            PaiDesignerNodeOperator(
                task_id="daily",
                node_name=(name := new_name()),
                folder=FOLDER,
                pipeline=draft.removeprefix("draft-"),
                parameters={"global_var1": "$bizdate"},
                poll_interval=0.1,
            )
        )
        assert result["outcome"] == "success"
        assert connected.control.tables()[table] == ["dt=20260101", "dt=20261122"]
        content = content_of(name)
        assert content.global_variables == {"global_var1": "${global_var1}"}
        assert content.editor["experimentId"] == draft
        content.check()

    def test_an_unchanged_node_costs_few_calls_and_no_write(self, connected: Emulator, generation: Generation) -> None:
        draft, name = draw(connected, generation), new_name()
        arguments = {"node_name": name, "pipeline_id": draft, "parameters": {"global_var1": "$bizdate"}}
        deploy(**arguments).execute(Task().context)
        connected.control.reset_counters()
        with writes(connected) as called:
            assert deploy(**arguments).execute(Task().context)["changes"] == []
        assert called == []
        asked = {count.operation: count.calls for count in connected.control.counters()}
        assert "GetJob" not in asked
        assert sum(asked.values()) <= 9, asked

    def test_a_node_of_another_run_of_the_same_steps_is_left_alone(
        self, connected: Emulator, generation: Generation
    ) -> None:
        draft, name = draw(connected, generation, content="three_steps"), new_name()
        deploy(node_name=name, pipeline_id=draft).execute(Task().context)
        run_whole(PaiDesignerHook(), draft, wait_until)
        with writes(connected) as called:
            deploy(node_name=name, pipeline_id=draft, on_pipeline_change="fail").execute(Task().context)
        assert called == []

    def test_a_retry_joins_the_run_though_the_pipeline_ran_again_meanwhile(
        self, connected: Emulator, generation: Generation, task: Task
    ) -> None:
        draft = draw(connected, generation, content="three_steps")
        arguments: dict[str, Any] = {
            "task_id": "daily",
            "node_name": new_name(),
            "folder": FOLDER,
            "pipeline_id": draft,
        }
        first = task.run(PaiDesignerNodeOperator(**arguments, wait_for_completion=False))
        run_whole(PaiDesignerHook(), draft, wait_until)
        task.retry()
        second = task.run(PaiDesignerNodeOperator(**arguments, wait_for_completion=False))
        assert second["remote_dag_ids"] == first["remote_dag_ids"]

    @pytest.mark.parametrize("form", ["id", "path", "name"])
    def test_a_node_is_copied_from_another(self, connected: Emulator, generation: Generation, form: str) -> None:
        source, name = new_name(), new_name()
        content = read_content("three_steps")
        first = deploy(node_name=source, content=content).execute(Task().context)
        reference = {"id": first["node_id"], "path": f"{FOLDER}/{source}", "name": source}[form]
        deploy(node_name=name, copy_from_node=reference).execute(Task().context)
        assert content_of(name).flow == NodeContent.parse(content).flow
        with writes(connected) as called:
            deploy(node_name=name, copy_from_node=reference).execute(Task().context)
        assert called == []

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({}, ConfigurationError, "once: as content=, .* or copy_from_node=, not none of them"),
            ({"pipeline": "churn", "pipeline_id": "x"}, ConfigurationError, "not pipeline and pipeline_id"),
            ({"pipeline": "chrun"}, PipelineError, "near to it are 'churn'"),
            ({"pipeline_id": "draft-gone"}, NotFoundError, "draft-gone"),
            ({"copy_from_node": "gone"}, NodeDefinitionError, "no PAI Designer node 'gone'|'gone'"),
            ({"copy_from_node": 12}, NotFoundError, "12"),
            ({"content": "{}", "on_pipeline_change": "fail"}, ConfigurationError, "content= names none"),
        ],
    )
    def test_bad_input_is_one_clear_error_before_any_write(
        self, connected: Emulator, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        with writes(connected) as called, pytest.raises(error, match=message):
            deploy(**arguments).execute(Task().context)
        assert called == []

    @only_legacy
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"pipeline": "twins"}, "draft-demo-twin-2, draft-demo-twin-1"),
            ({"pipeline": "never_run"}, "all steps must have run successfully once"),
            ({"pipeline_id": "draft-demo-studio-churn"}, "of the workspace 100003.*its own workspace only"),
        ],
    )
    def test_a_pipeline_that_cannot_be_loaded_is_an_error_before_any_write(
        self, connected: Emulator, arguments: dict[str, Any], message: str
    ) -> None:
        with writes(connected) as called, pytest.raises(PipelineError, match=message):
            deploy(**arguments).execute(Task().context)
        assert called == []

    @only_legacy
    @pytest.mark.parametrize(
        ("change", "message"),
        [("cycle", "form a cycle"), ("dangling", "'id-gone'"), ("duplicate", "two steps with the name")],
    )
    def test_a_manifest_that_cannot_run_is_an_error_before_any_write(
        self, connected: Emulator, monkeypatch: pytest.MonkeyPatch, change: str, message: str
    ) -> None:
        """PAI itself would not run it; but what it hands out is not ours."""
        read = PaiStudio.read_job
        monkeypatch.setattr(PaiStudio, "read_job", lambda *given: replace(read(*given), manifest=broken(change)))
        with writes(connected) as called, pytest.raises(ContentError, match=message):
            deploy(pipeline="churn").execute(Task().context)
        assert called == []

    @only_legacy
    def test_a_variable_without_a_parameter_is_named_before_any_write(self, connected: Emulator) -> None:
        with writes(connected) as called, pytest.raises(NodeDefinitionError, match="Write Table-1.*global_var1"):
            deploy(pipeline="daily_table").execute(Task().context)
        assert called == []

    def test_an_unknown_way_with_changes_is_an_error_of_the_dag_file(self) -> None:
        with pytest.raises(ValueError, match="on_pipeline_change must be 'reload'"):
            deploy(content="{}", on_pipeline_change="sometimes")


class TestReload:
    @pytest.fixture
    def changed(self, connected: Emulator, generation: Generation) -> dict[str, Any]:
        """Arguments of a node whose pipeline has changed since it was loaded."""
        draft = draw(connected, generation)
        arguments = {"node_name": new_name(), "pipeline_id": draft, "parameters": {"global_var1": "$bizdate"}}
        deploy(**arguments).execute(Task().context)
        hook = PaiDesignerHook()
        redraw(hook, draft, MERGE, "leftColumns", "uid")
        run_whole(hook, draft, wait_until)
        return arguments

    def test_a_change_is_taken_over_and_named(
        self, connected: Emulator, generation: Generation, changed: dict[str, Any]
    ) -> None:
        with capture_logs() as records:
            done = deploy(**changed).execute(Task().context)["changes"]
        assert done == ["updated: content", *generation.into["DEV"]]
        assert any("steps: changed Merge Columns-1 (id-" in str(record["event"]) for record in records)
        with writes(connected) as called:
            deploy(**changed, on_pipeline_change="fail").execute(Task().context)
        assert called == []

    def test_a_change_can_fail_the_task_with_the_names_of_the_steps(
        self, connected: Emulator, changed: dict[str, Any]
    ) -> None:
        with writes(connected) as called, pytest.raises(PipelineChangedError, match="changed Merge Columns-1"):
            deploy(**changed, on_pipeline_change="fail").execute(Task().context)
        assert called == []

    def test_a_change_can_be_ignored_and_is_told(self, connected: Emulator, changed: dict[str, Any]) -> None:
        before = content_of(changed["node_name"])
        with writes(connected) as called, capture_logs() as records:
            assert deploy(**changed, on_pipeline_change="ignore").execute(Task().context)["changes"] == []
        assert called == []
        assert content_of(changed["node_name"]).same_as(before)
        assert any("not loaded again" in str(record["event"]) for record in records)

    @pytest.mark.parametrize(("way", "first"), [("reload", "content"), ("ignore", "the pipeline"), ("fail", "content")])
    def test_a_dry_run_tells_the_change(
        self, connected: Emulator, changed: dict[str, Any], way: str, first: str
    ) -> None:
        with writes(connected) as called:
            result = deploy(**changed, on_pipeline_change=way, dry_run=True).execute(Task().context)
        assert called == []
        assert result["changes"][0].startswith(first)
        assert "changed Merge Columns-1" in result["changes"][-1]

    def test_a_change_that_has_not_run_yet_is_told_and_not_loaded(
        self, connected: Emulator, generation: Generation, caplog: pytest.LogCaptureFixture
    ) -> None:
        draft, name = draw(connected, generation, content="three_steps"), new_name()
        deploy(node_name=name, pipeline_id=draft).execute(Task().context)
        hook = PaiDesignerHook()
        step = content_of(name).manifest.steps[-1].display_name
        redraw(hook, draft, step, "sql", "select 2")
        with writes(connected) as called, caplog.at_level("INFO"):
            deploy(node_name=name, pipeline_id=draft).execute(Task().context)
        assert called == []
        assert "counts once it has run as a whole again" in caplog.text

    def test_another_pipeline_of_the_same_steps_is_a_change(self, connected: Emulator, generation: Generation) -> None:
        first, second = (draw(connected, generation, content="three_steps") for _ in range(2))
        name = new_name()
        deploy(node_name=name, pipeline_id=first).execute(Task().context)
        with pytest.raises(PipelineChangedError, match=f"the pipeline is {second} and was {first}"):
            deploy(node_name=name, pipeline_id=second, on_pipeline_change="fail").execute(Task().context)

    def test_a_content_that_nobody_can_read_is_loaded_over(self, connected: Emulator, generation: Generation) -> None:
        draft, name = draw(connected, generation, content="three_steps"), new_name()
        bare = '{"paiflowPipeline": "spec: {pipelines: [{metadata: {name: a}, spec: {}}]}"}'
        deploy(node_name=name, content=bare).execute(Task().context)
        deploy(node_name=name, pipeline_id=draft).execute(Task().context)
        assert content_of(name).editor["experimentId"] == draft


class TestCreate:
    def test_a_pipeline_is_made_once_from_a_template(self, connected: Emulator, generation: Generation) -> None:
        name = new_name()
        made = create(pipeline=name, template="Two SQL steps", description="d").execute(Task().context)
        hook = PaiDesignerHook()
        pipeline = hook.get_pipeline(made)
        assert (pipeline.name, pipeline.description, pipeline.workspace_id) == (name, "d", str(hook.workspace.id))
        assert "select" in hook.paistudio.read_drawing(made).lower()
        assert create(pipeline=name, template="Two SQL steps").execute(Task().context) == made
        with pytest.raises(PipelineError, match=f"there already \\({made}\\)"):
            create(pipeline=name, if_exists="fail").execute(Task().context)
        hook.delete_pipeline(made)
        with pytest.raises(NotFoundError):
            hook.get_pipeline(made)

    @only_legacy
    @pytest.mark.parametrize("folder", ["Demo", "folder-demo", "/Demo/"])
    def test_a_blank_pipeline_is_made_in_a_folder(self, connected: Emulator, folder: str) -> None:
        made = create(folder=folder).execute(Task().context)
        (row,) = [row for row in connected.control.rows("drafts") if row["id"] == made]
        assert row["folder"] == "folder-demo"

    @only_legacy
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"template": "Binary classification"}, PipelineError, r"template-demo-binary.*\(Undocumented"),
            ({"template": "Two SQL"}, PipelineError, "near to it are 'Two SQL steps'.*pai-designer templates"),
            ({"folder": "Demos"}, PipelineError, "near to it are 'Demo'"),
            ({"folder": "Demo/Deeper"}, PipelineError, "no folder 'Deeper'"),
            ({"folder": "folder-gone"}, NotFoundError, "folder-gone"),
            ({"pipeline": "twins"}, PipelineError, "draft-demo-twin-2, draft-demo-twin-1"),
            ({"pipeline": "n" * 129}, ConfigurationError, "1 to 128 characters"),
            ({"pipeline": " n"}, ConfigurationError, "no space at an end"),
            ({"pipeline": None}, ConfigurationError, "pipeline must be text"),
            ({"settle": "long"}, ConfigurationError, "settle must be a number"),
        ],
    )
    def test_bad_input_is_one_clear_error_and_nothing_is_made(
        self, connected: Emulator, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        before = len(connected.control.rows("drafts"))
        with pytest.raises(error, match=message):
            create(**arguments).execute(Task().context)
        assert len(connected.control.rows("drafts")) == before

    def test_an_unknown_way_with_what_exists_is_an_error_of_the_dag_file(self) -> None:
        with pytest.raises(ValueError, match="if_exists must be 'return'"):
            create(if_exists="sometimes")

    @only_legacy
    @pytest.mark.parametrize(
        "fault",
        [
            {"done": False},
            {"done": True},
            {"behaviour": "later", "seconds": 10},
            {"behaviour": "garbage", "done": True},
        ],
        ids=["not done", "done", "done later", "done and not said"],
    )
    def test_a_lost_reply_makes_no_second_pipeline(self, connected: Emulator, fault: dict[str, Any]) -> None:
        """What is done later, in half a second of real time, is done while it is looked for."""
        name = new_name()
        connected.control.seed({"faults": [lost(**fault)]})
        try:
            made = create(pipeline=name, settle=2).execute(Task().context)
        finally:
            connected.control.clear_behaviours()
        assert [row["id"] for row in connected.control.rows("drafts") if row["name"] == name] == [made]

    @only_legacy
    def test_a_pipeline_that_is_never_seen_is_unclear(self, connected: Emulator) -> None:
        connected.control.seed({"faults": [lost(done=False, times=9)]})
        try:
            with pytest.raises(UnclearError, match="the creation of the pipeline"):
                create(settle=1).execute(Task().context)
        finally:
            connected.control.clear_behaviours()
