"""The lines of the table of targets, and the page that shows them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

_PACKAGES = (
    "apache-airflow",
    "apache-airflow-providers-databricks",
    "apache-airflow-providers-dbt-cloud",
    "alibabacloud-dataworks-public20200518",
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One measure beside its target.

    :param met: None where there is no target.
    :param beside: what others came to.
    """

    what: str
    measured: str
    target: str = ""
    met: bool | None = None
    beside: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """The lines of one row of the table of targets.

    :param notes: how it was measured, where that is not plain.
    """

    title: str
    lines: Sequence[Line]
    notes: str = ""


def at_most(what: str, value: float, most: float, *, form: str, beside: str = "") -> Line:
    """Compare a figure with the most that it may be.

    :param form: of the figure and the target, such as ``{:.1f} ms``.
    """
    return Line(
        what=what, measured=form.format(value), target=f"at most {form.format(most)}", met=value <= most, beside=beside
    )


def page(sections: Sequence[Section], *, plots: Sequence[tuple[str, str]], command: str, minutes: float) -> str:
    """Return the page.

    :param plots: title and file name of each.
    """
    measured = [line for section in sections for line in section.lines if line.met is not None]
    met = sum(bool(line.met) for line in measured)
    head = [
        "# Benchmarks",
        "",
        f"Made by `{command}` on {time.strftime('%Y-%m-%d', time.gmtime())} in {minutes:.0f} minutes: "
        f"{met} of {len(measured)} targets met. Do not edit; measure again.",
        "",
        f"Machine: {os.cpu_count()} cores, {_memory():.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}. "
        + ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
        + ". Service and triggerer share the machine, without latency between them: compare figures, rather than take "
        "them for absolute.",
        "",
    ]
    for title, name in plots:
        head += [f"![{title}](images/{name})", ""]
    return "\n".join([*head, *(table(section) for section in sections)])


def table(section: Section) -> str:
    """Return a section of the page."""
    rows = [
        f"| {line.what} | {line.measured} | {line.target} | {_MARKS[line.met]} | {line.beside} |"
        for line in section.lines
    ]
    head = ["| | measured | target | met | beside it |", "|---|---|---|---|---|"]
    notes = [section.notes, ""] if section.notes else []
    return "\n".join([f"## {section.title}", "", *notes, *head, *rows, ""])


_MARKS = {True: "yes", False: "**no**", None: ""}


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
