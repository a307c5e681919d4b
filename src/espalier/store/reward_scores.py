"""What reward models say of replies in trees, and the sets of replies to one message that they can be asked about.

Knows rows; where models and people disagree is collect/disagreement.py.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, exists, func, select

from espalier.domain.message import Role
from espalier.domain.tree import State
from espalier.store.sql import Statement
from espalier.store.tables import messages, reward_scores, trees
from espalier.store.times import to_us

M, S, T = messages.c, reward_scores.c, trees.c


@dataclass(frozen=True, slots=True)
class Siblings:
    """The accepted replies of the assistant to one message."""

    parent_id: str
    tree_id: str
    replies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoredReply:
    """A reply that a reward model has seen and people have ranked. rank: 0 is best."""

    model: str
    parent_id: str
    id: str
    score: float
    rank: int
    text: str


_STANDS: Final = (
    M.role == Role.ASSISTANT.value, M.live == 1, M.accepted == 1, M.late == 0, M.parent_id.is_not(None),
)  # fmt: skip
_PARENTS = Statement(
    select(M.parent_id, func.min(M.tree_id), func.count())
    .where(
        *_STANDS, M.parent_id > bindparam("after"),
        ~exists().where(S.message_id == M.id, S.model == bindparam("model")),
    )
    .group_by(M.parent_id)
    .order_by(M.parent_id)
    .limit(bindparam("most"))
)  # fmt: skip
_REPLIES = Statement(
    select(M.parent_id, M.id)
    .where(*_STANDS, M.parent_id.in_(bindparam("parents", expanding=True)))
    .order_by(M.place, M.id)
)
_PUT = Statement(
    lambda insert: (
        insert(reward_scores)
        .values({name: bindparam(f"given_{name}") for name in ("model", "message_id", "score", "at")})
        .on_conflict_do_update(
            index_elements=["model", "message_id"],
            set_={"score": bindparam("given_score"), "at": bindparam("given_at")},
        )
    )
)
_FORGET = Statement(delete(reward_scores).where(S.message_id.in_(bindparam("ids", expanding=True))))
_RANKED = Statement(
    select(S.model, M.parent_id, M.id, S.score, M.rank, M.text)
    .join_from(reward_scores, messages, M.id == S.message_id)
    .join(trees, T.id == M.tree_id)
    .where(*_STANDS, M.rank.is_not(None), T.state == State.READY_FOR_EXPORT.value)
    .order_by(S.model, M.parent_id, M.rank)
)


def unscored(db: Connection, model: str, after: str, most: int) -> tuple[list[Siblings], str | None]:
    """Sets of two replies or more, of which this model has not seen one at least; and behind which id to go on, None at
    the end.
    """
    found = _PARENTS.tuples(db, model=model, after=after, most=most)
    replies: dict[str, list[str]] = {}
    for parent_id, reply_id in _REPLIES.tuples(db, parents=[row[0] for row in found]):
        replies.setdefault(parent_id, []).append(reply_id)
    sets = [
        Siblings(parent_id, tree_id, tuple(replies[parent_id]))
        for parent_id, tree_id, _ in found
        if len(replies[parent_id]) > 1
    ]
    return sets, found[-1][0] if len(found) == most else None


def put(db: Connection, model: str, scores: Mapping[str, float], at: datetime) -> None:
    """Keep what a model says of replies, in the place of what it said before."""
    for message_id, score in scores.items():
        _PUT.run(db, given_model=model, given_message_id=message_id, given_score=score, given_at=to_us(at))


def ranked_and_scored(db: Connection) -> list[ScoredReply]:
    """All replies of finished trees that people ranked and a reward model saw, set by set."""
    return [ScoredReply(*row) for row in _RANKED.tuples(db)]


def forget(db: Connection, message_ids: Collection[str]) -> None:
    """Of messages whose texts go."""
    _FORGET.run(db, ids=message_ids)
