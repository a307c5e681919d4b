"""Leaderboards by day, week, month and in all, the trollboard, and where one person stands.

Boards are made for everybody at once and then looked into; whoever is asked often remembers them for a while.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from espalier.domain.points import Counts, level, level_starts, points, streak, troll_score
from espalier.store import boards
from espalier.store.people import Person


class Frame(StrEnum):
    """The days that a board counts, today included."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"


DAYS: Final[Mapping[Frame, int]] = {Frame.DAY: 1, Frame.WEEK: 7, Frame.MONTH: 30}


def first_day(frame: Frame, today: date) -> date:
    return today - timedelta(days=DAYS[frame] - 1) if frame in DAYS else date.min


@dataclass(frozen=True, slots=True)
class Place:
    """A person on a board. `rank` from 1; `points` of the frame; `level` by all points that they ever earned."""

    rank: int
    person: str
    name: str
    points: int
    level: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """A person on the trollboard, with the counts that made the score."""

    rank: int
    person: str
    name: str
    disabled: bool
    score: int
    red_flags: int
    upvotes: int
    downvotes: int
    spam_prompts: int
    labels: Mapping[str, int]


TROLL_LABELS: Final = (
    "lang_mismatch", "not_appropriate", "pii", "hate_speech", "sexual_content", "political_content",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Board:
    """The places of a frame, best first: by points, then by id. `of`: by person."""

    places: Sequence[Place]
    of: Mapping[str, Place]


def leaderboards(db: Connection, now: datetime) -> dict[Frame, Board]:
    """All boards at this moment. Nobody is on them who does not wish to be, or is disabled, or has no points."""
    today = now.astimezone(UTC).date()
    earned = {frame: boards.earned(db, first_day(frame, today)) for frame in Frame}
    levels = {person: level(total) for person, _, total in earned[Frame.TOTAL]}
    return {frame: _board(earned[frame], levels) for frame in Frame}


def _board(earned: Sequence[tuple[str, str, int]], levels: Mapping[str, int]) -> Board:
    order = sorted((-number, person, name) for person, name, number in earned if number > 0)
    places = [
        Place(rank, person, name, -negative, levels[person]) for rank, (negative, person, name) in enumerate(order, 1)
    ]
    return Board(places, {place.person: place for place in places})


def behind(board: Board, earned: int, person: str) -> Sequence[Place]:
    """The places after one with so many points and this id, whether or not anybody stands there now."""
    return board.places[
        bisect_right(board.places, (-earned, person), key=lambda place: (-place.points, place.person)) :
    ]


def around(board: Board, person: str, size: int) -> Sequence[Place]:
    """So many places with this person's in the middle, as far as there are any; none for who is not on the board."""
    place = board.of.get(person)
    if place is None:
        return ()
    first = max(0, min(place.rank - 1 - size // 2, len(board.places) - size))
    return board.places[first : first + size]


def rank_among(board: Board, points: int) -> int:
    """The place that somebody with so many points would have on it, behind everybody with more."""
    return 1 + bisect_left(board.places, -points, key=lambda place: -place.points)


def writers_board(db: Connection, frame: Frame, lang: str, now: datetime) -> Board:
    """The board of those who write in a language: points for texts alone, since reviews and rankings are counted by
    day and person, not by language. Levels are of these points.
    """
    since = first_day(frame, now.astimezone(UTC).date())
    earned = [(person, name, points(counts)) for person, name, counts in boards.written_in(db, lang, since)]
    return _board(earned, {person: level(number) for person, _, number in earned})


def streaks(db: Connection, people: Sequence[str], now: datetime) -> dict[str, int]:
    """On how many days in a row each of these people has contributed."""
    today = now.astimezone(UTC).date()
    return {person: streak(days, today) for person, days in boards.days_of(db, people).items()}


def trollboard(db: Connection, frame: Frame, now: datetime) -> list[Trouble]:
    """Whose messages made most trouble, worst first; only those with any."""
    today = now.astimezone(UTC).date()
    found = [
        (-troll_score(counts), person, name, disabled, counts)
        for person, name, disabled, counts in boards.troubled(db, first_day(frame, today))
    ]
    return [
        Trouble(
            rank, person, name, disabled, -negative, counts.red_flags, counts.upvotes, counts.downvotes,
            counts.spam_prompts, {label: getattr(counts, label) for label in TROLL_LABELS},
        )
        for rank, (negative, person, name, disabled, counts) in enumerate(sorted(found, key=lambda each: each[:2]), 1)
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Earned:
    """What a person did in a frame and what it is worth. `rank`: on its board; null for who is not on it."""

    points: int
    rank: int | None
    counts: Counts


@dataclass(frozen=True, slots=True)
class PersonalFigures:
    """Where a person stands. `next_level_at`: the points at which the next level begins; null at the last."""

    level: int
    next_level_at: int | None
    streak: int
    frames: Mapping[Frame, Earned]


def personal_figures(db: Connection, person: Person, standing: Mapping[Frame, Board], now: datetime) -> PersonalFigures:
    """Of one person, with their ranks on these boards."""
    today = now.astimezone(UTC).date()
    frames = {}
    for frame in Frame:
        counts = boards.counts_of(db, person.id, first_day(frame, today))
        place = standing[frame].of.get(person.id)
        frames[frame] = Earned(points(counts), place.rank if place else None, counts)
    reached = level(frames[Frame.TOTAL].points)
    return PersonalFigures(
        level=reached,
        next_level_at=level_starts[reached] if reached < len(level_starts) else None,
        streak=streaks(db, [person.id], now)[person.id],
        frames=frames,
    )
