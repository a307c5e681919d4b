"""What the organiser lets programs read of messages, trees and figures: with a token, and of an open campaign without.

The same rules as for pages (looking.py). Knows callers; knows no route.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from espalier.domain.charter import Visibility
from espalier.domain.errors import NotAllowed, NotFound
from espalier.domain.sight import StaffMessage
from espalier.domain.tree import State
from espalier.store.charters import charter_in_force
from espalier.store.people import Person, PersonRole
from espalier.store.preferences import names_shown
from espalier.web.campaign import Caller, Campaign, identified
from espalier.web.looking import NOBODY


@dataclass(frozen=True, slots=True)
class Look:
    """A moment of the database, and who looks. finished: only at finished trees. own: only at their own work."""

    db: Connection
    person: Person
    finished: bool = False
    own: bool = False

    def admits(self, message: StaffMessage) -> bool:
        """Whether this message is for who looks."""
        of_others = self.own and message.author != self.person.id
        return not of_others and (not self.finished or message.tree_state is State.READY_FOR_EXPORT)

    def check(self, message: StaffMessage) -> None:
        """Raises NotFound where this message is not for who looks."""
        if not self.admits(message):
            raise NotFound("There is no such message.")

    def check_others(self) -> None:
        """Raises NotAllowed for who sees nothing but their own work."""
        if self.own:
            raise NotAllowed("The organiser shows this to staff alone; your own messages are in `/messages?author=me`.")


@contextmanager
def governed(campaign: Campaign, caller: Caller) -> Iterator[Look]:
    """Raises Unauthenticated, Banned."""
    if caller.token_hash is None:
        with campaign.database.read() as db:
            if charter_in_force(db).readers is not Visibility.OPEN:
                identified(db, caller, campaign.clock())
            yield Look(db, NOBODY, finished=True)
    else:
        with campaign.read(caller) as (db, person):
            for_staff = charter_in_force(db).readers is Visibility.STAFF
            yield Look(db, person, own=for_staff and not person.role.reaches(PersonRole.MODERATOR))


def shown_names(db: Connection, reader: Person, names: Mapping[str, str]) -> Mapping[str, str]:
    """The names of people, by id, as this person reads them: staff the names themselves, others what was agreed to."""
    return names if reader.role.reaches(PersonRole.MODERATOR) else names_shown(db, names)


def by_shown_names(db: Connection, reader: Person, messages: Iterable[StaffMessage]) -> list[StaffMessage]:
    """These messages, with the names of their authors as this person reads them."""
    found = list(messages)
    names = {each.author: each.author_name for each in found if each.author and each.author_name}
    shown = shown_names(db, reader, names)
    return [
        replace(each, author_name=shown[each.author]) if each.author and each.author_name else each for each in found
    ]
