"""Making a pipeline be there: found by its name, else created once, whatever becomes of the reply."""

from __future__ import annotations

from airflow_provider_pai_designer.cloud.paistudio import PaiStudio
from airflow_provider_pai_designer.cloud.settle import Settler
from airflow_provider_pai_designer.cloud.verbs import Pause
from airflow_provider_pai_designer.designer.pipeline import EnsuredPipeline, WantedPipeline
from airflow_provider_pai_designer.exceptions import PipelineError


def ensure_pipeline(
    studio: PaiStudio,
    wanted: WantedPipeline,
    *,
    workspace_id: str,
    may_exist: bool,
    pause: Pause,
    settle: float,
) -> EnsuredPipeline:
    """Return the pipeline of a name; create it where there is none.

    :param may_exist: False takes a pipeline that is there already for an error.
    :param pause: waits for some seconds; may raise to end the work between two steps.
    :param settle: for how many seconds the service may still act on a call that was given up.
    :raises PipelineError: the name is there several times, or already, or template or folder cannot be told; nothing
        was created.
    :raises UnclearError: nobody knows whether it was created.
    """
    if found := studio.seek_pipeline(workspace_id=workspace_id, name=wanted.name):
        if not may_exist:
            raise PipelineError(
                f"The pipeline {wanted.name!r} is there already ({found.id}): give another name, delete it, or let it "
                'be returned with if_exists="return".'
            )
        return EnsuredPipeline(id=found.id, created=False)
    template = studio.find_template(workspace_id=workspace_id, name_or_id=wanted.template) if wanted.template else None
    folder_id = wanted.folder
    if not folder_id.startswith("folder-") or "/" in folder_id:
        folder_id = studio.find_folder(workspace_id=workspace_id, path=wanted.folder)
    pause(0)
    created = Settler(pause=pause, settle=settle).settled(
        f"the creation of the pipeline {wanted.name!r}",
        lambda: studio.create_pipeline(
            workspace_id=workspace_id,
            name=wanted.name,
            folder_id=folder_id,
            description=wanted.description,
            template_id=template.id if template else None,
        ),
        look=lambda: studio.seek_pipeline(workspace_id=workspace_id, name=wanted.name) is not None,
    )
    pipeline_id = created or studio.find_pipeline(workspace_id=workspace_id, name=wanted.name).id
    return EnsuredPipeline(id=pipeline_id, created=True)
