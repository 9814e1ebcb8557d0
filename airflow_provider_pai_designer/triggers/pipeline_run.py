"""Awaiting runs of pipelines by PAIFlow in the triggerer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_pai_designer.designer.pipeline import AskedPipelineRun
from airflow_provider_pai_designer.triggers.pai_designer import RunTrigger

if TYPE_CHECKING:
    from airflow_provider_pai_designer.monitor.pipeline_runs import WatchedPipelineRun
    from airflow_provider_pai_designer.monitor.shared import SharedWatch


class PaiDesignerPipelineRunTrigger(RunTrigger):
    """Fires when a run of a pipeline has ended, its deadline has passed, or it could not be seen for too long.

    :param run: the run, as :meth:`~airflow_provider_pai_designer.designer.pipeline.AskedPipelineRun.to_dict` gives it;
        without an id it is looked for by its name.
    :param cancel_on_kill: whether the run belongs to the task, and is stopped when the task is killed or out of time.
    """

    seen_as = "runs"
    _console = "PAI"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._entry: WatchedPipelineRun | None = None

    @property
    def _run(self) -> AskedPipelineRun:
        return self._entry.run if self._entry else AskedPipelineRun.from_dict(self.run_data)

    def _ask_to_stop(self) -> None:
        self._hook.pipeline_runs.stop(self._run)

    def _shared_watch(self) -> SharedWatch:
        from airflow_provider_pai_designer.monitor.pipeline_runs import PipelineRunWatch, key_of
        from airflow_provider_pai_designer.monitor.shared import watch_of

        return watch_of(key_of(self.pai_designer_conn_id, self.workspace, self.region), PipelineRunWatch)

    def _watched(self) -> WatchedPipelineRun:
        from airflow_provider_pai_designer.monitor.pipeline_runs import WatchedPipelineRun

        self._entry = WatchedPipelineRun(run=self._run)
        return self._entry
