"""Replies of models that somebody showed to staff: the question, the reply, and what is wrong with it.

Knows rows. Nobody reads the conversation that a reply stands in; what its person did not show is not here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select, update

from espalier.store.sql import Statement
from espalier.store.tables import chat_reports
from espalier.store.times import from_us, to_us

R = chat_reports.c


@dataclass(frozen=True, slots=True)
class ChatReport:
    """person_id, reply_id: None when they are gone."""

    number: int
    person_id: str | None
    reply_id: str | None
    model: str
    question: str
    reply: str
    reason: str
    at: datetime
    closed_at: datetime | None = None


_COLUMNS: Final = (R.number, R.person_id, R.reply_id, R.model, R.question, R.reply, R.reason, R.at, R.closed_at)
_ADD = Statement(
    lambda insert: (
        insert(chat_reports)
        .values(
            person_id=bindparam("person"), reply_id=bindparam("reply_id"), model=bindparam("model"),
            question=bindparam("question"), reply=bindparam("reply"), reason=bindparam("reason"), at=bindparam("at"),
        )
        .on_conflict_do_nothing(index_elements=["reply_id"])
    )
)  # fmt: skip
_OPEN = Statement(
    select(*_COLUMNS).where(R.closed_at.is_(None)).order_by(R.number).limit(bindparam("most"))
)  # fmt: skip
_BY = Statement(select(*_COLUMNS).where(R.person_id == bindparam("person")).order_by(R.number))
_CLOSE = Statement(
    update(chat_reports)
    .where(R.number == bindparam("report"), R.closed_at.is_(None))
    .values(closed_at=bindparam("at"), closed_by=bindparam("person"))
)
_FORGET = Statement(delete(chat_reports).where(R.person_id == bindparam("person")))


def add(
    db: Connection, person_id: str, reply_id: str, model: str, question: str, reply: str, reason: str, at: datetime
) -> bool:
    """Show a reply to staff. False when it has been before."""
    return bool(
        _ADD.run(
            db, person=person_id, reply_id=reply_id, model=model, question=question, reply=reply, reason=reason,
            at=to_us(at),
        )
    )  # fmt: skip


def open_reports(db: Connection, most: int) -> list[ChatReport]:
    """What nobody has looked at yet, the oldest first."""
    return [_report(row) for row in _OPEN.rows(db, most=most)]


def reports_by(db: Connection, person_id: str) -> list[ChatReport]:
    """All that a person reported, in order."""
    return [_report(row) for row in _BY.rows(db, person=person_id)]


def close(db: Connection, number: int, person_id: str, at: datetime) -> bool:
    """Somebody of the staff has looked at it. False when somebody had before."""
    return bool(_CLOSE.run(db, report=number, person=person_id, at=to_us(at)))


def forget_by(db: Connection, person_id: str) -> None:
    """Remove what a person reported, with the texts."""
    _FORGET.run(db, person=person_id)


def _report(row: Any) -> ChatReport:
    number, person_id, reply_id, model, question, reply, reason, at, closed = row
    return ChatReport(
        number, person_id, reply_id, model, question, reply, reason, from_us(at),
        None if closed is None else from_us(closed),
    )  # fmt: skip
