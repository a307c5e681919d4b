"""Thumbs up and down for replies of models, with a reason if somebody gave one.

Knows rows. A thumb outlives its conversation as a figure of the model: no text, nobody's name.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, select, text, update

from espalier.store.sql import Statement
from espalier.store.tables import chat_thumbs, chats
from espalier.store.times import EPOCH, MICROSECOND, from_us, to_us

T = chat_thumbs.c


class Thumb(StrEnum):
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of a reply. reason: one of a list. note: in the person's own words."""

    chat_id: str
    reply_id: str
    model: str
    thumb: Thumb
    at: datetime
    reason: str | None = None
    note: str | None = None


_COLUMNS: Final = (T.chat_id, T.reply_id, T.model, T.thumb, T.at, T.reason, T.note)
_GIVEN: Final[dict[str, Any]] = {column.name: bindparam(f"given_{column.name}") for column in _COLUMNS}
_PUT = Statement(
    lambda insert: (
        insert(chat_thumbs)
        .values(_GIVEN)
        .on_conflict_do_update(
            index_elements=["reply_id"], set_={name: _GIVEN[name] for name in ("thumb", "at", "reason", "note")}
        )
    )
)
_TAKE = Statement(delete(chat_thumbs).where(T.reply_id == bindparam("reply")))
_OF_CHAT = Statement(select(*_COLUMNS).where(T.chat_id == bindparam("chat")))
_DAY: Final = T.at // text(str(timedelta(days=1) // MICROSECOND))
_BY_DAY = Statement(
    select(_DAY, T.model, T.thumb, func.count()).where(T.at >= bindparam("since")).group_by(_DAY, T.model, T.thumb)
)
_FORGET = Statement(
    update(chat_thumbs)
    .where(T.chat_id.in_(bindparam("chats", expanding=True)))
    .values(chat_id=None, reply_id=None, note=None)
)
_FORGET_ALL = Statement(
    update(chat_thumbs)
    .where(T.chat_id.in_(select(chats.c.id).where(chats.c.person_id == bindparam("person"))))
    .values(chat_id=None, reply_id=None, note=None)
)


def put(db: Connection, said: Judged) -> None:
    """Keep a thumb, in the place of an earlier one for the same reply."""
    _PUT.run(
        db, given_chat_id=said.chat_id, given_reply_id=said.reply_id, given_model=said.model,
        given_thumb=said.thumb.value, given_at=to_us(said.at), given_reason=said.reason, given_note=said.note,
    )  # fmt: skip


def take_back(db: Connection, reply_id: str) -> None:
    _TAKE.run(db, reply=reply_id)


def thumbs_of_chat(db: Connection, chat_id: str) -> Mapping[str, Judged]:
    """By the id of the reply."""
    found = (_judged(row) for row in _OF_CHAT.rows(db, chat=chat_id))
    return {each.reply_id: each for each in found}


def thumbs_by_day(db: Connection, since: date) -> dict[tuple[date, str], dict[Thumb, int]]:
    """How many there are, by day (of UTC) and model; also of conversations that are gone."""
    found: dict[tuple[date, str], dict[Thumb, int]] = {}
    begin = datetime(since.year, since.month, since.day, tzinfo=UTC)
    for day, model, thumb, number in _BY_DAY.rows(db, since=to_us(begin)):
        found.setdefault(((EPOCH + timedelta(days=day)).date(), model), {})[Thumb(thumb)] = number
    return found


def forget_chats(db: Connection, chat_ids: Collection[str]) -> None:
    """Take off thumbs what leads to conversations that go; they count on for the models."""
    _FORGET.run(db, chats=chat_ids)


def forget_chats_of(db: Connection, person_id: str) -> None:
    """The same for all conversations of a person."""
    _FORGET_ALL.run(db, person=person_id)


def _judged(row: Any) -> Judged:
    chat_id, reply_id, model, thumb, at, reason, note = row
    return Judged(chat_id, reply_id, model, Thumb(thumb), from_us(at), reason, note)
