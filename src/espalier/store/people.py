"""Accounts and tokens. A token is known by its SHA-256 only.

Knows rows; who may do what with an account is collect/accounts.py.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, text, tuple_, update

from espalier.store.sql import ESCAPE, KeptStatement, Statement, literally
from espalier.store.tables import people, tokens
from espalier.store.times import from_us, to_us

P, T = people.c, tokens.c


class PersonRole(StrEnum):
    """What a person may do, weakest first."""

    CONTRIBUTOR = "contributor"
    MODERATOR = "moderator"
    ADMIN = "admin"

    def reaches(self, needed: "PersonRole") -> bool:
        return _WEAKEST_FIRST.index(self) >= _WEAKEST_FIRST.index(needed)


_WEAKEST_FIRST: Final = tuple(PersonRole)


@dataclass(frozen=True, slots=True)
class Person:
    """`moderates`: the languages that a moderator looks after, none for all.

    `scope`: of the token with which the person came: `full`, or `read` that changes nothing.
    """

    id: str
    name: str
    role: PersonRole
    disabled: bool
    on_board: bool
    anonymous: bool
    created_at: datetime
    email: str | None = None
    moderates: tuple[str, ...] = ()
    terms: int = 0
    scope: str = "full"
    suspended_until: datetime | None = None

    def is_suspended(self, now: datetime) -> bool:
        return self.suspended_until is not None and now < self.suspended_until

    def looks_after(self, lang: str) -> bool:
        """Whether a member of staff may decide in this language."""
        if self.role is PersonRole.MODERATOR:
            return not self.moderates or lang in self.moderates
        return self.role.reaches(PersonRole.ADMIN)


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A token as its owner sees it in a list; the token itself is shown once, when it is made."""

    id: str
    person_id: str
    name: str
    scope: str
    created_at: datetime
    revoked_at: datetime | None = None


PERSON_COLUMNS: Final = (
    P.id, P.name, P.role, P.disabled, P.on_board, P.anonymous, P.created_at, P.email, P.moderates, P.terms,
    P.suspended_until,
)  # fmt: skip
_IN_FORCE: Final = (
    select(*PERSON_COLUMNS, T.scope)
    .join(tokens, T.person_id == P.id)
    .where(T.hash == bindparam("token_hash"), T.revoked_at.is_(None))
)
_BY_TOKEN = Statement(_IN_FORCE)
_BY_ID = Statement(select(*PERSON_COLUMNS).where(P.id == bindparam("person_id")))
_BY_IDS = Statement(select(*PERSON_COLUMNS).where(P.id.in_(bindparam("ids", expanding=True))))
_BY_ID_LOCKED = Statement(select(*PERSON_COLUMNS).where(P.id == bindparam("person_id")).with_for_update())
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
    .values(
        {name: bindparam(name) for name in ("name", "role", "moderates", "email", "disabled", "on_board", "anonymous")}
    )
)
_SUSPEND = Statement(update(people).where(P.id == bindparam("person_id")).values(suspended_until=bindparam("until")))
_REVOKE = Statement(
    update(tokens)
    .where(T.id == bindparam("token_id"), T.person_id == bindparam("person"), T.revoked_at.is_(None))
    .values(revoked_at=bindparam("revoked_at"))
)


_REVOKE_ALL = Statement(
    update(tokens)
    .where(T.person_id == bindparam("person"), T.revoked_at.is_(None))
    .values(revoked_at=bindparam("revoked_at"))
)
_FORGET_TOKENS = Statement(delete(tokens).where(T.person_id == bindparam("person")))
_TOKENS = Statement(
    select(T.id, T.person_id, T.name, T.scope, T.created_at, T.revoked_at)
    .where(T.person_id == bindparam("person"))
    .order_by(T.created_at, T.id)
)
_IN_ORDER: Final = (
    select(*PERSON_COLUMNS)
    .where(tuple_(P.name, P.id) > tuple_(bindparam("name"), bindparam("person_id")))
    .order_by(P.name, P.id)
    .limit(bindparam("most"))
)
_LIST = Statement(_IN_ORDER)
_CALLED: Final = or_(func.lower(P.name).like(bindparam("pattern"), escape=ESCAPE), P.id == bindparam("exactly"))
_SEARCH = Statement(_IN_ORDER.where(_CALLED))
_SEARCH_ADDRESSES = Statement(
    _IN_ORDER.where(or_(_CALLED, func.lower(P.email).like(bindparam("pattern"), escape=ESCAPE)))
)
_BY_EMAIL = Statement(select(*PERSON_COLUMNS).where(P.email == bindparam("email")))
# Whoever asks is about to take one of them away, so nobody else may do so at the same moment.
_ADMINS = Statement(
    select(P.id).where(P.role == text("'admin'"), P.disabled == text("0")).order_by(P.id).with_for_update()
)


