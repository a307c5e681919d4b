"""Rankings as choices from what remains (Plackett 1975, Luce 1959), each ballot with the weight of who cast it.

Knows ballots as places of replies; does not know what they rank. Needs numpy.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from espalier.dataset.answers import Real, Whole
from espalier.dataset.mace import GRID

PRIOR: Final = 1.0
"""How many wins and losses against a reply of strength 1 each reply starts with, so that strengths stay finite."""
STEPS: Final = 30
ABSENT: Final = -1

Groups = tuple[tuple[str, ...], ...]
"""A ballot: replies best first, ties together."""


def strengths(places: Whole, weights: Real) -> Real:
    """The strength of each reply, (sets, replies), 1 on average of the logarithms: the most likely under the prior.

    places: (sets, ballots, replies), 0 for the best, ties alike, ABSENT for what a ballot does not hold; weights:
    (sets, ballots). Steps of minorisation-maximisation (Hunter 2004, equation 30; the prior is a game won and one
    lost against strength 1). Of a tie each reply is taken as chosen from all that were left (Breslow).
    """
    held = places >= 0
    not_worse = _not_worse(places)  # (sets, ballots, chosen, from)
    chosen = held & (not_worse.sum(3) > 1)  # the last of a ballot is no choice
    wins = PRIOR + np.einsum("sbj,sb->sj", chosen, weights)
    strength = np.ones((places.shape[0], places.shape[2]))
    for _ in range(STEPS):
        left = np.einsum("sbjk,sk->sbj", not_worse, strength)
        rate = np.divide(weights[:, :, None] * chosen, left, out=np.zeros_like(left), where=chosen)
        losses = np.einsum("sbj,sbjk->sk", rate, not_worse) + 2 * PRIOR / (1 + strength)
        strength = wins / losses
    return np.asarray(strength / np.exp(np.log(strength).mean(1, keepdims=True)))


def log_likelihood(places: Whole, strength: Real) -> Real:
    """Of each ballot, (sets, ballots), given strengths, (sets, ballots, replies) or with one axis of length 1."""
    not_worse = _not_worse(places)
    left = np.einsum("sbjk,sbk->sbj", not_worse, np.broadcast_to(strength, places.shape))
    held = places >= 0
    return np.asarray(np.where(held, np.log(strength) - np.log(np.where(held, left, 1.0)), 0.0).sum(2))


class RankingEvidence:
    """What ballots say of the care of each reviewer: with care t one has probability t * PL(ballot | strengths) +
    (1 - t) * PL(ballot | all alike). The strengths are those that the other ballots on the set give, each weighted by
    the care of its reviewer.
    """

    def __init__(self, ballots: Mapping[str, Sequence[tuple[int, Groups]]], reviewers: int) -> None:
        self._reviewers = reviewers
        self._stacks = list(_stacks(ballots.values()))

    def __call__(self, mean_care: Real) -> Real:
        """The log likelihood at each share of GRID, up to a constant, (reviewers, grid)."""
        evidence = np.zeros((self._reviewers, len(GRID)))
        for who, places in self._stacks:
            sets, size = who.shape
            others = np.broadcast_to(~np.eye(size, dtype=bool), (sets, size, size))
            weights = np.where(others, mean_care[who][:, None, :], 0.0).reshape(sets * size, size)
            apart = strengths(np.repeat(places, size, axis=0), weights).reshape(sets, size, -1)
            ratio = np.exp(log_likelihood(places, apart) - log_likelihood(places, np.ones((1, 1, 1))))
            for place, share in enumerate(GRID):
                each = np.log(share * ratio + (1 - share) + 1e-300)
                evidence[:, place] += np.bincount(who.ravel(), each.ravel(), self._reviewers)
        return evidence


def _stacks(sets: Iterable[Sequence[tuple[int, Groups]]]) -> Iterable[tuple[Whole, Whole]]:
    """Sets with as many ballots and replies together: reviewers (sets, ballots), places (sets, ballots, replies)."""
    alike: dict[tuple[int, int], list[tuple[list[int], list[list[int]]]]] = defaultdict(list)
    for given in sets:
        latest = dict(given)  # one ballot a reviewer
        if len(latest) < 2:
            continue
        replies = sorted({reply for groups in latest.values() for group in groups for reply in group})
        column = {reply: place for place, reply in enumerate(replies)}
        rows = []
        for groups in latest.values():
            row = [ABSENT] * len(replies)
            for place, group in enumerate(groups):
                for reply in group:
                    row[column[reply]] = place
            rows.append(row)
        alike[len(latest), len(replies)].append((list(latest), rows))
    for _, stack in sorted(alike.items()):
        yield (
            np.array([who for who, _ in stack], np.int64),
            np.array([rows for _, rows in stack], np.int64),
        )


def _not_worse(places: Whole) -> Real:
    """1 where a ballot, when it placed the one reply, could have taken the other: (sets, ballots, one, other)."""
    held = places >= 0
    both = held[:, :, :, None] & held[:, :, None, :]
    return np.asarray(both & (places[:, :, None, :] >= places[:, :, :, None]), np.float64)
