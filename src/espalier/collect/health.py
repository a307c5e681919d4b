"""How the campaign fares, language by language: what waits and why, the goal, who came and who left, how it is judged.

Some hundred milliseconds on a large campaign, so whoever is asked often remembers the answer for a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from espalier.domain.health import Agreement, Why, agreement, days_left, goals, why_waiting
from espalier.store import health
from espalier.store.charters import charter_in_force
from espalier.store.health import Lately, Waiting
from espalier.store.policies import PolicyBook

WEEK: Final = timedelta(days=7)
MONTH: Final = timedelta(days=28)
QUESTION: Final = "spam"
"""Everybody who reviews answers it, so it tells how far reviewers agree."""


@dataclass(frozen=True, slots=True)
class Delay:
    waiting: Waiting
    why: Why


@dataclass(frozen=True, slots=True)
class LanguageHealth:
    """delays: by kind of work, the longest waiting first. messages: that stand. goal: None without a target.

    days: to the goal at this week's pace; None when that never comes. lately: of the last week and month.
    """

    lang: str
    delays: Sequence[Delay]
    messages: int
    goal: int | None
    days: int | None
    lately: Lately
    refused: float | None
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Health:
    """active, lost: people who contributed in the last week; in the three before, and not in it."""

    at: datetime
    active: int
    lost: int
    langs: Sequence[LanguageHealth]


def health_of(db: Connection, now: datetime) -> Health:
    messages, lately = health.standing(db), health.lately(db, now - WEEK, now - MONTH)
    waiting: dict[str, list[Waiting]] = {}
    for each in health.waiting(db):
        waiting.setdefault(each.lang, []).append(each)
    langs = messages.keys() | waiting.keys() | lately.keys()
    charter, policy = charter_in_force(db), PolicyBook(db).campaign.base
    wanted = goals(charter.target, policy.target_language_mix or {}, langs) if charter.target else {}
    today = now.astimezone(UTC).date()
    active, lost = health.people(db, today - timedelta(days=6), today - timedelta(days=27))
    found = [
        _of(db, lang, waiting.get(lang, ()), messages.get(lang, 0), wanted.get(lang), lately.get(lang, Lately()))
        for lang in sorted(langs)
    ]
    return Health(now, active, lost, found)


def _of(
    db: Connection, lang: str, waiting: Sequence[Waiting], messages: int, goal: int | None, lately: Lately
) -> LanguageHealth:
    places = sum(each.places for each in waiting)
    delays = [
        Delay(
            each,
            why_waiting(
                needs=each.needs, held=each.held, active=lately.active, open_here=places, week=lately.week
            ),
        )
        for each in waiting
    ]  # fmt: skip
    return LanguageHealth(
        lang, delays, messages, goal, None if goal is None else days_left(goal, messages, lately.week), lately,
        lately.refused / lately.decided if lately.decided else None,
        agreement(health.answers(db, lang, QUESTION)),
    )  # fmt: skip
