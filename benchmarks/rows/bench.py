"""What every row can ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.case import OURS, PEERS, Case, Load

PEERS_OF_A_THOUSAND = tuple(Case(subject=subject, runs=1000) for subject in PEERS)
ONE_DAY = Case(subject=OURS, runs=1000)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A run of the benchmarks.

    :param loads: the measured loads: of every row its ``CASES``.
    :param full: take the time that it needs, rather than ten minutes.
    """

    loads: Mapping[Case, Load]
    full: bool

    def peers(self, form: str) -> str:
        """Say what the peers came to with a thousand runs; the form may name members of :class:`Load`."""
        loads = {case.subject: self.loads[case] for case in PEERS_OF_A_THOUSAND}
        return "; ".join(f"{subject}: {form.format(load=load)}" for subject, load in loads.items())


def seconds(value: float) -> str:
    """Write seconds, of which there may be too many to be seen."""
    return "not seen in time" if value == float("inf") else f"{value:.1f} s"


ROOT = Path(__file__).parent.parent.parent
