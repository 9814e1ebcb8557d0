"""Running a pipeline of PAI Designer by itself, through PAIFlow, without a node of DataWorks.

Airflow parses DAG files over and over, so what only a running task needs is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_pai_designer.designer.pipeline import AskedPipelineRun, PipelineReport, outputs_to_list
from airflow_provider_pai_designer.designer.run import Observed, Outcome
from airflow_provider_pai_designer.exceptions import ConfigurationError, PipelineError, RunFailedError, one_line
from airflow_provider_pai_designer.hooks.context import read_file
from airflow_provider_pai_designer.hooks.pipeline_runs import check_state
from airflow_provider_pai_designer.hooks.step_reporting import StepReporter
from airflow_provider_pai_designer.links.pai_designer import PIPELINE_LINKS
from airflow_provider_pai_designer.operators.start import AskOperator, fingerprint_of
from airflow_provider_pai_designer.triggers.pipeline_run import PaiDesignerPipelineRunTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

_SOURCES = ("pipeline", "pipeline_id", "registered_pipeline_id", "manifest", "manifest_file")


@dataclass(frozen=True, kw_only=True)
class WantedPipelineRun:
    """A run of a pipeline that is to be started; every argument of the task is read and checked.

    :param source: which of the arguments says what is run, and what it says.
    :param arguments: for the manifest's inputs, by their names.
    :param variables: values of the pipeline's global variables.
    :param manifest: YAML text; empty for a registered pipeline, and until a draft's is loaded.
    :param rendered: the arguments as YAML text, with those of the draft.
    :param draft_id: the draft that the manifest was drawn as.
    :param told: what else the task's result says.
    """

    source: tuple[str, str]
    arguments: Mapping[str, Any]
    variables: Mapping[str, str]
    manifest: str = ""
    rendered: str = ""
    draft_id: str | None = None
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The same for two runs of which one can stand for the other; a draft may be run by others meanwhile."""
        return fingerprint_of(self.source, self.arguments, self.variables)


class PaiDesignerRunPipelineOperator(AskOperator[AskedPipelineRun]):
    """Run a pipeline through PAIFlow, without a node of DataWorks, and await the run.

    What is run is said by exactly one of ``pipeline``, ``pipeline_id``, ``registered_pipeline_id``, ``manifest`` and
    ``manifest_file``. Of a pipeline that was drawn in PAI Designer, the manifest and the arguments of its latest
    successful whole run are taken. Source: https://help.aliyun.com/document_detail/438035.htm

    The result (and XCom ``return_value``) is a plain dict: ``run_name``, ``workspace_id``, ``pipeline_run_id``,
    ``status``, ``outcome``, ``url``, ``steps``, a list of dicts with ``step``, ``name``, ``node_id``, ``status`` and
    ``duration_seconds``, and ``outputs``, a list of dicts with ``name``, ``type`` (``DataSet``, ``Model``, ``Metrics``
    or ``ModelEvaluation``), ``step`` and ``value``, metrics first and not more than 32 KiB of JSON: what is left out
    for that has ``left_out``. ``run_name`` and ``pipeline_run_id`` are XComs of their own from the start of the run. Of
    a drawn pipeline it also has ``pipeline``, ``pipeline_id`` and ``job_id``, the job whose manifest was taken.

    :param pipeline: exact name of a pipeline drawn in PAI Designer.
    :param pipeline_id: id of one instead (``draft-...``).
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
        pipeline_id: str | None = None,
        registered_pipeline_id: str | None = None,
        manifest: str | None = None,
        manifest_file: str | None = None,
        arguments: Mapping[str, Any] | str | None = None,
        variables: Mapping[str, str] | None = None,
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
        text = self._read_manifest(context) if source.startswith("manifest") else ""
        wanted = WantedPipelineRun(
            source=(source, text or read_text(source, getattr(self, source))),
            arguments=arguments,
            variables=variables,
            manifest=fill_in(text, variables) if text else "",
            rendered=render_arguments(arguments),
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
        return self._through_weather(lambda: self._load(wanted))

    def _load(self, wanted: WantedPipelineRun) -> WantedPipelineRun:
        from airflow_provider_pai_designer.designer.manifest import Manifest
        from airflow_provider_pai_designer.designer.run_arguments import check_bound, fill_in, render_arguments
        from airflow_provider_pai_designer.designer.variables import put_back

        kind, which = wanted.source
        studio = self._hook.paistudio
        pipeline = (
            studio.find_pipeline(workspace_id=self._hook.pai_workspace_id, name=which)
            if kind == "pipeline"
            else studio.get_pipeline(which)
        )
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
            draft_id=pipeline.id,
            told={"pipeline": pipeline.name, "pipeline_id": pipeline.id, "job_id": job.id},
        )

    def _name_run(self, wanted: WantedPipelineRun, name: str) -> AskedPipelineRun:
        return AskedPipelineRun(name=name, workspace_id=self._hook.pai_workspace_id)

    def _submit(self, wanted: WantedPipelineRun, name: str) -> AskedPipelineRun:
        kind, which = wanted.source
        return self._hook.pipeline_runs.start(
            name,
            pipeline_id=which if kind == "registered_pipeline_id" else None,
            manifest=wanted.manifest or None,
            arguments=wanted.rendered or None,
            source_id=wanted.draft_id,
        )

    def _find(self, wanted: WantedPipelineRun, stem: str) -> Sequence[AskedPipelineRun]:
        return self._hook.pipeline_runs.find(stem, epochs=range(self._epoch + 1))

    def _complete(self, run: AskedPipelineRun) -> AskedPipelineRun:
        return self._hook.pipeline_runs.identify(run)

    def _read_outcome(self, run: AskedPipelineRun) -> Outcome:
        return self._hook.pipeline_runs.read(run).outcome

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
        return {**report.to_dict(), "outputs": listed}
