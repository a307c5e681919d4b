"""Signing in by a link that only the holder of an address gets, or by the code beside it.

A link opens once, within a quarter of an hour; whoever asks again has the newest alone. Knows no mail and no HTTP;
secrets are handed in, and only their SHA-256 is kept.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final, TypeVar

from sqlalchemy import Connection

from espalier.collect import sessions, ways
from espalier.collect.accounts import Secret
from espalier.collect.sessions import SignedIn
from espalier.collect.ways import Proof
from espalier.domain.admission import Doors
from espalier.domain.errors import Invalid, NotFound, RateLimited, Unauthenticated
from espalier.store import people, signin
from espalier.store.identities import EMAIL
from espalier.store.people import Person
from espalier.store.signin import Link

LASTS: Final = timedelta(minutes=15)
TRIES: Final = 5  # of a code
WINDOW: Final = timedelta(minutes=15)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """`link`, `code`: for whoever reads the mail. `asker`: for the browser that asked. Told this once."""

    link: str
    code: str
    asker: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link or code has led to: a session, or (None) a further address on the account. `next`: the way on."""

    signed_in: SignedIn | None
    next: str


def ask(
    db: Connection,
    address: str | None,
    next: str,
    secret: Secret,
    now: datetime,
    *,
    person_id: str | None = None,
    invitation: str | None = None,
) -> Asked:
    """A link and a code to an address; `person_id`: for whose account, where that is settled."""
    link, asker = secret(), secret()
    code = f"{int(hashlib.sha256(secret().encode()).hexdigest(), 16) % 1_000_000:06}"
    kept = Link(_hash(link), _hash(asker), address, person_id, _hash(asker + code), 0, invitation, next, now + LASTS)
    signin.add(db, kept, now)
    return Asked(link, code, asker)


def count(db: Connection, most: Sequence[tuple[str, int]], now: datetime) -> None:
    """Count a try for each of these names, against the most that there may be of it. Raises RateLimited."""
    for name, limit in most:
        tried, ends_at = signin.count_attempt(db, _hash(name), now, now + WINDOW)
        if tried > limit:
            wait_s = max(1, round((ends_at - now).total_seconds()))
            raise RateLimited("There were too many tries in a short time.", retry_after_s=wait_s)


def count_code(db: Connection, asker: str) -> None:
    """Count a try of the code that this browser asked for, before it is looked at. Raises NotFound."""
    if not signin.tried(db, _hash(asker), TRIES):
        raise NotFound("This code does not hold any more. Ask for a new one.", field="code")


def find_link(db: Connection, token: str, now: datetime) -> Link:
    """A link that may be opened. Raises NotFound."""
    return _there(signin.find(db, _hash(token), now))


def by_link(
    db: Connection, token: str, person: Person | None, doors: Doors, agent: str, secret: Secret, now: datetime,
    rng: Random, *, replaces: str | None = None,
) -> Opened:  # fmt: skip
    """Open a link, which is over with that. `person`: who is signed in.

    Raises NotFound, Unauthenticated, NotAllowed.
    """
    link = _there(signin.take(db, _hash(token), now))
    return _open(db, link, person, doors, agent, secret, now, rng, replaces)


def by_code(
    db: Connection, asker: str, code: str, person: Person | None, doors: Doors, agent: str, secret: Secret,
    now: datetime, rng: Random, *, replaces: str | None = None,
) -> Opened:  # fmt: skip
    """The same with the code; its tries are counted by `count_code`. Raises Invalid for another code too."""
    link = signin.take_of_asker(db, _hash(asker), now)
    if link is None:
        raise NotFound("This code does not hold any more. Ask for a new one.", field="code")
    if link.code != _hash(asker + "".join(code.split())):
        raise Invalid("This is not the code.", field="code")
    return _open(db, link, person, doors, agent, secret, now, rng, replaces)


def _open(
    db: Connection, link: Link, person: Person | None, doors: Doors, agent: str, secret: Secret, now: datetime,
    rng: Random, replaces: str | None,
) -> Opened:  # fmt: skip
    signin.end(db, link.hash)
    if link.email is None:
        meant = _there(people.by_id_alone(db, link.person_id or ""))
        made = sessions.start_session(db, meant, agent, secret, now, rng, replaces=replaces)
        return Opened(made, link.next)
    proof = Proof(EMAIL, link.email, link.email, link.email)
    if link.person_id is not None:
        if person is None or person.id != link.person_id:
            raise Unauthenticated("Sign in first with the account to which the address shall belong.")
        ways.link(db, person, proof, now)
        return Opened(None, link.next)
    signed_in = ways.sign_in(
        db, proof, doors, agent, secret, now, rng, invitation=link.invitation, replaces=replaces
    )  # fmt: skip
    return Opened(signed_in, link.next)


def _there(behind: T | None) -> T:
    """What is behind a link. Raises NotFound."""
    if behind is None:
        raise NotFound("This link was used already, or is older than a quarter of an hour.")
    return behind


def _hash(secret: str) -> str:
    return people.token_hash(secret)
