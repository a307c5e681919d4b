"""Points, levels, streaks and the troll score, from counts of what a person did.

Knows no trees: credit.py counts. Counts add up and subtract, so that totals follow from differences.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from operator import add, attrgetter, sub
from typing import Final


@dataclass(frozen=True, slots=True)
class Counts:
    """How often a person did what, or had it done to their messages; a difference of two may be negative."""

    prompts: int = 0
    replies_assistant: int = 0
    replies_prompter: int = 0
    labels_simple: int = 0
    labels_full: int = 0
    rankings: int = 0
    rankings_agreeing: int = 0
    accepted_prompts: int = 0
    accepted_replies_assistant: int = 0
    accepted_replies_prompter: int = 0
    ranked_first: int = 0
    ranked_second: int = 0
    ranked_third: int = 0
    red_flags: int = 0
    upvotes: int = 0
    downvotes: int = 0
    spam_prompts: int = 0
    lang_mismatch: int = 0
    not_appropriate: int = 0
    pii: int = 0
    hate_speech: int = 0
    sexual_content: int = 0
    political_content: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*map(add, _values(self), _values(other)))

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*map(sub, _values(self), _values(other)))


COUNTED: Final = tuple(field.name for field in fields(Counts))
_values = attrgetter(*COUNTED)

CONTRIBUTIONS: Final = (
    "prompts", "replies_assistant", "replies_prompter", "labels_simple", "labels_full", "rankings",
)  # fmt: skip
"""What people do, as opposed to what becomes of it."""

POINTS_EACH: Final = {
    "replies_assistant": 4,
    "replies_prompter": 1,
    "labels_simple": 1,
    "labels_full": 2,
    "rankings": 1,
    "rankings_agreeing": 1,
    "accepted_replies_assistant": 4,
    "accepted_replies_prompter": 1,
    "ranked_first": 9,
    "ranked_second": 3,
    "ranked_third": 1,
}
POINT_PER_TEN: Final = ("prompts", "accepted_prompts")  # whole tens of each: nine prompts are worth nothing

TROLL_POINTS_EACH: Final = {
    "red_flags": 3,
    "upvotes": -1,
    "downvotes": 1,
    "spam_prompts": 1,
    "lang_mismatch": 1,
    "not_appropriate": 1,
    "pii": 1,
    "hate_speech": 1,
    "sexual_content": 1,
    "political_content": 1,
}

LEVELS: Final = 100


def points(counts: Counts) -> int:
    """What a person's totals are worth. Not additive (tens of prompts are rounded down): add counts, then ask."""
    tens: int = sum(getattr(counts, name) // 10 for name in POINT_PER_TEN)
    return tens + _weighted(counts, POINTS_EACH)


def troll_score(counts: Counts) -> int:
    """How much trouble a person's messages made; the higher, the sooner a moderator should look."""
    return _weighted(counts, TROLL_POINTS_EACH)


def _weighted(counts: Counts, each: Mapping[str, int]) -> int:
    return sum(worth * int(getattr(counts, name)) for name, worth in each.items())


def _level_starts() -> tuple[int, ...]:
    """round(sum over i = 1..k-1 of (1.1521 i + 3)) for the levels k = 1..100, in ten-thousandths until rounded."""
    starts, total = [0], 0
    for i in range(1, LEVELS):
        total += 11521 * i + 30000
        starts.append((total + 5000) // 10000)
    return tuple(starts)


level_starts: Final = _level_starts()
"""The points at which the levels 1, 2, …, 100 begin: 0, 4, 9, 16, …, 6000."""


def level(points: int) -> int:
    """The level, 1 to 100, that so many points reach."""
    return max(1, bisect_right(level_starts, points))


def streak(days: Collection[date], today: date) -> int:
    """Consecutive days with a contribution up to today.

    A day that is not over breaks nothing: without a contribution today the streak up to yesterday stands.
    """
    with_contribution = frozenset(days)
    day = today if today in with_contribution else today - timedelta(days=1)
    length = 0
    while day in with_contribution:
        length += 1
        day -= timedelta(days=1)
    return length
