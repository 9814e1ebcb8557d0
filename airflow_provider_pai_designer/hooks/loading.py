"""Loading a pipeline of PAI Designer into a node, as the console does with a click: its content, and what is new in it.

Source: https://www.alibabacloud.com/help/en/dataworks/user-guide/pai-designer-node
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.designer.content import NodeContent, PipelineCopy
from airflow_provider_pai_designer.designer.manifest import Manifest
from airflow_provider_pai_designer.designer.variables import bindings, put_back
from airflow_provider_pai_designer.exceptions import ContentError, PipelineError, one_line

if TYPE_CHECKING:
    from airflow_provider_pai_designer.designer.pipeline import Pipeline, PipelineJob
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LoadedPipeline:
    """A pipeline as its latest successful whole run had it.

    :param content: of a node that runs it; the node's own copy where that says the same.
    :param changes: in what it differs from the node's copy, in words; empty where there is none, or no difference.
    """

    pipeline: Pipeline
    content: NodeContent
    changes: tuple[str, ...]


def load_pipeline(
    hook: PaiDesignerHook, pipeline: Pipeline, *, kept: NodeContent | None, parameters: Collection[str]
) -> LoadedPipeline:
    """Build the content of a node from the latest run of a pipeline that ran every step with success.

    :param kept: the node's content; None where there is no node, or none that can be read.
    :param parameters: names of the node's scheduling parameters, to which variables of the same names are bound.
    :raises PipelineError: it has never run as a whole with success, or is of another workspace.
    :raises ContentError: its manifest or its arguments cannot be used.
    """
    if pipeline.workspace_id not in ("", str(hook.workspace.id)):
        raise PipelineError(
            f"The pipeline {pipeline.name!r} ({pipeline.id}) is of the workspace {pipeline.workspace_id}, and a node "
            f"can run those of its own workspace only, which is {hook.workspace.id}."
        )
    job = hook.paistudio.find_whole_job(pipeline)
    if pipeline.modified > job.created:
        log.info(
            "The pipeline '%s' was last changed at %s. What was changed since its latest whole run (%s, %s) counts "
            "once it has run as a whole again.",
            one_line(pipeline.name),
            pipeline.modified,
            job.id,
            job.created,
        )
    if kept is not None and kept.is_of_job(job.id):
        return LoadedPipeline(pipeline=pipeline, content=kept, changes=())
    content = _build(hook, pipeline, hook.paistudio.read_job(job.id), kept=kept, parameters=parameters)
    # Labels of steps are what somebody drew.
    changes = () if kept is None else tuple(map(one_line, content.changes_since(kept)))
    return LoadedPipeline(pipeline=pipeline, content=content if kept is None or changes else kept, changes=changes)


def readable(text: str | None) -> NodeContent | None:
    """Read the content that a node has, so that it can be compared; None where nobody could."""
    if text is None:
        return None
    try:
        content = NodeContent.parse(text)
        content.changes_since(content)
    except ContentError as error:
        log.warning("The node has a content that cannot be read, and gets another one: %s", error)
        return None
    return content.replace()


def _build(
    hook: PaiDesignerHook,
    pipeline: Pipeline,
    job: PipelineJob,
    *,
    kept: NodeContent | None,
    parameters: Collection[str],
) -> NodeContent:
    # Checked before anything else reads it.
    Manifest.parse(job.manifest)
    manifest, names = put_back(job.manifest, hook.paistudio.read_drawing(pipeline.id))
    if names:
        log.info("PAI gave the values of %s in %s; they are variables again, as drawn.", ", ".join(names), job.id)
    return NodeContent.build(
        PipelineCopy(
            pipeline_id=pipeline.id,
            job_id=job.id,
            name=pipeline.name,
            description=pipeline.description,
            workspace_id=hook.workspace.id,
            region=hook.region,
            manifest=manifest,
            arguments=job.arguments,
            variables={
                **(kept.global_variables if kept else {}),
                **bindings(Manifest.parse(manifest), parameters),
            },
        )
    )
