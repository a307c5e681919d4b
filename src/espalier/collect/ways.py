"""The ways in which a person signs in: several on one account, linked by the person or by an issuer that is trusted.

Somebody else has proved who a person is: a mail that was received, a password, an issuer. Knows no protocol.
"""

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect import sessions
from espalier.collect.accounts import Secret
from espalier.collect.admission import join
from espalier.collect.sessions import SignedIn
from espalier.domain.admission import Doors
from espalier.domain.errors import Conflict, Invalid, NotFound, Unauthenticated
from espalier.store import identities, journal, locks, people
from espalier.store.identities import EMAIL, PASSWORD, Identity
from espalier.store.people import Person

LONGEST_ADDRESS: Final = 254  # characters


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proved. `address`: one that is verified, of the same person; by the issuer's word."""

    issuer: str
    subject: str
    label: str
    address: str | None = None


def clean_address(given: str) -> str:
    """An e-mail address as it is kept. Raises Invalid."""
    address = given.strip().lower()
    local, at, domain = address.rpartition("@")
    fine = local and at and domain and "@" not in local and address.isprintable() and address.isascii()
    if not fine or len(address) > LONGEST_ADDRESS or any(sign in ' ,;:<>()[]"\\' for sign in address):
        raise Invalid("This is no e-mail address.", field="email")
    return address


def sign_in(
    db: Connection,
    proof: Proof,
    doors: Doors,
    agent: str,
    secret: Secret,
    now: datetime,
    rng: Random,
    *,
    invitation: str | None = None,
    replaces: str | None = None,
    expects: str | None = None,
) -> SignedIn:
    """A session for whoever has proved who they are; an account, where they have none and may come.

    `invitation`: the hash of the one they hold. `replaces`: the hash of a session that ends with this. `expects`: whose
    account it must be. Raises NotAllowed for who may not come, Unauthenticated for somebody else than expected.
    """
    _hold(db, proof)
    person = identities.behind(db, proof.issuer, proof.subject) or _alike(db, proof, doors, now)
    if expects is not None and (person is None or person.id != expects):
        raise Unauthenticated("This belongs to another account than yours.")
    if person is None:
        believed = proof.address if proof.issuer == EMAIL or proof.issuer in doors.trusted else None
        person = join(db, doors, believed, invitation, now, rng)
        _add(db, person, proof, now)
    identities.used(db, proof.issuer, proof.subject, now)
    return sessions.start_session(db, person, agent, secret, now, rng, replaces=replaces)


def _hold(db: Connection, proof: Proof) -> None:
    """Nobody else makes an account of the same proof at this moment, nor one with the same address."""
    locks.hold_ways(db, [f"{proof.issuer} {proof.subject}", *([f"{EMAIL} {proof.address}"] if proof.address else [])])


def _alike(db: Connection, proof: Proof, doors: Doors, now: datetime) -> Person | None:
    """The account of the same address, where both are verified; it has one way more from now on."""
    if proof.address is None:
        return None
    if proof.issuer == EMAIL:
        person = people.by_email(db, proof.address)
    elif proof.issuer in doors.trusted:
        person = identities.behind(db, EMAIL, proof.address)
    else:
        return None
    if person is not None:
        _add(db, person, proof, now)
    return person


def _add(db: Connection, person: Person, proof: Proof, now: datetime) -> None:
    identities.add(db, Identity(proof.issuer, proof.subject, person.id, proof.label, now, now))
    journal.note(db, person.id, "way.linked", person.id, now, issuer=proof.issuer)


def link(db: Connection, person: Person, proof: Proof, now: datetime) -> None:
    """A further way for a person; an address takes the place of the one before. Raises Conflict where it is taken."""
    _hold(db, proof)
    owner = identities.behind(db, proof.issuer, proof.subject)
    if owner is not None and owner.id == person.id:
        return
    taken = owner is not None
    if proof.issuer == EMAIL:
        other = people.by_email(db, proof.subject)
        taken = taken or (other is not None and other.id != person.id)
    if taken:
        raise Conflict("This belongs to another account here. Sign in with it, or choose another one.", field="email")
    if proof.issuer == EMAIL:
        for way in identities.ways_of(db, person.id):
            if way.issuer == EMAIL:
                identities.remove(db, person.id, way.issuer, way.subject)
        people.save_person(db, replace(person, email=proof.subject))
    _add(db, person, proof, now)


def unlink(
    db: Connection,
    person: Person,
    issuer: str,
    subject: str,
    now: datetime,
    *,
    offered: Set[str] | None = None,
) -> None:
    """Take a way away. `offered`: the issuers with which people come in now; None: all.

    Raises NotFound, and Conflict for the last one.
    """
    ways = identities.ways_of(db, person.id)
    if not any((way.issuer, way.subject) == (issuer, subject) for way in ways):
        raise NotFound("There is no such way to sign in on your account.")
    left = [way.issuer for way in ways if (way.issuer, way.subject) != (issuer, subject)]
    if issuer == EMAIL and PASSWORD in left:
        raise Conflict("The password goes with the e-mail address; remove the password first.")
    if not left or (offered is not None and offered.isdisjoint(left)):
        raise Conflict("This is the last way to sign in; add another one first.")
    identities.remove(db, person.id, issuer, subject)
    if issuer == EMAIL:
        people.save_person(db, replace(person, email=None))
    journal.note(db, person.id, "way.unlinked", person.id, now, issuer=issuer)


def set_password(db: Connection, person: Person, argon2: str, now: datetime) -> None:
    """Set or change the password, which comes here as its Argon2. Raises Conflict without an address."""
    if person.email is None:
        raise Conflict("A password goes with an e-mail address; add that first.", field="password")
    identities.remove(db, person.id, PASSWORD, person.id)
    identities.add(db, Identity(PASSWORD, person.id, person.id, "", now), argon2)
    journal.note(db, person.id, "way.linked", person.id, now, issuer=PASSWORD)


def password_of(db: Connection, address: str) -> tuple[str, str] | None:
    """Whose address this is, and the Argon2 of the password there."""
    person = people.by_email(db, address)
    found = identities.secret_of(db, PASSWORD, person.id) if person else None
    return (person.id, found) if person and found else None
