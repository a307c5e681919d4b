"""What the safety filter took out of conversations: on which side, how sure it was; the text only where agreed.

Knows rows. When a conversation goes, or is given away no more, what is left names the model alone.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, text, update

from espalier.store.sql import Statement
from espalier.store.tables import chats, filter_hits
from espalier.store.times import from_us, to_us

H = filter_hits.c


class Side(StrEnum):
    """Whose words they were: a person's, or the model's."""

    SAID = "said"
    WRITTEN = "written"


@dataclass(frozen=True, slots=True)
class FilterHit:
    """score: from 0 to 1. text: None where nobody agreed that it is read."""

    chat_id: str | None
    model: str
    side: Side
    score: float
    at: datetime
    text: str | None = None


_COLUMNS: Final = (H.chat_id, H.model, H.side, H.score, H.at, H.text)
_GIVEN: Final[dict[str, Any]] = {column.name: bindparam(f"given_{column.name}") for column in _COLUMNS}
_ADD = Statement(insert(filter_hits).values(_GIVEN))
_LATEST = Statement(select(*_COLUMNS).order_by(H.number.desc()).limit(bindparam("most")))
_FORGET = Statement(
    update(filter_hits)
    .where(H.chat_id.in_(bindparam("chats", expanding=True)))
    .values(chat_id=text("NULL"), text=text("NULL"))
)
_FORGET_ALL = Statement(
    update(filter_hits)
    .where(H.chat_id.in_(select(chats.c.id).where(chats.c.person_id == bindparam("person"))))
    .values(chat_id=text("NULL"), text=text("NULL"))
)


def add(db: Connection, hit: FilterHit) -> None:
    _ADD.run(
        db, given_chat_id=hit.chat_id, given_model=hit.model, given_side=hit.side.value, given_score=hit.score,
        given_at=to_us(hit.at), given_text=hit.text,
    )  # fmt: skip


def latest(db: Connection, most: int) -> list[FilterHit]:
    """The newest first."""
    return [
        FilterHit(chat_id, model, Side(side), score, from_us(at), words)
        for chat_id, model, side, score, at, words in _LATEST.rows(db, most=most)
    ]


def forget_chats(db: Connection, chat_ids: Collection[str]) -> None:
    """Take off hits what leads to conversations that go, and their texts."""
    _FORGET.run(db, chats=chat_ids)


def forget_chats_of(db: Connection, person_id: str) -> None:
    """The same for all conversations of a person."""
    _FORGET_ALL.run(db, person=person_id)
