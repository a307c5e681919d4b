"""Accounts and tokens. A token is known by its SHA-256 only.

Knows rows; who may do what with an account is collect/accounts.py.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from espalier.store.sql import Statement
from espalier.store.tables import people, tokens
from espalier.store.times import from_us, to_us

P, T = people.c, tokens.c


class PersonRole(StrEnum):
    """What a person may do, weakest first."""

    CONTRIBUTOR = "contributor"
    MODERATOR = "moderator"
    ADMIN = "admin"

    def reaches(self, needed: "PersonRole") -> bool:
        order = list(PersonRole)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Person:
    """`scope`: of the token with which the person came: `full`, or `read` that changes nothing."""

    id: str
    name: str
    role: PersonRole
    disabled: bool
    on_board: bool
    anonymous: bool
    created_at: datetime
    email: str | None = None
    scope: str = "full"


PERSON_COLUMNS: Final = (P.id, P.name, P.role, P.disabled, P.on_board, P.anonymous, P.created_at, P.email)
_BY_TOKEN = Statement(
    select(*PERSON_COLUMNS, T.scope)
    .join(tokens, T.person_id == P.id)
    .where(T.hash == bindparam("token_hash"), T.revoked_at.is_(None))
)
_BY_ID = Statement(select(*PERSON_COLUMNS).where(P.id == bindparam("person_id")))
_INSERT = Statement(
    insert(people).values(
        {name: bindparam(name) for name in ("id", "name", "role", "email", "on_board", "anonymous", "created_at")}
    )
)
_INSERT_TOKEN = Statement(
    insert(tokens).values(
        {name: bindparam(name) for name in ("hash", "id", "person_id", "name", "scope", "created_at")}
    )
)
_UPDATE = Statement(
    update(people)
    .where(P.id == bindparam("person_id"))
    .values({name: bindparam(name) for name in ("name", "role", "email", "disabled", "on_board", "anonymous")})
)
_REVOKE = Statement(
    update(tokens)
    .where(T.id == bindparam("token_id"), T.person_id == bindparam("person"), T.revoked_at.is_(None))
    .values(revoked_at=bindparam("revoked_at"))
)


def person_value(row: Any) -> Person:
    person_id, name, role, disabled, on_board, anonymous, created_at, email, *scope = row
    return Person(
        person_id, name, PersonRole(role), bool(disabled), bool(on_board), bool(anonymous), from_us(created_at), email,
        *scope,
    )  # fmt: skip


def by_token(db: Connection, token_hash: str) -> Person | None:
    row = _BY_TOKEN.row(db, token_hash=token_hash)
    return person_value(row) if row else None


def by_id(db: Connection, person_id: str) -> Person | None:
    row = _BY_ID.row(db, person_id=person_id)
    return person_value(row) if row else None


def add_person(db: Connection, person: Person) -> None:
    _INSERT.run(
        db,
        id=person.id,
        name=person.name,
        role=person.role,
        email=person.email,
        on_board=int(person.on_board),
        anonymous=int(person.anonymous),
        created_at=to_us(person.created_at),
    )


def save_person(db: Connection, person: Person) -> None:
    _UPDATE.run(
        db,
        person_id=person.id,
        name=person.name,
        role=person.role,
        email=person.email,
        disabled=int(person.disabled),
        on_board=int(person.on_board),
        anonymous=int(person.anonymous),
    )


def add_token(
    db: Connection, token_hash: str, token_id: str, person_id: str, name: str, scope: str, now: datetime
) -> None:
    _INSERT_TOKEN.run(
        db, hash=token_hash, id=token_id, person_id=person_id, name=name, scope=scope, created_at=to_us(now)
    )


def revoke_token(db: Connection, person_id: str, token_id: str, now: datetime) -> bool:
    return bool(_REVOKE.run(db, token_id=token_id, person=person_id, revoked_at=to_us(now)))
