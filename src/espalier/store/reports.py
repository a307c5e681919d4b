"""Reports: who found which message wanting, why, and what staff made of it.

Knows rows; the red flag that goes with a report is a reaction like any other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from espalier.store.sql import Statement
from espalier.store.tables import reports
from espalier.store.times import from_us, to_us

R = reports.c
NEWEST: Final = 2**62
"""Above every number of a report: where a list begins."""


@dataclass(frozen=True, slots=True)
class Report:
    """`status`: open, resolved, dismissed, or withdrawn by who made it."""

    seq: int
    message_id: str
    tree_id: str
    person_id: str | None
    at: datetime
    reason: str | None
    status: str
    closed_by: str | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Flagged:
    """A message with open reports, the newest first. `newest`: the number of that one; lists go by it."""

    message_id: str
    tree_id: str
    newest: int
    reports: tuple[Report, ...]


_COLUMNS: Final = (
    R.seq, R.message_id, R.tree_id, R.person_id, R.at, R.reason, R.status, R.closed_by, R.closed_at,
)  # fmt: skip
_OPEN: Final = R.status == text("'open'")
_INSERT = Statement(
    insert(reports).values(
        message_id=bindparam("message_id"),
        tree_id=bindparam("tree_id"),
        person_id=bindparam("person_id"),
        at=bindparam("at"),
        reason=bindparam("reason"),
        status="open",
    )
)
_WITHDRAW = Statement(
    update(reports)
    .where(R.message_id == bindparam("on"), R.person_id == bindparam("person"), _OPEN)
    .values(status="withdrawn", closed_at=bindparam("now"))
)
_CLOSE = Statement(
    update(reports)
    .where(R.message_id == bindparam("on"), _OPEN)
    .values(status=bindparam("outcome"), closed_by=bindparam("closer"), closed_at=bindparam("now"))
)
_REOPEN = Statement(
    update(reports)
    .where(R.message_id == bindparam("on"), R.closed_at == bindparam("closed"), R.status != text("'withdrawn'"))
    .values(status="open", closed_by=None, closed_at=None)
)
_FLAGGED = Statement(
    select(R.message_id, R.tree_id, func.max(R.seq))
    .where(_OPEN)
    .group_by(R.message_id, R.tree_id)
    .having(func.max(R.seq) < bindparam("before"))
    .order_by(func.max(R.seq).desc())
    .limit(bindparam("most"))
)
_OPEN_ON = Statement(
    select(*_COLUMNS).where(R.message_id.in_(bindparam("ids", expanding=True)), _OPEN).order_by(R.seq.desc())
)
_ON = Statement(select(*_COLUMNS).where(R.message_id == bindparam("on")).order_by(R.seq.desc()))
_BY = Statement(select(*_COLUMNS).where(R.person_id == bindparam("person")).order_by(R.seq.desc()))
_FORGET_ON = Statement(delete(reports).where(R.message_id.in_(bindparam("ids", expanding=True))))
_FORGET_BY = Statement(delete(reports).where(R.person_id == bindparam("person")))
_ANONYMISE = Statement(update(reports).where(R.person_id == bindparam("person")).values(person_id=None))


def add(db: Connection, tree_id: str, message_id: str, person_id: str, reason: str | None, now: datetime) -> None:
    """A new report; an open one of the same person on this message is replaced."""
    withdraw(db, message_id, person_id, now)
    _INSERT.run(db, message_id=message_id, tree_id=tree_id, person_id=person_id, at=to_us(now), reason=reason)


def withdraw(db: Connection, message_id: str, person_id: str, now: datetime) -> None:
    """A person takes their report back."""
    _WITHDRAW.run(db, on=message_id, person=person_id, now=to_us(now))


def close(db: Connection, message_id: str, outcome: str, closed_by: str, now: datetime) -> int:
    """Answer all open reports on a message; how many there were."""
    return _CLOSE.run(db, on=message_id, outcome=outcome, closer=closed_by, now=to_us(now))


def reopen(db: Connection, message_id: str, closed_at: datetime) -> int:
    """Reports that were answered at this moment wait again; how many there were."""
    return _REOPEN.run(db, on=message_id, closed=to_us(closed_at))


def flagged(db: Connection, limit: int, *, before: int = NEWEST) -> list[Flagged]:
    """Messages that wait for staff, the last reported first; those whose newest report is older than `before`."""
    rows = _FLAGGED.rows(db, before=before, most=limit)
    found: dict[str, list[Report]] = {message_id: [] for message_id, _, _ in rows}
    for row in _OPEN_ON.rows(db, ids=list(found)):
        found[row[1]].append(_report(row))
    return [Flagged(message_id, tree_id, top, tuple(found[message_id])) for message_id, tree_id, top in rows]


def reports_on(db: Connection, message_id: str) -> list[Report]:
    """All reports that a message ever had, newest first."""
    return [_report(row) for row in _ON.rows(db, on=message_id)]


def reports_by(db: Connection, person_id: str) -> list[Report]:
    """All reports that a person made, newest first."""
    return [_report(row) for row in _BY.rows(db, person=person_id)]


def forget_on(db: Connection, message_ids: Iterable[str]) -> None:
    """Remove the reports on messages that were purged: a reason may repeat what was written."""
    _FORGET_ON.run(db, ids=list(message_ids))


def forget_by(db: Connection, person_id: str) -> None:
    _FORGET_BY.run(db, person=person_id)


def anonymise(db: Connection, person_id: str) -> None:
    """The reports of a person stay, under no id."""
    _ANONYMISE.run(db, person=person_id)


def _report(row: Any) -> Report:
    seq, message_id, tree_id, person, at, reason, status, closed_by, closed_at = row
    return Report(
        seq, message_id, tree_id, person, from_us(at), reason, status, closed_by,
        None if closed_at is None else from_us(closed_at),
    )  # fmt: skip
