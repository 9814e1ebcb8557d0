"""What a task says about instances: their logs, and why they are no success."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.designer.log import InstanceLog, log_lines
from airflow_provider_pai_designer.designer.run import Instance, Outcome
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.exceptions import ServiceError, one_line

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

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


@contextmanager
def folded(log: Logger, title: str) -> Iterator[None]:
    """Fold what a ``with`` block writes into a task log: Airflow's page shows the title, and the lines on a click.

    Both marks have the same level, so that a page that is filtered by level shows the two or none.
    """
    log.info("::group::%s", one_line(title))
    try:
        yield
    finally:
        log.info("::endgroup::")


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
            title = f"Log of instance {instance.id}"
            if not fold:
                hook.log.info("%s:", title)
            with folded(hook.log, title) if fold else nullcontext():
                for line in log_lines(new):
                    hook.log.info("%s", line)
        shown[instance.id] = found.text
    return logs


def describe_failure(
    subject: str,
    instances: Sequence[Instance],
    logs: Mapping[int, InstanceLog],
    *,
    environment: str,
    where: str,
) -> str:
    """Say what went wrong: every instance that did not succeed, its step, its message, and the end of its log.

    :param subject: what did not succeed, in words.
    :param where: address at which the instances can be looked at.
    """
    parts = [f"The {subject} did not succeed."]
    for instance in instances:
        if instance.outcome is Outcome.SUCCESS:
            continue
        parts.append(f"Instance {instance.id} (business date {instance.business_date}) {reason(instance)}.")
        if log := logs.get(instance.id):
            parts += _describe_log(log)
    if environment == Environment.PROD and any(log.misses_model for log in logs.values()):
        parts.append(_MODEL_HINT)
    return one_line(" ".join([*parts, f"Operation Center: {where}"]))


def _describe_log(log: InstanceLog) -> list[str]:
    step = [f"Failed step: {log.failed_step}."] if log.failed_step else []
    last = log.last_lines(_LAST_LINES)
    return [*step, *([f"Its log ends: {' | '.join(last)}"] if last else []), f"(request id {log.request_id})"]
