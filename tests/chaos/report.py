"""What chaos came to, as a table: at the end of the tests, and as a page of the documentation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

from tests.chaos.cases import SUCCESS, Case, Outcome

_HEAD = ("held", "what happens", "then", "mode", "Data Studio", "tries", "runs", "task")


@dataclass(frozen=True, kw_only=True)
class Book:
    """Outcomes, and how long stops took."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    stops: list[tuple[str, float]] = field(default_factory=list)

    def note(self, case: Case, outcome: Outcome) -> None:
        """Keep an outcome."""
        runs = ", ".join("success" if status == SUCCESS else "stopped" for status in outcome.runs)
        tries = str(outcome.tries)
        row = (case.point, case.event, case.then, case.mode, case.generation, tries, runs or "none", outcome.state)
        self.rows.append(row)

    def lines(self) -> Iterable[str]:
        """The tables, as Markdown."""
        yield from _table(_HEAD, self.rows)
        if self.stops:
            yield ""
            yield from _table(("cancel", "seconds to the stop"), [(what, f"{took:.1f}") for what, took in self.stops])
            yield ""
            yield f"95 % of the {len(self.stops)} stops were sent within {self.slowest_of_most():.1f} seconds."

    def slowest_of_most(self) -> float:
        """The 95th percentile of the seconds to a stop, by nearest rank."""
        seconds = sorted(took for _, took in self.stops)
        return seconds[math.ceil(0.95 * len(seconds)) - 1]

    def page(self) -> str:
        """The page of the documentation."""
        head = f"""\
# What came of chaos

Written by `make chaos` on {datetime.now(UTC):%Y-%m-%d}: Airflow {version("apache-airflow")} on PostgreSQL, with the
local DataWorks. In each case a task is held at a point; then something happens to it, its supervisor or the triggerer.
*Runs* are all that DataWorks was asked for, and how they ended. What they are measured by is
[the guarantee](durability.md).

"""
        return head + "\n".join(self.lines()) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
