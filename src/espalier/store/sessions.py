"""Sessions of browsers: who is signed in where. A session is known by the SHA-256 of what its cookie holds.

Knows rows; how people sign in is collect/sessions.py.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from espalier.store.people import PERSON_COLUMNS, Person, person_value
from espalier.store.sql import Statement
from espalier.store.tables import people, sessions
from espalier.store.times import from_us, to_us

S = sessions.c


@dataclass(frozen=True, slots=True)
class Session:
    """`signed_in_at`: when the person last proved who they are; what is grave asks for it again after a while."""

    id: str
    person_id: str
    agent: str
    created_at: datetime
    seen_at: datetime
    signed_in_at: datetime
    expires_at: datetime


_COLUMNS: Final = (S.id, S.person_id, S.agent, S.created_at, S.seen_at, S.signed_in_at, S.expires_at)
_IN_FORCE: Final = S.expires_at > bindparam("now")
_PERSON: Final = (
    select(*PERSON_COLUMNS).join(sessions, S.person_id == people.c.id).where(S.hash == bindparam("hash"), _IN_FORCE)
)
_BY_HASH = Statement(_PERSON)
_BY_HASH_LOCKED = Statement(_PERSON.with_for_update(of=people))
_SESSION = Statement(select(*_COLUMNS).where(S.hash == bindparam("hash"), _IN_FORCE))
_OF_PERSON = Statement(
    select(*_COLUMNS).where(S.person_id == bindparam("person"), _IN_FORCE).order_by(S.seen_at.desc(), S.id)
)
_INSERT = Statement(
    insert(sessions).values({name: bindparam(name) for name in ("hash", *(column.name for column in _COLUMNS))})
)
_TOUCH = Statement(
    update(sessions)
    .where(S.hash == bindparam("known"))
    .values(seen_at=bindparam("seen_at"), expires_at=bindparam("expires_at"))
)
_END = Statement(delete(sessions).where(S.hash == bindparam("known")))
_END_ONE = Statement(delete(sessions).where(S.person_id == bindparam("person"), S.id == bindparam("session")))
_END_ALL = Statement(delete(sessions).where(S.person_id == bindparam("person")))
_END_OTHERS = Statement(delete(sessions).where(S.person_id == bindparam("person"), S.id != bindparam("session")))
_END_OLD = Statement(delete(sessions).where(S.expires_at <= bindparam("now")))


def by_session(db: Connection, session_hash: str, now: datetime) -> Person | None:
    row = _BY_HASH.row(db, hash=session_hash, now=to_us(now))
    return person_value(row) if row else None


def by_session_alone(db: Connection, session_hash: str, now: datetime) -> Person | None:
    """The same for who will change something; see `people.by_token_alone`."""
    row = _BY_HASH_LOCKED.row(db, hash=session_hash, now=to_us(now))
    return person_value(row) if row else None


def find_session(db: Connection, session_hash: str, now: datetime) -> Session | None:
    row = _SESSION.row(db, hash=session_hash, now=to_us(now))
    return _value(row) if row else None


def sessions_of(db: Connection, person_id: str, now: datetime) -> list[Session]:
    """All in force, the one used last first."""
    return [_value(row) for row in _OF_PERSON.rows(db, person=person_id, now=to_us(now))]


def add_session(db: Connection, session_hash: str, session: Session) -> None:
    _INSERT.run(
        db,
        hash=session_hash,
        id=session.id,
        person_id=session.person_id,
        agent=session.agent,
        created_at=to_us(session.created_at),
        seen_at=to_us(session.seen_at),
        signed_in_at=to_us(session.signed_in_at),
        expires_at=to_us(session.expires_at),
    )


def touch(db: Connection, session_hash: str, now: datetime, expires_at: datetime) -> None:
    _TOUCH.run(db, known=session_hash, seen_at=to_us(now), expires_at=to_us(expires_at))


def end_session(db: Connection, session_hash: str) -> None:
    _END.run(db, known=session_hash)


def end_one(db: Connection, person_id: str, session_id: str) -> bool:
    return bool(_END_ONE.run(db, person=person_id, session=session_id))


def end_others(db: Connection, person_id: str, session_id: str) -> int:
    """End all of a person but this one."""
    return _END_OTHERS.run(db, person=person_id, session=session_id)


def end_all(db: Connection, person_id: str) -> int:
    return _END_ALL.run(db, person=person_id)


def end_old(db: Connection, now: datetime) -> int:
    """Forget those that have expired."""
    return _END_OLD.run(db, now=to_us(now))


def _value(row: tuple[str, str, str, int, int, int, int]) -> Session:
    session_id, person_id, agent, created, seen, signed_in, expires = row
    return Session(
        session_id, person_id, agent, from_us(created), from_us(seen), from_us(signed_in), from_us(expires)
    )  # fmt: skip
