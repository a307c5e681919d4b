"""Counts over the whole campaign, one statement each: trees, messages, people, days.

Knows sums; what is made of them is collect/figures.py.
"""

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlalchemy import Connection, bindparam, case, func, select, text

from espalier.store.sql import Statement
from espalier.store.tables import messages, people, tallies, trees

M, T, P, Y = messages.c, trees.c, people.c, tallies.c


@dataclass(frozen=True, slots=True)
class Work:
    """How much was contributed, by kind."""

    prompts: int = 0
    replies: int = 0
    reviews: int = 0
    rankings: int = 0


_WORK: Final = (
    func.sum(Y.prompts),
    func.sum(Y.replies_assistant + Y.replies_prompter),
    func.sum(Y.labels_simple + Y.labels_full),
    func.sum(Y.rankings),
)
_WORKED: Final = (
    Y.prompts + Y.replies_assistant + Y.replies_prompter + Y.labels_simple + Y.labels_full + Y.rankings > text("0")
)
_TREES = Statement(select(T.lang, T.state, func.count()).group_by(T.lang, T.state).order_by(T.lang, T.state))
_WRITTEN = Statement(
    select(
        M.lang,
        M.author_id.is_not(None),
        func.sum(case((M.role == text("'prompter'"), text("1")), else_=text("0"))),
        func.count(),
    )
    .where(M.live == text("1"))
    .group_by(M.lang, M.author_id)
    .order_by(M.lang)
)
_PEOPLE = Statement(select(P.role, P.anonymous, P.disabled, func.count()).group_by(P.role, P.anonymous, P.disabled))
# One look-up for each person, which ends at their first day of work: tens of times quicker than counting all days.
_ACTIVE = Statement(
    select(func.count())
    .select_from(people)
    .where(
        select(text("1")).select_from(tallies).where(Y.person_id == P.id, Y.day >= bindparam("since"), _WORKED).exists()
    )
)
_DAYS = Statement(select(Y.day, *_WORK).where(Y.day >= bindparam("since"), _WORKED).group_by(Y.day).order_by(Y.day))
_newest = (
    select(T.id, T.created_at)
    .where(T.state == text("'ready_for_export'"))
    .order_by(T.created_at.desc(), T.id.desc())
    .limit(bindparam("most"))
    .subquery()
)
_LABELS = Statement(
    select(M.labels)
    .join(_newest, _newest.c.id == M.tree_id)
    .where(M.live == text("1"), M.labels.is_not(None))
    .order_by(_newest.c.created_at.desc(), _newest.c.id.desc(), M.place)
    .limit(bindparam("most"))
)
_EACH = Statement(select(*_WORK).group_by(Y.person_id))


def trees_by_lang(db: Connection) -> dict[str, dict[str, int]]:
    """How many trees stand in each state, by language."""
    found: dict[str, dict[str, int]] = {}
    for lang, state, number in _TREES.rows(db):
        found.setdefault(lang, {})[state] = number
    return found


@dataclass(slots=True)
class Written:
    """Messages of a language that are not removed, by role; and how many each of its writers wrote."""

    prompter: int = 0
    assistant: int = 0
    each: list[int] = field(default_factory=list)


def written_by_lang(db: Connection) -> dict[str, Written]:
    found: dict[str, Written] = {}
    for lang, has_author, prompter, number in _WRITTEN.rows(db):
        written = found.setdefault(lang, Written())
        written.prompter += int(prompter)
        written.assistant += number - int(prompter)
        if has_author:
            written.each.append(number)
    return found


def accounts(db: Connection) -> list[tuple[str, bool, bool, int]]:
    """How many accounts there are by role, whether nobody signs in with them, and whether they are disabled."""
    return [(role, bool(anonymous), bool(disabled), number) for role, anonymous, disabled, number in _PEOPLE.rows(db)]


def active_since(db: Connection, since: date) -> int:
    """How many people contributed on that day or later."""
    return int(_ACTIVE.value(db, since=since.toordinal()) or 0)


def by_day(db: Connection, since: date) -> dict[date, Work]:
    """What was contributed on each day from that one on; days without work are absent."""
    return {date.fromordinal(day): Work(*map(int, sums)) for day, *sums in _DAYS.rows(db, since=since.toordinal())}


def labels_of_finished(db: Connection, most: int) -> list[dict[str, tuple[float, int]]]:
    """The mean and number of answers by label of messages that stand in finished trees, those of the newest trees."""
    return [json.loads(document) for document in _LABELS.values(db, most=most)]


def work_of_each(db: Connection) -> list[Work]:
    """What each person contributed in all."""
    return [Work(*map(int, sums)) for sums in _EACH.rows(db)]
