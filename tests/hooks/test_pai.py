"""What a user would lose: a pipeline that becomes a node, or runs by itself, without a click."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_pai_designer.designer.pipeline import PipelineRunStatus
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import DrawingChangedError, NotFoundError, PipelineError
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from tests.operators.support import wait_until

WORKSPACE = "100001"


@pytest.fixture
def hook(connected: Emulator) -> PaiDesignerHook:
    """A hook on the legacy workspace, of which the PAI workspace has the number."""
    assert connected.url
    return PaiDesignerHook()


def test_a_pipeline_that_cannot_be_loaded_is_a_typed_error(hook: PaiDesignerHook) -> None:
    with pytest.raises(PipelineError, match="churn"):
        hook.paistudio.find_pipeline(workspace_id=WORKSPACE, name="chum")
    with pytest.raises(PipelineError, match="draft-demo-twin-1"):
        hook.paistudio.find_pipeline(workspace_id=WORKSPACE, name="twins")
    never_run = hook.paistudio.find_pipeline(workspace_id=WORKSPACE, name="never_run")
    with pytest.raises(PipelineError, match="never_run"):
        hook.paistudio.latest_whole_job(never_run)


def test_a_pipeline_is_made_from_a_template_and_deleted(hook: PaiDesignerHook) -> None:
    with pytest.raises(PipelineError, match="template-demo-binary"):
        hook.paistudio.find_template(workspace_id=WORKSPACE, name_or_id="Binary classification")
    template = hook.paistudio.find_template(workspace_id=WORKSPACE, name_or_id="template-demo-sql")
    made = hook.paistudio.create_pipeline(
        workspace_id=WORKSPACE, name="made_to_be_deleted", folder_id="root", description="", template_id=template.id
    )
    assert hook.paistudio.find_pipeline(workspace_id=WORKSPACE, name="made_to_be_deleted").id == made
    hook.paistudio.delete_pipeline(made)
    with pytest.raises(NotFoundError):
        hook.paistudio.get_pipeline(made)


def test_nobody_overwrites_what_another_has_drawn(hook: PaiDesignerHook) -> None:
    studio = hook.paistudio
    made = studio.create_pipeline(workspace_id=WORKSPACE, name="drawn_by_two", folder_id="root")
    version, drawing = hook.get_pipeline(made).version, studio.read_drawing(made)
    theirs = studio.save_drawing(made, drawing, version=version)
    assert hook.get_pipeline(made).version == theirs
    with pytest.raises(DrawingChangedError, match="changed meanwhile"):
        studio.save_drawing(made, drawing, version=version)
    studio.delete_pipeline(made)


def test_a_pipeline_runs_without_a_node_and_shows_its_steps(hook: PaiDesignerHook) -> None:
    job = hook.paistudio.latest_whole_job(hook.paistudio.find_pipeline(workspace_id=WORKSPACE, name="churn"))
    started = hook.paiflow.create_run(
        workspace_id=WORKSPACE, name="by_itself", manifest=job.manifest, arguments=job.arguments
    )
    wait_until(ended(hook, started))
    run = hook.paiflow.get_run(started)
    assert run.status is PipelineRunStatus.SUCCEEDED
    assert [found.id for found in hook.paiflow.find_runs(workspace_id=WORKSPACE, name="by_itself")] == [started]
    steps = [step for step in hook.paiflow.get_steps(run).walk() if step.node_id != run.root_node_id]
    assert len(steps) == 3
    assert all(hook.paiflow.read_log(run_id=started, node_id=step.node_id).lines for step in steps)


def ended(hook: PaiDesignerHook, run_id: str) -> Callable[[], bool]:
    """Tell whether a run has ended, as one call for many does."""
    return lambda: hook.paiflow.run_statuses(workspace_id=WORKSPACE, run_ids=[run_id])[run_id].ended
