"""PaiStudio (OpenAPI 2021-02-02): where pipelines are drawn, in the words of this provider.

Source: https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-dir-workflow-draft
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.cloud.pai_pages import list_pages, read_id, read_text
from airflow_provider_pai_designer.cloud.replies import understood
from airflow_provider_pai_designer.designer.pipeline import (
    WHOLE,
    AskedJob,
    Pipeline,
    PipelineJob,
    Template,
    read_pipeline_run_status,
)
from airflow_provider_pai_designer.designer.run import Outcome
from airflow_provider_pai_designer.exceptions import (
    DrawingChangedError,
    NotFoundError,
    PipelineError,
    RejectedError,
)

ROOT_FOLDER = "root"


@dataclass(frozen=True, kw_only=True)
class PaiStudio:
    """The verbs of one account in one region.

    :param gateway: makes the calls to PaiStudio.
    """

    gateway: Gateway

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
        found = self.seek_pipeline(workspace_id=workspace_id, name=name)
        if found is None:
            near = _nearest(name, [pipeline.name for pipeline in self.list_pipelines(workspace_id)])
            raise PipelineError(
                f"The workspace {workspace_id} has no pipeline {name!r}{near}. Check the name in PAI Designer."
            )
        return found

    def seek_pipeline(self, *, workspace_id: str, name: str) -> Pipeline | None:
        """Return the pipeline of exactly this name, None where there is none.

        :raises PipelineError: there are several, and the message lists their ids.
        """
        listed = list_pages(
            self.gateway, "ListExperiments", "Experiments", _read_pipeline, workspace_id=workspace_id, name=name
        )
        # Whether the service compares whole names is not documented.
        found = [pipeline for pipeline in listed if pipeline.name == name]
        if len(found) > 1:
            ids = ", ".join(pipeline.id for pipeline in found)
            raise PipelineError(f"The workspace has {len(found)} pipelines {name!r}: give one of the ids {ids}.")
        return found[0] if found else None

    def read_drawing(self, pipeline_id: str) -> str:
        """Read what is drawn: JSON text with ``nodes``, ``edges`` and more.

        :raises NotFoundError: there is no pipeline of this id.
        """
        reply = self.gateway.read("GetExperiment", experiment_id=pipeline_id)
        return understood("GetExperiment", reply, lambda data: read_text(data, "Content"), member="")

    def save_drawing(self, pipeline_id: str, drawing: str, *, version: int) -> int:
        """Save what is drawn, unless somebody else has changed it meanwhile.

        Source: https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-updateexperimentcontent

        :param drawing: JSON text as :meth:`read_drawing` gives it.
        :param version: that of :meth:`get_pipeline`, read before the drawing.
        :return: the new version.
        :raises DrawingChangedError: the pipeline has another version by now; nothing was saved.
        :raises UnclearError: it may have been saved: read the version again. The same version is not saved twice.
        """
        operation = "UpdateExperimentContent"
        try:
            reply = self.gateway.write(operation, experiment_id=pipeline_id, content=drawing, version=version)
        except RejectedError as error:
            # The code of a conflict is not documented; the version tells.
            if (current := self.get_pipeline(pipeline_id).version) == version:
                raise
            raise DrawingChangedError(
                f"The pipeline {pipeline_id} was changed meanwhile: it has the version {current}, not {version}, and "
                f"nothing was saved. Read it again, and make your change to what is drawn now. The service said: "
                f"{error}"
            ) from None
        return understood(operation, reply, _read_version, member="")

    def find_folder(self, *, workspace_id: str, path: str) -> str:
        """Return the id of a folder of pipelines that the whole workspace sees.

        :param path: names from the root on, such as ``Demo/Churn``; the root itself where it is empty or ``root``.
        :raises PipelineError: there is none, and the message names the nearest, or there are several, and it lists
            their ids.
        """
        folder_id, names = ROOT_FOLDER, [name for name in path.split("/") if name]
        for name in [] if names == [ROOT_FOLDER] else names:
            folders = self._folders_in(folder_id, workspace_id)
            found = [identity for identity, found_name in folders if found_name == name]
            if not found:
                raise PipelineError(
                    f"There is no folder {name!r} of the path {path!r} in PAI Designer"
                    f"{_nearest(name, [found_name for _, found_name in folders])}. Create it there, or correct the "
                    "path; a private folder is named by its id."
                )
            if len(found) > 1:
                raise PipelineError(
                    f"There are {len(found)} folders {name!r} of the path {path!r}: give one of the ids "
                    f"{', '.join(found)}."
                )
            folder_id = found[0]
        return folder_id

    def _folders_in(self, folder_id: str, workspace_id: str) -> list[tuple[str, str]]:
        """The folders directly below a folder, id and name each."""
        reply = self.gateway.read(
            "GetExperimentFolderChildren",
            folder_id=folder_id,
            workspace_id=workspace_id,
            only_folder=True,
            accessibility="PUBLIC",
        )
        return understood("GetExperimentFolderChildren", reply, _read_folders, member="")

    def create_pipeline(
        self, *, workspace_id: str, name: str, folder_id: str, description: str = "", template_id: str | None = None
    ) -> str:
        """Create a pipeline, blank or from a template, and return its id.

        :param folder_id: ``folder-...``; whether ``root`` is taken here is not documented.
        :raises PipelineError: the root is not taken.
        :raises UnclearError: it may have been created; look for its name before creating it again.
        """
        try:
            reply = self.gateway.write(
                "CreateExperiment",
                workspace_id=workspace_id,
                name=name,
                folder_id=folder_id,
                description=description,
                template_id=template_id,
                source="PaiStudio",
            )
        except (NotFoundError, RejectedError) as error:
            if folder_id != ROOT_FOLDER:
                raise
            raise PipelineError(
                f"The pipeline {name!r} was not created in the root folder, and perhaps PAI takes no pipeline there: "
                f"name a folder (folder=). The service said: {error}"
            ) from None
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
            near = _nearest(name_or_id, [template.name for template in templates])
            raise PipelineError(
                f"There is no template {name_or_id!r}{near}. `pai-designer templates` lists all that the key can see."
            )
        if len(found) > 1:
            ids = ", ".join(f"{template.id} ({template.kind or 'no type'})" for template in found)
            raise PipelineError(f"There are {len(found)} templates {name_or_id!r}: give one of the ids {ids}.")
        return found[0]

    def find_whole_job(self, pipeline: Pipeline) -> PipelineJob:
        """Find the newest job that ran every step of a pipeline with success; it comes without manifest and arguments.

        :raises PipelineError: there is no such job: run the whole pipeline once in PAI Designer.
        """
        best: PipelineJob | None = None
        # As a rule one page is enough; where the service does not keep the order, all are read.
        for job in self._list_jobs(pipeline.id):
            if best is not None and job.created < best.created:
                break
            if job.whole and job.status.succeeded and (best is None or job.created > best.created):
                best = job
        if best is None:
            raise PipelineError(
                f"The pipeline {pipeline.name!r} ({pipeline.id}) has never run as a whole with success, so there is "
                "nothing to load: all steps must have run successfully once, in one run. Run all of it once in PAI "
                "Designer, or by PaiDesignerRunPipelineOperator with in_designer=True."
            )
        return best

    def read_job(self, job_id: str, *, verbose: bool = True) -> PipelineJob:
        """Read a job with its manifest and arguments.

        :param verbose: False leaves manifest and arguments out.
        :raises NotFoundError: there is none of this id.
        """
        reply = self.gateway.read("GetJob", job_id=job_id, verbose=verbose)
        return understood("GetJob", reply, _read_job, member="")

    def expect_job(self, pipeline_id: str) -> AskedJob:
        """Look at the jobs that a pipeline has, so that the one that is asked for next can be told from them."""
        newest: list[PipelineJob] = []
        for job in self._list_jobs(pipeline_id):
            if newest and job.created < newest[0].created:
                break
            # There may be several of one moment.
            newest = [*newest, job] if newest and job.created == newest[0].created else [job]
        return AskedJob(
            pipeline_id=pipeline_id,
            since=newest[0].created if newest else "",
            before=tuple(job.id for job in newest),
        )

    def find_jobs(self, asked: AskedJob) -> tuple[PipelineJob, ...]:
        """Return the jobs that can be one that was asked for, oldest first."""
        found: list[PipelineJob] = []
        reached = False
        for job in self._list_jobs(asked.pipeline_id):
            if reached and job.created < asked.since:
                break
            reached = reached or job.created >= asked.since
            if asked.may_be(job):
                # Of two of one moment, the service's order tells.
                found.insert(0, job)
        return tuple(sorted(found, key=lambda job: job.created))

    def going_jobs(self, pipeline_id: str) -> tuple[PipelineJob, ...]:
        """Return the jobs of a pipeline that have not ended, of the whole or of a part of it."""
        return tuple(job for job in self._list_jobs(pipeline_id) if job.status.outcome is Outcome.ACTIVE)

    def create_job(self, pipeline_id: str) -> str:
        """Run every step of a pipeline as it is drawn now, and return the id of the job.

        The service takes neither a name nor a token for it, neither arguments nor values of variables. When the job's
        run gets its id is not documented: read the job until it has one.

        Source: https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-createjob

        :raises NotFoundError: there is no pipeline of this id.
        :raises RejectedError: what is drawn cannot run.
        :raises UnclearError: it may have been created; look for it with :meth:`find_jobs` before creating it again.
        """
        reply = self.gateway.write("CreateJob", pipeline_draft_id=pipeline_id, execute_type=WHOLE)
        return understood("CreateJob", reply, lambda data: read_id(data, "JobId"), member="")

    def stop_job(self, job_id: str) -> None:
        """Ask a job to stop, and with it its run.

        Source: https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-stopjob
        """
        self.gateway.write("StopJob", job_id=job_id)

    def _list_jobs(self, pipeline_id: str) -> Iterator[PipelineJob]:
        """Yield the jobs of a pipeline, newest first if the service keeps the order."""
        return list_pages(self.gateway, "ListJobs", "Jobs", _read_job, experiment_id=pipeline_id, order="DESC")

    def latest_whole_job(self, pipeline: Pipeline) -> PipelineJob:
        """Return the newest job that ran every step of a pipeline with success, with its manifest and arguments.

        :raises PipelineError: there is no such job: run the whole pipeline once in PAI Designer.
        """
        return self.read_job(self.find_whole_job(pipeline).id)


def _nearest(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=3)
    return f"; near to it are {', '.join(map(repr, near))}" if near else ""


def _read_folders(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    items = [item for item in data.get("Items") or [] if item.get("Type") == "dir"]
    return [(read_id(item, "Id"), read_text(item, "Name")) for item in items]


def _read_pipeline(data: Mapping[str, Any]) -> Pipeline:
    return Pipeline(
        id=read_id(data, "ExperimentId"),
        name=read_text(data, "Name"),
        description=read_text(data, "Description"),
        workspace_id=read_text(data, "WorkspaceId"),
        creator=read_text(data, "Creator"),
        modified=read_text(data, "GmtModifiedTime"),
        version=_read_version(data),
    )


def _read_version(data: Mapping[str, Any]) -> int:
    """Some replies have it as a text; a list may have none."""
    return int(data.get("Version") or 0)


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
