"""What battles say of models: how each is rated, with what the judge makes of order and length told apart.

Every figure has the middle 95 % of what it is in questions drawn again. Knows ratings; does not know who judged.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from espalier.dataset.contributors import Estimate
from espalier.rating.battles import Battles, Judged, Real, battles_of, collapsed
from espalier.rating.bias import survived, verdicts
from espalier.rating.bradley_terry import Fits, Unconnected, fit, fits, unbounded
from espalier.rating.elo import ORDERS, K, elo
from espalier.rating.intervals import RESAMPLES, drawn_again, middle, shares
from espalier.rating.matrix import win_rates

FEWEST_QUESTIONS: Final = 10
"""Of fewer there is no interval."""


class NoBattles(ValueError):
    """There is nothing to rate; the message says why."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one model stands. rating: by Bradley and Terry; has_maximum: false where the model won everything, or
    nothing, and the rating could as well be higher, or lower. with_position: the same with what standing first is worth
    held fixed, with_length: with the length of answers too; both_orders: of battles that were judged in both orders, of
    which a win counts only if it survives the swap. None where it cannot be told. elo: the mean over random orders,
    with its standard error. won: the share of its battles, a tie half.
    """

    model: str
    battles: int
    rating: Estimate
    has_maximum: bool
    with_position: Estimate
    with_length: Estimate | None
    both_orders: Estimate | None
    elo: float
    elo_error: float
    won: Estimate


@dataclass(frozen=True, slots=True)
class Order:
    """How often the first answer won, the second, or neither. worth: the log-odds of standing first, models being what
    they are.
    """

    first: Estimate
    second: Estimate
    tie: Estimate
    worth: Estimate


@dataclass(frozen=True, slots=True)
class Standings:
    """All models, the best first. rates, met: how often the model of the row won against the one of the column, a tie
    half, and how often they met; None where never. survived: of pairs of answers judged in both orders the share whose
    verdict was the same; pairs: how many there are. length: what a unit of ln(characters of the first answer / of the
    second) is worth, in log-odds.
    """

    models: tuple[Standing, ...]
    rates: tuple[tuple[float | None, ...], ...]
    met: tuple[tuple[int, ...], ...]
    battles: int
    questions: int
    unparsed: int
    refused: int
    order: Order
    pairs: int
    survived: Estimate | None
    length: Estimate | None
    seed: int
    resamples: int
    orders: int
    k: float

    @property
    def turned(self) -> dict[str, list[str]]:
        """Which models each passes when position and length are held fixed: those rated above it as judged, and below
        it then.
        """
        rated = [(each.model, each.with_length.value) for each in self.models if each.with_length]
        passed = {
            model: [other for other, above in rated[:place] if above < value]
            for place, (model, value) in enumerate(rated)
        }
        return {model: others for model, others in passed.items() if others}


def standings(
    judged: Iterable[Judged],
    seed: int = 0,
    unparsed: int = 0,
    refused: int = 0,
    resamples: int = RESAMPLES,
    orders: int = ORDERS,
    k: float = K,
) -> Standings:
    """Raises NoBattles. unparsed, refused: so many verdicts more could not be read, or were not given."""
    battles = battles_of(judged)
    if not len(battles):
        raise NoBattles("there is no battle whose verdict can be read")
    random = np.random.default_rng(seed)
    weights = drawn_again(battles, random, resamples) if battles.questions >= FEWEST_QUESTIONS else None
    try:
        plain = _Rated(battles, weights)
    except Unconnected as apart:
        raise NoBattles(f"{apart}, so they have no ratings beside each other") from None
    position = _Rated(battles, weights, position=True)
    length = None if battles.longer is None else _Rated(battles, weights, position=True, length=True)
    twice = _of_both_orders(battles, weights)
    again, same = survived(battles)
    by_elo, deviation = elo(battles, random, k, orders)
    bounded = ~unbounded(battles)
    of_each = [_won(battles, place, weights) for place in range(len(battles.models))]
    order = np.argsort(-plain.point.ratings[0], kind="stable").tolist()
    rates, met = win_rates(battles)
    first, second, tie = _shares(battles, verdicts(battles), weights)
    return Standings(
        tuple(
            Standing(
                battles.models[place], int(met[place].sum()), plain.rating(place), bool(bounded[place]),
                position.rating(place), None if length is None else length.rating(place),
                None if twice is None else twice.rating(place),
                float(by_elo[place]), float(deviation[place] / np.sqrt(orders)), of_each[place],
            )
            for place in order
        ),
        tuple(tuple(None if np.isnan(rates[one, other]) else float(rates[one, other]) for other in order)
              for one in order),
        tuple(tuple(int(met[one, other]) for other in order) for one in order),
        len(battles), battles.questions, unparsed, refused,
        Order(first, second, tie, position.position()),
        len(again), _shares(again, same, weights)[0] if len(again) else None,
        None if length is None else length.length(),
        seed, resamples if weights is not None else 0, orders, k,
    )  # fmt: skip


class _Rated:
    """A fit, and the same of each resample."""

    def __init__(self, battles: Battles, weights: Real | None, position: bool = False, length: bool = False) -> None:
        self.point = fit(battles, position, length)
        self.drawn = None if weights is None else fits(battles, weights, position, length)

    def rating(self, place: int) -> Estimate:
        return self._told(lambda of: of.ratings[:, place])

    def position(self) -> Estimate:
        return self._told(lambda of: of.position)

    def length(self) -> Estimate:
        return self._told(lambda of: of.length)

    def _told(self, what: Callable[[Fits], Real | None]) -> Estimate:
        value = what(self.point)
        assert value is not None, "the fit has no such term"
        return _estimate(float(value[0]), None if self.drawn is None else what(self.drawn))


def _of_both_orders(battles: Battles, weights: Real | None) -> _Rated | None:
    twice = collapsed(battles)
    try:
        return _Rated(twice, weights) if len(twice) else None
    except Unconnected:  # some were judged in one order only
        return None


def _won(battles: Battles, place: int, weights: Real | None) -> Estimate:
    """The share of a model's battles."""
    its = np.flatnonzero((battles.first == place) | (battles.second == place))
    of = battles.only(its)
    return _shares(of, np.where(of.first == place, of.won, 1 - of.won)[:, None], weights)[0]


def _shares(of: Battles, values: Real, weights: Real | None) -> list[Estimate]:
    drawn = None if weights is None else shares(of, values, weights)
    means: Sequence[float] = values.mean(axis=0).tolist()
    return [_estimate(each, None if drawn is None else drawn[:, at]) for at, each in enumerate(means)]


def _estimate(value: float, drawn: Real | None) -> Estimate:
    if drawn is None:
        return Estimate(value)
    low, high = middle(drawn)
    return Estimate(value, float(low), float(high))
