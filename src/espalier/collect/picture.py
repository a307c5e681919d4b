"""The picture that stands on the campaign's front page, with words for who does not see it.

Knows who may put it there; what is a picture is safety/picture.py. Knows no HTTP.
"""

import hashlib
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from espalier.collect.accounts import require
from espalier.collect.charter import change_charter
from espalier.domain.charter import Charter
from espalier.domain.errors import Invalid
from espalier.safety.picture import MOST_PIXELS, TYPES, NoPicture, Picture, TooLarge, cleaned
from espalier.store import pictures
from espalier.store.charters import charter_in_force
from espalier.store.people import Person, PersonRole
from espalier.store.pictures import Size

ACCEPTED: Final = ",".join(TYPES.values())
"""Types of files, as browsers want them listed."""
MOST_BYTES: Final = 500_000


def read(data: bytes) -> Picture:
    """A file as it may be shown: nothing but the picture is kept of it.

    Decoding takes its time: nobody should hold the database meanwhile. Raises Invalid with the field.
    """
    if len(data) > MOST_BYTES:
        raise Invalid("A picture has at most %(most)s kilobytes.", most=MOST_BYTES // 1000, field="picture")
    try:
        return cleaned(data)
    except TooLarge:
        raise Invalid("A picture has at most %(most)s pixels to a side.", most=MOST_PIXELS, field="picture") from None
    except NoPicture:
        raise Invalid("This is no whole picture in PNG, JPEG or WebP.", field="picture") from None


def show(db: Connection, actor: Person | None, picture: Picture | None, says: str, now: datetime) -> Charter:
    """Put a picture on the front page; without one, say something else of the picture there.

    Raises NotAllowed, InvalidCharter, and Invalid with the field.
    """
    require(actor, PersonRole.ADMIN)
    there = charter_in_force(db).picture
    if not says.strip():
        raise Invalid("Say what the picture shows, for people who do not see it.", field="picture_says")
    if picture is None and not there:
        raise Invalid("Choose a file first.", field="picture")
    if picture is not None:
        there = hashlib.sha256(picture.data).hexdigest()
        person = actor.id if actor else None
        pictures.put(db, there, picture.type, Size(picture.width, picture.height), picture.data, person, now)
    return change_charter(db, actor, {"picture": there, "picture_says": says}, now)


def take_away(db: Connection, actor: Person | None, now: datetime) -> Charter:
    """Raises NotAllowed."""
    require(actor, PersonRole.ADMIN)
    pictures.remove(db)
    return change_charter(db, actor, {"picture": "", "picture_says": ""}, now)
