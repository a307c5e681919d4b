"""The ways in which people sign in: an address, a password, an account with somebody who vouches for them.

Knows rows; who may link what is collect/ways.py.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, or_, select, text, update

from espalier.store.people import PERSON_COLUMNS, Person, person_value
from espalier.store.sql import Statement
from espalier.store.tables import identities, people, tokens
from espalier.store.times import from_us, to_us

I = identities.c  # noqa: E741
EMAIL: Final = "email"
PASSWORD: Final = "password"


@dataclass(frozen=True, slots=True)
class Identity:
    """`issuer`: `email`, `password`, or the address of who vouches. `subject`: as the issuer knows the person.

    label: as the person knows it. used_at: when somebody last signed in with it.
    """

    issuer: str
    subject: str
    person_id: str
    label: str
    created_at: datetime
    used_at: datetime | None = None


_COLUMNS: Final = (I.issuer, I.subject, I.person_id, I.label, I.created_at, I.used_at)
_KEY: Final = (I.issuer == bindparam("known_issuer"), I.subject == bindparam("known_subject"))
_FIND = Statement(
    select(*PERSON_COLUMNS)
    .join(identities, I.person_id == people.c.id)
    .where(*_KEY)
    .with_for_update(of=people)
)  # fmt: skip
_KNOWN = Statement(select(I.person_id).where(*_KEY))
_SECRET = Statement(select(I.secret).where(*_KEY))
_OF_PERSON = Statement(
    select(*_COLUMNS).where(I.person_id == bindparam("person")).order_by(I.created_at, I.issuer, I.subject)
)
_P: Final = people.c
_HAS_A_WAY: Final = or_(
    exists().where(I.person_id == _P.id, I.issuer.in_(bindparam("left", expanding=True))),
    exists().where(
        tokens.c.person_id == _P.id, tokens.c.revoked_at.is_(None), tokens.c.scope == text("'full'")
    ),
    _P.email.is_not(None) & (bindparam("by_mail") == 1),
)  # fmt: skip
"""An address lets somebody in by mail whether they have done so before or not."""
_gone = identities.alias("gone")
_STRANDED = Statement(
    select(func.count(_gone.c.person_id.distinct()))
    .join(people, _P.id == _gone.c.person_id)
    .where(_gone.c.issuer.in_(bindparam("issuers", expanding=True)), _P.disabled == text("0"), ~_HAS_A_WAY)
)
_ADMIN_WITH_A_WAY = Statement(
    select(_P.id).where(_P.role == text("'admin'"), _P.disabled == text("0"), _HAS_A_WAY).limit(1)
)  # fmt: skip
_INSERT = Statement(insert(identities).values({column.name: bindparam(column.name) for column in identities.c}))
_USED = Statement(update(identities).where(*_KEY).values(used_at=bindparam("used_at")))
_DELETE = Statement(delete(identities).where(*_KEY, I.person_id == bindparam("person")))
_FORGET = Statement(delete(identities).where(I.person_id == bindparam("person")))


def behind(db: Connection, issuer: str, subject: str) -> Person | None:
    """The person who signs in this way, for who will sign them in."""
    row = _FIND.row(db, known_issuer=issuer, known_subject=subject)
    return person_value(row) if row else None


def is_known(db: Connection, issuer: str, subject: str) -> bool:
    """Whether somebody signs in this way."""
    return _KNOWN.value(db, known_issuer=issuer, known_subject=subject) is not None


def secret_of(db: Connection, issuer: str, subject: str) -> str | None:
    found = _SECRET.value(db, known_issuer=issuer, known_subject=subject)
    return None if found is None else str(found)


def ways_of(db: Connection, person_id: str) -> list[Identity]:
    """All of a person, the oldest first."""
    return [_value(row) for row in _OF_PERSON.rows(db, person=person_id)]


def stranded(db: Connection, gone: Collection[str], left: Collection[str]) -> int:
    """How many people sign in with these issuers alone: with none of those that are left, nor with a token."""
    found = _STRANDED.value(db, issuers=list(gone), left=list(left), by_mail=int(EMAIL in left))
    return int(found or 0)


def an_admin_has_a_way(db: Connection, left: Collection[str]) -> bool:
    """Whether some administrator could sign in with one of these issuers, or with a token."""
    return _ADMIN_WITH_A_WAY.value(db, left=list(left), by_mail=int(EMAIL in left)) is not None


def add(db: Connection, identity: Identity, secret: str | None = None) -> None:
    _INSERT.run(
        db,
        issuer=identity.issuer,
        subject=identity.subject,
        person_id=identity.person_id,
        label=identity.label,
        secret=secret,
        created_at=to_us(identity.created_at),
        used_at=None if identity.used_at is None else to_us(identity.used_at),
    )


def used(db: Connection, issuer: str, subject: str, now: datetime) -> None:
    _USED.run(db, known_issuer=issuer, known_subject=subject, used_at=to_us(now))


def remove(db: Connection, person_id: str, issuer: str, subject: str) -> bool:
    return bool(_DELETE.run(db, person=person_id, known_issuer=issuer, known_subject=subject))


def forget(db: Connection, person_id: str) -> None:
    _FORGET.run(db, person=person_id)


def _value(row: Any) -> Identity:
    issuer, subject, person_id, label, created, at = row
    return Identity(issuer, subject, person_id, label, from_us(created), None if at is None else from_us(at))
