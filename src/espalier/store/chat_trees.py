"""Conversations that may become trees, and the trees that conversations became, with the consent behind each.

Knows rows; what such a tree looks like is collect/planting.py.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, exists, insert, null, select, update

from espalier.store.sql import Statement
from espalier.store.tables import chat_trees, chats
from espalier.store.times import to_us

C, T = chats.c, chat_trees.c


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A tree without the consent that it stood on."""

    tree_id: str
    person_id: str


_TO_PLANT = Statement(
    select(C.id, C.person_id)
    .where(
        C.consent_at.is_not(None), C.tree_at.is_(None), C.temporary == 0, C.consent_at <= bindparam("before"),
        C.changed_at <= bindparam("before"),
    )
    .order_by(C.changed_at, C.id)
    .limit(bindparam("most"))
)  # fmt: skip
_PLANTED = Statement(update(chats).where(C.id == bindparam("chat")).values(tree_at=bindparam("at")))
_ADD = Statement(
    insert(chat_trees).values(
        {name: bindparam(name) for name in ("tree_id", "chat_id", "person_id", "consent_at", "licence")}
    )
)
NO_CONSENT: Final = ~exists().where(C.id == T.chat_id, C.consent_at == T.consent_at)
"""Of a conversation that became a tree: it is gone, or the consent was taken back, or given anew."""
_LAPSED = Statement(
    select(T.tree_id, T.person_id)
    .where(T.withdrawn_at.is_(None), NO_CONSENT)
    .order_by(T.tree_id)
    .limit(bindparam("most"))
)
_WITHDRAW = Statement(
    update(chat_trees).where(T.tree_id == bindparam("tree")).values(withdrawn_at=bindparam("at"), person_id=null())
)
_LICENCES: Final = Statement(select(T.tree_id, T.licence).where(T.tree_id.in_(bindparam("ids", expanding=True))))


def to_plant(db: Connection, before: datetime, most: int) -> list[tuple[str, str]]:
    """Conversations with a consent that are no tree yet, in which nothing was said since: each with its person."""
    return [(chat_id, person_id) for chat_id, person_id in _TO_PLANT.tuples(db, before=to_us(before), most=most)]


def add(db: Connection, tree_id: str, chat_id: str, person_id: str, consent_at: datetime, licence: str) -> None:
    _ADD.run(
        db, tree_id=tree_id, chat_id=chat_id, person_id=person_id, consent_at=to_us(consent_at), licence=licence
    )  # fmt: skip


def is_planted(db: Connection, chat_id: str, at: datetime) -> None:
    """The conversation is a tree now."""
    _PLANTED.run(db, chat=chat_id, at=to_us(at))


def lapsed(db: Connection, most: int) -> list[Lapsed]:
    """Trees of conversations that are gone, or whose person took the consent back."""
    return [Lapsed(*row) for row in _LAPSED.tuples(db, most=most)]


def is_withdrawn(db: Connection, tree_id: str, at: datetime) -> None:
    """It stands on no consent any more, and whose it was is forgotten."""
    _WITHDRAW.run(db, tree=tree_id, at=to_us(at))


def licences(db: Connection, tree_ids: Collection[str]) -> dict[str, str]:
    """Under which licence people let their conversations become trees, for those of these that were conversations."""
    return dict(_LICENCES.tuples(db, ids=tree_ids))
