"""What staff did, when and to what: added to, never changed. Holds no texts and no names.

Knows rows; what is worth an entry is said by the use cases.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select

from espalier.store.sql import Statement
from espalier.store.tables import journal
from espalier.store.times import from_us, to_us

J = journal.c
NEWEST: Final = 2**62
"""Above every number of an entry: where a list begins."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`person_id`: who did it; None for the command line. `subject`: the id of what it was done to."""

    seq: int
    at: datetime
    person_id: str | None
    action: str
    subject: str | None
    data: Mapping[str, Any]


_INSERT = Statement(
    insert(journal).values({name: bindparam(name) for name in ("at", "person_id", "action", "subject", "data")})
)
_ALL = Statement(
    select(J.seq, J.at, J.person_id, J.action, J.subject, J.data)
    .where(J.seq < bindparam("before"))
    .order_by(J.seq.desc())
    .limit(bindparam("most"))
)
_OF_SUBJECT = Statement(
    select(J.seq, J.at, J.person_id, J.action, J.subject, J.data)
    .where(J.subject == bindparam("subject"), J.seq < bindparam("before"))
    .order_by(J.seq.desc())
    .limit(bindparam("most"))
)


def note(
    db: Connection, person_id: str | None, action: str, subject: str | None, now: datetime, **data: object
) -> None:
    """Add an entry. `action` is what was done, as `person.banned`; `data` never holds what somebody wrote."""
    _INSERT.run(
        db,
        at=to_us(now),
        person_id=person_id,
        action=action,
        subject=subject,
        data=json.dumps(data) if data else None,
    )


def entries(db: Connection, limit: int, *, before: int = NEWEST, subject: str | None = None) -> list[Entry]:
    """Entries with a smaller number than `before`, newest first; of one subject, or of all."""
    if subject is None:
        rows = _ALL.rows(db, before=before, most=limit)
    else:
        rows = _OF_SUBJECT.rows(db, subject=subject, before=before, most=limit)
    return [_entry(row) for row in rows]


def _entry(row: Any) -> Entry:
    seq, at, person, action, subject, data = row
    return Entry(seq, from_us(at), person, action, subject, json.loads(data or "{}"))
