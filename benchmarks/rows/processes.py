"""Ten thousand deferred runs over five triggerers."""

from __future__ import annotations

from benchmarks.load.case import Case
from benchmarks.report import Line, Section, at_most
from benchmarks.rows.bench import ONE_DAY, Bench

FIVE = Case(runs=10_000, processes=5)
ONE = Case(runs=10_000)
CASES = (ONE_DAY, ONE, FIVE)
COUNTS_ONLY = False


def measure(bench: Bench) -> Section:
    """Return the lines of this row."""
    thousand, one, five = (bench.loads[case] for case in (ONE_DAY, ONE, FIVE))
    return Section(
        title="10,000 runs over 5 processes",
        notes="Runs divided by 100 are the pages that hold them: ten times the runs may cost each process the pages of "
        "all, never ten times the calls of a poll per run. The calls of the processes add up, so each may use a fifth "
        "of the account's. At 0.4 calls/s a list of 100 pages is read in 250 s, within which an end is seen.",
        lines=[
            at_most(
                "calls, five processes together",
                five.calls,
                5 * 0.4,
                form="{:.2f}/s",
                beside=f"1,000 runs, one process: {thousand.calls:.2f}/s; 10,000 in one: {one.calls:.2f}/s; "
                "one call per run every 60 s: 166.7/s",
            ),
            Line(
                what="share of a core, together",
                measured=f"{five.percent:.2f} %",
                beside=f"1,000 runs, one process: {thousand.percent:.2f} %; 10,000 in one: {one.percent:.2f} %",
            ),
            Line(
                what="memory, together",
                measured=f"{five.mebibytes:.1f} MiB",
                beside=f"1,000 runs, one process: {thousand.mebibytes:.1f} MiB; 10,000 in one: {one.mebibytes:.1f} MiB",
            ),
            at_most("calls refused as too many", five.throttled, 0, form="{}"),
        ],
    )
