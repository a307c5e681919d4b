"""Charts as SVG: bars, lines, small histograms and a curve, with axes and direct labels, legible without colour.

Each is drawn twice, for a screen and for a phone; the style sheet shows the one that fits, and its classes are the
colours and strokes. Knows numbers and their names; knows nothing of what is counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import pairwise
from math import ceil, floor, log10
from typing import Concatenate, Final, ParamSpec

from markupsafe import Markup, escape

Say = Callable[[float], str]
"""How a number is written in the reader's language."""
ROW: Final = 30
APART: Final = 16  # of two direct labels
STEPS: Final = 5
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Size:
    """names, values: room for the names of rows, and for the values behind the bars. axis, series: room for the values
    of an axis, and for the names of lines. letter: the width of one. css: the class of the drawing.
    """

    width: int
    names: int
    values: int
    axis: int
    series: int
    letter: float
    css: str


WIDE: Final = Size(width=560, names=186, values=76, axis=56, series=144, letter=7.4, css="wide-only")
NARROW: Final = Size(width=340, names=136, values=56, axis=40, series=108, letter=8.2, css="narrow-only")


@dataclass(frozen=True, slots=True)
class Bar:
    """`target`: where the bar should end."""

    name: str
    value: float
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Spread:
    """low, high: the ends of its interval, where there is one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def in_both_sizes(draw: Callable[Concatenate[Size, P], Markup]) -> Callable[P, Markup]:
    """The same drawing for a screen and for a phone, one behind the other."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Markup:
        return Markup("").join(draw(size, *args, **kwargs) for size in (WIDE, NARROW))

    return drawn


