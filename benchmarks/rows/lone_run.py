"""One run of an hour, alone."""

from __future__ import annotations

from statistics import median

from benchmarks.load.fast import watch
from benchmarks.report import Section, at_most

CASES = ()
COUNTS_ONLY = True
_HOUR = [3600.0]


def measure() -> Section:
    """Return the lines of this row."""
    seen = [watch(_HOUR) for _ in range(5)]
    fixed = median(watch(_HOUR, poll_interval=30).calls for _ in range(3))
    return Section(
        title="One 1-hour run alone",
        notes="Emulator and trigger share a clock that passes over every wait; the calls are those of the trigger.",
        lines=[
            at_most(
                "calls, median of 5",
                median(item.calls for item in seen),
                95,
                form="{:.0f}",
                beside=f"fixed 30 s polling: {fixed:.0f}",
            ),
            at_most("end seen, the slowest of 5", max(item.delays[0] for item in seen), 65, form="{:.1f} s"),
        ],
    )
