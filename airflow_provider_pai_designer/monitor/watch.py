"""How a run is followed from poll to poll; the same in place and in the triggerer."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from airflow_provider_pai_designer.designer.run import Observed, Outcome, run_outcome
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RejectedError,
    one_line,
)

OUTAGE_SECONDS = 3600.0
"""How long a run may be out of sight before the watch gives up; the run itself is left alone."""

REFUSAL_SECONDS = 300.0
"""The same where the service says a clear no: it will hardly change its mind."""

_RERUN_GRACE_SECONDS = 120.0
_SLOWEST = 1.8
"""Times the interval, with jitter still below two intervals: so soon is a service seen that has come back."""

_SHARE_OF_AGE, _SHORTEST_SECONDS, _LONGEST_SECONDS = 0.1, 10.0, 60.0

_CLEAR_NO = (ConfigurationError, NotFoundError, PermissionDeniedError, RejectedError)

log = logging.getLogger(__name__)


class Verdict(StrEnum):
    """What the watch says after a poll."""

    WAIT = "wait"
    ENDED = "ended"
    DEADLINE = "deadline"
    OUT_OF_SIGHT = "out_of_sight"


@dataclass(slots=True, kw_only=True)
class RunWatch:
    """Follows one run.

    :param since: epoch seconds from which the run's age counts.
    :param poll_interval: seconds between polls; None for a tenth of the run's age, between 10 and 60 seconds.
    :param deadline: epoch seconds at which waiting ends, None for no deadline.
    :param outage_seconds: how long the run may be out of sight before the watch gives up.
    """

    since: float = field(default_factory=time.time)
    poll_interval: float | None = None
    deadline: float | None = None
    outage_seconds: float = OUTAGE_SECONDS
    _seen: str = field(default="", init=False)
    _failing_since: float | None = field(default=None, init=False)
    _blind_since: float | None = field(default=None, init=False)
    _has_seen: bool = field(default=False, init=False)
    _misses: int = field(default=0, init=False)
    _begins: float = field(default=0.0, init=False)
    last_error: Exception | None = field(default=None, init=False)

    def observe(self, instances: Sequence[Observed], *, now: float, complete: bool = True) -> Verdict:
        """Take in what a poll saw.

        :param now: epoch seconds.
        :param complete: False while a part of the run shows no instance yet.
        """
        if self._has_seen and not instances:
            return self.miss(NotFoundError("no instance of it is there any more", operation=""), now=now)
        self._has_seen = bool(instances)
        self._blind_since = None
        self.last_error = None
        self._misses = 0
        self._begins = _begin(instances)
        self._say(", ".join(item.words for item in instances) or "no instance yet")
        ended = run_outcome(instances) is not Outcome.ACTIVE or self._waited_out(instances, now)
        if complete and ended:
            return Verdict.ENDED
        return self._check_deadline(now)

    def miss(self, error: Exception, *, now: float) -> Verdict:
        """Take in that a poll saw nothing. A run is never judged by a poll that failed."""
        self._blind_since = self._blind_since or now
        self.last_error = error
        self._say(f"the service does not let us see at the moment, looking again: {one_line(str(error))}")
        self._misses += 1
        patience = self.outage_seconds
        if isinstance(error, _CLEAR_NO):
            patience = min(patience, REFUSAL_SECONDS)
        if isinstance(error, QuotaExhaustedError) and self.deadline is not None:
            patience = math.inf  # the calls of the day come back with the next day
        if now - self._blind_since > patience:
            return Verdict.OUT_OF_SIGHT
        return self._check_deadline(now)

    def pause(self, *, now: float) -> float:
        """Return the seconds until the next poll, with jitter; more after misses, and never past the deadline.

        An instance that waits for its schedule time is not looked at before that.
        """
        slower = min(1 + max(0, self._misses - 1) / 4, _SLOWEST)
        seconds = max(self._interval(now) * slower * random.uniform(0.9, 1.0), self._begins - now)
        return seconds if self.deadline is None else max(0.0, min(seconds, self.deadline - now))

    def _interval(self, now: float) -> float:
        if self.poll_interval is not None:
            return self.poll_interval
        return min(max(_SHARE_OF_AGE * (now - self.since), _SHORTEST_SECONDS), _LONGEST_SECONDS)

    def _check_deadline(self, now: float) -> Verdict:
        return Verdict.DEADLINE if self.deadline is not None and now >= self.deadline else Verdict.WAIT

    def _waited_out(self, instances: Sequence[Observed], now: float) -> bool:
        """A failure with reruns left whose rerun does not come (the instance was stopped, say) is an end after all."""
        active = [item for item in instances if item.outcome is Outcome.ACTIVE]
        reruns = [item.rerun_seconds for item in active if item.rerun_seconds is not None]
        if not active or len(reruns) < len(active):
            self._failing_since = None
            return False
        self._failing_since = self._failing_since or now
        return now - self._failing_since > max(reruns) + _RERUN_GRACE_SECONDS

    def _say(self, text: str) -> None:
        if text != self._seen:
            log.info("%s", text)
            self._seen = text


def _begin(instances: Sequence[Observed]) -> float:
    """Return the epoch seconds before which nothing happens: all that is not at its end waits for its schedule time."""
    return min((item.begins for item in instances if item.outcome is Outcome.ACTIVE), default=0.0)
