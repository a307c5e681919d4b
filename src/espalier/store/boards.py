"""Points and leaderboards: what each person earned on each day, kept up by differences.

Knows sums; what counts as earning is domain/credit.py, what it is worth domain/points.py.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select

from espalier.domain.credit import Credits
from espalier.domain.points import Counts
from espalier.store.sql import Statement
from espalier.store.tables import people, tallies

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


def add_to_tallies(db: Connection, differences: Credits) -> None:
    for (person, day), counts in sorted(differences.items()):
        changed = tuple(name for name in COUNTS if getattr(counts, name))
        statement = _ADD.get(changed)
        if statement is None:
            statement = _ADD[changed] = _add(changed)
        values: dict[str, Any] = {name: getattr(counts, name) for name in changed}
        statement.run(db, person_id=person, day=day.toordinal(), **values)


_SUMS: Final = tuple(func.sum(tallies.c[name]) for name in COUNTS)
_OF_PERSON = Statement(
    select(*_SUMS).where(tallies.c.person_id == bindparam("person"), tallies.c.day >= bindparam("since"))
)
_DAYS = Statement(select(tallies.c.day).where(tallies.c.person_id == bindparam("person")))
_DAYS_OF = Statement(
    select(tallies.c.person_id, tallies.c.day).where(tallies.c.person_id.in_(bindparam("ids", expanding=True)))
)
_ALL = Statement(
    select(tallies.c.person_id, people.c.name, people.c.on_board, people.c.disabled, *_SUMS)
    .join(people, people.c.id == tallies.c.person_id)
    .where(tallies.c.day >= bindparam("since"))
    .group_by(tallies.c.person_id, people.c.name, people.c.on_board, people.c.disabled)
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


def all_counts(db: Connection, since: date) -> list[tuple[str, str, bool, bool, Counts]]:
    """(person, name, shown on boards, disabled, counts) of everybody who earned something since that day."""
    return [
        (person, name, bool(on_board and not disabled), bool(disabled), Counts(*map(int, sums)))
        for person, name, on_board, disabled, *sums in _ALL.rows(db, since=since.toordinal())
    ]
