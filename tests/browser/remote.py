"""What a backfill came to on the other side of the wire."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.designer.log import resolved_parameters
from airflow_provider_pai_designer.emulator.control_client import Control

SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, kw_only=True)
class RemoteRun:
    """A run of a node with one instance, as DataWorks knows it.

    :param business_date: ``yyyymmdd``.
    :param parameters: scheduling parameters with their values, out of the instance's log.
    :param partitions: what it has written.
    :param began: epoch milliseconds.
    :param ended: epoch milliseconds, None while it goes on.
    """

    business_date: str
    status: str
    parameters: str | None
    partitions: tuple[str, ...]
    began: int
    ended: int | None


def remote_runs(control: Control) -> list[RemoteRun]:
    """All runs, in the order in which they were started."""
    state = control.state()
    instances = {row["run_id"]: row for row in state["instances"]}
    assert len(instances) == len(state["instances"]), "a run has more than one instance"
    return [_remote_run(state, instances[row["id"]]) for row in sorted(state["runs"], key=lambda row: int(row["id"]))]


def _remote_run(state: dict[str, Any], instance: dict[str, Any]) -> RemoteRun:
    attempts = [row for row in state["attempts"] if row["instance_id"] == instance["id"]]
    log = "\n".join(text for attempt in attempts for _, _, text in attempt["log"])
    written = [row["partition"] for row in state["partitions"] if row["instance_id"] == instance["id"]]
    return RemoteRun(
        business_date=f"{datetime.fromtimestamp(instance['business_date'] / 1000, SHANGHAI):%Y%m%d}",
        status=instance["status"],
        parameters=resolved_parameters(log),
        partitions=tuple(partition for partition in written if partition),
        began=instance["created"],
        ended=instance["finished"],
    )


def most_at_once(runs: Sequence[RemoteRun]) -> int:
    """How many of the runs went on at the same time, at the most."""
    return max(sum(other.began <= run.began < (other.ended or math.inf) for other in runs) for run in runs)
