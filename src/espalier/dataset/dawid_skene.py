"""How often each reviewer is right, by the one-coin model of Dawid and Skene.

Knows arrays of answers; does not know what they are about. The baseline beside `mace`. Needs numpy.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from espalier.dataset.answers import Answers, Real

ROUNDS: Final = 100
CLOSE: Final = 1e-5
SURE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class OneCoin:
    """accuracy: (reviewers,), nan who answered nothing; truth: (items, levels), the probability of each level."""

    accuracy: Real
    truth: Real


def one_coin(answers: Answers, reviewers: int) -> OneCoin:
    """Expectation maximisation from the majority vote (Dawid and Skene 1979, with one parameter a reviewer).

    A reviewer gives the true level with probability p and each other one with (1 - p) / (levels - 1):
    truth[i, c] ~ share[c] * prod_w p_w^[y = c] * ((1 - p_w) / (levels - 1))^[y != c];  p_w = mean of truth[i, y_iw].
    """
    item, reviewer, level = answers.item, answers.reviewer, answers.level
    truth = np.zeros((answers.items, answers.levels))
    np.add.at(truth, (item, level), 1.0)
    truth /= truth.sum(1, keepdims=True)
    given = np.bincount(reviewer, minlength=reviewers)
    accuracy = np.full(reviewers, np.nan)
    if answers.levels < 2 or not answers.items:
        accuracy[given > 0] = 1.0
        return OneCoin(accuracy, truth)
    for _ in range(ROUNDS):
        share: Real = np.bincount(reviewer, truth[item, level], reviewers) / np.maximum(given, 1)
        p = np.clip(share, SURE, 1 - SURE)
        odds = np.log(p * (answers.levels - 1) / (1 - p))  # what an answer says for its level, against each other
        weighed = np.bincount(item * answers.levels + level, odds[reviewer], truth.size).reshape(truth.shape)
        weighed += np.log(np.maximum(truth.mean(0), SURE))
        after = np.exp(weighed - weighed.max(1, keepdims=True))
        after /= after.sum(1, keepdims=True)
        moved = np.abs(after - truth).max()
        truth = after
        if moved < CLOSE:
            break
    right = np.bincount(reviewer, truth[item, level], reviewers)
    np.divide(right, given, out=accuracy, where=given > 0)
    return OneCoin(accuracy, truth)
