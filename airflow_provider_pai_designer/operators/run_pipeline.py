"""Running a pipeline of PAI Designer by itself, through PAIFlow, without a node of DataWorks.

Airflow parses DAG files over and over, so what only a running task needs is imported where it is used.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_pai_designer.designer.pipeline import AskedPipelineRun, PipelineReport, outputs_to_list
from airflow_provider_pai_designer.designer.run import Observed, Outcome, run_name
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    PipelineError,
    RunFailedError,
    RunOutOfSightError,
    ServiceError,
    one_line,
)
from airflow_provider_pai_designer.hooks.context import read_file
from airflow_provider_pai_designer.hooks.pipeline_runs import check_state
from airflow_provider_pai_designer.hooks.step_reporting import StepReporter
from airflow_provider_pai_designer.links.pai_designer import PIPELINE_LINKS
from airflow_provider_pai_designer.operators.start import AskOperator, fingerprint_of
from airflow_provider_pai_designer.triggers.pipeline_run import PaiDesignerPipelineRunTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg

    from airflow_provider_pai_designer.designer.pipeline import AskedJob, Pipeline

_SOURCES = ("pipeline", "pipeline_id", "registered_pipeline_id", "manifest", "manifest_file")
_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class WantedPipelineRun:
    """A run of a pipeline that is to be started; every argument of the task is read and checked.

    :param source: which of the arguments says what is run, and what it says.
    :param arguments: for the manifest's inputs, by their names.
    :param variables: values of the pipeline's global variables.
    :param manifest: YAML text; empty for a registered pipeline, and until a draft's is loaded.
    :param rendered: the arguments as YAML text, with those of the draft.
    :param drawn: the pipeline in PAI Designer, where that is what is run; None until it is loaded.
    :param in_designer: whether PAI Designer is to run it.
    :param job: what PAI Designer is asked for.
    :param told: what else the task's result says.
    """

    source: tuple[str, str]
    arguments: Mapping[str, Any]
    variables: Mapping[str, str]
    manifest: str = ""
    rendered: str = ""
    drawn: Pipeline | None = None
    in_designer: bool = False
    job: AskedJob | None = None
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The same for two runs of which one can stand for the other; a draft may be run by others meanwhile."""
        return fingerprint_of(self.source, self.in_designer, self.arguments, self.variables)


