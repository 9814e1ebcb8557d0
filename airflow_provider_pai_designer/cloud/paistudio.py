"""PaiStudio (OpenAPI 2021-02-02): where pipelines are drawn, in the words of this provider.

Source: https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-dir-workflow-draft
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from airflow_provider_pai_designer.cloud.gateway import DataWorksGateway
from airflow_provider_pai_designer.cloud.pai_pages import list_pages, read_id, read_text
from airflow_provider_pai_designer.cloud.replies import understood
from airflow_provider_pai_designer.designer.pipeline import Pipeline, PipelineJob, Template, read_pipeline_run_status
from airflow_provider_pai_designer.exceptions import PipelineError


@dataclass(frozen=True, kw_only=True)
class PaiStudio:
    """The verbs of one account in one region.

    :param gateway: makes the calls to PaiStudio.
    """

    gateway: DataWorksGateway

    def list_pipelines(self, workspace_id: str) -> tuple[Pipeline, ...]:
        """Return all pipelines of a workspace."""
        listed = list_pages(self.gateway, "ListExperiments", "Experiments", _read_pipeline, workspace_id=workspace_id)
        return tuple(listed)

    def get_pipeline(self, pipeline_id: str) -> Pipeline:
        """Read a pipeline.

        :raises NotFoundError: there is none of this id.
        """
        reply = self.gateway.read("GetExperiment", experiment_id=pipeline_id)
        return understood("GetExperiment", reply, _read_pipeline, member="")

    def find_pipeline(self, *, workspace_id: str, name: str) -> Pipeline:
        """Return the pipeline of exactly this name.

        :raises PipelineError: there is none, and the message names the nearest, or there are several, and it lists
            their ids.
        """
        # All are read, not those that the service finds by name: whether it compares whole names is not documented.
        pipelines = self.list_pipelines(workspace_id)
        found = [pipeline for pipeline in pipelines if pipeline.name == name]
        if not found:
            raise PipelineError(
                f"The workspace {workspace_id} has no pipeline {name!r}{_nearest(name, pipelines)}. Check the name in "
                "PAI Designer."
            )
        if len(found) > 1:
            ids = ", ".join(pipeline.id for pipeline in found)
            raise PipelineError(f"The workspace has {len(found)} pipelines {name!r}: give one of the ids {ids}.")
        return found[0]

    def create_pipeline(
        self, *, workspace_id: str, name: str, folder_id: str, description: str = "", template_id: str | None = None
    ) -> str:
        """Create a pipeline, blank or from a template, and return its id.

        :param folder_id: ``folder-...``; whether ``root`` is taken here is not documented.
        :raises UnclearError: it may have been created; look for its name before creating it again.
        """
        reply = self.gateway.write(
            "CreateExperiment",
            workspace_id=workspace_id,
            name=name,
            folder_id=folder_id,
            description=description,
            template_id=template_id,
            source="PaiStudio",
        )
        return understood("CreateExperiment", reply, lambda data: read_id(data, "ExperimentId"), member="")

    def delete_pipeline(self, pipeline_id: str) -> None:
        """Delete a pipeline; nodes that carry a copy of it keep the copy."""
        self.gateway.write("DeleteExperiment", experiment_id=pipeline_id)

    def list_templates(self, workspace_id: str) -> tuple[Template, ...]:
        """Return preset and custom templates together, as the service gives them."""
        listed = list_pages(self.gateway, "ListTemplates", "TemplateData", _read_template, workspace_id=workspace_id)
        return tuple(listed)

    def find_template(self, *, workspace_id: str, name_or_id: str) -> Template:
        """Return the template of this id, or of exactly this name.

        :raises PipelineError: there is none, and the message names the nearest, or there are several, and it lists
            their ids and types.
        """
        templates = self.list_templates(workspace_id)
        by_id = [template for template in templates if template.id == name_or_id]
        found = by_id or [template for template in templates if template.name == name_or_id]
        if not found:
            raise PipelineError(f"There is no template {name_or_id!r}{_nearest(name_or_id, templates)}.")
        if len(found) > 1:
            ids = ", ".join(f"{template.id} ({template.kind or 'no type'})" for template in found)
            raise PipelineError(f"There are {len(found)} templates {name_or_id!r}: give one of the ids {ids}.")
        return found[0]

    def latest_whole_job(self, pipeline: Pipeline) -> PipelineJob:
        """Return the newest job that ran every step of a pipeline with success, with its manifest and arguments.

        :raises PipelineError: there is no such job: run the whole pipeline once in PAI Designer.
        """
        listed = list_pages(self.gateway, "ListJobs", "Jobs", _read_job, experiment_id=pipeline.id, order="DESC")
        good = [job for job in listed if job.whole and job.status.succeeded]
        if not good:
            raise PipelineError(
                f"The pipeline {pipeline.name!r} ({pipeline.id}) has never run as a whole with success, so there is "
                "nothing to load. Run all of it once in PAI Designer."
            )
        newest = max(good, key=lambda job: job.created)
        reply = self.gateway.read("GetJob", job_id=newest.id, verbose=True)
        return understood("GetJob", reply, _read_job, member="")


def _nearest(name: str, candidates: tuple[Pipeline, ...] | tuple[Template, ...]) -> str:
    near = get_close_matches(name, [candidate.name for candidate in candidates], n=3)
    return f"; near to it are {', '.join(map(repr, near))}" if near else ""


def _read_pipeline(data: Mapping[str, Any]) -> Pipeline:
    return Pipeline(
        id=read_id(data, "ExperimentId"),
        name=read_text(data, "Name"),
        description=read_text(data, "Description"),
        workspace_id=read_text(data, "WorkspaceId"),
        creator=read_text(data, "Creator"),
        modified=read_text(data, "GmtModifiedTime"),
    )


def _read_template(data: Mapping[str, Any]) -> Template:
    template = data["Template"]
    return Template(
        id=read_id(template, "TemplateId"),
        name=read_text(template, "Name"),
        description=read_text(template, "Description"),
        kind=read_text(data.get("TemplateType") or {}, "Name"),
    )


def _read_job(data: Mapping[str, Any]) -> PipelineJob:
    return PipelineJob(
        id=read_id(data, "JobId"),
        pipeline_id=read_text(data, "ExperimentId"),
        run_id=read_text(data, "RunId"),
        scope=read_text(data, "ExecuteType"),
        status=read_pipeline_run_status(data.get("Status")),
        created=read_text(data, "GmtCreateTime"),
        manifest=str(data.get("RunInfo") or ""),
        arguments=str(data.get("Arguments") or ""),
    )
