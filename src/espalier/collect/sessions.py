"""Signing in and out: a browser gets a session, which ends by itself when it is not used.

Secrets are handed in; only their SHA-256 is kept. Knows no HTTP and no cookies.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.accounts import Secret, new_id
from espalier.domain.errors import Banned, Unauthenticated
from espalier.store import people, sessions
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


def start_session(db: Connection, person: Person, agent: str, secret: Secret, now: datetime, rng: Random) -> SignedIn:
    """A new session for somebody who has proved who they are. Raises Unauthenticated for closed accounts.

    Whoever is banned gets one too: they read why, and how to appeal.
    """
    if person.anonymous:
        raise Unauthenticated("Nobody signs in with this account.")
    token = secret()
    sessions.end_old(db, now)
    sessions.add_session(
        db,
        people.token_hash(token),
        Session(new_id(rng), person.id, agent[:LONGEST_AGENT], now, now, now, now + LASTS),
    )
    return SignedIn(person, token)


def sign_in_by_token(db: Connection, token: str, agent: str, secret: Secret, now: datetime, rng: Random) -> SignedIn:
    """A session for whoever holds a token for everything that its account may do. Raises Unauthenticated, Banned."""
    person = people.by_token_alone(db, people.token_hash(token.strip()))
    if person is None or person.scope != "full":
        raise Unauthenticated("This is no token in force that may change things.", field="token")
    if person.disabled:
        raise Banned("This account has been disabled.")
    return start_session(db, person, agent, secret, now, rng)


def sign_out(db: Connection, token: str) -> None:
    sessions.end_session(db, people.token_hash(token))
