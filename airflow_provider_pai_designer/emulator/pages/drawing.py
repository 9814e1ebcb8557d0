"""Where things lie in a drawing. Pure arithmetic: lengths are units of the SVG's own view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

BOX_WIDTH, BOX_HEIGHT = 188, 46
_GAP_ACROSS, _GAP_DOWN = 24, 38
_MARGIN = 6
_BEND_WIDTH = 12
"""What a connection takes where it passes a row of boxes."""
_SWEEPS = 4


@dataclass(frozen=True, kw_only=True)
class Box:
    """A step; ``left`` and ``top`` of its corner."""

    name: str
    left: float
    top: float


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A drawn pipeline.

    :param lines: of each connection the ``d`` of an SVG path.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[str, ...]


def draw_graph(dependencies: Mapping[str, Sequence[str]]) -> Graph:
    """Lay steps out in rows, each below all steps that it depends on.

    :param dependencies: by step, in an order in which they can run, the steps that must end before it.
    """
    rows: dict[str, int] = {}
    for name, before in dependencies.items():
        rows[name] = max((rows[other] + 1 for other in before), default=0)
    layers: list[list[str]] = [[] for _ in range(max(rows.values(), default=-1) + 1)]
    widths: dict[str, float] = {}
    chains = []
    for name, row in rows.items():
        layers[row].append(name)
        widths[name] = BOX_WIDTH
    for name, before in dependencies.items():
        for other in dict.fromkeys(before):
            chain = [other]
            for row in range(rows[other] + 1, rows[name]):
                # no step has a name with this character in front
                bend = f"\0{other}\0{name}\0{row}"
                layers[row].append(bend)
                widths[bend] = _BEND_WIDTH
                chain.append(bend)
            chains.append([*chain, name])
    centres = _place(layers, widths, [pair for chain in chains for pair in pairwise(chain)])
    level = {name: row for row, layer in enumerate(layers) for name in layer}
    return Graph(
        width=max((centres[name] + widths[name] / 2 for name in widths), default=0) + _MARGIN,
        height=len(layers) * (BOX_HEIGHT + _GAP_DOWN) - _GAP_DOWN + 2 * _MARGIN if layers else 0,
        boxes=tuple(
            Box(name=name, left=round(centres[name] - BOX_WIDTH / 2, 1), top=_top(rows[name])) for name in rows
        ),
        lines=tuple(_line(chain, centres, level) for chain in chains),
    )


def _place(layers: list[list[str]], widths: Mapping[str, float], links: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Order each row by its neighbours, so that few lines cross, and put everything near what it is linked with."""
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for upper, lower in links:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    centres: dict[str, float] = {}
    for layer in layers:
        centres.update(_side_by_side(layer, widths, dict.fromkeys(layer, 0.0)))
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            near = above if down else below
            wanted = {
                name: _mean([centres[other] for other in near[name]]) if name in near else centres[name]
                for name in layer
            }
            layer.sort(key=wanted.__getitem__)
            centres.update(_side_by_side(layer, widths, wanted))
    shift = min((centres[name] - widths[name] / 2 for name in centres), default=0) - _MARGIN
    return {name: centre - shift for name, centre in centres.items()}


def _side_by_side(layer: Sequence[str], widths: Mapping[str, float], wanted: Mapping[str, float]) -> dict[str, float]:
    """Keep to what is wanted as far as nothing overlaps: the middle between pushing to the right and to the left."""
    pushed_right, pushed_left = _push(layer, widths, wanted, 1), _push(layer[::-1], widths, wanted, -1)
    return {name: (pushed_right[name] + pushed_left[name]) / 2 for name in layer}


def _push(
    layer: Sequence[str], widths: Mapping[str, float], wanted: Mapping[str, float], sign: int
) -> dict[str, float]:
    placed: dict[str, float] = {}
    edge = float("-inf")
    for name in layer:
        half = widths[name] / 2
        centre = max(sign * wanted[name], edge + half)
        edge = centre + half + _GAP_ACROSS
        placed[name] = sign * centre
    return placed


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _top(row: int) -> float:
    return _MARGIN + row * (BOX_HEIGHT + _GAP_DOWN)


def _line(chain: Sequence[str], centres: Mapping[str, float], level: Mapping[str, int]) -> str:
    """A line from the lower edge of the first box to the upper edge of the last one, straight past other rows."""
    x, y = centres[chain[0]], _top(level[chain[0]]) + BOX_HEIGHT
    path = [f"M{x:.1f} {y:.1f}"]
    for name in chain[1:]:
        to_x, to_y = centres[name], _top(level[name])
        middle = (y + to_y) / 2
        path.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
        if name != chain[-1]:
            y += BOX_HEIGHT
            path.append(f"V{y:.1f}")
    return " ".join(path)


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of time in a drawing that is 100 wide."""

    kind: str
    left: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A stretch of time, epoch milliseconds."""

    begin: int
    end: int

    def span(self, kind: str, begin: int | None, end: int | None) -> tuple[Span, ...]:
        """Return where a span lies, nothing where it has not begun; one without an end goes on until now."""
        if begin is None:
            return ()
        length = max(self.end - self.begin, 1)
        left = 100 * (begin - self.begin) / length
        width = 100 * ((self.end if end is None else end) - begin) / length
        # what was too short to be seen is still to be seen
        return (Span(kind=kind, left=round(min(left, 99), 2), width=round(max(width, 0.8), 2)),)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A column of a chart that is 100 high, of what was answered and of what was refused."""

    minute: int
    answered: int
    refused: int
    answered_height: float
    refused_height: float


def draw_bars(calls: Mapping[int, tuple[int, int]], minutes: Sequence[int]) -> tuple[Bar, ...]:
    """Draw calls by minute.

    :param calls: by minute, how many were answered and how many refused.
    """
    most = max((sum(calls.get(minute, (0, 0))) for minute in minutes), default=0) or 1
    return tuple(
        Bar(
            minute=minute,
            answered=answered,
            refused=refused,
            answered_height=round(100 * answered / most, 1),
            refused_height=round(100 * refused / most, 1),
        )
        for minute in minutes
        for answered, refused in (calls.get(minute, (0, 0)),)
    )
