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
from espalier.safety.picture import TYPES, NoPicture, cleaned
from espalier.store import pictures
from espalier.store.charters import charter_in_force
from espalier.store.people import Person, PersonRole
from espalier.store.pictures import Size

ACCEPTED: Final = ",".join(TYPES)
"""Types of files, as browsers want them listed."""
MOST_BYTES: Final = 500_000
MOST_PIXELS: Final = 4000  # of a side


def show(db: Connection, actor: Person | None, data: bytes, says: str, now: datetime) -> Charter:
    """Put a picture on the front page; without one, say something else of the picture there.

    Nothing but the picture is kept of the file. Raises NotAllowed, InvalidCharter, and Invalid with the field.
    """
    require(actor, PersonRole.ADMIN)
    there = charter_in_force(db).picture
    if not says.strip():
        raise Invalid("Say what the picture shows, for people who do not see it.", field="picture_says")
    if not data and not there:
        raise Invalid("Choose a file first.", field="picture")
    if data:
        there = _kept(db, data, actor, now)
    return change_charter(db, actor, {"picture": there, "picture_says": says}, now)


def _kept(db: Connection, data: bytes, actor: Person | None, now: datetime) -> str:
    if len(data) > MOST_BYTES:
        raise Invalid("A picture has at most %(most)s kilobytes.", most=MOST_BYTES // 1000, field="picture")
    try:
        picture = cleaned(data)
    except NoPicture:
        raise Invalid("This is no whole picture in PNG, JPEG or WebP.", field="picture") from None
    if max(picture.width, picture.height) > MOST_PIXELS:
        raise Invalid("A picture has at most %(most)s pixels to a side.", most=MOST_PIXELS, field="picture")
    digest = hashlib.sha256(picture.data).hexdigest()
    person = actor.id if actor else None
    pictures.put(db, digest, picture.type, Size(picture.width, picture.height), picture.data, person, now)
    return digest


def take_away(db: Connection, actor: Person | None, now: datetime) -> Charter:
    """Raises NotAllowed."""
    require(actor, PersonRole.ADMIN)
    pictures.remove(db)
    return change_charter(db, actor, {"picture": "", "picture_says": ""}, now)
