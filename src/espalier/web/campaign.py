"""The running campaign as the routes see it: how to change it, how to ask it, who is asking.

Knows the door, the readers, the clock and the source of chance; does not know any route.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from espalier.chat.guests import guest
from espalier.chat.relaying import Relay
from espalier.collect.files import Workshop
from espalier.domain.charter import refuse_without_terms
from espalier.domain.errors import Banned, NotAllowed, Suspended, Unauthenticated
from espalier.store.charters import charter_in_force
from espalier.store.door import Door
from espalier.store.people import Person, PersonRole, by_token, by_token_alone
from espalier.store.session import Database
from espalier.store.sessions import by_session, by_session_alone
from espalier.web.chatroom import Chatroom, ChatRules
from espalier.web.doors import Entrance
from espalier.web.memory import Memory

P = ParamSpec("P")
T = TypeVar("T")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Caller:
    """Who sent a request, known so far by a token or a session alone, and what it asks for."""

    token_hash: str | None
    needs: PersonRole
    changes: bool
    session_at: datetime | None = None
    """Of a browser: the moment at which its session must be in force. None: came with a token."""
    shut_out: bool = False
    """Whether somebody who is banned or suspended may do this too."""
    guest: str | None = None
    """Under which id somebody without an account chats, where the organiser lets them."""
    before_terms: bool = False
    """Whether the token opens this also while its person has not accepted the organiser's terms."""


@dataclass(frozen=True)
class Campaign:
    database: Database
    door: Door
    rng: Random
    data_dir: Path
    clock: Callable[[], datetime] = utc_now
    signing_key: str = ""
    secret: Callable[[], str] = secrets.token_urlsafe
    memory: Memory = field(default_factory=Memory)
    entrance: Entrance = field(default_factory=Entrance)
    chatroom: Chatroom | None = None
    """The models that people chat with; None where chat is switched off."""
    chat: ChatRules = field(default_factory=ChatRules)
    relay: Relay | None = None
    """To the same models, for programs."""

    async def change(
        self,
        caller: Caller,
        use_case: Callable[Concatenate[Connection, Person, P], T],
        *args: P.args,
        **options: P.kwargs,
    ) -> T:
        """Run a use case for the caller, who is looked up in the same transaction: a ban holds at once."""
        return await self.door.write(_for_caller, caller, self.clock(), use_case, *args, **options)

    @property
    def shop(self) -> Workshop:
        """What jobs with files work with."""
        return Workshop(self.door.call, self.database.read, self.data_dir, self.clock, self.rng, self.secret)

    @contextmanager
    def read(self, caller: Caller) -> Iterator[tuple[Connection, Person]]:
        """A moment of the database for somebody who may see it."""
        with self.database.read() as db:
            yield db, identified(db, caller, self.clock())


def _for_caller(
    db: Connection,
    caller: Caller,
    now: datetime,
    use_case: Callable[Concatenate[Connection, Person, P], T],
    /,
    *args: P.args,
    **options: P.kwargs,
) -> T:
    return use_case(db, identified(db, caller, now, alone=True), *args, **options)


def identified(db: Connection, caller: Caller, now: datetime, *, alone: bool = False) -> Person:
    """The person behind a token or a session; `alone`: who will change something.

    Raises Unauthenticated, Banned, Suspended, NotAllowed, TermsNotAccepted.
    """
    if caller.guest and caller.needs is PersonRole.CONTRIBUTOR:
        return guest(caller.guest, now)
    person = _behind(db, caller.token_hash, caller.session_at, alone) if caller.token_hash else None
    if person is None:
        raise Unauthenticated("Send a valid token: `Authorization: Bearer <token>`.")
    refuse_shut_out(person, caller, now)
    if caller.session_at is None and not caller.before_terms:  # the site leads its visitors to the terms by itself
        refuse_without_terms(charter_in_force(db), accepted=person.terms)
    return person


def refuse_shut_out(person: Person, caller: Caller, now: datetime) -> None:
    """Whether this person may do what the caller asks for at all. Raises Banned, Suspended, NotAllowed."""
    if person.disabled and not caller.shut_out:
        raise Banned("This account has been disabled.")
    if person.is_suspended(now) and not caller.shut_out:
        assert person.suspended_until is not None
        raise Suspended("This account is suspended until %(until)s.", until=person.suspended_until)
    if not person.role.reaches(caller.needs):
        raise NotAllowed(
            "This is for people with the role %(role)s; yours is %(own)s.", role=caller.needs, own=person.role
        )
    if caller.changes and person.scope != "full":
        raise NotAllowed("This token only reads.")


def _behind(db: Connection, known: str, session_at: datetime | None, alone: bool) -> Person | None:
    if session_at is None:
        return by_token_alone(db, known) if alone else by_token(db, known)
    return by_session_alone(db, known, session_at) if alone else by_session(db, known, session_at)
