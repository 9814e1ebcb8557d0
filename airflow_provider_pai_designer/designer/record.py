"""What a task remembers of the runs it has asked for, and what it does next: one decision for every way to come back.

One name, one run: a name is made from the task, its epoch and a number, so whoever asks again asks for the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic

from airflow_provider_pai_designer.designer.run import Asked, Outcome

SETTLE_SECONDS = 60.0
"""For so long the service may still act on a call that was given up, where nothing else is said."""


@dataclass(frozen=True, kw_only=True)
class Record(Generic[Asked]):
    """One run that a task has asked for.

    :param epoch: changes when the task is cleared, not when it is retried.
    :param number: counts the runs that the task has asked for in this epoch, from 1.
    :param fingerprint: of all that was asked for; another one is another run.
    :param asked_at: epoch seconds of the last time it was asked for.
    :param asks: how often it was asked for; more than once only after answers that were not clear.
    :param run: the run; not known until an answer named it.
    :param details: what else the task's result says.
    """

    epoch: int
    number: int
    fingerprint: str
    asked_at: float
    run: Asked
    asks: int = 1
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON."""
        return {
            "epoch": self.epoch,
            "number": self.number,
            "fingerprint": self.fingerprint,
            "asked_at": self.asked_at,
            "asks": self.asks,
            "run": self.run.to_dict(),
            "details": dict(self.details),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], read_run: Callable[[Mapping[str, Any]], Asked]) -> Record[Asked]:
        """Read what :meth:`to_dict` wrote.

        :param read_run: reads the run in it.
        :raises KeyError, TypeError, ValueError: it is of another version.
        """
        return cls(
            epoch=int(data["epoch"]),
            number=int(data["number"]),
            fingerprint=str(data["fingerprint"]),
            asked_at=float(data["asked_at"]),
            asks=int(data["asks"]),
            run=read_run(data["run"]),
            details=dict(data["details"]),
        )


class Step(StrEnum):
    """What a task does about its runs when it begins."""

    ASK = "ask"
    ASK_AGAIN = "ask_again"
    JOIN = "join"
    RERUN_FAILED = "rerun_failed"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do next.

    :param number: of the run that is asked for, or joined.
    :param stop_first: whether the recorded run is still going and is not the one that is wanted.
    """

    step: Step
    number: int
    stop_first: bool = False


def decide(
    record: Record[Asked] | None, outcome: Outcome | None, *, epoch: int, fingerprint: str, rerun_failed: bool
) -> Decision:
    """Decide what becomes of the run that was asked for before.

    :param outcome: of the recorded run; None where the service knows no such run (any more).
    :param rerun_failed: whether a run that failed is continued rather than started anew.
    """
    if record is None:
        return Decision(step=Step.ASK, number=1)
    going = outcome is Outcome.ACTIVE
    if record.epoch != epoch:
        return Decision(step=Step.ASK, number=1, stop_first=going)
    if record.fingerprint != fingerprint:
        return Decision(step=Step.ASK, number=record.number + 1, stop_first=going)
    step = _step(record, outcome, rerun_failed=rerun_failed)
    return Decision(step=step, number=record.number + (step is Step.ASK))


def _step(record: Record[Asked], outcome: Outcome | None, *, rerun_failed: bool) -> Step:
    if outcome in (Outcome.ACTIVE, Outcome.SUCCESS):
        return Step.JOIN
    if outcome is None and not record.run.is_known:
        # The answer was never heard, and there is no run of that name: the same run is asked for again.
        return Step.ASK_AGAIN
    return Step.RERUN_FAILED if outcome is Outcome.FAILURE and rerun_failed else Step.ASK
