"""What people are told of decisions: who is to read which, as author or as reporter, and whether they have.

Knows rows; the words of a notice are those of its decision.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from espalier.domain.cases import About, Verdict
from espalier.store.sql import KeptStatement, Statement
from espalier.store.tables import cases, decisions, notices
from espalier.store.times import from_us, to_us

NEWEST: Final = 2**62
N, D, C = notices.c, decisions.c, cases.c


@dataclass(frozen=True, slots=True)
class Notice:
    """`number`: of the decision. `side`: author or reporter. `message_id`: of what its author may look at."""

    number: int
    side: str
    verdict: Verdict
    reason: str
    note: str
    days: int | None
    removed: bool
    at: datetime
    message_id: str | None

    @property
    def is_warning(self) -> bool:
        """Whether it must be read before the next task."""
        return self.verdict is Verdict.WARN and self.side == "author"


_COLUMNS: Final = (
    N.decision, N.side, D.verdict, D.reason, D.note, D.days, D.removed, D.at, C.about, C.subject,
)  # fmt: skip
_UNREAD = Statement(
    select(*_COLUMNS)
    .join(decisions, D.seq == N.decision)
    .join(cases, C.id == D.case_id)
    .where(N.person_id == bindparam("person"), N.read_at.is_(None), N.decision < bindparam("before"))
    .order_by(N.decision.desc())
    .limit(bindparam("most"))
)
_ABOUT = Statement(
    select(*_COLUMNS)
    .join(decisions, D.seq == N.decision)
    .join(cases, C.id == D.case_id)
    .where(N.person_id == bindparam("person"), N.side == text("'author'"), D.verdict.in_(("ban", "suspend")))
    .order_by(N.decision.desc())
    .limit(1)
)
_ANSWERED = Statement(
    select(*_COLUMNS)
    .join(decisions, D.seq == N.decision)
    .join(cases, C.id == D.case_id)
    .where(
        N.person_id == bindparam("person"), N.side == text("'author'"), N.decision > bindparam("since"),
        C.about == text("'person'"), D.verdict == text("'dismiss'"),
    )
    .order_by(N.decision.desc())
    .limit(1)
)  # fmt: skip
_OF = Statement(
    select(*_COLUMNS, N.read_at)
    .join(decisions, D.seq == N.decision)
    .join(cases, C.id == D.case_id)
    .where(N.person_id == bindparam("person"))
    .order_by(N.decision.desc())
)
_WARNED = KeptStatement(
    select(N.decision)
    .join(decisions, D.seq == N.decision)
    .where(
        N.person_id == bindparam("person"), N.read_at.is_(None), N.side == text("'author'"),
        D.verdict == text("'warn'"),
    )
    .limit(1)
)  # fmt: skip
_INSERT = Statement(insert(notices).values({name: bindparam(name) for name in ("person_id", "decision", "side")}))
_READ = Statement(
    update(notices)
    .where(N.person_id == bindparam("person"), N.decision == bindparam("number"), N.read_at.is_(None))
    .values(read_at=bindparam("now"))
)
_TAKE_BACK = Statement(delete(notices).where(N.decision == bindparam("number")))


def tell(db: Connection, decision: int, people: Iterable[str], side: str) -> None:
    _INSERT.many(db, [{"person_id": person, "decision": decision, "side": side} for person in people])


def take_back(db: Connection, decision: int) -> None:
    """A decision that is undone is told to nobody."""
    _TAKE_BACK.run(db, number=decision)


def unread(db: Connection, person_id: str, limit: int, *, before: int = NEWEST) -> list[Notice]:
    """What somebody has not read yet, the last one first. before: only what was decided before that decision."""
    return [_notice(row) for row in _UNREAD.rows(db, person=person_id, before=before, most=limit)]


def has_unread_warning(db: Connection, person_id: str) -> bool:
    return _WARNED.value(db, person=person_id) is not None


def why_shut_out(db: Connection, person_id: str) -> Notice | None:
    """The last decision by which somebody was banned or suspended."""
    row = _ABOUT.row(db, person=person_id)
    return _notice(row) if row else None


def why_left_out(db: Connection, person_id: str, since: int) -> Notice | None:
    """The answer to the last appeal against this decision, where it left things as they were."""
    row = _ANSWERED.row(db, person=person_id, since=since)
    return _notice(row) if row else None


def told(db: Connection, person_id: str) -> list[tuple[Notice, datetime | None]]:
    """Everything that somebody was ever told, and when they read it; the last one first."""
    return [
        (_notice(row[:-1]), None if row[-1] is None else from_us(row[-1])) for row in _OF.rows(db, person=person_id)
    ]


def read(db: Connection, person_id: str, decision: int, now: datetime) -> bool:
    """Whether there was something to read."""
    return bool(_READ.run(db, person=person_id, number=decision, now=to_us(now)))


def _notice(row: Any) -> Notice:
    number, side, verdict, reason, note, days, removed, at, about, subject = row
    shown = subject if about == About.MESSAGE and side == "author" else None
    return Notice(number, side, Verdict(verdict), reason, note, days, bool(removed), from_us(at), shown)
