"""Lines that organisers show on every page for a while, and who has read which wording of them.

Knows rows; who may announce is collect/announcements.py.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, insert, select, text, update

from espalier.store.sql import Statement
from espalier.store.tables import announcements, announcements_read
from espalier.store.times import from_us, to_us

A, R = announcements.c, announcements_read.c
MOST: Final = 100  # that an organiser sees: the last ones
AT_ONCE: Final = 3  # on a page


@dataclass(frozen=True, slots=True)
class Announcement:
    """`version`: of its words; whoever has read another one sees it again."""

    id: str
    text: str
    version: int
    starts_at: datetime
    ends_at: datetime
    person_id: str
    created_at: datetime


_COLUMNS: Final = (A.id, A.text, A.version, A.starts_at, A.ends_at, A.person_id, A.created_at)
_UNREAD = Statement(
    select(*_COLUMNS)
    .select_from(
        announcements.outerjoin(announcements_read, and_(R.announcement_id == A.id, R.person_id == bindparam("person")))
    )
    .where(
        A.ends_at > bindparam("now"), A.starts_at <= bindparam("now"), func.coalesce(R.version, text("0")) < A.version
    )
    .order_by(A.starts_at, A.id)
    .limit(AT_ONCE)
)
_NEWEST = Statement(select(*_COLUMNS).order_by(A.ends_at.desc(), A.id.desc()).limit(MOST))
_FIND = Statement(select(*_COLUMNS).where(A.id == bindparam("announcement")))
_INSERT = Statement(insert(announcements).values({column.name: bindparam(column.name) for column in _COLUMNS}))
_UPDATE = Statement(
    update(announcements)
    .where(A.id == bindparam("announcement"))
    .values({name: bindparam(name) for name in ("text", "version", "starts_at", "ends_at")})
)
_READ = Statement(
    lambda insert: (
        insert(announcements_read)
        .values({name: bindparam(name) for name in ("person_id", "announcement_id", "version")})
        .on_conflict_do_update(index_elements=["person_id", "announcement_id"], set_={"version": bindparam("version")})
    )
)


def unread(db: Connection, person_id: str, now: datetime) -> list[Announcement]:
    """What is to be shown to a person now, the oldest first."""
    return [_value(row) for row in _UNREAD.rows(db, person=person_id, now=to_us(now))]


def newest(db: Connection) -> list[Announcement]:
    """For organisers: the one that ends last first, past ones too."""
    return [_value(row) for row in _NEWEST.rows(db)]


def find(db: Connection, announcement_id: str) -> Announcement | None:
    row = _FIND.row(db, announcement=announcement_id)
    return _value(row) if row else None


def add(db: Connection, announcement: Announcement) -> None:
    _INSERT.run(
        db, id=announcement.id, person_id=announcement.person_id, created_at=to_us(announcement.created_at),
        **_said(announcement),
    )  # fmt: skip


def save(db: Connection, announcement: Announcement) -> None:
    _UPDATE.run(db, announcement=announcement.id, **_said(announcement))


def keep_read(db: Connection, person_id: str, announcement_id: str, version: int) -> None:
    """A person has read these words, and is not shown them again."""
    _READ.run(db, person_id=person_id, announcement_id=announcement_id, version=version)


def _said(announcement: Announcement) -> dict[str, object]:
    return {
        "text": announcement.text,
        "version": announcement.version,
        "starts_at": to_us(announcement.starts_at),
        "ends_at": to_us(announcement.ends_at),
    }


def _value(row: Any) -> Announcement:
    announcement_id, words, version, starts, ends, person, created = row
    return Announcement(
        announcement_id, words, version, from_us(starts), from_us(ends), person, from_us(created)
    )  # fmt: skip
