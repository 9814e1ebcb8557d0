"""What the watches of a triggerer do, said once a minute: in the log, and as metrics of Airflow."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field

REPORT_SECONDS = 60.0

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Figures:
    """The figures of one watch since its last report.

    :param calls: calls to the service.
    :param throttled: calls that it refused for their number.
    :param lag: the longest time by which a look came late, in seconds.
    """

    since: float
    calls: float = 0
    throttled: int = 0
    lag: float = field(default=0.0)

    def report(self, runs: int, *, now: float, next_due: float) -> None:
        """Say the figures, if it is time.

        :param runs: how many are watched.
        :param next_due: when the next one is looked at, in the same time as ``now``.
        """
        if now < self.since + REPORT_SECONDS:
            return
        per_minute = self.calls * 60 / (now - self.since)
        pause = "" if math.isinf(next_due) else f", next poll in {max(0.0, next_due - now):.0f} s"
        log.info("pai_designer monitor: %s runs, %.0f calls/min%s", runs, per_minute, pause)
        self._emit(runs)
        self.since, self.calls, self.throttled, self.lag = now, 0, 0, 0.0

    def _emit(self, runs: int) -> None:
        from airflow.sdk.observability.stats import Stats

        Stats.gauge("pai_designer.monitor.runs", runs)
        Stats.incr("pai_designer.monitor.calls", round(self.calls))
        Stats.incr("pai_designer.monitor.throttled", self.throttled)
        Stats.gauge("pai_designer.monitor.lag", self.lag)
