"""What is asked about the health of a campaign: what waits longest, what a language wrote lately, how it was reviewed.

Knows rows; what they mean is domain/health.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from pydantic_core import from_json
from sqlalchemy import Connection, bindparam, case, func, select, text

from espalier.domain.work import Kind
from espalier.store.sql import Statement
from espalier.store.tables import messages, open_work, tallies, trees
from espalier.store.times import from_us, to_us

M, T, W, Y = messages.c, trees.c, open_work.c, tallies.c
LOOKED_AT: Final = 200  # reviewed messages of a language, the last ones


@dataclass(frozen=True, slots=True)
class Waiting:
    """The open work of a kind in a language. `since`: when its longest waiting tree last moved; of that, the rest."""

    lang: str
    kind: Kind
    places: int
    since: datetime
    tree_id: str
    needs: int
    held: int


@dataclass(frozen=True, slots=True)
class Lately:
    """What a language wrote in a month. `active`: who wrote in the last week; `lost`: who wrote before it, not in it.

    `decided`, `refused`: of the month's messages.
    """

    week: int = 0
    active: int = 0
    lost: int = 0
    decided: int = 0
    refused: int = 0


_in_turn = (
    select(
        W.lang, W.kind, W.tree_id, W.needs, W.held, T.changed_at,
        func.sum(case((W.needs > W.held, W.needs - W.held), else_=text("0"))).over(partition_by=(W.lang, W.kind))
        .label("places"),
        func.row_number().over(partition_by=(W.lang, W.kind), order_by=(T.changed_at, W.tree_id, W.subject))
        .label("turn"),
    )
    .join(trees, T.id == W.tree_id)
    .subquery()
)  # fmt: skip
_WAITING = Statement(
    select(
        _in_turn.c.lang, _in_turn.c.kind, _in_turn.c.places, _in_turn.c.changed_at, _in_turn.c.tree_id,
        _in_turn.c.needs, _in_turn.c.held,
    )
    .where(_in_turn.c.turn == text("1"))
    .order_by(_in_turn.c.lang, _in_turn.c.changed_at)
)  # fmt: skip
_of_authors = (
    select(
        M.lang,
        M.author_id,
        func.sum(case((M.created_at >= bindparam("week"), text("1")), else_=text("0"))).label("week"),
        func.sum(case((M.accepted.is_not(None), text("1")), else_=text("0"))).label("decided"),
        func.sum(case((M.accepted == text("0"), text("1")), else_=text("0"))).label("refused"),
    )
    .where(M.created_at >= bindparam("month"), M.imported.is_(None))
    .group_by(M.lang, M.author_id)
    .subquery()
)
_somebody: Final = _of_authors.c.author_id.is_not(None)
_LATELY = Statement(
    select(
        _of_authors.c.lang,
        func.sum(_of_authors.c.week),
        func.sum(case((_somebody & (_of_authors.c.week > text("0")), text("1")), else_=text("0"))),
        func.sum(case((_somebody & (_of_authors.c.week == text("0")), text("1")), else_=text("0"))),
        func.sum(_of_authors.c.decided),
        func.sum(_of_authors.c.refused),
    ).group_by(_of_authors.c.lang)
)
_STANDING = Statement(select(M.lang, func.count()).where(M.live == text("1")).group_by(M.lang))
_LABELS = Statement(
    select(M.labels)
    .where(M.lang == bindparam("lang"), M.review_count > text("1"), M.labels.is_not(None))
    .order_by(M.created_at.desc(), M.id.desc())
    .limit(LOOKED_AT)
)
_last_days = (
    select(func.max(Y.day).label("last")).where(Y.day >= bindparam("month")).group_by(Y.person_id).subquery()
)  # fmt: skip
_PEOPLE = Statement(
    select(
        func.sum(case((_last_days.c.last >= bindparam("week"), text("1")), else_=text("0"))),
        func.sum(case((_last_days.c.last < bindparam("week"), text("1")), else_=text("0"))),
    )
)


def waiting(db: Connection) -> list[Waiting]:
    """By language and kind of work, the longest waiting kind of each language first."""
    return [
        Waiting(lang, Kind(kind), int(places), from_us(changed), tree_id, needs, held)
        for lang, kind, places, changed, tree_id, needs, held in _WAITING.rows(db)
    ]


def lately(db: Connection, week: datetime, month: datetime) -> dict[str, Lately]:
    """By language, since these two moments."""
    rows = _LATELY.rows(db, week=to_us(week), month=to_us(month))
    return {lang: Lately(*map(int, numbers)) for lang, *numbers in rows}


def standing(db: Connection) -> dict[str, int]:
    """By language, the messages that are not removed."""
    return {lang: int(count) for lang, count in _STANDING.rows(db)}


def answers(db: Connection, lang: str, question: str) -> list[tuple[float, int]]:
    """Of the last messages that several people reviewed, the mean of a yes/no question and how many answered it."""
    found: Sequence[dict[str, tuple[float, int]]] = [from_json(labels) for labels in _LABELS.values(db, lang=lang)]
    return [(float(labels[question][0]), int(labels[question][1])) for labels in found if question in labels]


def people(db: Connection, week: date, month: date) -> tuple[int, int]:
    """How many contributed since the first day; how many since the second, but not since the first."""
    row = _PEOPLE.row(db, week=week.toordinal(), month=month.toordinal())
    active, lost = row or (0, 0)
    return int(active or 0), int(lost or 0)
