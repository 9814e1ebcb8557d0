"""Twenty Tests by node id in flight together, on an edition with a hundred calls a day."""

from __future__ import annotations

from statistics import median

from benchmarks.load.fast import watch
from benchmarks.report import Section, at_most

CASES = ()
COUNTS_ONLY = True
_ENDS = [1800.0 + 90 * number for number in range(1, 21)]


def measure() -> Section:
    """Return the lines of this row."""
    calls = median(watch(_ENDS).calls for _ in range(3))
    alone = sum(watch([end]).calls for end in _ENDS[::4]) / len(_ENDS[::4]) * len(_ENDS)
    return Section(
        title="20 Tests by node id, all in flight together, Basic edition",
        notes="They begin together and end between half an hour and an hour later, in simulated time; the calls are "
        "those of the triggers.",
        lines=[
            at_most(
                "calls until all ends are seen, median of 3",
                calls,
                100,
                form="{:.0f}",
                beside=f"each polled alone, at our intervals: {alone:.0f}",
            )
        ],
    )
