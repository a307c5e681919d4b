"""What staff did, when and to what: added to, never changed. Holds no texts and no names.

Knows rows; what is worth an entry is said by the use cases.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, insert, select

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
_WANTED: Final = {
    "subject": J.subject == bindparam("subject"),
    "person": J.person_id == bindparam("person"),
    "action": J.action == bindparam("action"),
}
"""What a list may be limited to; each has an index of its own."""
_TELLS_NO_AUTHOR: Final = and_(
    J.action.not_in(("case.appealed", "tree.planted")),
    *(J.action.not_like(f"{kind}.%") for kind in ("person", "token", "way")),
)


@cache
def _entries(blind: bool, *wanted: str) -> Statement:
    return Statement(
        select(J.seq, J.at, J.person_id, J.action, J.subject, J.data)
        .where(J.seq < bindparam("before"), *(_WANTED[name] for name in wanted))
        .where(*((_TELLS_NO_AUTHOR,) if blind else ()))
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


def entries(
    db: Connection,
    limit: int,
    *,
    before: int = NEWEST,
    subject: str | None = None,
    person: str | None = None,
    action: str | None = None,
    blind: bool = False,
) -> list[Entry]:
    """Entries with a smaller number than `before`, newest first; of one subject, by one person, of one action.

    `blind`: without what would tell, by its moment or by itself, who wrote a message or whom a case is about.
    """
    given = {"subject": subject, "person": person, "action": action}
    wanted = {name: value for name, value in given.items() if value is not None}
    return [_entry(row) for row in _entries(blind, *wanted).rows(db, before=before, most=limit, **wanted)]


def _entry(row: Any) -> Entry:
    seq, at, person, action, subject, data = row
    return Entry(seq, from_us(at), person, action, subject, json.loads(data or "{}"))
