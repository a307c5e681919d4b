"""What reviewers said of each message, label by label, so that their agreement can be told: some bytes a vote.

Knows votes and columns; does not know how agreement is measured.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from espalier.dataset.agreement import Ballot, Unit
from espalier.dataset.columns import UNKNOWN, Columns
from espalier.dataset.records import VoteKind, VoteRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(slots=True)
class _Said:
    """Of one label, an entry an answer: the place of the message, and the code of the value."""

    at: "array[int]" = field(default_factory=lambda: array("i"))
    value: "array[int]" = field(default_factory=lambda: array("i"))


@dataclass(slots=True)
class Judgements:
    """people: by kind of vote, how many each person gave. ballots: by the message whose replies they order. elsewhere:
    how many votes are on messages that are not there.
    """

    people: Mapping[str, Mapping[str, int]]
    ballots: Mapping[int, list[Ballot]]
    elsewhere: int
    _values: list[float]
    _said: Mapping[str, _Said]

    @property
    def labels(self) -> Mapping[str, int]:
        """How often each label was answered."""
        return {name: len(said.at) for name, said in self._said.items()}

    def units(self, label: str, of: "NDArray[np.bool_] | None" = None) -> Counter[Unit]:
        """What was said of each message, and of how many messages it was said so. of: only of these places."""
        import numpy as np

        said = self._said[label]
        at, value = np.frombuffer(said.at, np.int32), np.frombuffer(said.value, np.int32)
        if of is not None:
            at, value = at[of[at]], value[of[at]]
        order = np.lexsort((value, at))
        at, value = at[order], value[order]
        starts = np.flatnonzero(np.diff(at, prepend=-1))
        named = self._values
        kinds: Counter[tuple[int, ...]] = Counter(
            tuple(each.tolist()) for each in np.split(value, starts[1:]) if len(each)
        )
        return Counter({tuple(sorted(named[code] for code in kind)): times for kind, times in kinds.items()})

    def ballots_of(self, of: "NDArray[np.bool_] | None" = None) -> Iterable[list[Ballot]]:
        """The ballots by set. of: only of these places."""
        return (ballots for at, ballots in self.ballots.items() if of is None or of[at])


def judgements(votes: Iterable[VoteRecord], of: Columns) -> Judgements:
    """Votes by what they judge; votes on messages that `of` has not are counted and left out."""
    codes: dict[float, int] = {}
    said: dict[str, _Said] = defaultdict(_Said)
    people: dict[str, Counter[str]] = defaultdict(Counter)
    ballots: dict[int, list[Ballot]] = defaultdict(list)
    elsewhere = 0
    for vote in votes:
        at = of.place.get(vote.subject, UNKNOWN)
        if at == UNKNOWN:
            elsewhere += 1
            continue
        if vote.kind == VoteKind.LABELS and isinstance(vote.value, dict):
            for label, value in vote.value.items():
                if isinstance(value, int | float):
                    each = said[label]
                    each.at.append(at)
                    each.value.append(codes.setdefault(float(value), len(codes)))
        elif vote.kind == VoteKind.RANKING and isinstance(vote.value, list):
            ballots[at].append(vote.value)
        if vote.voter is not None and vote.kind != VoteKind.REACTION:
            people[vote.kind][vote.voter] += 1
    return Judgements(people, ballots, elsewhere, list(codes), said)
