"""Measure rows of the table of targets, and write the page: ``python -m benchmarks [--full] [row ...]``.

Without rows all of them are measured, and ``docs/benchmarks.md`` and its plots are written; with rows their tables are
printed, and nothing is written.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from statistics import median
from typing import Any

from benchmarks import plots, report
from benchmarks.load.case import MANY, OURS, SDK, Case, Load
from benchmarks.load.measure import measure
from benchmarks.rows.bench import ROOT, Bench

ROWS = (
    "one_day",
    "foreign",
    "many_dates",
    "new_data_studio",
    "cost",
    "processes",
    "lone_run",
    "basic_edition",
    "parsing",
    "unchanged_node",
    "whole_task",
)
_WINDOW = 60.0
_SHORT_WINDOW = 30.0
_FULL_WINDOW = 120.0
_FULL_TIMES = 3


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="longer windows, three times; more than an hour")
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], help=f"some of {', '.join(ROWS)}")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pai-designer-bench-") as home:
        # an Airflow that this machine may have must not be touched
        os.environ.update(AIRFLOW_HOME=home, AIRFLOW__CORE__LOAD_EXAMPLES="False")
        os.chdir(ROOT)
        rows = [import_module(f"benchmarks.rows.{name}") for name in arguments.rows or ROWS]
        cases = {case for row in rows for case in row.CASES}
        if not arguments.rows:
            cases |= set(plots.cases(full=arguments.full))
        with ThreadPoolExecutor(1) as aside:
            counted = {row: aside.submit(_section, row) for row in rows if row.COUNTS_ONLY}
            loads = _loads(sorted(cases), full=arguments.full)
            sections = {row: future.result() for row, future in counted.items()}
        bench = Bench(loads=loads, full=arguments.full)
        sections |= {row: _section(row, bench) for row in rows if not row.COUNTS_ONLY}
    if arguments.rows:
        print("\n".join(report.table(sections[row]) for row in rows))
        return
    drawn = plots.draw(bench.loads, ROOT / "docs" / "images")
    command = "make bench" + (" BENCH=--full" if arguments.full else "")
    minutes = (time.monotonic() - started) / 60
    page = report.page([sections[row] for row in rows], plots=drawn, command=command, minutes=minutes)
    (ROOT / "docs" / "benchmarks.md").write_text(page, encoding="utf-8")


def _section(row: Any, *arguments: Bench) -> report.Section:
    started = time.monotonic()
    section: report.Section = row.measure(*arguments)
    _say(f"{section.title}: {time.monotonic() - started:.0f} s")
    return section


def _loads(cases: Sequence[Case], *, full: bool) -> dict[Case, Load]:
    """Measure loads, batch after batch."""
    loads: dict[Case, Load] = {}
    for batch in _batches(cases):
        started = time.monotonic()
        window = _FULL_WINDOW if full else _SHORT_WINDOW if _is_steady(batch) else _WINDOW
        found = [measure(batch, seconds=window) for _ in range(_FULL_TIMES if full else 1)]
        loads |= {case: _middle([measured[case] for measured in found]) for case in batch}
        _say(f"{', '.join(f'{case.subject} {case.runs}' for case in batch)}: {time.monotonic() - started:.0f} s")
    return loads


def _batches(cases: Sequence[Case]) -> list[list[Case]]:
    """What costs little is measured together, and the two providers with a thousand; what fills a core is alone."""
    batches: dict[tuple[int, str], list[Case]] = {}
    for case in cases:
        busy = case.subject != OURS and case.runs >= 1000
        alone = busy and (case.runs >= MANY or case.subject == SDK)
        batches.setdefault((case.runs if busy else 0, case.subject if alone else ""), []).append(case)
    return list(batches.values())


def _is_steady(batch: Sequence[Case]) -> bool:
    """Tell whether polls are spread evenly over time, so that a window need not hold whole intervals."""
    return all(case.subject != OURS and (case.runs >= MANY or case.subject == SDK) for case in batch)


def _middle(loads: Sequence[Load]) -> Load:
    """Return the medians of several measurements; delays are taken together."""

    def of(member: str) -> Any:
        return median(getattr(load, member) for load in loads)

    return Load(
        calls=of("calls"),
        connections=of("connections"),
        handshakes=of("handshakes"),
        throttled=of("throttled"),
        failures=of("failures"),
        cpu=of("cpu"),
        mebibytes=of("mebibytes"),
        stall=of("stall"),
        delays=tuple(sorted(delay for load in loads for delay in load.delays)),
        ends=sum(load.ends for load in loads),
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