class PaiDesignerRunPipelineOperator(AskOperator[AskedPipelineRun]):
    """Run a pipeline through PAIFlow or in PAI Designer, without a node of DataWorks, and await the run.

    What is run is said by exactly one of ``pipeline``, ``pipeline_id``, ``registered_pipeline_id``, ``manifest`` and
    ``manifest_file``. Of a pipeline that was drawn in PAI Designer, the manifest and the arguments of its latest
    successful whole run are taken. Source: https://help.aliyun.com/document_detail/438035.htm

    With ``in_designer`` it is PAI Designer that runs the pipeline, all steps as they are drawn now, as its own button
    does. When that has ended well, the run is the pipeline's latest whole run, which a node can load. Source:
    https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-createjob

    The result (and XCom ``return_value``) is a plain dict: ``run_name``, ``workspace_id``, ``pipeline_run_id``,
    ``status``, ``outcome``, ``url``, ``steps``, a list of dicts with ``step``, ``name``, ``node_id``, ``status`` and
    ``duration_seconds``, and ``outputs``, a list of dicts with ``name``, ``type`` (``DataSet``, ``Model``, ``Metrics``
    or ``ModelEvaluation``), ``step`` and ``value``, metrics first and not more than 32 KiB of JSON: what is left out
    for that has ``left_out``. ``run_name`` and ``pipeline_run_id`` are XComs of their own from the start of the run. Of
    a drawn pipeline it also has ``pipeline``, ``pipeline_id`` and ``job_id``, the job whose manifest was taken, or that
    ran it in PAI Designer; then ``jobs_before`` has the jobs that were there before.

    :param pipeline: exact name of a pipeline drawn in PAI Designer.
    :param pipeline_id: id of one instead (``draft-...``).
    :param in_designer: let PAI Designer run all steps as they are drawn now, with the values that they have there; only
        with ``pipeline`` or ``pipeline_id``, and without ``arguments`` and ``variables``.
    :param registered_pipeline_id: a pipeline that is registered with PAIFlow.
    :param manifest: a manifest as YAML text. It is no template, because manifests have braces of their own.
    :param manifest_file: path of a file with the manifest instead; relative to the DAG file's folder.
    :param arguments: values for the manifest's inputs by their names, laid over those of the drawn pipeline's run; or
        the service's own form, ``{"arguments": {"parameters": [...], "artifacts": [...]}}``.
    :param variables: values of the pipeline's global variables, each ``${name}`` in its steps.
    :param pai_designer_conn_id: the connection.
    :param workspace: workspace instead of the connection's; by its number it is not looked up in DataWorks.
    :param region: region instead of the connection's.
    :param wait_for_completion: False returns once the run has started, whatever ``deferrable`` says.
    :param deferrable: wait in the triggerer, without a worker slot; the steps are shown at the end then.
    :param poll_interval: seconds between polls; None for a tenth of the run's age, between 10 and 60 seconds.
    :param timeout: seconds after which a run that still goes on is stopped, and the task fails.
    :param stream_logs: show the log of a step while it runs (in place only); else it is shown when the step has ended.
    :param cancel_on_kill: stop the run when the task is cleared, marked or timed out; False leaves it to itself.
    :param outage_timeout: seconds for which the run may be out of sight before the task gives up, and leaves it alone.
    :param durable: remember the run over the task's tries, so that a retry joins it; False starts another one in every
        try.
    :param settle: seconds for which a run whose start was not confirmed is looked for, before it is asked for again.
    """

    template_fields: Sequence[str] = (
        *AskOperator.template_fields,
        "pipeline",
        "pipeline_id",
        "registered_pipeline_id",
        "manifest_file",
        "arguments",
        "variables",
    )
    template_fields_renderers = {"arguments": "json", "variables": "json"}  # noqa: RUF012
    operator_extra_links = PIPELINE_LINKS
    _service = "PAIFlow"
    _console = "PAI"
    _told_at_once = ("run_name", "pipeline_run_id")

    def __init__(
        self,
        *,
        pipeline: str | None = None,
        pipeline_id: XComArg | str | None = None,
        registered_pipeline_id: str | None = None,
        manifest: str | None = None,
        manifest_file: str | None = None,
        arguments: Mapping[str, Any] | str | None = None,
        variables: Mapping[str, str] | None = None,
        in_designer: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.pipeline_id = pipeline_id
        self.registered_pipeline_id = registered_pipeline_id
        self.manifest = manifest
        self.manifest_file = manifest_file
        self.arguments = arguments
        self.variables = variables
        self.in_designer = in_designer
        self._epoch = 0

    @cached_property
    def _steps(self) -> StepReporter:
        return StepReporter(self._hook)

    def _want(self, context: Context) -> WantedPipelineRun:
        from airflow_provider_pai_designer.designer.run_arguments import (
            check_bound,
            check_manifest,
            fill_in,
            render_arguments,
        )
        from airflow_provider_pai_designer.hooks.arguments import read_mapping, read_parameters, read_text

        self._epoch = context["ti"].max_tries
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ConfigurationError(
                f"Say what is to be run by one of {', '.join(f'{name}=' for name in _SOURCES)}; "
                f"{', '.join(given) or 'none'} is given."
            )
        (source,) = given
        arguments = read_mapping("arguments", self.arguments)
        variables = read_parameters("variables", self.variables)
        if variables and source == "registered_pipeline_id":
            raise ConfigurationError(
                "A registered pipeline has no text in which variables could get their values: give it arguments=."
            )
        if self.in_designer:
            _check_in_designer(source, arguments=arguments, variables=variables)
        text = self._read_manifest(context) if source.startswith("manifest") else ""
        wanted = WantedPipelineRun(
            source=(source, text or read_text(source, getattr(self, source))),
            arguments=arguments,
            variables=variables,
            manifest=fill_in(text, variables) if text else "",
            rendered=render_arguments(arguments),
            in_designer=self.in_designer,
        )
        if text:
            check_manifest(text)
            for warning in check_bound(wanted.manifest):
                self.log.warning("%s", one_line(warning))
        # Asked for once, before anything is written; the hook keeps it.
        assert self._hook.pai_workspace_id
        return wanted

    def _read_manifest(self, context: Context) -> str:
        text: object = self.manifest
        if self.manifest_file is not None:
            text = read_file(Path(context["dag"].fileloc).parent, self.manifest_file, "manifest")
        if not isinstance(text, str) or not text.strip():
            raise ConfigurationError("The manifest must be YAML text, and not empty; give a path as manifest_file=.")
        return text

    def _ready(self, wanted: WantedPipelineRun) -> WantedPipelineRun:
        """Load what was drawn, where that is what is run."""
        if wanted.manifest or wanted.source[0] == "registered_pipeline_id":
            return wanted
        return self._through_weather(lambda: self._draw(wanted) if wanted.in_designer else self._load(wanted))

    def _find_drawn(self, wanted: WantedPipelineRun) -> Pipeline:
        kind, which = wanted.source
        studio = self._hook.paistudio
        if kind == "pipeline":
            return studio.find_pipeline(workspace_id=self._hook.pai_workspace_id, name=which)
        return studio.get_pipeline(which)

    def _draw(self, wanted: WantedPipelineRun) -> WantedPipelineRun:
        """Look at what is drawn, and at the jobs that are there before another one is asked for."""
        from airflow_provider_pai_designer.designer.pipeline import is_blank

        pipeline = self._find_drawn(wanted)
        if is_blank(self._hook.paistudio.read_drawing(pipeline.id)):
            raise PipelineError(
                f"Nothing is drawn in the pipeline {pipeline.name!r} ({pipeline.id}), so there is nothing to run: draw "
                "it in PAI Designer, or create it from a template."
            )
        return replace(
            wanted,
            drawn=pipeline,
            job=self._hook.paistudio.expect_job(pipeline.id),
            told={"pipeline": pipeline.name},
        )

    def _load(self, wanted: WantedPipelineRun) -> WantedPipelineRun:
        from airflow_provider_pai_designer.designer.manifest import Manifest
        from airflow_provider_pai_designer.designer.run_arguments import check_bound, fill_in, render_arguments
        from airflow_provider_pai_designer.designer.variables import put_back

        studio = self._hook.paistudio
        pipeline = self._find_drawn(wanted)
        job = studio.latest_whole_job(pipeline)
        if not job.manifest:
            raise PipelineError(
                f"The job {job.id} of the pipeline {pipeline.name!r} has no manifest any more. Run all of the pipeline "
                "once more in PAI Designer."
            )
        Manifest.parse(job.manifest)
        # The values of that run's day are none that anybody wants to run with on another day.
        manifest, names = put_back(job.manifest, studio.read_drawing(pipeline.id))
        if names:
            self.log.info(
                "PAI gave the values of %s in %s; they are variables again, as drawn.", ", ".join(names), job.id
            )
        manifest = fill_in(manifest, wanted.variables)
        for warning in check_bound(manifest):
            self.log.warning("%s", one_line(warning))
        self.log.info("The pipeline '%s' (%s) is run as in its job %s.", one_line(pipeline.name), pipeline.id, job.id)
        return replace(
            wanted,
            manifest=manifest,
            rendered=render_arguments(wanted.arguments, over=job.arguments),
            drawn=pipeline,
            told={"pipeline": pipeline.name, "pipeline_id": pipeline.id, "job_id": job.id},
        )

    def _begin(self, context: Context) -> dict[str, Any]:
        started = super()._begin(context)
        run = self._read_run(started)
        return started if run.id else {**started, **self._await_id(run).to_dict()}

    def _await_id(self, run: AskedPipelineRun) -> AskedPipelineRun:
        """Wait until PAI has given an id to the run of a job; when that comes is not documented."""
        from airflow_provider_pai_designer.hooks.arguments import read_number

        until = time.time() + read_number("outage_timeout", self.outage_timeout, least=1)
        while True:
            linked, status = self._through_weather(partial(self._hook.pipeline_runs.link, run))
            if linked.id:
                self._run = linked
                return linked
            if status.failed:
                until = min(until, time.time() + self._settle_seconds)
            if time.time() >= until and status.failed:
                raise RunFailedError(
                    f"The {run} did not succeed: {status.value}. PAI names no run in PAIFlow for it, so look for the "
                    "cause in PAI Designer."
                )
            if time.time() >= until:
                raise RunOutOfSightError(
                    f"PAI names no run in PAIFlow for the {run} ({status.value}), which was left alone: look for it in "
                    "PAI Designer, then clear or mark this task; a retry joins the run while it goes on."
                )
            self._hook.pause(_PAUSE_SECONDS)

    def _await_whole_job(self, job: AskedJob) -> None:
        """Wait until PAI Designer lists a job as well as its run has ended, so that the next task can load it.

        The run has ended well, so that this cannot be seen is no reason to fail.
        """
        from airflow_provider_pai_designer.hooks.arguments import read_number

        until = time.time() + read_number("settle", self.settle, least=1)
        while True:
            with suppress(ServiceError):
                jobs = self._hook.paistudio.find_jobs(job)
                if any(listed.id == job.id and listed.status.succeeded for listed in jobs):
                    return
            if time.time() >= until:
                self.log.warning("PAI Designer does not list %s as succeeded yet; a node may not load it.", job.id)
                return
            self._hook.pause(_PAUSE_SECONDS)

    def _name_run(self, wanted: WantedPipelineRun, name: str) -> AskedPipelineRun:
        return AskedPipelineRun(name=name, workspace_id=self._hook.pai_workspace_id, job=wanted.job)

    def _submit(self, wanted: WantedPipelineRun, name: str) -> AskedPipelineRun:
        if wanted.in_designer:
            return self._hook.pipeline_runs.start_job(self._name_run(wanted, name))
        kind, which = wanted.source
        return self._hook.pipeline_runs.start(
            name,
            pipeline_id=which if kind == "registered_pipeline_id" else None,
            manifest=wanted.manifest or None,
            arguments=wanted.rendered or None,
            source_id=wanted.drawn.id if wanted.drawn else None,
        )

    def _find(self, wanted: WantedPipelineRun, stem: str) -> Sequence[AskedPipelineRun]:
        if wanted.in_designer:
            assert wanted.drawn is not None
            name = run_name(stem, epoch=self._epoch, number=1)
            going = self._hook.pipeline_runs.going_job(wanted.drawn, name)
            return [going] if going else []
        return self._hook.pipeline_runs.find(stem, epochs=range(self._epoch + 1))

    def _complete(self, run: AskedPipelineRun) -> AskedPipelineRun:
        return self._hook.pipeline_runs.identify(run)

    def _read_outcome(self, run: AskedPipelineRun) -> Outcome:
        return self._hook.pipeline_runs.read_status(run).outcome

    def _stop_namesakes(self, run: AskedPipelineRun) -> None:
        self._hook.pipeline_runs.stop_others(run)

    def _ask_to_stop(self, run: AskedPipelineRun) -> str:
        return "PAIFlow was asked to stop it." if self._hook.pipeline_runs.stop(run) else ""

    def _read_run(self, started: Mapping[str, Any]) -> AskedPipelineRun:
        return AskedPipelineRun.from_dict(started)

    def _trigger(self, started: dict[str, Any], waiting: Mapping[str, Any]) -> PaiDesignerPipelineRunTrigger:
        return PaiDesignerPipelineRunTrigger(run=started, **self._trigger_arguments, **waiting)

    def _addresses(self) -> Mapping[str, str]:
        return self._hook.pipeline_addresses(self._run.id if self._run else "")

    def _look(self, run: AskedPipelineRun) -> tuple[Sequence[Observed], bool]:
        report = self._hook.pipeline_runs.report(run)
        check_state(report.run)
        self._steps.show(run.id, report.steps, live=self.stream_logs)
        return [report.run], True

    def _report(self, run: AskedPipelineRun) -> PipelineReport:
        return self._hook.pipeline_runs.report(run)

    def _show_end(self, report: PipelineReport) -> None:
        self._steps.show_end(report)

    def _conclude(self, started: Mapping[str, Any], report: PipelineReport) -> dict[str, Any]:
        if report.outcome is not Outcome.SUCCESS:
            raise RunFailedError(self._steps.describe_failure(report))
        outputs = self._through_weather(lambda: self._hook.paiflow.list_outputs(report.run), begun=True)
        listed = outputs_to_list(outputs, report.steps)
        if len(listed) < len(outputs) or any("left_out" in item for item in listed):
            self.log.warning("Not all outputs of the %s find room in the task's result.", report.asked)
        if report.asked.job:
            self._await_whole_job(report.asked.job)
        return {**report.to_dict(), "outputs": listed}


def _check_in_designer(source: str, *, arguments: Mapping[str, Any], variables: Mapping[str, str]) -> None:
    """Refuse what PAI Designer cannot be told with a run.

    :raises ConfigurationError: it is not drawn there, or is to run with values of its own.
    """
    if source not in ("pipeline", "pipeline_id"):
        raise ConfigurationError(
            "in_designer=True runs what is drawn in PAI Designer: give it as pipeline= or pipeline_id=, not as "
            f"{source}=."
        )
    if given := [name for name, value in (("arguments", arguments), ("variables", variables)) if value]:
        raise ConfigurationError(
            f"PAI Designer runs a pipeline with the values that it has there, and its API takes no others (CreateJob): "
            f"leave {' and '.join(given)} out and set the values in PAI Designer, or leave in_designer out and run the "
            "pipeline through PAIFlow, which takes them."
        )
