"""What one person contributed, newest first, and what it came to.

Knows rows; what of the messages somebody may see is domain/sight.py.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, or_, select, text

from espalier.domain.message import Ballot
from espalier.domain.tree import State
from espalier.store.facts import GOLD
from espalier.store.sql import Statement
from espalier.store.tables import contributions, messages, trees
from espalier.store.times import from_us

C, M = contributions.c, messages.c
NEWEST: Final = 2**62
"""Above every number of a contribution: where a list begins."""
KINDS: Final = ("planted", "replied", "reviewed", "ranked", "reacted", "skipped")
_SAID: Final = ("labels", "order", "not_rankable", "emoji", "on", "what", "reason")


@dataclass(frozen=True, slots=True)
class Contributed:
    """`said`: the labels, the order, the emoji or the reason, as it was sent. `message_id`: what it is about.

    `task_id`: which it answered or skipped, if any.
    """

    seq: int
    kind: str
    at: datetime
    tree_id: str
    message_id: str
    late: bool
    said: Mapping[str, Any]
    task_id: str | None = None

    @property
    def order(self) -> Ballot:
        """Of a ranking."""
        return tuple(tuple(group) for group in self.said["order"])


_OWN: Final = (
    select(C.seq, C.kind, C.at, C.tree_id, C.message_id, C.late, C.data, C.task_id)
    .where(
        C.person_id == bindparam("person"),
        C.seq < bindparam("before"),
        or_(C.kind.in_(bindparam("kinds", expanding=True)), and_(C.kind == GOLD, C.data.like(bindparam("like")))),
        C.void == text("0"),
    )
    .order_by(C.seq.desc())
    .limit(bindparam("most"))
)
_OF_PERSON = Statement(_OWN)
_GOLD_LIKE: Final = {
    (True, True): "%",
    (True, False): '%"labels"%',
    (False, True): '%"what"%',
    (False, False): "",
}
"""What a row about known labels holds, by whether reviews and skips are wanted: it counts as one of them."""


def _own_texts(*conditions: Any) -> Statement:
    return Statement(_OWN.join(messages, M.id == C.message_id).where(*conditions))


_IN_STATE: Final = {
    "accepted": _own_texts(M.accepted == text("1"), M.live == text("1")),
    "refused": _own_texts(M.accepted == text("0"), M.live == text("1")),
    "open": _own_texts(M.accepted.is_(None), M.live == text("1")),
    "removed": _own_texts(M.live == text("0")),
    "first": _own_texts(M.rank == text("0"), M.live == text("1"), M.parent_id.is_not(None)),
}
STATES: Final = tuple(_IN_STATE)
"""Of one's texts: what became of them."""
_IN_REVIEW = Statement(
    select(func.count())
    .select_from(messages)
    .join(trees, trees.c.id == M.tree_id)
    .where(
        M.author_id == bindparam("person"), M.live == text("1"), M.late == text("0"), M.accepted.is_(None),
        trees.c.state.in_([State.INITIAL_PROMPT_REVIEW.value, State.GROWING.value]),
    )
)  # fmt: skip
_RANKS_BELOW = Statement(
    select(M.parent_id, M.id, M.rank).where(
        M.parent_id.in_(bindparam("ids", expanding=True)), M.rank.is_not(None), M.live == text("1")
    )
)


def contributed(
    db: Connection,
    person_id: str,
    limit: int,
    *,
    before: int = NEWEST,
    kinds: Sequence[str] = KINDS,
    state: str | None = None,
) -> list[Contributed]:
    """What a person contributed and did not take back, with a smaller number than `before`.

    state: only texts of which this became, one of STATES.
    """
    statement = _OF_PERSON if state is None else _IN_STATE[state]
    kinds = list(kinds) if state is None else [kind for kind in kinds if kind in ("planted", "replied")]
    like = _GOLD_LIKE["reviewed" in kinds, "skipped" in kinds]
    return [
        _contributed(seq, kind, from_us(at), tree_id, message_id, bool(late), json.loads(data or "{}"), task_id)
        for seq, kind, at, tree_id, message_id, late, data, task_id in statement.rows(
            db, person=person_id, before=before, most=limit, kinds=kinds, like=like
        )
    ]


def _contributed(
    seq: int,
    kind: str,
    at: datetime,
    tree_id: str,
    message_id: str,
    late: bool,
    data: Mapping[str, Any],
    task_id: str | None,
) -> Contributed:
    if kind == GOLD:  # which reviewers cannot tell from others
        kind = "reviewed" if "labels" in data else "skipped"
    said = {name: value for name, value in data.items() if name in _SAID}
    return Contributed(seq, kind, at, tree_id, message_id, late, said, task_id)


def ranks_below(db: Connection, parent_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """The ranks of the replies to each of these messages."""
    found: dict[str, dict[str, int]] = {parent_id: {} for parent_id in parent_ids}
    for parent_id, message_id, rank in _RANKS_BELOW.rows(db, ids=list(parent_ids)):
        found[parent_id][message_id] = rank
    return found


def texts_in_review(db: Connection, person_id: str) -> int:
    """How many of a person's texts nobody has decided on yet."""
    return int(_IN_REVIEW.value(db, person=person_id) or 0)
