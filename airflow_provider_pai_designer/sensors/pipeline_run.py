"""A sensor that gates what comes after a run of a pipeline by PAIFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import PokeReturnValue

from airflow_provider_pai_designer.designer.pipeline import AskedPipelineRun, PipelineReport
from airflow_provider_pai_designer.designer.run import Outcome
from airflow_provider_pai_designer.exceptions import ConfigurationError, NotFoundError
from airflow_provider_pai_designer.hooks.pipeline_runs import check_state
from airflow_provider_pai_designer.hooks.step_reporting import StepReporter
from airflow_provider_pai_designer.links.pai_designer import PIPELINE_LINKS
from airflow_provider_pai_designer.sensors.pai_designer import AwaitSensor, PaiDesignerSensorError
from airflow_provider_pai_designer.triggers.pipeline_run import PaiDesignerPipelineRunTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg


class PaiDesignerPipelineRunSensor(AwaitSensor):
    """Waits for the good end of a run of a pipeline by PAIFlow that was started elsewhere.

    A run of that name that is not there yet is waited for; several of one name are an error. The result (and XCom
    ``return_value``) is that of :class:`PaiDesignerRunPipelineOperator`, without the outputs. Parameters that are not
    listed here are those of Airflow's sensors.

    :param run: what another task returned (``start.output``), or the run's id (``flow-...``).
    :param run_name: the run's name instead.
    :param pai_designer_conn_id: the connection.
    :param workspace: workspace instead of the connection's; by its number it is not looked up in DataWorks.
    :param region: region instead of the connection's.
    :param deferrable: wait in the triggerer, without a worker slot, whatever ``mode`` says.
    """

    template_fields: Sequence[str] = (*AwaitSensor.template_fields, "run", "run_name")
    operator_extra_links = PIPELINE_LINKS

    def __init__(
        self, *, run: XComArg | Mapping[str, Any] | str | None = None, run_name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.run = run
        self.run_name = run_name
        self._found: AskedPipelineRun | None = None

    @cached_property
    def _steps(self) -> StepReporter:
        return StepReporter(self._hook)

    def _look(self, context: Context) -> PipelineReport | None:
        """Read the run; None where there is none of that name yet."""
        if self._found is None:
            self._found = self._read_reference()
        if not self._found.is_known:
            found = self._hook.pipeline_runs.namesakes(self._found)
            if len(found) > 1:
                ids = ", ".join(run.id for run in found)
                raise ConfigurationError(
                    f"There are {len(found)} runs with the name {self._found.name!r}: give one of the ids {ids} as "
                    "run=."
                )
            if not found:
                return None
            (self._found,) = found
        try:
            report = self._hook.pipeline_runs.report(self._found)
        except NotFoundError as error:
            raise PaiDesignerSensorError(
                f"The {self._found} is gone: PAIFlow does not know it, or no longer. {error}"
            ) from error
        check_state(report.run)
        return report

    def _read_reference(self) -> AskedPipelineRun:
        from airflow_provider_pai_designer.hooks.arguments import read_pipeline_run

        return read_pipeline_run(self.run, self.run_name, workspace_id=self._hook.pai_workspace_id)

    def _judge(self, seen: PipelineReport | None) -> PokeReturnValue:
        if seen is None:
            self.log.info("%s: not there yet", self._describe())
            return PokeReturnValue(is_done=False)
        self.log.info("The %s: %s", seen.asked, seen.run.status.value)
        if seen.outcome is Outcome.ACTIVE:
            self._steps.show(seen.asked.id, seen.steps, live=False)
            return PokeReturnValue(is_done=False)
        self._steps.show_end(seen)
        if seen.outcome is Outcome.SUCCESS:
            return PokeReturnValue(is_done=True, xcom_value=seen.to_dict())
        raise PaiDesignerSensorError(self._steps.describe_failure(seen))

    @property
    def _is_located(self) -> bool:
        return self._found is not None

    def _describe(self) -> str:
        return str(self._found) if self._found else f"pipeline run {self.run or self.run_name}"

    def _addresses(self) -> Mapping[str, str]:
        return self._hook.pipeline_addresses(self._found.id if self._found else "")

    def _trigger(self, **waiting: Any) -> PaiDesignerPipelineRunTrigger:
        assert self._found is not None
        return PaiDesignerPipelineRunTrigger(run=self._found.to_dict(), **waiting)
