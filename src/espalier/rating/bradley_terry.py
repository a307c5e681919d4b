"""Ratings by Bradley and Terry (1952): P(i beats j) = σ(θ_i − θ_j), by maximum likelihood, a tie half a win for each.

Where it is asked for, σ's argument has two terms more: one for standing first (Davidson and Beaver 1977), and one for
ln(characters of the first answer / of the second), so that ratings are told with position and length held fixed, as
Chatbot Arena's style control has it. Knows no model.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from espalier.rating.battles import Battles, Real

MEAN: Final = 1000.0
SCALE: Final = 400 / log(10)
"""Points of a unit of θ: 400 of them are odds of ten to one, as Elo has it."""
PRIOR: Final = 1e-3
"""Parameters are taken to come from a normal distribution of this precision around 0. It moves no rating by a hundredth
of a point where there are battles enough, and keeps finite what has no maximum, as of a model that won everything."""
STEPS: Final = 200
LONGEST_STEP: Final = 3.0
CLOSE: Final = 1e-7
AT_ONCE: Final = 2_000_000
"""So many numbers, of resamples by battles, are worked at at once."""


class Unconnected(ValueError):
    """No chain of battles joins all models, so they have no ratings beside each other; the message names two."""


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """ratings: (resamples, models), their mean 1000. position, length: what standing first is worth, and a unit of the
    log length ratio, in log-odds, (resamples,); None where they were not asked for.
    """

    ratings: Real
    position: Real | None
    length: Real | None


def fits(battles: Battles, weights: Real, position: bool = False, length: bool = False) -> Fits:
    """Ratings for each row of weights, which says how often each question counts: (resamples, questions).

    Raises Unconnected; ValueError where the length is asked for and not known.
    """
    count = len(battles.models)
    bounded = ~unbounded(battles)
    found = np.concatenate([*_blocks(battles, weights, position, length)])  # (resamples, parameters)
    strengths = found[:, :count] * SCALE
    ratings = MEAN + strengths - strengths[:, bounded].mean(axis=1, keepdims=True)
    terms = iter(found[:, count:].T)
    return Fits(ratings, next(terms) if position else None, next(terms) if length else None)


def fit(battles: Battles, position: bool = False, length: bool = False) -> Fits:
    """The same with each question once: one row."""
    return fits(battles, np.ones((1, battles.questions)), position, length)


def _blocks(battles: Battles, weights: Real, position: bool, length: bool) -> Iterator[Real]:
    """The parameters that are likeliest, some resamples at a time."""
    count = len(battles.models)
    if length:  # no two battles are alike
        if battles.longer is None:
            raise ValueError("the lengths of the answers are not known")
        first, second, extra = battles.first, battles.second, [battles.longer]
    else:  # battles of the same two models in the same order are counted together
        kinds, kind = np.unique(battles.first * count + battles.second, return_inverse=True)
        first, second, extra = kinds // count, kinds % count, []
        fought, won = (_table(battles, kind, len(kinds), each) for each in (np.ones(len(battles)), battles.won))
    columns = [*np.eye(count)[first].T - np.eye(count)[second].T, *([np.ones(len(first))] if position else []), *extra]
    design = np.stack(columns, axis=1)  # (cells, parameters)
    rows = max(1, AT_ONCE // max(1, len(design)))
    for begin in range(0, len(weights), rows):
        drawn = weights[begin : begin + rows]
        if length:
            times = drawn[:, battles.clusters]
            yield _likeliest(design, times, times * battles.won, count)
        else:
            yield _likeliest(design, drawn @ fought, drawn @ won, count)


def _table(battles: Battles, kind: NDArray[np.int64], kinds: int, amounts: Real) -> Real:
    """The sum of amounts by question and kind of battle."""
    at = battles.clusters * kinds + kind
    sums: Real = np.bincount(at, amounts, battles.questions * kinds).astype(np.float64)
    return sums.reshape(battles.questions, kinds)


def _likeliest(design: Real, fought: Real, won: Real, models: int) -> Real:
    """The maximum of Σ won · ln σ(η) + (fought − won) · ln σ(−η), η = design · parameters, by Newton's method for all
    resamples together. design: (cells, parameters); fought, won: (resamples, cells).
    """
    width = design.shape[1]
    pairs = (design[:, :, None] * design[:, None, :]).reshape(len(design), width * width)
    fixed = PRIOR * np.eye(width)
    fixed[:models, :models] += 1  # the mean of θ stays 0: nothing else tells it
    at = np.zeros((len(fought), width))
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-(at @ design.T)))
        slope = (won - fought * chance) @ design - PRIOR * at
        bend = ((fought * chance * (1 - chance)) @ pairs).reshape(-1, width, width) + fixed
        step = np.linalg.solve(bend, slope[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1, initial=0)
        at += step * np.minimum(1, LONGEST_STEP / np.maximum(longest, CLOSE))[:, None]
        if longest.max(initial=0) < CLOSE:
            break
    return at


def unbounded(battles: Battles) -> NDArray[np.bool_]:
    """Which models have no rating that is likeliest, (models,): they, or the group they are in, won everything against
    the others, or nothing (Ford 1957).

    Of several groups the largest is taken for the one that the others are told from. Raises Unconnected.
    """
    count = len(battles.models)
    reach = np.eye(count, dtype=bool)
    reach[battles.first[battles.won > 0], battles.second[battles.won > 0]] = True
    reach[battles.second[battles.won < 1], battles.first[battles.won < 1]] = True
    joined = _closed(reach | reach.T)
    if not joined.all():
        one, other = np.argwhere(~joined)[0]
        raise Unconnected(f"no chain of battles joins {battles.models[one]} and {battles.models[other]}")
    reach = _closed(reach)
    groups = reach & reach.T
    largest = groups[groups.sum(axis=1).argmax()] if count else np.zeros(0, bool)
    return ~largest


def _closed(reach: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Who is reached over any number of steps (Warshall 1962)."""
    for through in range(len(reach)):
        reach = reach | (reach[:, through, None] & reach[None, through])
    return reach
