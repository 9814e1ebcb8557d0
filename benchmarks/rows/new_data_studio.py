"""A thousand deferred runs in a workspace of the new Data Studio."""

from __future__ import annotations

from benchmarks.load.case import Case
from benchmarks.report import Line, Section, at_most
from benchmarks.rows.bench import Bench, seconds

NEW = Case(runs=1000, new=True)
CASES = (NEW,)
COUNTS_ONLY = False


def measure(bench: Bench) -> Section:
    """Return the lines of this row."""
    load = bench.loads[NEW]
    return Section(
        title="The same 1,000 on new Data Studio",
        lines=[
            at_most("calls", load.calls, 0.1, form="{:.3f}/s"),
            at_most("calls refused as too many", load.throttled, 0, form="{}"),
            Line(
                what="end of a run seen, p50 and p95",
                measured=f"{seconds(load.delay(0.5))}, {seconds(load.delay(0.95))}",
            ),
        ],
    )
