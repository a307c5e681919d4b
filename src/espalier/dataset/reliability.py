"""How reliable each reviewer is, from the votes alone: agreement, care and a weight, for labels and for rankings.

Knows votes; does not know messages, nor what follows from a low weight. Needs numpy.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from espalier.dataset.answers import Real, gather
from espalier.dataset.dawid_skene import one_coin
from espalier.dataset.mace import Care, LabelEvidence, care
from espalier.dataset.plackett_luce import RankingEvidence
from espalier.dataset.records import VoteRecord


@dataclass(frozen=True, slots=True)
class Judged:
    """Of one kind of votes. All shares from 0 to 1.

    votes: how many the reviewer cast. accuracy: how often the answers are the true ones by the one-coin model, all
    labels together; None for rankings, and where nobody else judged the same. reliability: the expected share of
    answers given with care, `low` and `high` its 90 % interval. weight: the probability of more than hardly any care;
    what a vote should count.
    """

    votes: int
    accuracy: float | None
    reliability: float
    low: float
    high: float
    weight: float


@dataclass(frozen=True, slots=True)
class Reviewer:
    """A reviewer; None where they cast no vote of the kind."""

    reviewer: str
    labels: Judged | None
    rankings: Judged | None

    @property
    def weight(self) -> float:
        """The smaller weight of the two kinds."""
        return min(each.weight for each in (self.labels, self.rankings) if each is not None)


def reviewers(votes: Iterable[VoteRecord]) -> list[Reviewer]:
    """Everybody who reviewed or ranked, least weight first. No chance, and the order of the votes does not matter."""
    voted = gather(votes)
    count = len(voted.reviewers)
    by_labels = care([LabelEvidence(answers, count) for answers in voted.labels.values()], count)
    by_rankings = care([RankingEvidence(voted.ballots, count)], count)
    right, asked = np.zeros(count), np.zeros(count)
    for answers in voted.labels.values():
        given = np.bincount(answers.reviewer, minlength=count)
        right += np.nan_to_num(one_coin(answers, count).accuracy) * given
        asked += given
    accuracy = np.divide(right, asked, out=np.full(count, np.nan), where=asked > 0)
    labels = list(_judged(voted.reviews.tolist(), by_labels, accuracy))
    rankings = list(_judged(voted.rankings.tolist(), by_rankings, np.full(count, np.nan)))
    made = [Reviewer(*each) for each in zip(voted.reviewers, labels, rankings, strict=True)]
    return sorted(made, key=lambda each: (each.weight, each.reviewer))


def _judged(votes: list[int], found: Care, accuracy: Real) -> Iterator[Judged | None]:
    columns = (found.mean, found.bound(0.05), found.bound(0.95), found.weight)
    rows = np.stack(columns, axis=1).tolist() if votes else []
    for cast, right, (mean, low, high, weight) in zip(votes, accuracy.tolist(), rows, strict=True):
        yield Judged(cast, None if np.isnan(right) else right, mean, low, high, weight) if cast else None
