"""What a load is, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass

OURS, SDK, DATABRICKS, DBT = "pai_designer", "the SDK's async methods", "Databricks", "dbt Cloud"
PEERS = (SDK, DATABRICKS, DBT)
INTERVALS = {SDK: 30, DATABRICKS: 30, DBT: 60}
"""Seconds between polls; of the two providers they are the defaults of their operators."""

MANY = 10_000
"""So many runs take longer than the window to be seen to end, and so many triggers of the peers must not begin at once:
they would only ever make connections."""


@dataclass(frozen=True, kw_only=True, order=True)
class Case:
    """Deferred runs, watched by the triggers of one provider.

    :param subject: one of :data:`OURS` and :data:`PEERS`.
    :param runs: how many, over all processes.
    :param processes: triggerers that share them.
    :param dates: on how many business dates they are.
    :param foreign: instances of other people on the same business date.
    :param new: the workspace has the new Data Studio.
    """

    subject: str = OURS
    runs: int
    processes: int = 1
    dates: int = 1
    foreign: int = 0
    new: bool = False


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a case came to in the measured window.

    :param calls: requests per second at the service.
    :param connections: how many were open at once at most.
    :param handshakes: new connections per second.
    :param throttled: replies of the service that refused a call for there being too many.
    :param failures: triggers that ended though their run had not.
    :param cpu: share of one core of all processes together, less that of as many triggers that only sleep.
    :param mebibytes: memory over that of as many triggers that only sleep, all processes together.
    :param stall: the longest that an event loop was late, seconds.
    :param delays: seconds from the end of a run to its trigger's event, sorted.
    :param ends: how many runs ended in the window; those without a delay were not seen in time.
    """

    calls: float
    connections: int
    handshakes: float
    throttled: int
    failures: int
    cpu: float
    mebibytes: float
    stall: float
    delays: tuple[float, ...]
    ends: int

    @property
    def percent(self) -> float:
        """Per cent of one core."""
        return self.cpu * 100

    def delay(self, share: float) -> float:
        """Return the delay that this share of the ended runs keeps; infinite where they were not seen."""
        rank = max(0, min(self.ends - 1, round(share * self.ends + 0.5) - 1))
        return self.delays[rank] if rank < len(self.delays) else float("inf")
