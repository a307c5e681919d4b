"""Links with which administrators invite, each for a number of people and until a day. Known by their SHA-256.

Knows rows; what an invitation opens is collect/admission.py.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from espalier.store.sql import Statement
from espalier.store.tables import invitations
from espalier.store.times import from_us, to_us

V = invitations.c
MOST: Final = 200  # that are listed: the newest


@dataclass(frozen=True, slots=True)
class Invitation:
    """`person_id`: who invites. `places`, `used`: how many may come by it, and came."""

    id: str
    note: str
    person_id: str
    places: int
    used: int
    created_at: datetime
    ends_at: datetime

    def is_open(self, now: datetime) -> bool:
        return self.used < self.places and now < self.ends_at


_COLUMNS: Final = (V.id, V.note, V.person_id, V.places, V.used, V.created_at, V.ends_at)
_FIND = Statement(select(*_COLUMNS).where(V.hash == bindparam("hash")))
_NEWEST = Statement(select(*_COLUMNS).order_by(V.created_at.desc(), V.id).limit(MOST))
_INSERT = Statement(
    insert(invitations).values({name: bindparam(name) for name in ("hash", *(column.name for column in _COLUMNS))})
)
_USE = Statement(
    update(invitations)
    .where(V.hash == bindparam("known"), V.used < V.places, V.ends_at > bindparam("now"))
    .values(used=V.used + bindparam("one"))
)
_END = Statement(
    update(invitations)
    .where(V.id == bindparam("known"), V.ends_at > bindparam("now"))
    .values(ends_at=bindparam("now"))
)  # fmt: skip


def find(db: Connection, invitation_hash: str) -> Invitation | None:
    row = _FIND.row(db, hash=invitation_hash)
    return _value(row) if row else None


def newest(db: Connection) -> list[Invitation]:
    return [_value(row) for row in _NEWEST.rows(db)]


def add(db: Connection, invitation_hash: str, made: Invitation) -> None:
    _INSERT.run(
        db, hash=invitation_hash, id=made.id, note=made.note, person_id=made.person_id, places=made.places,
        used=made.used, created_at=to_us(made.created_at), ends_at=to_us(made.ends_at),
    )  # fmt: skip


def use(db: Connection, invitation_hash: str, now: datetime) -> bool:
    """Take one of its places; False where there is none, or none any more."""
    return bool(_USE.run(db, known=invitation_hash, now=to_us(now), one=1))


def end(db: Connection, invitation_id: str, now: datetime) -> bool:
    return bool(_END.run(db, known=invitation_id, now=to_us(now)))


def _value(row: Any) -> Invitation:
    invitation_id, note, person_id, places, used, created_at, ends_at = row
    return Invitation(invitation_id, note, person_id, places, used, from_us(created_at), from_us(ends_at))