def nice_top(value: float) -> float:
    """The round number at or above a value where an axis ends: 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1
    power: float = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.9999)


@in_both_sizes
def bars(size: Size, rows: Sequence[Bar], label: str, say: Say, *, mirrored: bool = False) -> Markup:
    """Rows of bars with names before and values behind them; a stroke where one should end."""
    top = max([row.value for row in rows] + [row.target or 0 for row in rows] + [0]) or 1
    room = size.width - size.names - size.values
    height = ROW * len(rows) + 8
    flip = _flip(size, mirrored)
    parts = [_line("axis", flip(size.names), 2, flip(size.names), height - 2)]
    for place, row in enumerate(rows):
        y = place * ROW + 8
        length = round(room * row.value / top, 1)
        x = min(flip(size.names), flip(size.names + length))
        parts.append(_text(flip(size.names - 8), y + 14, _short(size, row.name, size.names - 8), anchor="end"))
        parts.append(Markup('<rect class="bar" x="{}" y="{}" width="{}" height="18"/>').format(x, y, length))
        end = size.names + max(length, room * (row.target or 0) / top)
        parts.append(_text(flip(end + 8), y + 14, say(row.value), css="value"))
        if row.target is not None:
            at = flip(round(size.names + room * row.target / top, 1))
            parts.append(_line("target", at, y - 4, at, y + 22))
    return _svg(size, height, label, parts)


@in_both_sizes
def spreads(size: Size, rows: Sequence[Spread], label: str, say: Say, *, mirrored: bool = False) -> Markup:
    """A dot for each row with its interval as a stroke, on an axis from the lowest to the highest end of any."""
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    low, high = min(ends, default=0), max(ends, default=0)
    left, right = size.names + 12, size.width - size.values
    height = ROW * len(rows) + 28
    flip = _flip(size, mirrored)

    def x(value: float) -> float:
        return flip(round(left + (right - left) * ((value - low) / (high - low) if high > low else 0.5), 1))

    parts = []
    for tick in sorted({low, (low + high) / 2, high}):
        parts.append(_line("grid", x(tick), 2, x(tick), height - 22))
        parts.append(_text(x(tick), height - 6, say(tick), anchor="middle"))
    for place, row in enumerate(rows):
        y = place * ROW + 17
        parts.append(_text(flip(size.names - 8), y + 5, _short(size, row.name, size.names - 8), anchor="end"))
        if row.low is not None and row.high is not None:
            parts.append(_line("line", x(row.low), y, x(row.high), y))
        parts.append(Markup('<circle class="bar" cx="{}" cy="{}" r="6"/>').format(x(row.value), y))
        parts.append(_text(flip(right + 12), y + 5, say(row.value), css="value"))
    return _svg(size, height, label, parts)


@in_both_sizes
def lines(
    size: Size, series: Sequence[Line], names: Sequence[str], label: str, say: Say, *, mirrored: bool = False
) -> Markup:
    """One stroke a series over the same days, each with its own pattern and its name at its end."""
    left, right, head, foot, height = size.axis, size.series, 12, 30, 260
    top = max(2, nice_top(max((max(each.values, default=0) for each in series), default=0)))
    flip = _flip(size, mirrored)
    deep = height - head - foot

    def x(place: int) -> float:
        return flip(round(left + (size.width - left - right) * place / max(1, len(names) - 1), 1))

    def y(value: float) -> float:
        return round(head + deep * (1 - value / top), 1)

    parts = []
    for tick in (0, top / 2, top):
        parts.append(_line("grid" if tick else "axis", flip(left), y(tick), flip(size.width - right), y(tick)))
        parts.append(_text(flip(left - 8), y(tick) + 4, say(tick), anchor="end"))
    for place in sorted({0, (len(names) - 1) // 2, len(names) - 1} if names else ()):
        anchor = "middle" if 0 < place < len(names) - 1 else "start" if place == 0 else "end"
        parts.append(_text(x(place), height - 8, names[place], anchor=anchor))
    ends = _spread([y(each.values[-1]) for each in series], height - foot)
    for number, each in enumerate(series, start=1):
        points = " ".join(f"{x(place):g},{y(value):g}" for place, value in enumerate(each.values))
        parts.append(Markup('<polyline class="line l{}" points="{}"/>').format(number, points))
        parts.append(
            _text(
                flip(size.width - right + 8), ends[number - 1] + 4, _short(size, each.name, right - 8), css=f"l{number}"
            )
        )
    return _svg(size, height, label, parts)


@in_both_sizes
def curve(size: Size, points: Sequence[tuple[float, float]], label: str, even: str, worked: str, across: str, say: Say,
          *, mirrored: bool = False) -> Markup:  # fmt: skip
    """A curve of shares from nothing to all, beside the straight line that it would be if all were even."""
    left, head, foot, high = size.axis, 12, 44, 280
    flip = _flip(size, mirrored)

    def x(share: float) -> float:
        return flip(round(left + (size.width - left - 24) * share, 1))

    def y(share: float) -> float:
        return round(head + high * (1 - share), 1)

    parts = []
    for tick in (0, 0.5, 1):
        parts.append(_line("grid" if tick else "axis", x(0), y(tick), x(1), y(tick)))
        parts.append(_text(flip(left - 8), y(tick) + 4, say(tick), anchor="end"))
        anchor = "start" if tick == 0 else "end" if tick == 1 else "middle"
        parts.append(_text(x(tick), y(0) + 18, say(tick), anchor=anchor))
    parts.append(_text(x(0.5), y(0) + 36, across, anchor="middle"))
    parts.append(_line("even", x(0), y(0), x(1), y(1)))
    spelled = " ".join(f"{x(people):g},{y(work):g}" for people, work in points)
    parts.append(Markup('<polyline class="line l1" points="{}"/>').format(spelled))
    parts.append(_text(x(0.46), y(0.54), even, anchor="end"))
    middle = min(points, key=lambda point: abs(point[0] - 0.6)) if points else (0.6, 0.3)
    parts.append(_text(x(middle[0] + 0.03), max(head + 14, y(middle[1]) + 16), worked, css="l1 value"))
    return _svg(size, head + high + foot, label, parts)


@in_both_sizes
def histograms(size: Size, rows: Sequence[tuple[str, Sequence[float]]], label: str, ends: tuple[str, str], say: Say,
               *, mirrored: bool = False) -> Markup:  # fmt: skip
    """A small histogram of five steps for each name, the share of its fullest step written above that."""
    deep, gap, head = 34, 26, 6
    column = (size.width - size.names - 16) / STEPS
    height = head + len(rows) * (deep + gap) + 20
    flip = _flip(size, mirrored)
    parts = []
    for place, (name, shares) in enumerate(rows):
        base = head + (place + 1) * (deep + gap)
        parts.append(_text(flip(size.names - 8), base - 4, _short(size, name, size.names - 8), anchor="end"))
        parts.append(_line("axis", flip(size.names), base, flip(size.width - 16), base))
        fullest = max(shares, default=0) or 1
        for step, share in enumerate(shares):
            tall = round(deep * share / fullest, 1)
            x = round(size.names + column * step + 4, 1)
            left = min(flip(x), flip(x + column - 8))
            parts.append(
                Markup('<rect class="bar" x="{}" y="{}" width="{}" height="{}"/>').format(
                    left, round(base - tall, 1), round(column - 8, 1), tall
                )
            )
            if share >= 0.005:
                parts.append(_text(flip(x + column / 2 - 4), base - tall - 4, say(share), anchor="middle"))
    parts.append(_text(flip(size.names), height - 4, ends[0]))
    parts.append(_text(flip(size.width - 16), height - 4, ends[1], anchor="end"))
    return _svg(size, height, label, parts)


def _flip(size: Size, mirrored: bool) -> Callable[[float], float]:
    return lambda x: round(size.width - x if mirrored else x, 1)


def _spread(places: Sequence[float], lowest: float) -> list[float]:
    """The same places, moved so far apart that text fits between them."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for before, index in pairwise(order):
        moved[index] = max(moved[index], moved[before] + APART)
    over = (moved[order[-1]] - lowest) if order else 0
    if over > 0:
        for index, following in zip(reversed(order), [None, *reversed(order)], strict=False):
            ceiling = lowest if following is None else moved[following] - APART
            moved[index] = min(moved[index], ceiling)
    return moved


def _short(size: Size, text: str, room: float) -> str:
    most = ceil(room / size.letter)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _line(css: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(css, x1, y1, x2, y2)


def _text(x: float, y: float, words: str, *, anchor: str = "start", css: str = "") -> Markup:
    named = Markup(' class="{}"').format(css) if css else ""
    return Markup('<text x="{}" y="{}" text-anchor="{}"{}>{}</text>').format(x, round(y, 1), anchor, named, words)


def _svg(size: Size, height: float, label: str, parts: Sequence[Markup]) -> Markup:
    inner = Markup("").join(parts)
    return Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        size.css, size.width, height, escape(label), inner
    )
