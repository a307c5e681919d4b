"""Live statistics of the campaign: trees, messages, people, work by day, and how evenly it is spread.

About a second on a large campaign, so whoever is asked often remembers the answer for a while.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from espalier.domain.inclusion import Inclusion, inclusion
from espalier.domain.tree import State
from espalier.store import figures
from espalier.store.figures import Work, Written

DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class People:
    """`took_part`: who wrote, reviewed or ranked something, with an account or known from imported files only;
    `active_…`: of them in the last so many days, today included. `accounts` by role, those that can sign in;
    `imported`: known from files only, or closed.
    """

    took_part: int

    accounts: Mapping[str, int]
    disabled: int
    imported: int
    active_1: int
    active_7: int
    active_30: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How evenly each kind of work is spread over people; `messages` by language."""

    prompts: Inclusion
    replies: Inclusion
    reviews: Inclusion
    rankings: Inclusion
    messages: Mapping[str, Inclusion]


@dataclass(frozen=True, slots=True)
class Figures:
    """`trees` by language and state; `messages` by language and role; `days`: the last thirty, oldest first."""

    at: datetime
    trees: Mapping[str, Mapping[str, int]]
    messages: Mapping[str, Mapping[str, int]]
    people: People
    days: Mapping[date, Work]
    spread: Spread


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign has come: who took part, as in `People`; what stands in it; which trees are finished."""

    people: int
    messages: int
    finished: int


def progress_of(db: Connection) -> Progress:
    written = figures.written_by_lang(db)
    trees = figures.trees_by_lang(db)
    return Progress(
        people=_took_part(db),
        messages=sum(of.prompter + of.assistant for of in written.values()),
        finished=sum(here.get(State.READY_FOR_EXPORT, 0) for here in trees.values()),
    )


def figures_of(db: Connection, now: datetime) -> Figures:
    """All figures at this moment."""
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    worked = figures.by_day(db, first)
    written = figures.written_by_lang(db)
    return Figures(
        at=now,
        trees=figures.trees_by_lang(db),
        messages={lang: {"prompter": of.prompter, "assistant": of.assistant} for lang, of in written.items()},
        people=_people(db, today),
        days={day: worked.get(day, Work()) for day in (first + timedelta(days=n) for n in range(DAYS))},
        spread=_spread(db, written),
    )


def _people(db: Connection, today: date) -> People:
    accounts: dict[str, int] = {}
    disabled = imported = 0
    for role, anonymous, is_disabled, number in figures.accounts(db):
        if anonymous:
            imported += number
        elif is_disabled:
            disabled += number
        else:
            accounts[role] = accounts.get(role, 0) + number
    active = [figures.active_since(db, today - timedelta(days=days - 1)) for days in (1, 7, 30)]
    return People(_took_part(db), accounts, disabled, imported, *active)


def _took_part(db: Connection) -> int:
    return figures.active_since(db, date.min)


def _spread(db: Connection, written: Mapping[str, Written]) -> Spread:
    each = figures.work_of_each(db)
    return Spread(
        prompts=inclusion(work.prompts for work in each),
        replies=inclusion(work.replies for work in each),
        reviews=inclusion(work.reviews for work in each),
        rankings=inclusion(work.rankings for work in each),
        messages={lang: inclusion(of.each) for lang, of in written.items()},
    )
