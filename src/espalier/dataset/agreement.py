"""How far reviewers agree: Krippendorff's alpha of labels, Kendall's W and tau-b of rankings.

Knows judgements of the same thing; does not know who gave them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from math import sqrt
from typing import TYPE_CHECKING, Final

from espalier.dataset.contributors import Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Ballot = Sequence[Sequence[str]]
"""Groups of ids, best first; those of one group are tied."""
FEWEST_UNITS: Final = 10
TOLERANCE: Final = 1e-6


class Level(StrEnum):
    """What the values of a label mean: names alone, an order, or distances too."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


@dataclass(frozen=True, slots=True)
class Alpha:
    """estimate: None where all values are alike, so that nothing could be by chance. units: with two values or more."""

    level: Level
    estimate: Estimate | None
    units: int
    values: int


Unit = tuple[float, ...]
"""All that was said of one thing, ascending; who said what makes no difference."""


def alpha(units: Mapping[Unit, int], level: Level, resamples: int, random: "np.random.Generator") -> Alpha:
    """Krippendorff's α = 1 − D_o/D_e. units: how many things were judged so; single values do not count.

    Intervals are percentiles over things drawn again. K. Krippendorff, Computing Krippendorff's
    Alpha-Reliability (2011); missing values are those that a unit has fewer of than others.
    """
    import numpy as np

    paired = {unit: times for unit, times in units.items() if len(unit) >= 2 and times}
    number = sum(paired.values())
    said = sum(len(unit) * times for unit, times in paired.items())
    if not paired:
        return Alpha(level, None, 0, 0)
    values = sorted({value for unit in paired for value in unit})
    place = {value: column for column, value in enumerate(values)}
    table = np.zeros((len(paired), len(values)))  # (kinds of units, values)
    for row, unit in enumerate(paired):
        for value in unit:
            table[row, place[value]] += 1
    times = np.array(list(paired.values()), np.float64)
    point = _alpha(table, times, np.array(values), level)
    if point is None:
        return Alpha(level, None, number, said)
    drawn: list[float] = []
    if number >= FEWEST_UNITS:
        # Things judged alike are as good as each other: drawing things is drawing how many there are of each kind.
        again = random.multinomial(number, times / number, size=resamples)
        drawn = [each for row in again if (each := _alpha(table, row, np.array(values), level)) is not None]
    return Alpha(level, _estimate(point, drawn), number, said)


def _alpha(
    table: "NDArray[np.float64]", times: "NDArray[np.float64]", values: "NDArray[np.float64]", level: Level
) -> float | None:
    """table: how often each kind of unit has each value (kinds, values). times: how many units are of the kind."""
    import numpy as np

    weight = times / (table.sum(axis=1) - 1)
    together = table.T @ (table * weight[:, None])  # coincidences (values, values)
    together[np.diag_indices_from(together)] -= weight @ table
    of_each = together.sum(axis=1)
    total = of_each.sum()
    apart = _distances(of_each, values, level)
    expected = float(of_each @ apart @ of_each) / (total - 1)
    return None if expected <= 0 else float(1 - (together * apart).sum() / expected)


def _distances(of_each: "NDArray[np.float64]", values: "NDArray[np.float64]", level: Level) -> "NDArray[np.float64]":
    """δ² between each two values (values, values)."""
    import numpy as np

    match level:
        case Level.NOMINAL:
            return 1 - np.eye(len(values))
        case Level.ORDINAL:  # all that lies between, the two ends by half
            middle = of_each.cumsum() - of_each / 2
            return np.asarray((middle[:, None] - middle[None, :]) ** 2)
        case Level.INTERVAL:
            return np.asarray((values[:, None] - values[None, :]) ** 2)


def _estimate(point: float, drawn: Sequence[float]) -> Estimate:
    import numpy as np

    if not drawn:
        return Estimate(point)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Estimate(point, float(low), float(high))


