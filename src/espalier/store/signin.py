"""Links and codes that are on their way to somebody, and how often something was tried of late.

Knows rows and hashes; what a link does is collect/signin.py.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from espalier.store.sql import Statement
from espalier.store.tables import attempts, sign_in_links
from espalier.store.times import from_us, to_us

L, A = sign_in_links.c, attempts.c


@dataclass(frozen=True, slots=True)
class Link:
    """`hash`, `asker`, `code`: SHA-256 of what the link holds, what the browser that asked holds, and the code.

    person_id: whom it is for, where that is settled. invitation: the hash of the one the asker holds. next: where to
    go afterwards.
    """

    hash: str
    asker: str
    email: str | None
    person_id: str | None
    code: str | None
    tries: int
    invitation: str | None
    next: str
    ends_at: datetime


_COLUMNS: Final = (
    L.hash, L.asker, L.email, L.person_id, L.code, L.tries, L.invitation, L.next, L.ends_at,
)  # fmt: skip
_IN_FORCE: Final = L.ends_at > bindparam("now")
_BY_HASH = Statement(select(*_COLUMNS).where(L.hash == bindparam("hash"), _IN_FORCE))
_BY_HASH_ALONE = Statement(select(*_COLUMNS).where(L.hash == bindparam("hash"), _IN_FORCE).with_for_update())
_BY_ASKER_ALONE = Statement(select(*_COLUMNS).where(L.asker == bindparam("asker"), _IN_FORCE).with_for_update())
_INSERT = Statement(insert(sign_in_links).values({column.name: bindparam(column.name) for column in _COLUMNS}))
_TRIED = Statement(
    update(sign_in_links)
    .where(L.asker == bindparam("known"), L.tries < bindparam("most"))
    .values(tries=L.tries + bindparam("one"))
)
_END = Statement(delete(sign_in_links).where(L.hash == bindparam("known")))
_END_OLD = Statement(delete(sign_in_links).where(or_(L.ends_at <= bindparam("now"), L.email == bindparam("void"))))
_FORGET = Statement(delete(sign_in_links).where(or_(L.person_id == bindparam("person"), L.email == bindparam("void"))))

_COUNT = Statement(
    lambda insert: (
        insert(attempts)
        .values(key=bindparam("key"), count=1, ends_at=bindparam("ends_at"))
        .on_conflict_do_update(index_elements=["key"], set_={"count": A.count + 1})
    )
)
_COUNTED = Statement(select(A.count, A.ends_at).where(A.key == bindparam("known")))
_FORGET_OLD = Statement(delete(attempts).where(A.ends_at <= bindparam("now")))
_FORGET_ATTEMPTS = Statement(delete(attempts).where(A.key == bindparam("known")))


def find(db: Connection, link_hash: str, now: datetime) -> Link | None:
    row = _BY_HASH.row(db, hash=link_hash, now=to_us(now))
    return _value(row) if row else None


def take(db: Connection, link_hash: str, now: datetime) -> Link | None:
    """A link in force, for who will use it up."""
    row = _BY_HASH_ALONE.row(db, hash=link_hash, now=to_us(now))
    return _value(row) if row else None


def take_of_asker(db: Connection, asker: str, now: datetime) -> Link | None:
    """The one that this browser asked for, for who will use it up."""
    row = _BY_ASKER_ALONE.row(db, asker=asker, now=to_us(now))
    return _value(row) if row else None


def add(db: Connection, link: Link, now: datetime) -> None:
    """Keep a link, in the place of any older one to the same address."""
    _END_OLD.run(db, now=to_us(now), void=link.email)
    _INSERT.run(
        db, hash=link.hash, asker=link.asker, email=link.email, person_id=link.person_id, code=link.code,
        tries=link.tries, invitation=link.invitation, next=link.next, ends_at=to_us(link.ends_at),
    )  # fmt: skip


def tried(db: Connection, asker: str, most: int) -> bool:
    """Count a try of the code; False where there were as many as there may be."""
    return bool(_TRIED.run(db, known=asker, most=most, one=1))


def end(db: Connection, link_hash: str) -> bool:
    return bool(_END.run(db, known=link_hash))


def forget(db: Connection, person_id: str, email: str | None) -> None:
    _FORGET.run(db, person=person_id, void=email)


def count_attempt(db: Connection, key: str, now: datetime, ends_at: datetime) -> tuple[int, datetime]:
    """One more; how many there were since the first that still counts, and when that is forgotten."""
    _FORGET_OLD.run(db, now=to_us(now))
    _COUNT.run(db, key=key, ends_at=to_us(ends_at))
    count, ends = _COUNTED.row(db, known=key)  # type: ignore[misc]
    return int(count), from_us(ends)


def forget_attempts(db: Connection, key: str) -> None:
    _FORGET_ATTEMPTS.run(db, known=key)


def _value(row: Any) -> Link:
    link, asker, email, person_id, code, tries, invitation, following, ends_at = row
    return Link(link, asker, email, person_id, code, tries, invitation, following, from_us(ends_at))
