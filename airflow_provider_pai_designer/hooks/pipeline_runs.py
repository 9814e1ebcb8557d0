"""Runs of pipelines without a node of DataWorks, by PAIFlow itself or as jobs of PAI Designer, which it runs too.

These are the verbs that operators, sensors and triggers speak.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.designer.pipeline import (
    AskedJob,
    AskedPipelineRun,
    Pipeline,
    PipelineReport,
    PipelineRun,
    PipelineRunState,
    PipelineRunStatus,
)
from airflow_provider_pai_designer.designer.run import Outcome, run_name
from airflow_provider_pai_designer.exceptions import (
    PipelineError,
    RejectedError,
    RunNotStoppedError,
    ServiceError,
    UnclearError,
)

if TYPE_CHECKING:
    from airflow_provider_pai_designer.cloud.paiflow import PaiFlow
    from airflow_provider_pai_designer.cloud.paistudio import PaiStudio
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

_LOOKS = 10
_STOPS = 3


class PipelineRuns:
    """What a hook does with runs of pipelines; its ``pipeline_runs``.

    :param hook: has the connection and the workspace.
    """

    def __init__(self, hook: PaiDesignerHook) -> None:
        self._hook = hook

    @property
    def _flow(self) -> PaiFlow:
        return self._hook.paiflow

    @property
    def _studio(self) -> PaiStudio:
        return self._hook.paistudio

    def start(
        self,
        name: str,
        *,
        pipeline_id: str | None = None,
        manifest: str | None = None,
        arguments: str | None = None,
        source_id: str | None = None,
    ) -> AskedPipelineRun:
        """Start a run, of a registered pipeline or of a manifest.

        :param name: the run name: unique, at most 128 characters.
        :param arguments: YAML text.
        :param source_id: the draft that the manifest was drawn as.
        :raises UnclearError: it may have been started: look for its name before starting it again.
        """
        workspace_id = self._hook.pai_workspace_id
        self._hook.pause(0)
        identity = self._flow.create_run(
            workspace_id=workspace_id,
            name=name,
            pipeline_id=pipeline_id,
            manifest=manifest,
            arguments=arguments,
            source_id=source_id,
        )
        run = AskedPipelineRun(name=name, workspace_id=workspace_id, id=identity)
        self._hook.log.info("Started the %s", run)
        return run

    def start_job(self, run: AskedPipelineRun) -> AskedPipelineRun:
        """Start a run of a whole pipeline in PAI Designer, as it is drawn now; its id comes with :meth:`link`.

        :param run: with its job, of which no id is known yet.
        :raises PipelineError: it was refused, perhaps because another one goes on.
        :raises UnclearError: it may have been started: look for it before starting it again.
        """
        assert run.job is not None
        self._hook.pause(0)
        try:
            job_id = self._studio.create_job(run.job.pipeline_id)
        except RejectedError as error:
            # What is in its way may be the very job that was asked for before, and came late.
            if (found := self.identify(run)).is_known:
                return found
            going = self._studio.going_jobs(run.job.pipeline_id)
            if not going:
                raise
            raise PipelineError(
                f"The pipeline {run.job.pipeline_id} was not run, perhaps because its job {going[0].id} goes on: wait "
                f"until that has ended, or stop it in PAI Designer. The service said: {error}"
            ) from None
        started = _of_job(run, run.job, job_id)
        self._hook.log.info("Started the %s", started)
        return started

    def link(self, run: AskedPipelineRun) -> tuple[AskedPipelineRun, PipelineRunStatus]:
        """Complete the run of a job, as far as PAI has given it an id by now, and tell the state of the job."""
        assert run.job is not None
        job = self._studio.read_job(run.job.id, verbose=False)
        return replace(run, id=job.run_id), job.status

    def going_job(self, pipeline: Pipeline, name: str) -> AskedPipelineRun | None:
        """Find a run of a whole pipeline in PAI Designer that goes on, of what is drawn now.

        :param name: what the run is called here.
        """
        any_job = AskedJob(pipeline_id=pipeline.id, since=pipeline.modified, before=())
        going = [job for job in self._studio.going_jobs(pipeline.id) if any_job.may_be(job)]
        run = AskedPipelineRun(name=name, workspace_id=self._hook.pai_workspace_id)
        return _of_job(run, any_job, going[0].id, going[0].run_id) if going else None

    def find(self, stem: str, *, epochs: Iterable[int]) -> list[AskedPipelineRun]:
        """Find the runs whose names have this stem, see :func:`~airflow_provider_pai_designer.designer.run.run_name`.

        :param epochs: in which they may have been asked for.
        """
        workspace_id = self._hook.pai_workspace_id
        listed = list(self._flow.list_runs(workspace_id=workspace_id, name=f"{stem}-"))
        # Where the service wants whole names, no part of one finds anything: try them one after the other.
        for epoch in () if listed else epochs:
            number = 1
            while found := self._flow.find_runs(
                workspace_id=workspace_id, name=run_name(stem, epoch=epoch, number=number)
            ):
                listed += found
                number += 1
        return [_asked(run, workspace_id) for run in reversed(listed) if run.name.startswith(stem)]

    def identify(self, run: AskedPipelineRun) -> AskedPipelineRun:
        """Complete a run of which only the name is known; it stays without an id where there is none (yet)."""
        if run.is_known:
            return run
        if run.job is not None:
            jobs = self._studio.find_jobs(run.job)
            return _of_job(run, run.job, jobs[0].id, jobs[0].run_id) if jobs else run
        found = self.namesakes(run)
        if len(found) > 1:
            self._hook.log.warning("There are %s runs with the name %s; the oldest one counts.", len(found), run.name)
        return found[-1] if found else run

    def namesakes(self, run: AskedPipelineRun) -> list[AskedPipelineRun]:
        """Return the runs of exactly this name, newest first."""
        found = self._flow.find_runs(workspace_id=run.workspace_id, name=run.name)
        return [_asked(item, run.workspace_id) for item in found]

    def read(self, run: AskedPipelineRun) -> PipelineRun:
        """Read a run.

        :raises NotFoundError: the service does not know it, or no longer.
        """
        return self._flow.get_run(run.id)

    def read_status(self, run: AskedPipelineRun) -> PipelineRunStatus:
        """Read the state of a run, which a job has before its run has an id.

        :raises NotFoundError: the service does not know it, or no longer.
        """
        return self.read(run).status if run.id else self.link(run)[1]

    def report(self, run: AskedPipelineRun) -> PipelineReport:
        """Read what a run has come to, step by step."""
        found = self.read(run)
        steps = self._flow.get_steps(found).leaves if found.root_node_id else ()
        return PipelineReport(asked=run, run=found, steps=steps)

    def stop(self, run: AskedPipelineRun) -> bool:
        """Ask for a run to be stopped; it passes through ``Terminating``. A run that is not listed yet is looked for.

        :return: False where it had ended.
        :raises RunNotStoppedError: it could not be asked to stop, or is not listed.
        """
        for look in range(_LOOKS + 1):
            Event().wait(min(look, 1))
            if (run := self.identify(run)).is_known:
                break
        else:
            raise RunNotStoppedError(f"The {run} is not listed yet, so that it could be stopped.")
        for _ in range(_STOPS):
            try:
                if run.job is not None:
                    self._studio.stop_job(run.job.id)
                else:
                    self._flow.terminate_run(run.id)
            except ServiceError as error:
                # It may just have ended, or the question was heard and the answer lost.
                refusal, status = error, self.read_status(run)
                if status.outcome is not Outcome.ACTIVE:
                    return False
                if status is not PipelineRunStatus.TERMINATING:
                    continue
            self._hook.log.info("Asked PAI to stop the %s", run)
            return True
        raise RunNotStoppedError(f"The {run} could not be stopped: {refusal}")

    def stop_others(self, run: AskedPipelineRun) -> None:
        """Stop runs that have the same name as this one: it was asked for twice, and the service acted very late.

        Jobs have no names, so of those nothing is stopped: another one may be somebody else's.
        """
        if run.job is not None:
            for job in self._studio.find_jobs(run.job):
                if job.id == run.job.id:
                    continue
                self._hook.log.error(
                    "The %s was asked for twice, and there is the job %s too (%s). Stop it in PAI Designer, unless "
                    "somebody else has started it.",
                    run,
                    job.id,
                    job.status.value,
                )
            return
        for other in self.namesakes(run):
            if other.id != run.id:
                self._hook.log.error("The service has started the %s twice; stopping %s.", run, other.id)
                self.stop(other)


def check_state(state: PipelineRunState) -> None:
    """Refuse a state that says nothing: it is no end, and is not waited out for ever either.

    :raises UnclearError: the service says ``Unknown``, or a word that is not in its vocabulary.
    """
    if state.status is PipelineRunStatus.UNKNOWN:
        raise UnclearError(
            f"PAIFlow does not tell the state of the pipeline run {state.id}.", operation="GetPipelineRun"
        )


def _of_job(run: AskedPipelineRun, job: AskedJob, job_id: str, run_id: str = "") -> AskedPipelineRun:
    return replace(run, id=run_id, job=replace(job, id=job_id))


def _asked(run: PipelineRun, workspace_id: str) -> AskedPipelineRun:
    return AskedPipelineRun(name=run.name, workspace_id=workspace_id, id=run.id)
