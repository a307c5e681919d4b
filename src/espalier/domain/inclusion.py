"""How evenly the work of a campaign is spread over people: concentration from counts per person.

Pure arithmetic; knows neither people nor what was counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from math import ceil


@dataclass(frozen=True, slots=True)
class Inclusion:
    """`gini`: 0 when all do the same, towards 1 when one does all. `effective`: as many people doing equal shares
    would be as concentrated. `top_…`: the share of all that so many of the busiest did; null where nobody did anything.
    """

    people: int
    gini: float | None
    effective: float | None
    top_1: float | None
    top_10: float | None
    top_100: float | None
    top_tenth: float | None


def lorenz(counts: Iterable[int], steps: int = 20) -> list[tuple[float, float]]:
    """The curve of concentration: (share of people, share of all that they did together), from who did least on.

    Who did nothing is left out; without anybody there is no curve.
    """
    done = sorted(count for count in counts if count > 0)
    if not done:
        return []
    sums = [0, *accumulate(done)]
    total, people = sums[-1], len(done)
    places = sorted({round(people * step / steps) for step in range(steps + 1)})
    return [(place / people, sums[place] / total) for place in places]


def inclusion(counts: Iterable[int]) -> Inclusion:
    """Of how much each person did; who did nothing is left out."""
    done = sorted(count for count in counts if count > 0)
    total, people = sum(done), len(done)
    if not total:
        return Inclusion(0, None, None, None, None, None, None)

    def top(number: int) -> float:
        return sum(done[-number:]) / total

    gini = sum((2 * place - people - 1) * count for place, count in enumerate(done, 1)) / (people * total)
    effective = total**2 / sum(count**2 for count in done)
    return Inclusion(people, gini, effective, top(1), top(10), top(100), top(ceil(people / 10)))
