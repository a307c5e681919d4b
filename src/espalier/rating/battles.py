"""Battles: one of two answers to a question won, or neither; as columns, so that thousands are counted at once.

Knows neither files nor who judged.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of two answers, of which the judge saw `first` first.

    question: what was asked; answers to the same question are drawn together into intervals. won: what the first got of
    the win: 1, ½ where neither is better, 0. round: what tells verdicts on the same pair apart, as a turn or a judge.
    characters: of the first answer and of the second, where they are known.
    """

    question: str
    first: str
    second: str
    won: float
    round: str = ""
    characters: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Battles:
    """models, by name, and questions: of all the battles, also where only some of them are here.

    first, second: places of models, (battles,). won: what the first got of the win, (battles,). clusters: the number of
    the question, (battles,). rounds: the number of question and round together, (battles,). longer: ln of the first
    answer's characters by the second's, (battles,); None where those of any are not known.
    """

    models: tuple[str, ...]
    questions: int
    first: Places
    second: Places
    won: Real
    clusters: Places
    rounds: Places
    longer: Real | None = None

    def __len__(self) -> int:
        return len(self.won)

    def only(self, which: Places, won: Real | None = None) -> "Battles":
        """Some of them, by their places. won: other verdicts."""
        return Battles(
            self.models, self.questions, self.first[which], self.second[which],
            self.won[which] if won is None else won, self.clusters[which], self.rounds[which],
            None if self.longer is None else self.longer[which],
        )  # fmt: skip


def battles_of(judged: Iterable[Judged]) -> Battles:
    """Raises ValueError where a model stands against itself."""
    rows = list(judged)
    models = tuple(sorted({name for row in rows for name in (row.first, row.second)}))
    place = {name: number for number, name in enumerate(models)}
    for row in rows:
        if row.first == row.second:
            raise ValueError(f"{row.first} stands against itself, on question {row.question}")
    longer = None
    if rows and all(row.characters for row in rows):
        lengths = np.array([row.characters for row in rows], np.float64)
        one, other = np.log(np.maximum(lengths, 1)).T
        longer = one - other
    clusters = _numbered(row.question for row in rows)
    return Battles(
        models,
        int(clusters.max(initial=-1)) + 1,
        np.array([place[row.first] for row in rows], np.int64),
        np.array([place[row.second] for row in rows], np.int64),
        np.array([row.won for row in rows], np.float64),
        clusters,
        _numbered((row.question, row.round) for row in rows),
        longer,
    )


def _numbered(names: Iterable[object]) -> Places:
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)


def both_orders(battles: Battles) -> tuple[Places, Places]:
    """The places of the battles that were judged again with the sides changed, and those of the other verdict, (pairs,)
    each.
    """
    waiting: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    pairs = []
    for place, (about, one, other) in enumerate(
        zip(battles.rounds.tolist(), battles.first.tolist(), battles.second.tolist(), strict=True)
    ):
        if before := waiting[about, other, one]:
            pairs.append((before.pop(0), place))
        else:
            waiting[about, one, other].append(place)
    one_way, other_way = np.array(pairs, np.int64).reshape(-1, 2).T
    return one_way, other_way


def collapsed(battles: Battles) -> Battles:
    """Two verdicts in both orders as one battle: a win counts only if it survives the swap, else it is a tie.

    What was judged in one order only is left out. Who stands first means nothing any more.
    """
    one, other = both_orders(battles)
    return battles.only(one, np.where(battles.won[one] == 1 - battles.won[other], battles.won[one], 0.5))
