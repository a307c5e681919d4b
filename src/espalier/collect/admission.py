"""Coming to a campaign: the account of somebody new, and the links with which administrators invite.

Knows no HTTP; secrets are handed in, and only their SHA-256 is kept.
"""

from datetime import datetime, timedelta
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.accounts import LONGEST_NAME, MOST_INVITATIONS, Secret, clean_name, require
from espalier.collect.ids import new_id
from espalier.domain.admission import Admission, Doors
from espalier.domain.errors import Invalid, NotAllowed, NotFound
from espalier.store import invitations, journal, people
from espalier.store.invitations import Invitation
from espalier.store.people import Person, PersonRole

LONGEST: Final = timedelta(days=365)
_FIRST: Final = (
    "Amber", "Bright", "Calm", "Clear", "Copper", "Gentle", "Golden", "Green", "Happy", "Humble", "Kind", "Lively",
    "Merry", "Mossy", "Patient", "Quick", "Quiet", "Silver", "Steady", "Sunny", "Tall", "Warm", "Wild", "Young",
)  # fmt: skip
_SECOND: Final = (
    "Alder", "Apple", "Ash", "Aspen", "Beech", "Birch", "Cedar", "Cherry", "Elder", "Elm", "Fern", "Fig", "Hazel",
    "Holly", "Ivy", "Juniper", "Larch", "Laurel", "Linden", "Maple", "Oak", "Olive", "Pear", "Pine", "Plum", "Quince",
    "Rowan", "Sorrel", "Walnut", "Willow",
)  # fmt: skip


def suggested_name(rng: Random) -> str:
    """Two words for somebody who has not chosen a name yet."""
    return f"{rng.choice(_FIRST)} {rng.choice(_SECOND)}"


def join(
    db: Connection, doors: Doors, address: str | None, invitation: str | None, now: datetime, rng: Random
) -> Person:
    """The account of somebody new; `address`: verified, theirs unless another account holds it already;
    `invitation`: the hash of the one they hold.

    Raises NotAllowed for who may not come.
    """
    invited = not doors.admits(address, invited=False) and invitation is not None and _taken(db, invitation, now)
    require_admission(doors, address, invited=invited)
    free = address if address is not None and people.by_email(db, address) is None else None
    person = Person(new_id(rng), suggested_name(rng), PersonRole.CONTRIBUTOR, False, True, False, now, free)
    people.add_person(db, person)
    journal.note(db, person.id, "person.joined", person.id, now)
    return person


def require_admission(doors: Doors, address: str | None, *, invited: bool) -> None:
    """Raises NotAllowed for whoever may not come with this verified address."""
    if not doors.admits(address, invited=invited):
        if doors.admission is Admission.DOMAINS:
            raise NotAllowed(
                "There is no account for this yet, and new ones are for mail addresses at %(domains)s, "
                "proved by a letter.",
                domains=", ".join(doors.domains),
            )
        raise NotAllowed("There is no account for this yet, and new people come here by invitation.")


def _taken(db: Connection, invitation: str, now: datetime) -> bool:
    return invitations.use(db, invitation, now)


def invite_by_link(
    db: Connection, actor: Person, note: str, places: int, days: int, secret: Secret, now: datetime, rng: Random
) -> tuple[Invitation, str]:
    """A link that lets a number of people in; what it holds is shown this once. Raises NotAllowed, Invalid."""
    require(actor, PersonRole.ADMIN)
    if not 1 <= places <= MOST_INVITATIONS:
        raise Invalid("An invitation is for 1 to %(most)s people.", most=MOST_INVITATIONS, field="places")
    if not timedelta(days=1) <= timedelta(days=min(days, 10_000)) <= LONGEST:
        raise Invalid("An invitation lasts 1 to %(most)s days.", most=LONGEST.days, field="days")
    token = secret()
    note = clean_name(note[:LONGEST_NAME], field="note") if note.strip() else ""
    made = Invitation(new_id(rng), note, actor.id, places, 0, now, now + timedelta(days=days))
    invitations.add(db, people.token_hash(token), made)
    journal.note(db, actor.id, "invitation.made", made.id, now, places=places)
    return made, token


def end_invitation(db: Connection, actor: Person, invitation_id: str, now: datetime) -> None:
    """From now on the link lets nobody in. Raises NotAllowed, NotFound."""
    require(actor, PersonRole.ADMIN)
    if not invitations.end(db, invitation_id, now):
        raise NotFound("There is no such invitation in force.")
    journal.note(db, actor.id, "invitation.ended", invitation_id, now)
