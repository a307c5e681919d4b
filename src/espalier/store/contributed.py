"""What one person contributed, newest first, and what it came to.

Knows rows; what of the messages somebody may see is domain/sight.py.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, text

from espalier.domain.message import Ballot
from espalier.store.facts import GOLD
from espalier.store.sql import Statement
from espalier.store.tables import contributions, messages
from espalier.store.times import from_us

C, M = contributions.c, messages.c
NEWEST: Final = 2**62
"""Above every number of a contribution: where a list begins."""
KINDS: Final = ("planted", "replied", "reviewed", "ranked", "reacted", "skipped", GOLD)
_SAID: Final = ("labels", "order", "not_rankable", "emoji", "on", "what", "reason")


@dataclass(frozen=True, slots=True)
class Contributed:
    """`said`: the labels, the order, the emoji or the reason, as it was sent. `message_id`: what it is about."""

    seq: int
    kind: str
    at: datetime
    tree_id: str
    message_id: str
    late: bool
    said: Mapping[str, Any]

    @property
    def order(self) -> Ballot:
        """Of a ranking."""
        return tuple(tuple(group) for group in self.said["order"])


_OF_PERSON = Statement(
    select(C.seq, C.kind, C.at, C.tree_id, C.message_id, C.late, C.data)
    .where(
        C.person_id == bindparam("person"),
        C.seq < bindparam("before"),
        C.kind.in_(KINDS),
        C.void == text("0"),
    )
    .order_by(C.seq.desc())
    .limit(bindparam("most"))
)
_RANKS_BELOW = Statement(
    select(M.parent_id, M.id, M.rank).where(
        M.parent_id.in_(bindparam("ids", expanding=True)), M.rank.is_not(None), M.live == text("1")
    )
)


def contributed(db: Connection, person_id: str, limit: int, *, before: int = NEWEST) -> list[Contributed]:
    """What a person contributed and did not take back, with a smaller number than `before`."""
    return [
        _contributed(seq, kind, from_us(at), tree_id, message_id, bool(late), json.loads(data or "{}"))
        for seq, kind, at, tree_id, message_id, late, data in _OF_PERSON.rows(
            db, person=person_id, before=before, most=limit
        )
    ]


def _contributed(
    seq: int, kind: str, at: datetime, tree_id: str, message_id: str, late: bool, data: Mapping[str, Any]
) -> Contributed:
    if kind == GOLD:  # which reviewers cannot tell from others
        kind = "reviewed" if "labels" in data else "skipped"
    said = {name: value for name, value in data.items() if name in _SAID}
    return Contributed(seq, kind, at, tree_id, message_id, late, said)


def ranks_below(db: Connection, parent_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """The ranks of the replies to each of these messages."""
    found: dict[str, dict[str, int]] = {parent_id: {} for parent_id in parent_ids}
    for parent_id, message_id, rank in _RANKS_BELOW.rows(db, ids=list(parent_ids)):
        found[parent_id][message_id] = rank
    return found
