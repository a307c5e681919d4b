"""Conversations as they were when somebody made a link to them: one branch, without a name, for whoever has the link.

Knows rows. The id is the secret; who takes a link back removes the row.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from espalier.store.sql import Statement
from espalier.store.tables import chat_shares
from espalier.store.times import from_us, to_us

S = chat_shares.c


@dataclass(frozen=True, slots=True)
class SharedTurn:
    """role: prompter or assistant. model: who replied; None for a person, and while that is not to be known."""

    role: str
    text: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    id: str
    chat_id: str
    person_id: str
    title: str
    turns: tuple[SharedTurn, ...]
    created_at: datetime


_COLUMNS: Final = (S.id, S.chat_id, S.person_id, S.title, S.document, S.created_at)
_ADD = Statement(insert(chat_shares).values({column.name: bindparam(column.name) for column in _COLUMNS}))
_FIND = Statement(select(*_COLUMNS).where(S.id == bindparam("id")))
_OF_CHAT = Statement(select(*_COLUMNS).where(S.chat_id == bindparam("chat")).order_by(S.created_at, S.id))
_OF_PERSON = Statement(select(*_COLUMNS).where(S.person_id == bindparam("person")).order_by(S.created_at, S.id))
_END = Statement(
    delete(chat_shares).where(
        S.id == bindparam("id"), S.chat_id == bindparam("chat"), S.person_id == bindparam("person")
    )
)
_FORGET = Statement(delete(chat_shares).where(S.chat_id.in_(bindparam("chats", expanding=True))))
_FORGET_ALL = Statement(delete(chat_shares).where(S.person_id == bindparam("person")))


def add(db: Connection, share: Share) -> None:
    document = json.dumps([[turn.role, turn.text, turn.model] for turn in share.turns], ensure_ascii=False)
    _ADD.run(
        db, id=share.id, chat_id=share.chat_id, person_id=share.person_id, title=share.title, document=document,
        created_at=to_us(share.created_at),
    )  # fmt: skip


def share_of(db: Connection, share_id: str) -> Share | None:
    """For whoever has the link."""
    row = _FIND.row(db, id=share_id)
    return _share(row) if row else None


def shares_of_chat(db: Connection, chat_id: str) -> list[Share]:
    """The oldest first."""
    return [_share(row) for row in _OF_CHAT.rows(db, chat=chat_id)]


def shares_by(db: Connection, person_id: str) -> list[Share]:
    """All that a person made, the oldest first."""
    return [_share(row) for row in _OF_PERSON.rows(db, person=person_id)]


def end(db: Connection, person_id: str, chat_id: str, share_id: str) -> bool:
    """Whoever has the link finds nothing any more. False where there was no such link."""
    return bool(_END.run(db, id=share_id, chat=chat_id, person=person_id))


def forget_chats(db: Connection, chat_ids: Collection[str]) -> None:
    _FORGET.run(db, chats=chat_ids)


def forget_chats_of(db: Connection, person_id: str) -> None:
    _FORGET_ALL.run(db, person=person_id)


def _share(row: Any) -> Share:
    share_id, chat_id, person_id, title, document, created = row
    turns = tuple(SharedTurn(*turn) for turn in json.loads(document))
    return Share(share_id, chat_id, person_id, title, turns, from_us(created))
