"""A thousand deferred runs among twenty thousand instances of other people."""

from __future__ import annotations

from benchmarks.load.case import Case
from benchmarks.report import Line, Section, at_most
from benchmarks.rows.bench import ONE_DAY, Bench, seconds

AMONG_FOREIGN = Case(runs=1000, foreign=20_000)
CASES = (ONE_DAY, AMONG_FOREIGN)
COUNTS_ONLY = False


def measure(bench: Bench) -> Section:
    """Return the lines of this row."""
    load, alone = bench.loads[AMONG_FOREIGN], bench.loads[ONE_DAY]
    return Section(
        title="The same among 20,000 foreign instances of that day",
        notes="18,000 of them were made by the night's schedule, 2,000 came between our runs: newest first, our oldest "
        "run is on page 30.",
        lines=[
            at_most("calls", load.calls, 0.4, form="{:.2f}/s", beside=f"without them {alone.calls:.2f}/s"),
            at_most("calls refused as too many", load.throttled, 0, form="{}"),
            Line(
                what="end of a run seen, p50 and p95, as the budget of calls allows",
                measured=f"{seconds(load.delay(0.5))}, {seconds(load.delay(0.95))}",
                beside=f"without them {seconds(alone.delay(0.5))}, {seconds(alone.delay(0.95))}",
            ),
        ],
    )
