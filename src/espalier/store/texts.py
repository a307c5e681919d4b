"""Texts for tasks: the nodes of a tree with as little as a volunteer may see.

Knows no authors, votes or ranks, so that none can leak.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import Connection, bindparam, delete, insert, select, text

from espalier.domain.message import ROLES, Role
from espalier.store.kept import kept
from espalier.store.sql import Statement
from espalier.store.tables import messages, texts_sent
from espalier.store.times import to_us

M = messages.c


class Node(Protocol):
    """What may be seen of a message."""

    @property
    def parent_id(self) -> str | None: ...
    @property
    def role(self) -> Role: ...
    @property
    def text(self) -> str: ...
    @property
    def lang(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Node:
    parent_id: str | None
    role: Role
    text: str
    lang: str


_NODES: Final = Statement(
    select(M.id, M.parent_id, M.role, M.text, M.lang).where(M.tree_id == bindparam("tree_id")).order_by(M.place)
)
_REPLIES: Final = Statement(
    select(M.id)
    .where(
        M.parent_id == bindparam("parent"), M.live == text("1"), M.accepted == text("1"), M.late == text("0")
    )
    .order_by(M.id)
)  # fmt: skip
_SENT: Final = Statement(
    select(text("1")).where(
        texts_sent.c.person_id == bindparam("person"),
        texts_sent.c.fingerprint == bindparam("mark"),
        texts_sent.c.at > bindparam("since"),
    )
)
_FORGET: Final = Statement(
    delete(texts_sent).where(
        texts_sent.c.person_id == bindparam("person"),
        texts_sent.c.fingerprint == bindparam("mark"),
        texts_sent.c.at == bindparam("at"),
    )
)
_FORGET_BEFORE: Final = Statement(delete(texts_sent).where(texts_sent.c.at < bindparam("before")))
_FORGET_ALL: Final = Statement(delete(texts_sent).where(texts_sent.c.person_id == bindparam("person")))
_KEEP: Final = Statement(
    insert(texts_sent).values({name: bindparam(name) for name in ("person_id", "fingerprint", "at")})
)


def path_to(nodes: Mapping[str, Node], message_id: str) -> list[Node]:
    """From the root to a message."""
    path = []
    at: str | None = message_id
    while at is not None:
        path.append(nodes[at])
        at = nodes[at].parent_id
    return path[::-1]


def nodes_of(db: Connection, tree_id: str) -> Mapping[str, Node]:
    if (here := kept(db)) and (tree := here.tree(tree_id)):
        return tree.messages
    return {
        message_id: _Node(parent, ROLES[role], said, lang)
        for message_id, parent, role, said, lang in _NODES.tuples(db, tree_id=tree_id)
    }


def live_replies(db: Connection, parent_id: str) -> list[str]:
    """The replies that stand to be ranked."""
    return [str(reply) for (reply,) in _REPLIES.rows(db, parent=parent_id)]


def was_sent(db: Connection, person_id: str, fingerprint: str, since: datetime) -> bool:
    return _SENT.row(db, person=person_id, mark=fingerprint, since=to_us(since)) is not None


def forget_sent(db: Connection, person_id: str, fingerprint: str, at: datetime) -> None:
    _FORGET.run(db, person=person_id, mark=fingerprint, at=to_us(at))


def forget_sent_before(db: Connection, before: datetime) -> None:
    _FORGET_BEFORE.run(db, before=to_us(before))


def forget_all_sent(db: Connection, person_id: str) -> None:
    _FORGET_ALL.run(db, person=person_id)


def keep_sent(db: Connection, person_id: str, fingerprint: str, at: datetime) -> None:
    _KEEP.run(db, person_id=person_id, fingerprint=fingerprint, at=to_us(at))
