"""Votes as arrays: who answered what on which item, for the models of reviewers.

Knows vote records; does not know what is computed from them. Needs numpy.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from espalier.dataset.records import VoteKind, VoteRecord

MOST_LEVELS: Final = 7  # a label with more different values is cut into equal steps
STEPS: Final = 5

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of one kind; the three arrays are parallel, (answers,).

    item and reviewer count from 0 without gaps in `items` and up to the number of all reviewers; level is below
    `levels`. Every item has answers of at least two reviewers: one alone agrees or disagrees with nobody.
    """

    item: Whole
    reviewer: Whole
    level: Whole
    items: int
    levels: int


@dataclass(frozen=True, slots=True)
class Voted:
    """What the votes hold: reviewers in the order of their ids, answers by label, ballots by parent."""

    reviewers: list[str]
    labels: dict[str, Answers]
    ballots: dict[str, list[tuple[int, tuple[tuple[str, ...], ...]]]]
    reviews: Whole
    rankings: Whole


def gather(votes: Iterable[VoteRecord]) -> Voted:
    """Sort votes by what they judge. Votes of nobody and answers of null are left out; reactions are no judgement."""
    said: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
    ranked: dict[str, list[tuple[str, str, tuple[tuple[str, ...], ...]]]] = defaultdict(list)
    reviewed: dict[str, int] = defaultdict(int)
    ordered: dict[str, int] = defaultdict(int)
    ids, values = dict[str, str](), dict[float, float]()  # each is kept once, though read anew with every vote
    for vote in votes:
        if vote.voter is None:
            continue
        if vote.kind == VoteKind.LABELS and isinstance(vote.value, dict):
            reviewed[vote.voter] += 1
            of = ids.setdefault(vote.subject, vote.subject), ids.setdefault(vote.voter, vote.voter)
            for label, value in vote.value.items():
                if isinstance(value, int | float):
                    said[label][of] = values.setdefault(float(value), float(value))
        elif vote.kind == VoteKind.RANKING and _is_ballot(vote.value):
            groups = tuple(tuple(sorted(group)) for group in vote.value if group)
            if sum(map(len, groups)) > 1:
                ordered[vote.voter] += 1
                ranked[vote.subject].append((vote.voter, vote.vote_id, groups))
    reviewers = sorted({*reviewed, *ordered})
    number = {reviewer: place for place, reviewer in enumerate(reviewers)}
    ballots = {
        parent: [(number[voter], groups) for voter, _, groups in sorted(given)]
        for parent, given in sorted(ranked.items())
    }
    return Voted(
        reviewers,
        {label: made for label in sorted(said) if (made := _answers(said.pop(label), number)).items},
        ballots,
        np.array([reviewed[reviewer] for reviewer in reviewers], np.int64),
        np.array([ordered[reviewer] for reviewer in reviewers], np.int64),
    )


def answers_of(triples: Iterable[tuple[str, str, int]], reviewers: Sequence[str], levels: int) -> Answers:
    """Answers from (item, reviewer, level); the last of a reviewer on an item holds."""
    number = {reviewer: place for place, reviewer in enumerate(reviewers)}
    by_item: dict[str, dict[int, int]] = defaultdict(dict)
    for item, reviewer, level in triples:
        by_item[item][number[reviewer]] = level
    rows = [
        (place, reviewer, level)
        for place, given in enumerate(given for _, given in sorted(by_item.items()) if len(given) > 1)
        for reviewer, level in sorted(given.items())
    ]
    table = np.array(rows, np.int64).reshape(-1, 3)
    return Answers(table[:, 0], table[:, 1], table[:, 2], int(table[:, 0].max(initial=-1)) + 1, levels)


def _answers(given: dict[tuple[str, str], float], number: dict[str, int]) -> Answers:
    values = sorted(set(given.values()))
    if len(values) > MOST_LEVELS:
        low, width = values[0], values[-1] - values[0]
        level = {value: min(STEPS - 1, int((value - low) / width * STEPS)) for value in values}
    else:
        level = {value: place for place, value in enumerate(values)}
    triples = ((item, voter, level[value]) for (item, voter), value in given.items())
    return answers_of(triples, list(number), max(level.values()) + 1)


def _is_ballot(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(group, list) and all(isinstance(each, str) for each in group) for group in value
    )
