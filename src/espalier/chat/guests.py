"""People who chat without an account: known by their browser alone, for a day, and never part of the data.

All their conversations are temporary; whoever signs in may take them over. Use cases in the caller's transaction.
"""

import hashlib
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from espalier.store import battles, chats
from espalier.store.people import Person, PersonRole

PREFIX: Final = "guest:"


def guest_id(secret: str) -> str:
    """secret: what the browser holds; only its SHA-256 is kept."""
    return PREFIX + hashlib.sha256(secret.encode()).hexdigest()


def guest(person_id: str, now: datetime) -> Person:
    """Somebody without an account, as use cases take a person."""
    return Person(person_id, "", PersonRole.CONTRIBUTOR, False, False, True, now)


def take_over(db: Connection, person: Person, secret: str) -> int:
    """What was said in this browser without an account is the person's from now on, and kept; how many there were."""
    before = guest_id(secret)
    battles.give_votes(db, before, person.id)
    return chats.give_all(db, before, person.id)
