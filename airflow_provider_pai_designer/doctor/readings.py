"""From what was seen of the throw-away node's runs to the readings of the open questions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from airflow_provider_pai_designer.designer.run import Instance, InstanceStatus, TaskType

WAITING = (InstanceStatus.NOT_RUN, InstanceStatus.WAIT_TIME, InstanceStatus.WAIT_RESOURCE)
ENDED = (InstanceStatus.SUCCESS, InstanceStatus.FAILURE)
_FLOW = re.compile(r"\bflow-\w+")


def transient_failure(history: Sequence[Instance]) -> str | None:
    """Tell how an instance with automatic reruns looks between a failed try and the next one.

    :param history: the instance as it was seen, the oldest look first.
    :return: None as long as there was no rerun to be seen.
    """
    if any(item.status is InstanceStatus.FAILURE and item.reruns_left for item in history):
        return "yes"
    for before, after in pairwise(history):
        if before.status is InstanceStatus.FAILURE and _went_on(before, after):
            return "yes"
        tried = before.status is InstanceStatus.RUNNING or after.finished is not None
        if after.status in WAITING and tried:
            return "no"
    return None


def _went_on(before: Instance, after: Instance) -> bool:
    return after.status is not InstanceStatus.FAILURE or after.started != before.started


def effective_window(instance: Instance) -> str | None:
    """Tell what a test outside of the node's effective window is."""
    return {TaskType.NORMAL: "runs", TaskType.SKIP: "dry_run"}.get(instance.task_type)


def node_params(log: str, *, given: str, kept: str) -> str | None:
    """Tell what became of the parameters of a node of which one was given with the run.

    :param given: the value of the one; ``kept`` that of the other, which only the node has.
    """
    if given not in log:
        return None
    return "merge" if kept in log else "replace"


def frozen_test(instance: Instance) -> str | None:
    """Tell what became of an instance of a frozen node; None while it waits."""
    if instance.status is InstanceStatus.FAILURE and instance.task_type is TaskType.PAUSE:
        return "fail"
    return "run" if began(instance) else None


def began(instance: Instance) -> bool:
    """Tell whether an instance has begun to execute its node."""
    executed = instance.task_type in (TaskType.NORMAL, TaskType.MANUAL)
    return executed and (instance.status in (InstanceStatus.RUNNING, *ENDED) or instance.started is not None)


def flow_in(log: str) -> str:
    """Tell whether the log of an instance names its run of PAIFlow."""
    return "yes" if _FLOW.search(log) else "no"


def lag(seconds: float) -> str:
    """Name the reading of a delay; any delay is told by the one that is played."""
    return "5" if seconds else "0"
