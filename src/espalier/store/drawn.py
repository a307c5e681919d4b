"""Replies of one model to the same words, drawn to choose among, and which of them its person took.

Knows rows. They go with their conversation.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from espalier.store.sql import Statement
from espalier.store.tables import chat_drawn, chats
from espalier.store.times import from_us, to_us

D = chat_drawn.c


@dataclass(frozen=True, slots=True)
class Drawn:
    """question: the message that they reply to. replies: their ids, in the order in which they stand.

    decided_at: None while they wait for a choice. taken_id: None, too, where the person went on without one.
    """

    id: str
    chat_id: str
    question: str
    replies: tuple[str, ...]
    drawn_at: datetime
    decided_at: datetime | None = None
    taken_id: str | None = None


_COLUMNS: Final = (D.id, D.chat_id, D.question, D.replies, D.drawn_at, D.decided_at, D.taken_id)
_ADD = Statement(insert(chat_drawn).values({column.name: bindparam(column.name) for column in _COLUMNS}))
_OF_CHAT = Statement(select(*_COLUMNS).where(D.chat_id == bindparam("chat")).order_by(D.number))
_DECIDE = Statement(
    update(chat_drawn)
    .where(D.id == bindparam("drawn"), D.decided_at.is_(None))
    .values(decided_at=bindparam("at"), taken_id=bindparam("reply"))
)
_FORGET = Statement(delete(chat_drawn).where(D.chat_id.in_(bindparam("chats", expanding=True))))
_FORGET_ALL = Statement(
    delete(chat_drawn).where(D.chat_id.in_(select(chats.c.id).where(chats.c.person_id == bindparam("person"))))
)


def add(db: Connection, drawn: Drawn) -> None:
    _ADD.run(
        db, id=drawn.id, chat_id=drawn.chat_id, question=drawn.question, replies=json.dumps(drawn.replies),
        drawn_at=to_us(drawn.drawn_at), decided_at=to_us(drawn.decided_at) if drawn.decided_at else None,
        taken_id=drawn.taken_id,
    )  # fmt: skip


def drawn_in(db: Connection, chat_id: str) -> list[Drawn]:
    """All of a conversation, in order."""
    return [_drawn(row) for row in _OF_CHAT.rows(db, chat=chat_id)]


def undecided(several: Iterable[Drawn]) -> Drawn | None:
    """Those of a conversation that wait for a choice."""
    return next((each for each in several if each.decided_at is None), None)


def decide(db: Connection, drawn_id: str, reply_id: str | None, at: datetime) -> bool:
    """Keep which reply was taken, or that none was. False where that was decided before: it stays as it is."""
    return bool(_DECIDE.run(db, drawn=drawn_id, reply=reply_id, at=to_us(at)))


def forget_chats(db: Connection, chat_ids: Collection[str]) -> None:
    _FORGET.run(db, chats=chat_ids)


def forget_chats_of(db: Connection, person_id: str) -> None:
    """The same for all conversations of a person."""
    _FORGET_ALL.run(db, person=person_id)


def _drawn(row: Any) -> Drawn:
    drawn_id, chat_id, question, replies, drawn_at, decided_at, taken_id = row
    decided = None if decided_at is None else from_us(decided_at)
    return Drawn(drawn_id, chat_id, question, tuple(json.loads(replies)), from_us(drawn_at), decided, taken_id)
