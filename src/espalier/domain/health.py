"""How a campaign fares: why something waits, how far the goal is, how far reviewers agree.

Knows numbers; does not know where they come from.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil


class Why(StrEnum):
    """Why work waits, the first that holds."""

    IN_HAND = "in_hand"  # somebody has just taken all of it
    NOBODY = "nobody"  # wrote in this language in the last week
    TOO_MUCH = "too_much"  # more is open than a week brings
    TAKES_TURNS = "takes_turns"  # it is on its way


def why_waiting(*, needs: int, held: int, active: int, open_here: int, week: int) -> Why:
    """needs, held: of what waits longest. active: people of the last week. open_here: places; week: messages."""
    if held >= needs:
        return Why.IN_HAND
    if active == 0:
        return Why.NOBODY
    return Why.TOO_MUCH if open_here > week else Why.TAKES_TURNS


def goals(target: int, shares: Mapping[str, float], langs: Collection[str]) -> dict[str, int]:
    """How many messages each language shall reach; those without a share of their own divide the rest evenly."""
    others = sorted(set(langs) - shares.keys())
    rest = max(0.0, 1 - sum(shares.values()))
    each = {**shares, **{lang: rest / len(others) for lang in others}}
    return {lang: round(target * share) for lang, share in each.items()}


def days_left(goal: int, reached: int, week: int) -> int | None:
    """Until the goal at the pace of the last week; None when that never comes."""
    if reached >= goal:
        return 0
    return ceil((goal - reached) * 7 / week) if week else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of so many pairs of reviews of the same message, how many say the same."""

    agreeing: int = 0
    pairs: int = 0

    @property
    def share(self) -> float | None:
        return self.agreeing / self.pairs if self.pairs else None


def agreement(answers: Iterable[tuple[float, int]]) -> Agreement:
    """answers: of each message the mean of a yes/no question and how many answered it."""
    agreeing = pairs = 0
    for mean, count in answers:
        yes = round(mean * count)
        no = count - yes
        agreeing += (yes * (yes - 1) + no * (no - 1)) // 2
        pairs += count * (count - 1) // 2
    return Agreement(agreeing, pairs)