def token_hash(token: str) -> str:
    """A token as the database knows it."""
    return hashlib.sha256(token.encode()).hexdigest()


def person_value(row: Any) -> Person:
    person_id, name, role, disabled, on_board, anonymous, created_at, email, moderates, terms, until, *scope = row
    return Person(
        person_id, name, PersonRole(role), bool(disabled), bool(on_board), bool(anonymous), from_us(created_at), email,
        tuple(moderates.split(",")) if moderates else (), terms, scope[0] if scope else "full",
        None if until is None else from_us(until),
    )  # fmt: skip


def by_token(db: Connection, token_hash: str) -> Person | None:
    row = _BY_TOKEN.row(db, token_hash=token_hash)
    return person_value(row) if row else None


_BY_TOKEN_LOCKED = KeptStatement(_IN_FORCE.with_for_update(of=people), make=person_value)


def by_token_alone(db: Connection, token_hash: str) -> Person | None:
    """The same for who will change something: until the transaction ends, nobody else does so for this person.

    So what one person sends twice at once is seen one after the other, and a ban holds for what comes after it.
    """
    person: Person | None = _BY_TOKEN_LOCKED.row(db, token_hash=token_hash)
    return person


def by_id(db: Connection, person_id: str) -> Person | None:
    row = _BY_ID.row(db, person_id=person_id)
    return person_value(row) if row else None


def by_ids(db: Connection, person_ids: Collection[str]) -> dict[str, Person]:
    """Those of these people who are known, by id."""
    return {person.id: person for person in map(person_value, _BY_IDS.rows(db, ids=list(person_ids)))}


def by_id_alone(db: Connection, person_id: str) -> Person | None:
    """The same for who will change the account: what this person does waits until the transaction ends."""
    row = _BY_ID_LOCKED.row(db, person_id=person_id)
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
        moderates=",".join(person.moderates) or None,
        email=person.email,
        disabled=int(person.disabled),
        on_board=int(person.on_board),
        anonymous=int(person.anonymous),
    )


def suspend(db: Connection, person_id: str, until: datetime | None) -> None:
    """Until then no request of this person is answered; None: they may come in."""
    _SUSPEND.run(db, person_id=person_id, until=None if until is None else to_us(until))


def add_token(
    db: Connection, token_hash: str, token_id: str, person_id: str, name: str, scope: str, now: datetime
) -> None:
    _INSERT_TOKEN.run(
        db, hash=token_hash, id=token_id, person_id=person_id, name=name, scope=scope, created_at=to_us(now)
    )


def revoke_token(db: Connection, person_id: str, token_id: str, now: datetime) -> bool:
    return bool(_REVOKE.run(db, token_id=token_id, person=person_id, revoked_at=to_us(now)))


def revoke_all(db: Connection, person_id: str, now: datetime) -> int:
    """Revoke every token of a person; how many there were."""
    return _REVOKE_ALL.run(db, person=person_id, revoked_at=to_us(now))


def forget_tokens(db: Connection, person_id: str) -> None:
    _FORGET_TOKENS.run(db, person=person_id)


def tokens_of(db: Connection, person_id: str) -> list[TokenInfo]:
    """All tokens that a person ever had, oldest first."""
    return [
        TokenInfo(token_id, person, name, scope, from_us(created), None if revoked is None else from_us(revoked))
        for token_id, person, name, scope, created, revoked in _TOKENS.rows(db, person=person_id)
    ]


def by_email(db: Connection, email: str) -> Person | None:
    row = _BY_EMAIL.row(db, email=email)
    return person_value(row) if row else None


def search_people(
    db: Connection, limit: int, *, wanted: str = "", after: tuple[str, str] = ("", ""), addresses: bool = False
) -> list[Person]:
    """People by name, then id, behind the place `after`; those with `wanted` in their name, or as their id.

    `addresses`: or in their e-mail address.
    """
    name, person_id = after
    if not wanted:
        rows = _LIST.rows(db, name=name, person_id=person_id, most=limit)
    else:
        search = _SEARCH_ADDRESSES if addresses else _SEARCH
        rows = search.rows(
            db, name=name, person_id=person_id, most=limit, pattern=f"%{literally(wanted.lower())}%", exactly=wanted
        )  # fmt: skip
    return [person_value(row) for row in rows]


def admins(db: Connection) -> list[str]:
    """The ids of all administrators who can still act, locked where there are several writers."""
    return [str(person_id) for person_id in _ADMINS.values(db)]
