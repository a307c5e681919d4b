"""Announcing something to everybody: a line on every page, from a day to a day, until each person has read it."""

from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.accounts import require
from espalier.collect.answers import clean_text
from espalier.collect.ids import new_id
from espalier.domain.errors import Invalid, NotFound
from espalier.store import announcements, journal
from espalier.store.announcements import Announcement
from espalier.store.people import Person, PersonRole

LONGEST: Final = 300  # characters


def announce(
    db: Connection, actor: Person, text: str, starts_at: datetime, ends_at: datetime, now: datetime, rng: Random
) -> Announcement:
    """Show a line on every page from one time to another. Raises NotAllowed, Invalid, TooLong."""
    require(actor, PersonRole.ADMIN)
    _check_times(starts_at, ends_at)
    made = Announcement(new_id(rng), _line(text), 1, starts_at, ends_at, actor.id, now)
    announcements.add(db, made)
    journal.note(db, actor.id, "announcement.made", made.id, now)
    return made


def change(
    db: Connection,
    actor: Person,
    announcement_id: str,
    text: str,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> Announcement:
    """Other words are shown again to who has read the old ones; other times alone are not.

    Raises NotAllowed, NotFound, Invalid, TooLong.
    """
    require(actor, PersonRole.ADMIN)
    _check_times(starts_at, ends_at)
    before = _known(db, announcement_id)
    line = _line(text)
    after = replace(
        before, text=line, version=before.version + (line != before.text), starts_at=starts_at, ends_at=ends_at
    )
    if after != before:
        announcements.save(db, after)
        journal.note(db, actor.id, "announcement.changed", announcement_id, now)
    return after


def end(db: Connection, actor: Person, announcement_id: str, now: datetime) -> Announcement:
    """Show it no longer. Raises NotAllowed, NotFound."""
    require(actor, PersonRole.ADMIN)
    before = _known(db, announcement_id)
    if before.ends_at <= now:
        return before
    after = replace(before, starts_at=min(before.starts_at, now), ends_at=now)
    announcements.save(db, after)
    journal.note(db, actor.id, "announcement.ended", announcement_id, now)
    return after


def dismiss(db: Connection, actor: Person, announcement_id: str, version: int) -> None:
    """This person has read it. Raises NotFound."""
    known = _known(db, announcement_id)
    announcements.keep_read(db, actor.id, announcement_id, max(1, min(version, known.version)))


def _known(db: Connection, announcement_id: str) -> Announcement:
    found = announcements.find(db, announcement_id)
    if found is None:
        raise NotFound("There is no such announcement.")
    return found


def _line(text: str) -> str:
    return " ".join(clean_text(text, LONGEST).split())


def _check_times(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise Invalid("An announcement ends after it begins.", field="ends_at")
