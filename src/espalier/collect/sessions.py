"""Signing in and out: a browser gets a session, which ends by itself when it is not used.

Secrets are handed in; only their SHA-256 is kept. Knows no HTTP and no cookies.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.accounts import Secret
from espalier.collect.ids import new_id
from espalier.domain.errors import NotFound, Unauthenticated
from espalier.store import identities, people, sessions
from espalier.store.identities import PASSWORD
from espalier.store.people import Person
from espalier.store.sessions import Session

LASTS: Final = timedelta(days=30)
"""How long a session outlives its last use."""
TOUCHED_EVERY: Final = timedelta(hours=1)
FRESH: Final = timedelta(minutes=10)
"""For so long after signing in, what is grave is done without signing in again."""
LONGEST_AGENT: Final = 300  # characters


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in, and what the cookie is to hold, which is told this once."""

    person: Person
    token: str


def start_session(
    db: Connection,
    person: Person,
    agent: str,
    secret: Secret,
    now: datetime,
    rng: Random,
    *,
    replaces: str | None = None,
) -> SignedIn:
    """A new session for somebody who has proved who they are; `replaces`: the hash of one that ends with this.

    Whoever is banned gets one too: they read why, and how to appeal. Raises Unauthenticated for closed accounts.
    """
    if person.anonymous:
        raise Unauthenticated("Nobody signs in with this account.")
    token = secret()
    sessions.end_old(db, now)
    if replaces is not None:
        sessions.end_session(db, replaces)
    sessions.add_session(
        db,
        people.token_hash(token),
        Session(new_id(rng), person.id, agent[:LONGEST_AGENT], now, now, now, now + LASTS),
    )
    return SignedIn(person, token)


def sign_in_by_token(
    db: Connection,
    token: str,
    agent: str,
    secret: Secret,
    now: datetime,
    rng: Random,
    *,
    replaces: str | None = None,
) -> SignedIn:
    """A session for whoever holds a token for everything that its account may do. Raises Unauthenticated."""
    person = people.by_token_alone(db, people.token_hash(token.strip()))
    if person is None or person.scope != "full":
        raise Unauthenticated("This is no token in force that may change things.", field="token")
    return start_session(db, person, agent, secret, now, rng, replaces=replaces)


def sign_in_by_password(
    db: Connection,
    person_id: str,
    argon2: str,
    agent: str,
    secret: Secret,
    now: datetime,
    rng: Random,
    *,
    replaces: str | None = None,
) -> SignedIn:
    """A session for who knew the password with this Argon2, unless it was changed meanwhile. Raises Unauthenticated."""
    person = people.by_id_alone(db, person_id)
    if person is None or identities.secret_of(db, PASSWORD, person_id) != argon2:
        raise Unauthenticated("This is not the address and the password of an account.", field="password")
    identities.used(db, PASSWORD, person_id, now)
    return start_session(db, person, agent, secret, now, rng, replaces=replaces)


def start_over(db: Connection, person: Person, agent: str, secret: Secret, now: datetime, rng: Random) -> SignedIn:
    """A new session, and the end of all others."""
    sessions.end_all(db, person.id)
    return start_session(db, person, agent, secret, now, rng)


def is_to_touch(session: Session, now: datetime) -> bool:
    """Whether its last use was noted so long ago that it is noted again."""
    return now - session.seen_at >= TOUCHED_EVERY


def touch(db: Connection, session_hash: str, now: datetime) -> None:
    """Note that a session is in use, which lasts on."""
    sessions.touch(db, session_hash, now, now + LASTS)


def is_fresh(session: Session, now: datetime) -> bool:
    """Whether its person has proved who they are so lately that what is grave may be done."""
    return now - session.signed_in_at < FRESH


def sign_out(db: Connection, token: str) -> None:
    sessions.end_session(db, people.token_hash(token))


def end_session(db: Connection, person: Person, session_id: str) -> None:
    """End one of one's own sessions. Raises NotFound."""
    if not sessions.end_one(db, person.id, session_id):
        raise NotFound("This session has ended already.")


def end_others(db: Connection, person: Person, session_id: str) -> int:
    """End all of one's own sessions but this one; how many there were."""
    return sessions.end_others(db, person.id, session_id)
