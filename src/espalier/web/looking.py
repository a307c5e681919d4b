"""How pages of trees, messages and figures look into the database: for who is signed in, and for who is not.

Who is not signed in sees finished trees only, of a campaign that is open to all, and no more of them than anybody who
could be asked about a message. Knows visits; knows no page.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from espalier.domain.charter import Visibility
from espalier.domain.errors import NotFound
from espalier.domain.sight import StaffMessage
from espalier.domain.tree import State
from espalier.store.people import Person, PersonRole
from espalier.web.visit import Visit

NOBODY: Final = Person("", "", PersonRole.CONTRIBUTOR, False, False, True, datetime(1970, 1, 1, tzinfo=UTC))
"""Who is not signed in: wrote nothing, has judged nothing."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One of several views of a page, side by side at its head."""

    words: str
    address: str
    current: bool


@contextmanager
def look(visit: Visit) -> Iterator[tuple[Connection, Person]]:
    """A moment of the database, and who looks."""
    if visit.person is None:
        with visit.campaign.database.read() as db:
            yield db, NOBODY
    else:
        with visit.campaign.read(visit.caller) as (db, person):
            yield db, person


def is_open_to(visit: Visit, state: State) -> bool:
    """Whether a tree in this state is for this reader at all."""
    return visit.person is not None or state is State.READY_FOR_EXPORT


def only_own(visit: Visit) -> bool:
    """Whether the reader sees nothing but their own work."""
    return visit.charter.readers is Visibility.STAFF and not visit.may("moderator")


def check_open(visit: Visit, message: StaffMessage) -> None:
    """Raises NotFound where this message is not for this reader."""
    own = visit.person is not None and message.author == visit.person.id
    if not is_open_to(visit, message.tree_state) or (only_own(visit) and not own):
        raise NotFound("There is no such message.")
