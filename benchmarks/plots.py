"""Calls and processor time against the number of runs, ours and theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.load.case import MANY, OURS, PEERS, SDK, Case, Load

SIZES = (10, 100, 1_000, 10_000)

_LEAST_CPU = 0.01
"""Per cent of a core below which the figure is the noise of the measurement."""

_PLOTS: Mapping[str, tuple[str, str, Callable[[Load], float]]] = {
    "calls.svg": ("Calls per second at the service", "calls per second", lambda load: load.calls),
    "cpu.svg": ("Processor time of the triggerer", "% of a core", lambda load: max(_LEAST_CPU, load.cpu * 100)),
}


def cases(*, full: bool) -> list[Case]:
    """Return the loads that the plots show."""
    return [
        Case(subject=subject, runs=runs)
        for subject in (OURS, *PEERS)
        for runs in SIZES
        # its methods keep the loop busy without end with a thousand
        if full or subject != SDK or runs < MANY
    ]


def draw(loads: Mapping[Case, Load], folder: Path) -> list[tuple[str, str]]:
    """Draw both plots; return title and file name of each."""
    import matplotlib as mpl

    mpl.use("svg")
    # without a date and with ids of its own, the same figures give the same file
    mpl.rcParams["svg.hashsalt"] = "benchmarks"
    from matplotlib import pyplot

    for name, (title, label, figure) in _PLOTS.items():
        chart, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
        for subject in (OURS, *PEERS):
            shown = {runs: loads.get(Case(subject=subject, runs=runs)) for runs in SIZES}
            points = [(runs, figure(load)) for runs, load in shown.items() if load]
            width = 2.5 if subject == OURS else 1.2
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, linewidth=width, label=subject)
        axes.set(xscale="log", yscale="log", xlabel="deferred runs", ylabel=label, title=title)
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(frameon=False)
        chart.savefig(folder / name, metadata={"Date": None})
        pyplot.close(chart)
    return [(title, name) for name, (title, _, _) in _PLOTS.items()]
