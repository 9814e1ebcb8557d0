"""What a task says about instances: their logs, and why they are no success."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.designer.log import InstanceLog, log_lines
from airflow_provider_pai_designer.designer.run import Instance, Outcome, Run
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.exceptions import ServiceError, one_line
from airflow_provider_pai_designer.hooks.folding import show_lines

if TYPE_CHECKING:
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

_LAST_LINES = 8
_REASONS = {
    Outcome.ACTIVE: "failed, and the automatic rerun that it had left did not come",
    Outcome.FAILURE: "failed",
    Outcome.FROZEN: "was failed at its start, because the node is frozen (schedule type PAUSE). Unfreeze the node",
    Outcome.DRY_RUN: (
        "reported success without running the pipeline (task type {task_type}). Choose a business date on which the "
        "node is due, a schedule of type NORMAL, and an effective window (schedule start and end) that holds that date"
    ),
    Outcome.UNKNOWN: "ended with the unknown task type {task_type}, which does not count as success",
}
_MODEL_HINT = (
    "A run in PROD reads production's models: in a workspace of standard mode an offline model must be synchronised to "
    "production before a node there can use it (Model Management in DataWorks)."
)


def reason(instance: Instance) -> str:
    """Say in a clause why an instance is no success."""
    return _REASONS[instance.outcome].format(task_type=instance.task_type.value)


def show_logs(
    hook: PaiDesignerHook,
    instances: Iterable[Instance],
    environment: str,
    *,
    shown: dict[int, str],
    fold: bool = True,
) -> dict[int, InstanceLog]:
    """Write what is new in the remote logs into the task log, and return the logs by instance id.

    :param shown: by instance id what was shown already; brought up to date.
    :param fold: False for a log that is to be read as it comes.
    """
    logs: dict[int, InstanceLog] = {}
    for instance in instances:
        try:
            found = hook.get_log(instance, environment)
        except ServiceError as error:
            hook.log.warning(
                "The log of instance %s cannot be read; the service keeps logs for some days only. %s",
                instance.id,
                error,
            )
            continue
        logs[instance.id] = found
        old = shown.get(instance.id, "")
        # An automatic rerun begins a log of its own; whatever it begins with, it is shown whole.
        if new := found.text.removeprefix(old) if found.text.startswith(old) else found.text:
            show_lines(hook.log, f"Log of instance {instance.id}", log_lines(new), fold=fold)
        shown[instance.id] = found.text
    return logs


def explain_failure(
    hook: PaiDesignerHook,
    subject: str,
    instances: Sequence[Instance],
    logs: Mapping[int, InstanceLog],
    *,
    environment: str,
    run: Run | None,
) -> str:
    """Say what went wrong, as :func:`describe_failure` does, with what PAIFlow tells of the first instance's steps.

    :param run: to which the instances belong, None where it is none of ours.
    """
    from airflow_provider_pai_designer.hooks.step_reporting import failed_step_of

    bad = [item for item in instances if item.outcome is Outcome.FAILURE and item.id in logs]
    run_id = logs[bad[0].id].pipeline_run_id if bad else ""
    return describe_failure(
        subject,
        instances,
        logs,
        environment=environment,
        where=hook.operation_center(environment, run),
        steps={bad[0].id: said} if run_id and (said := failed_step_of(hook, run_id)) else {},
    )


def describe_failure(
    subject: str,
    instances: Sequence[Instance],
    logs: Mapping[int, InstanceLog],
    *,
    environment: str,
    where: str,
    steps: Mapping[int, str] | None = None,
) -> str:
    """Say what went wrong: every instance that did not succeed, its step, its message, and the end of its log.

    :param subject: what did not succeed, in words.
    :param where: address at which the instances can be looked at.
    :param steps: by instance id what is known of its steps from elsewhere.
    """
    parts = [f"The {subject} did not succeed."]
    for instance in instances:
        if instance.outcome is Outcome.SUCCESS:
            continue
        parts.append(f"Instance {instance.id} (business date {instance.business_date}) {reason(instance)}.")
        if log := logs.get(instance.id):
            parts += _describe_log(log)
        parts += [(steps or {})[instance.id]] if instance.id in (steps or {}) else []
    if environment == Environment.PROD and any(log.misses_model for log in logs.values()):
        parts.append(_MODEL_HINT)
    return one_line(" ".join([*parts, f"Operation Center: {where}"]))


def _describe_log(log: InstanceLog) -> list[str]:
    step = [f"Failed step: {log.failed_step}."] if log.failed_step else []
    last = log.last_lines(_LAST_LINES)
    return [*step, *([f"Its log ends: {' | '.join(last)}"] if last else []), f"(request id {log.request_id})"]
