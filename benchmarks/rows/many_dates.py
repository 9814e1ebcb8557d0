"""Deferred runs of which every one has its own business date."""

from __future__ import annotations

from benchmarks.load.case import Case
from benchmarks.report import Line, Section, at_most
from benchmarks.rows.bench import Bench, seconds

_SIZES = (10, 100, 1000)
_BY_SIZE = {size: Case(runs=size, dates=size) for size in _SIZES}
CASES = tuple(_BY_SIZE.values())
COUNTS_ONLY = False
_LONGEST_INTERVAL = 60


def measure(bench: Bench) -> Section:
    """Return the lines of this row."""
    load = bench.loads[_BY_SIZE[1000]]
    per_run = load.calls * _LONGEST_INTERVAL / 1000
    growth = "; ".join(f"{size}: {bench.loads[case].calls:.2f}/s" for size, case in _BY_SIZE.items())
    return Section(
        title="1,000 runs on 1,000 business dates",
        lines=[
            at_most("calls per run and minute", per_run, 1, form="{:.2f}"),
            at_most("calls", load.calls, 5, form="{:.2f}/s", beside=growth),
            at_most("calls refused as too many", load.throttled, 0, form="{}"),
            Line(
                what="end of a run seen, p50 and p95",
                measured=f"{seconds(load.delay(0.5))}, {seconds(load.delay(0.95))}",
            ),
        ],
    )
