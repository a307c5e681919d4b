"""How the work is spread over people: Lorenz curves, Gini, effective numbers and shares of the busiest.

Knows how much each person did; does not know who they are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from espalier.dataset.columns import NO_PARENT, UNKNOWN, Columns
from espalier.domain.inclusion import lorenz

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST_PEOPLE: Final = 10
ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, and the middle 95 % of what it is in data drawn again; None where there is too little to draw from."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Concentration:
    """Of contributions over people. effective: as many people who all do the same would be as concentrated.

    top_1, top_10: the share of all that the busiest 1 % and 10 % of people did. curve: shares of people and of what
    they did together, from who did least.
    """

    people: int
    contributions: int
    gini: Estimate
    effective: Estimate
    top_1: Estimate
    top_10: Estimate
    curve: list[tuple[float, float]]


def concentration(counts: Iterable[int], resamples: int, random: "np.random.Generator") -> Concentration | None:
    """Of how much each person did; who did nothing is left out. None without anybody.

    Gini = Σ(2i − n − 1)x_(i) / (nΣx); effective number 1/Σp². Intervals are percentiles of people drawn again.
    """
    import numpy as np

    done = [each for each in counts if each > 0]
    if not done:
        return None
    values, people = np.unique(np.array(done, np.int64), return_counts=True)
    point = _figures(values, people[None, :])
    drawn = None
    if resamples and len(done) >= FEWEST_PEOPLE:
        # Who did as much as another is as good as they: drawing people is drawing how many there are of each amount.
        drawn = _figures(values, random.multinomial(len(done), people / len(done), size=resamples))
    estimates = {name: _estimate(each[0], None if drawn is None else drawn[name]) for name, each in point.items()}
    return Concentration(len(done), sum(done), curve=lorenz(done), **estimates)


def _figures(values: "NDArray[np.int64]", people: "NDArray[np.int64]") -> "dict[str, NDArray[np.float64]]":
    """values: amounts, ascending (amounts). people: how many did each amount (resamples, amounts)."""
    import numpy as np

    number = people.sum(axis=1, keepdims=True)
    through = people.cumsum(axis=1)
    total = (people * values).sum(axis=1).astype(np.float64)
    # Σ(2i − n − 1) over people of one amount, who stand beside each other in the order
    gini = (values * people * (2 * (through - people) + people - number)).sum(axis=1) / (number[:, 0] * total)
    above = number - through

    def top(percent: int) -> "NDArray[np.float64]":
        wanted = -(-number * percent // 100)
        return np.asarray((np.clip(wanted - above, 0, people) * values).sum(axis=1) / total)

    effective = total**2 / (people * values.astype(np.float64) ** 2).sum(axis=1)
    return {"gini": gini, "effective": effective, "top_1": top(1), "top_10": top(10)}


def _estimate(value: float, drawn: "NDArray[np.float64] | None") -> Estimate:
    import numpy as np

    if drawn is None:
        return Estimate(float(value))
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Estimate(float(value), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Contributors:
    """By kind of work, and of messages by language; `all` of the kinds holds all messages."""

    by_kind: Mapping[str, Concentration]
    by_lang: Mapping[str, Concentration]


def contributors(
    of: Columns, votes: Mapping[str, Mapping[str, int]], resamples: int, random: "np.random.Generator"
) -> Contributors:
    """votes: by kind, how many of them each person gave. What models wrote is nobody's contribution."""
    import numpy as np

    by_somebody = (of.author != UNKNOWN) & ~of.synthetic
    prompts = of.parent == NO_PARENT
    kinds = {ALL: by_somebody, "prompt": by_somebody & prompts}
    for code, role in enumerate(of.roles):
        kinds[f"{role}_reply"] = by_somebody & ~prompts & (of.role == code)
    work = {kind: np.bincount(of.author[which]).tolist() for kind, which in kinds.items()}
    work |= {kind: list(given.values()) for kind, given in votes.items()}
    by_lang = {
        lang: np.bincount(of.author[by_somebody & (of.lang == code)]).tolist() for code, lang in enumerate(of.langs)
    }

    def each(counts: Mapping[str, list[int]]) -> dict[str, Concentration]:
        found = ((name, concentration(done, resamples, random)) for name, done in counts.items())
        return {name: spread for name, spread in found if spread is not None}

    largest = Counter({lang: sum(done) for lang, done in by_lang.items()})
    return Contributors(each(work), each({lang: by_lang[lang] for lang, _ in largest.most_common()}))
