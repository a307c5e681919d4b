"""Where somebody stands at this moment: points of their week, level, streak, and what became of their last texts.

Knows tallies and the log; makes no boards, so that it is quick enough for a page that is opened all the time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from espalier.collect.leaderboard import Frame, first_day, streaks
from espalier.domain.points import level, level_starts, points
from espalier.domain.sight import BlindMessage, OwnMessage, PublicMessage, StaffMessage, seen
from espalier.store import boards, contributed, reading
from espalier.store.people import Person

LOOKED_AT: Final = 40  # of the last contributions, to find texts among


@dataclass(frozen=True, slots=True)
class Standing:
    """`begun_at`, `next_at`: the points at which this level and the next begin; `next_at` is None at the last."""

    week: int
    total: int
    level: int
    begun_at: int
    next_at: int | None
    streak: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A text of somebody's own, and what became of it. `built_on`: others have replied to it."""

    message: OwnMessage | PublicMessage | StaffMessage
    built_on: bool


def standing(db: Connection, person: Person, now: datetime) -> Standing:
    today = now.astimezone(UTC).date()
    week, total = (
        points(boards.counts_of(db, person.id, first_day(frame, today))) for frame in (Frame.WEEK, Frame.TOTAL)
    )
    reached = level(total)
    return Standing(
        week,
        total,
        reached,
        level_starts[reached - 1],
        level_starts[reached] if reached < len(level_starts) else None,
        streaks(db, [person.id], now).get(person.id, 0),
    )


def outcomes(db: Connection, person: Person, most: int) -> list[Outcome]:
    """Of the last texts that this person wrote, the newest first."""
    facts = contributed.contributed(db, person.id, LOOKED_AT)
    written = [fact.message_id for fact in facts if fact.kind in ("planted", "replied")][:most]
    found = reading.several(db, written)
    eyes = reading.viewer(db, person, list(found.values()))
    shown = (seen(found[message_id], eyes) for message_id in written if message_id in found)
    return [
        Outcome(message, any(not reply.removed for reply in reading.children(db, message.id)))
        for message in shown
        if not isinstance(message, BlindMessage)
    ]


def has_contributed(db: Connection, person: Person) -> bool:
    return bool(contributed.contributed(db, person.id, 1))