def units_of_means(means: Iterable[float], counts: Iterable[int]) -> tuple[Counter[Unit], int]:
    """What was said of each message where all answers are 0 or 1 and only mean and number are known; and how many
    messages have a mean that such answers cannot have. Messages without answers are passed over.
    """
    units: Counter[Unit] = Counter()
    odd = 0
    for mean, number in zip(means, counts, strict=True):
        if number <= 0:
            continue
        ones = round(mean * number)
        if abs(mean * number - ones) > TOLERANCE * number:
            odd += 1
        else:
            units[(0.0,) * (number - ones) + (1.0,) * ones] += 1
    return units, odd


# Rankings


@dataclass(frozen=True, slots=True)
class Rankings:
    """Means over sets of replies that several people ranked. w, tau: None where no set allows them."""

    sets: int
    ballots: int
    w: Estimate | None
    tau: Estimate | None


def rankings(of_sets: Iterable[Sequence[Ballot]], resamples: int, random: "np.random.Generator") -> Rankings:
    """of_sets: by set, its ballots. Of ballots on different replies to one message the most frequent choice counts."""
    import numpy as np

    sets = ballots = 0
    concordance: list[float] = []
    taus: list[float] = []
    for given in of_sets:
        alike = _on_the_same(given)
        if len(alike) < 2:
            continue
        sets += 1
        ballots += len(alike)
        ranks = [mean_ranks(ballot) for ballot in alike]
        if (w := kendall_w(ranks)) is not None:
            concordance.append(w)
        if (tau := mean_tau_b(ranks)) is not None:
            taus.append(tau)

    def mean(values: list[float]) -> Estimate | None:
        if not values:
            return None
        drawn: list[float] = []
        if resamples and len(values) >= FEWEST_UNITS:
            each = np.array(values)
            drawn = [float(each[random.integers(0, len(each), len(each))].mean()) for _ in range(resamples)]
        return _estimate(sum(values) / len(values), drawn)

    return Rankings(sets, ballots, mean(concordance), mean(taus))


def _on_the_same(ballots: Sequence[Ballot]) -> list[Ballot]:
    """The ballots that rank the same two replies or more; of several such choices the most frequent, then largest."""
    by_choice: dict[frozenset[str], list[Ballot]] = {}
    for ballot in ballots:
        choice = frozenset(reply for group in ballot for reply in group)
        if len(choice) >= 2:
            by_choice.setdefault(choice, []).append(ballot)
    if not by_choice:
        return []
    return by_choice[max(by_choice, key=lambda choice: (len(by_choice[choice]), len(choice), sorted(choice)))]


def mean_ranks(ballot: Ballot) -> dict[str, float]:
    """The rank of each, from 1; tied ones share the mean of their places."""
    ranks = {}
    before = 0
    for group in ballot:
        for reply in group:
            ranks[reply] = before + (len(group) + 1) / 2
        before += len(group)
    return ranks


def kendall_w(rankings: Sequence[Mapping[str, float]]) -> float | None:
    """Kendall's coefficient of concordance with the correction for ties, 0 to 1; None when everybody ties everything.

    W = 12 Σ(R_i − R̄)² / (m²(k³ − k) − m Σ(t³ − t)), over m rankings of the same k things.
    """
    raters, things = len(rankings), len(rankings[0])
    sums = [sum(ranks[each] for ranks in rankings) for each in rankings[0]]
    middle = sum(sums) / things
    tied = sum(times**3 - times for ranks in rankings for times in Counter(ranks.values()).values())
    most = raters**2 * (things**3 - things) - raters * tied
    return 12 * sum((each - middle) ** 2 for each in sums) / most if most > 0 else None


def mean_tau_b(rankings: Sequence[Mapping[str, float]]) -> float | None:
    """The mean of Kendall's τ-b over pairs of rankings; pairs in which somebody ties everything have none."""
    taus = [tau for one, other in combinations(rankings, 2) if (tau := tau_b(one, other)) is not None]
    return sum(taus) / len(taus) if taus else None


def tau_b(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    """τ-b = (concordant − discordant) / √(pairs untied in the one · pairs untied in the other)."""
    balance = untied_one = untied_other = 0
    for first, second in combinations(one, 2):
        here = (one[first] > one[second]) - (one[first] < one[second])
        there = (other[first] > other[second]) - (other[first] < other[second])
        balance += here * there
        untied_one += here != 0
        untied_other += there != 0
    return balance / sqrt(untied_one * untied_other) if untied_one and untied_other else None
