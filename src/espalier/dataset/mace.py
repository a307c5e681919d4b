"""How far each reviewer's answers depend on what is judged, rather than on habit or chance.

After MACE (Hovy, Berg-Kirkpatrick, Vaswani and Hovy 2013). Knows arrays of answers and of evidence; does not know
what they are about. Needs numpy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from espalier.dataset.answers import Answers, Real, Whole

GRID: Final[Real] = np.linspace(0.0, 1.0, 21)
"""Shares of answers given with care; a reviewer's posterior is a row of as many numbers."""
CARELESS: Final = 0.1
"""Who looks at no more than every tenth item has no weight."""
ROUNDS: Final = 20
HABIT: Final = 5.0  # answers of the average reviewer that a habit starts from
LEANING: Final = 0.85
"""How much of a habit also careful answers show: a strict reviewer looks as well, but a constant answer tells nothing.

More finds fewer of those who always say the same, and more of those who guess; see benchmarks/reliability.py.
"""
SPREAD: Final = 1e-3  # so that no share is ruled out for good

Evidence = Callable[[Real], Real]
"""From the mean care of each reviewer, (reviewers,), to the log likelihood of their answers, (reviewers, grid)."""


@dataclass(frozen=True, slots=True)
class Care:
    """A posterior over GRID for each reviewer, (reviewers, grid), and what is common to all, (grid,)."""

    posterior: Real
    common: Real

    @property
    def mean(self) -> Real:
        """The expected share of answers given with care, (reviewers,)."""
        return np.asarray(self.posterior @ GRID)

    @property
    def weight(self) -> Real:
        """The probability of more care than CARELESS, (reviewers,).

        A minority that sees some items otherwise than the others keeps nearly all of it, for what it says still
        depends on the items.
        """
        return np.asarray(self.posterior[:, GRID > CARELESS + 1e-9].sum(1))

    def bound(self, share: float) -> Real:
        """The care below which a reviewer lies with this probability, (reviewers,)."""
        return np.asarray(GRID[np.argmax(self.posterior.cumsum(1) >= share - 1e-12, axis=1)])


def care(sources: Sequence[Evidence], reviewers: int) -> Care:
    """The care of each reviewer from all evidence together; the common distribution is learned along (empirical Bayes).

    Labels of one review are taken as independent given the truth, so a posterior is somewhat too narrow.
    """
    common = np.full(len(GRID), 1 / len(GRID))
    posterior = np.tile(common, (reviewers, 1))
    for _ in range(ROUNDS):
        logs = np.log(common) + sum((source(posterior @ GRID) for source in sources), np.zeros_like(posterior))
        posterior = np.exp(logs - logs.max(1, keepdims=True))
        posterior /= posterior.sum(1, keepdims=True)
        if reviewers:
            common = posterior.mean(0) + SPREAD
            common /= common.sum()
    return Care(posterior, common)


class LabelEvidence:
    """What the answers on one label say of the care of each reviewer.

    With care t an answer y to an item of truth c has probability t * seen_w[c, y] + (1 - t) * habit_w[y]. `habit` is
    what the reviewer answers anyway; `seen` what careful reviewers answer (MACE takes the truth itself, but two
    careful people may differ by a step of a scale), common to all but for a leaning towards the reviewer's habit:
    seen_w[c, y] ~ seen[c, y] * (habit_w[y] / share[y])^LEANING. The truth of an item is judged by the others' answers
    alone, and a habit without the answer in question, so that nobody is their own witness.
    """

    def __init__(self, answers: Answers, reviewers: int) -> None:
        self._answers, self._reviewers = answers, reviewers
        levels = answers.levels
        given = np.bincount(answers.reviewer * levels + answers.level, minlength=reviewers * levels)
        own = given.reshape(reviewers, levels)  # (reviewers, levels)
        total = own.sum(0) + 1.0
        self._share = share = total / total.sum()
        start = HABIT * share
        self._lean = ((own + start) / (own.sum(1, keepdims=True) + HABIT) / share) ** LEANING
        others = own[answers.reviewer, answers.level] - 1  # (answers,)
        self._habit = (others + start[answers.level]) / (own.sum(1)[answers.reviewer] - 1 + HABIT)
        self._seen = np.full((levels, levels), 0.4 / max(1, levels - 1))  # (truth, answer)
        np.fill_diagonal(self._seen, 0.6 if levels > 1 else 1.0)

    def __call__(self, mean_care: Real) -> Real:
        """The log likelihood at each share of GRID, (reviewers, grid); `seen` moves on to what this care implies."""
        item, reviewer, level = self._answers.item, self._answers.reviewer, self._answers.level
        leaning = self._lean @ self._seen.T  # (reviewers, truth)
        seen = self._seen[:, level].T * self._lean[reviewer, level][:, None] / leaning[reviewer]  # (answers, truth)
        careful = mean_care[reviewer][:, None] * seen
        said = careful + ((1 - mean_care[reviewer]) * self._habit)[:, None]
        logs = np.log(said)
        gathered = np.log(self._share) + _by(item, logs, self._answers.items)  # (items, truth)
        with_care = (_normal(gathered[item] - logs) * seen).sum(1)
        evidence = np.empty((self._reviewers, len(GRID)))
        for place, share in enumerate(GRID):
            each = np.log(share * with_care + (1 - share) * self._habit)
            evidence[:, place] = np.bincount(reviewer, each, self._reviewers)
        truth = _normal(gathered)
        joint = 1.0 + _by(level, truth[item] * careful / said, self._answers.levels).T  # (truth, answer)
        self._seen = joint / joint.sum(1, keepdims=True)
        self._share = (truth.sum(0) + 1) / (truth.sum() + self._answers.levels)
        return evidence


def _by(group: Whole, rows: Real, groups: int) -> Real:
    """Sums of rows, (n, columns), by group: (groups, columns)."""
    return np.stack([np.bincount(group, column, groups) for column in rows.T], axis=1)


def _normal(logs: Real) -> Real:
    made = np.exp(logs - logs.max(1, keepdims=True))
    return np.asarray(made / made.sum(1, keepdims=True))
