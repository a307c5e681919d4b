"""Points and leaderboards: what each person earned on each day, kept up by differences.

Knows sums; what counts as earning is domain/credit.py, what it is worth domain/points.py.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from functools import reduce
from operator import add
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Subquery, and_, bindparam, case, func, not_, select, text

from espalier.domain.credit import Credits
from espalier.domain.points import CONTRIBUTIONS, POINT_PER_TEN, POINTS_EACH, TROLL_POINTS_EACH, Counts, points
from espalier.store.sql import Statement
from espalier.store.tables import messages, people, tallies
from espalier.store.times import to_us

COUNTS: Final = tuple(Counts.__slots__)


def _add(counters: Sequence[str]) -> Statement:
    def build(insert: Any) -> Any:
        new = insert(tallies).values({name: bindparam(name) for name in ("person_id", "day", *counters)})
        return new.on_conflict_do_update(
            index_elements=["person_id", "day"],
            set_={name: tallies.c[name] + new.excluded[name] for name in counters},
        )

    return Statement(build)


# One statement per set of counters that change together: there are few, and most changes touch one or two.
_ADD: dict[tuple[str, ...], Statement] = {}


_LATER: Final = "tallies to add to"


@contextmanager
def counting_last(db: Connection) -> Iterator[None]:
    """Within the block tallies are only noted, and written at its end, in one order for everybody.

    One person's tally may be wanted by transactions that have nothing else in common.
    """
    noted: Credits = {}
    info = db.info  # kept, since a connection that was lost meanwhile has none
    info[_LATER] = noted
    try:
        yield
    finally:
        info.pop(_LATER, None)
    add_to_tallies(db, noted)


def add_to_tallies(db: Connection, differences: Credits) -> None:
    """Add to what people earned, or take from it where a difference is less than nothing."""
    if (noted := db.info.get(_LATER)) is not None:
        for key, counts in differences.items():
            noted[key] = noted.get(key, Counts()) + counts
        return
    for (person, day), counts in sorted(differences.items()):
        changed = tuple(name for name in COUNTS if getattr(counts, name))
        if not changed:
            continue
        statement = _ADD.get(changed)
        if statement is None:
            statement = _ADD[changed] = _add(changed)
        values: dict[str, Any] = {name: getattr(counts, name) for name in changed}
        statement.run(db, person_id=person, day=day.toordinal(), **values)


_SUMS: Final = tuple(func.sum(tallies.c[name]) for name in COUNTS)
_OF_PERSON = Statement(
    select(*_SUMS).where(tallies.c.person_id == bindparam("person"), tallies.c.day >= bindparam("since"))
)
# What was taken back or removed leaves its day at zero, and what others say of a message is no contribution.
_CONTRIBUTED: Final = reduce(add, (tallies.c[name] for name in CONTRIBUTIONS)) > text("0")
_DAYS = Statement(select(tallies.c.day).where(tallies.c.person_id == bindparam("person"), _CONTRIBUTED))
_DAYS_OF = Statement(
    select(tallies.c.person_id, tallies.c.day).where(
        tallies.c.person_id.in_(bindparam("ids", expanding=True)), _CONTRIBUTED
    )
)


def _worth(each: Mapping[str, int]) -> ColumnElement[int]:
    terms: list[ColumnElement[int]] = [tallies.c[name] * text(str(worth)) for name, worth in each.items()]
    return func.sum(reduce(add, terms))


_earned = (
    select(
        tallies.c.person_id,
        *(func.sum(tallies.c[name]).label(name) for name in POINT_PER_TEN),
        _worth(POINTS_EACH).label("others"),
    )
    .where(tallies.c.day >= bindparam("since"))
    .group_by(tallies.c.person_id)
    .subquery()
)
_EARNED = Statement(
    select(people.c.id, people.c.name, _earned.c.others, *(_earned.c[name] for name in POINT_PER_TEN))
    .join(_earned, people.c.id == _earned.c.person_id)
    .where(people.c.on_board == text("1"), people.c.disabled == text("0"))
)
_ASSISTANT: Final = messages.c.role == text("'assistant'")
_REPLY: Final = messages.c.parent_id.is_not(None)
_ACCEPTED: Final = and_(messages.c.accepted == text("1"), messages.c.late == text("0"))
_WRITTEN: Final[Mapping[str, ColumnElement[bool]]] = {
    "prompts": messages.c.parent_id.is_(None),
    "accepted_prompts": and_(messages.c.parent_id.is_(None), _ACCEPTED),
    "replies_assistant": _ASSISTANT,
    "accepted_replies_assistant": and_(_ASSISTANT, _ACCEPTED),
    "replies_prompter": and_(_REPLY, not_(_ASSISTANT)),
    "accepted_replies_prompter": and_(_REPLY, not_(_ASSISTANT), _ACCEPTED),
    "ranked_first": messages.c.rank == text("0"),
    "ranked_second": messages.c.rank == text("1"),
    "ranked_third": messages.c.rank == text("2"),
}
"""What a message counts for its author, by counter."""
TROUBLE: Final = tuple(TROLL_POINTS_EACH)
_troubled = (
    select(tallies.c.person_id, *(func.sum(tallies.c[name]).label(name) for name in TROUBLE))
    .where(tallies.c.day >= bindparam("since"))
    .group_by(tallies.c.person_id)
    .having(_worth(TROLL_POINTS_EACH) > text("0"))
    .subquery()
)
_TROUBLED = Statement(
    select(people.c.id, people.c.name, people.c.disabled, *(_troubled.c[name] for name in TROUBLE)).join(
        _troubled, people.c.id == _troubled.c.person_id
    )
)


def counts_of(db: Connection, person_id: str, since: date) -> Counts:
    """What a person earned since that day, it included."""
    row = _OF_PERSON.row(db, person=person_id, since=since.toordinal())
    return Counts(*(int(value or 0) for value in row)) if row else Counts()


def active_days(db: Connection, person_id: str) -> list[date]:
    """The days on which this person contributed."""
    return [date.fromordinal(day) for (day,) in _DAYS.rows(db, person=person_id)]


def days_of(db: Connection, people: Collection[str]) -> dict[str, list[date]]:
    """The days on which each of these people contributed."""
    found: dict[str, list[date]] = {person: [] for person in people}
    for person, day in _DAYS_OF.rows(db, ids=list(people)):
        found[person].append(date.fromordinal(day))
    return found


def earned(db: Connection, since: date) -> list[tuple[str, str, int]]:
    """(person, name, points) since that day of everybody who may be shown on boards."""
    return [
        (person, name, int(others) + points(Counts(**dict(zip(POINT_PER_TEN, map(int, tens), strict=True)))))
        for person, name, others, *tens in _EARNED.rows(db, since=since.toordinal())
    ]


def _written(*more: ColumnElement[bool]) -> Subquery:
    """Texts by author; imported ones earn nothing, nor do those of models."""
    counters = (func.sum(case((counts, text("1")), else_=text("0"))).label(name) for name, counts in _WRITTEN.items())
    return (
        select(messages.c.author_id, *counters)
        .where(
            messages.c.lang == bindparam("lang"),
            messages.c.created_at >= bindparam("since"),
            messages.c.live == text("1"),
            messages.c.imported.is_(None),
            messages.c.synthetic == text("0"),
            *more,
        )
        .group_by(messages.c.author_id)
        .subquery()
    )


_by_all = _written(messages.c.author_id.is_not(None))
_WRITTEN_IN = Statement(
    select(people.c.id, people.c.name, *(_by_all.c[name] for name in _WRITTEN))
    .join(_by_all, people.c.id == _by_all.c.author_id)
    .where(people.c.on_board == text("1"), people.c.disabled == text("0"))
)
_by_one = _written(messages.c.author_id == bindparam("person"))
_WRITTEN_BY = Statement(select(*(_by_one.c[name] for name in _WRITTEN)))


def written_in(db: Connection, lang: str, since: date) -> list[tuple[str, str, Counts]]:
    """(person, name, counts of texts) in a language since that day, of everybody who may be shown on boards."""
    rows = _WRITTEN_IN.rows(db, lang=lang, since=_begin_us(since))
    return [(person, name, _of_texts(sums)) for person, name, *sums in rows]


def written_by(db: Connection, person_id: str, lang: str, since: date) -> Counts:
    """What a person's own texts in a language count since that day."""
    row = _WRITTEN_BY.row(db, person=person_id, lang=lang, since=_begin_us(since))
    return _of_texts(row) if row else Counts()


def _of_texts(sums: Sequence[Any]) -> Counts:
    return Counts(**dict(zip(_WRITTEN, map(int, sums), strict=True)))


def _begin_us(day: date) -> int:
    return to_us(datetime.combine(day, time.min, UTC)) if day > date.min else 0


def troubled(db: Connection, since: date) -> list[tuple[str, str, bool, Counts]]:
    """(person, name, disabled, counts of trouble) of everybody whose troll score since that day is above zero."""
    return [
        (person, name, bool(disabled), Counts(**dict(zip(TROUBLE, map(int, sums), strict=True))))
        for person, name, disabled, *sums in _TROUBLED.rows(db, since=since.toordinal())
    ]
