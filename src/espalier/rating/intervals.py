"""Intervals by drawing questions again: verdicts on one question are alike, so all of them come or go together.

Knows no rating: whatever is computed with each row of weights has the interval of it.
"""

from typing import Final

import numpy as np

from espalier.rating.battles import Battles, Real

RESAMPLES: Final = 2_000
MIDDLE: Final = (2.5, 97.5)


def drawn_again(battles: Battles, random: np.random.Generator, resamples: int = RESAMPLES) -> Real:
    """How often each question counts in each resample: (resamples, questions)."""
    questions = battles.questions
    drawn = random.multinomial(questions, np.full(questions, 1 / questions), size=resamples)
    return drawn.astype(np.float64)


def middle(found: Real) -> tuple[Real, Real]:
    """The ends of the middle 95 % over the resamples, which are the first axis."""
    low, high = np.nanpercentile(found, MIDDLE, axis=0)
    return low, high


def shares(battles: Battles, values: Real, weights: Real) -> Real:
    """The mean over the battles of each column of values in each resample, not a number where none was drawn.

    values: (battles, columns).
    """
    columns = [np.bincount(battles.clusters, each, battles.questions) for each in (*values.T, np.ones(len(battles)))]
    sums = weights @ np.stack(columns, axis=1)
    means: Real = np.full((len(weights), values.shape[1]), np.nan)
    np.divide(sums[:, :-1], sums[:, -1:], out=means, where=sums[:, -1:] > 0)
    return means
