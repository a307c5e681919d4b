"""Where a reward model and people disagree most on the replies to one message.

People's order is that of the finished tree, which their votes gave. Asks only; changes nothing.
"""

from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection

from espalier.domain.ranking import kendall_tau_b, tau_p_value
from espalier.store.reward_scores import ScoredReply, ranked_and_scored


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A set of replies in both orders. tau, p: of the two orders. people, machine: the text that each holds for the
    best. parent_id: what all of them reply to.
    """

    model: str
    parent_id: str
    replies: int
    tau: float
    p: float
    people: str
    machine: str


def disagreements(db: Connection, most: int) -> list[Disagreement]:
    """The sets in which the orders differ most come first, and of those alike the ones that chance explains least; none
    that agree.
    """
    found = []
    for _, several in groupby(ranked_and_scored(db), key=lambda each: (each.model, each.parent_id)):
        told = _compared(list(several))
        if told is not None and told.tau < 0:
            found.append(told)
    return sorted(found, key=lambda each: (each.tau, each.p, each.model, each.parent_id))[:most]


def _compared(replies: list[ScoredReply]) -> Disagreement | None:
    """None where there are fewer than two replies, or the model tells none apart."""
    by_score = sorted(replies, key=lambda each: -each.score)
    ballot = tuple(tuple(each.id for each in group) for _, group in groupby(by_score, key=lambda each: each.score))
    ranks = {each.id: each.rank for each in replies}
    tau, p = kendall_tau_b(ballot, ranks), tau_p_value(ballot, ranks)
    if tau is None or p is None:
        return None
    best = min(replies, key=lambda each: each.rank)
    return Disagreement(best.model, best.parent_id, len(replies), tau, p, best.text, by_score[0].text)
