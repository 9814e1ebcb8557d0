"""What a task says about the steps of a pipeline's run: their states as they change, their logs, and why one failed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.designer.log import log_lines
from airflow_provider_pai_designer.designer.pipeline import PipelineReport, PipelineRunStatus, PipelineRunStep
from airflow_provider_pai_designer.exceptions import ServiceError, one_line
from airflow_provider_pai_designer.hooks.folding import show_lines

if TYPE_CHECKING:
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

_LAST_LINES = 8
_MOST_STEPS = 3
_LONGEST_LINE = 500


class StepReporter:
    """Shows in the task log what becomes of a run's steps; every state and every line once.

    :param hook: reads the logs, and has the task log.
    """

    def __init__(self, hook: PaiDesignerHook) -> None:
        self._hook = hook
        self._states: dict[str, PipelineRunStatus] = {}
        self._read: dict[str, int] = {}
        self._whole: set[str] = set()
        self._last: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_LAST_LINES))

    def show(self, run_id: str, steps: Iterable[PipelineRunStep], *, live: bool) -> None:
        """Show which steps have changed, and the logs of those that have ended.

        :param live: show the logs of those too that still run.
        """
        for step in steps:
            if self._states.get(step.node_id) is not step.status:
                self._states[step.node_id] = step.status
                self._hook.log.info("Step %s: %s", one_line(step.label), step.status.value)
            if step.started and step.node_id not in self._whole and (live or step.status.ended):
                self._show_log(run_id, step)

    def show_end(self, report: PipelineReport) -> None:
        """Show what was not shown yet, and all steps in a table; a failed one may have said something more."""
        self._whole -= {step.node_id for step in report.failed_steps}
        self.show(report.asked.id, report.steps, live=True)
        show_lines(self._hook.log, f"Steps of the {report.asked}", _table(report.steps))

    def describe_failure(self, report: PipelineReport) -> str:
        """Say what went wrong: the run's state and message, each failed step, and the end of its log."""
        parts = [f"The {report.asked} did not succeed: {report.run.status.value}."]
        if report.run.message:
            parts.append(f"PAIFlow says: {report.run.message}.")
        for step in report.failed_steps[:_MOST_STEPS]:
            parts.append(_describe_step(step, list(self._last[step.node_id])))
        if (more := len(report.failed_steps) - _MOST_STEPS) > 0:
            parts.append(f"{more} more step(s) failed.")
        if skipped := [step for step in report.steps if step.status is PipelineRunStatus.SKIPPED]:
            parts.append(f"{len(skipped)} step(s) after that were skipped.")
        if report.run.url:
            parts.append(f"PAI: {report.run.url}")
        return one_line(" ".join(parts))

    def _show_log(self, run_id: str, step: PipelineRunStep) -> None:
        try:
            log = self._hook.paiflow.read_log(
                run_id=run_id, node_id=step.node_id, offset=self._read.get(step.node_id, 0)
            )
        except ServiceError as error:
            self._hook.log.warning("The log of the step %s cannot be read: %s", one_line(step.label), error)
            return
        self._read[step.node_id] = log.end
        if step.status.ended:
            self._whole.add(step.node_id)
        if log.lines:
            lines = log_lines("\n".join(log.lines))
            show_lines(self._hook.log, f"Log of step {step.label}", lines, fold=step.status.ended)
        self._last[step.node_id].extend(line[:_LONGEST_LINE] for line in log.lines if line.strip())


def failed_step_of(hook: PaiDesignerHook, run_id: str) -> str:
    """Say which step failed in the run of PAIFlow that an instance's log names; empty where that cannot be seen.

    It takes three calls, and is an extra to an error that is on its way: nothing here is a reason for another one.
    """
    try:
        with hook.one_attempt():
            run = hook.paiflow.get_run(run_id)
            steps = hook.paiflow.get_steps(run).leaves
            failed = next((step for step in steps if step.status is PipelineRunStatus.FAILED), None)
            if failed is None:
                return ""
            last = hook.paiflow.last_lines(run_id=run_id, node_id=failed.node_id, number=_LAST_LINES)
            return f"Run {run_id} in PAIFlow: {_describe_step(failed, last)}"
    except Exception as error:
        hook.log.info("The steps of the run %s in PAIFlow cannot be seen: %s", run_id, one_line(str(error)))
        return ""


def _describe_step(step: PipelineRunStep, last: Sequence[str]) -> str:
    said = f" Its log ends: {' | '.join(line[:_LONGEST_LINE] for line in last)}" if last else ""
    return f"Failed step: {step.label}.{said}"


def _table(steps: Sequence[PipelineRunStep]) -> Iterable[str]:
    width = max((len(one_line(step.label)) for step in steps), default=0)
    for number, step in enumerate(steps, start=1):
        seconds = "" if step.duration_seconds is None else f"{step.duration_seconds:.0f} s"
        yield f"{number:>3}/{len(steps)}  {one_line(step.label):<{width}}  {step.status.value:<15} {seconds}".rstrip()
