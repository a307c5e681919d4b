"""A tree drawn as an espalier: root at the foot, each reply above what it replies to, branches that never cross.

Knows who replies to whom, and lengths in units of the drawing; knows no messages and no words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from unicodedata import east_asian_width

WIDTH: Final = 760.0
NARROWEST: Final = 28.0  # of a column: knots do not touch, and a finger finds each
WIDEST: Final = 240.0
LEVEL: Final = 96.0
HEAD: Final = 40.0
FOOT: Final = 44.0
BEND: Final = 34.0  # from a knot up to where its branches part
CORNER: Final = 18.0
CLEAR: Final = 22.0  # around a knot, where no text is
LETTER: Final = 7.4  # width of a character; of a wide one, as in Korean, nearly twice as much
WIDE_LETTER: Final = 13.5


@dataclass(frozen=True, slots=True)
class Knot:
    """Where a message stands. `text_x`: where its text begins; `room`: how long that may be without touching others."""

    key: str
    x: float
    y: float
    text_x: float
    room: float


@dataclass(frozen=True, slots=True)
class Branch:
    """A line from a message to a reply; `path` as SVG spells it."""

    parent: str
    key: str
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """knots: the root first, each before the replies to it."""

    width: float
    height: float
    knots: tuple[Knot, ...]
    branches: tuple[Branch, ...]


def drawn(replies: Mapping[str, Sequence[str]], root: str, *, mirrored: bool = False) -> Drawing:
    """The drawing of a tree. `replies`: to each message, in the order in which they stand beside each other."""
    order, depth, parent = _walk(replies, root)
    leaves = [key for key in order if not replies.get(key)]
    width = max(WIDTH, len(leaves) * NARROWEST)
    column = min(WIDEST, width / len(leaves))
    inset = min(CLEAR + 6, column / 2)
    left = (width - column * len(leaves)) / 2
    across = {key: left + column * place + inset for place, key in enumerate(leaves)}
    for key in reversed(order):
        below = replies.get(key)
        if below:
            across[key] = (across[below[0]] + across[below[-1]]) / 2
    height = HEAD + LEVEL * max(depth.values()) + FOOT
    up = {key: height - FOOT - LEVEL * depth[key] for key in order}
    room = _rooms(order, depth, across, width)

    def flip(x: float) -> float:
        return round(width - x if mirrored else x, 1)

    knots = tuple(Knot(key, flip(across[key]), up[key], flip(across[key] + CLEAR), room[key]) for key in order)
    branches = tuple(
        Branch(above, key, _path(flip(across[above]), up[above], flip(across[key]), up[key]))
        for key in order
        if (above := parent.get(key)) is not None
    )
    return Drawing(width, height, knots, branches)


def fitting(text: str, room: float) -> str:
    """As much of a text as there is room for, or nothing where that would be no more than a few letters."""
    if _length(text) <= room:
        return text
    kept, used = "", LETTER
    for sign in text:
        used += _length(sign)
        if used > room:
            break
        kept += sign
    return f"{kept.rstrip()}…" if len(kept) >= 4 else ""


def _length(text: str) -> float:
    return sum(WIDE_LETTER if east_asian_width(sign) in "WF" else LETTER for sign in text)


def _walk(
    replies: Mapping[str, Sequence[str]], root: str
) -> tuple[list[str], dict[str, int], dict[str, str]]:  # fmt: skip
    order: list[str] = []
    depth, parent = {root: 0}, {}
    waiting = [root]
    while waiting:
        key = waiting.pop()
        order.append(key)
        for reply in replies.get(key, ()):
            depth[reply], parent[reply] = depth[key] + 1, key
        waiting.extend(reversed(replies.get(key, ())))
    return order, depth, parent


def _rooms(
    order: Sequence[str], depth: Mapping[str, int], across: Mapping[str, float], width: float
) -> dict[str, float]:
    """From each knot to the next one on its level, or to the end of the drawing."""
    levels: dict[int, list[str]] = {}
    for key in order:
        levels.setdefault(depth[key], []).append(key)
    found: dict[str, float] = {}
    for level in levels.values():
        for key, following in zip(level, [*level[1:], None], strict=True):
            end = width if following is None else across[following] - CLEAR + 4
            found[key] = max(0.0, round(end - across[key] - CLEAR, 1))
    return found


def _path(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = y - BEND
    if x == to_x:
        return f"M{x:g} {y:g}V{to_y:g}"
    side = 1 if to_x > x else -1
    corner = min(CORNER, abs(to_x - x))
    return f"M{x:g} {y:g}V{bend:g}H{to_x - side * corner:g}Q{to_x:g} {bend:g} {to_x:g} {bend - corner:g}V{to_y:g}"
