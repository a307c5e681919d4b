"""Who has practised what before the first task of a kind, passed it, or has skipped it.

Knows rows; what there is to practise is the site's.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, select

from espalier.store.sql import Statement
from espalier.store.tables import practised
from espalier.store.times import to_us

P = practised.c


class Outcome(StrEnum):
    PASSED = "passed"
    TRIED = "tried"
    SKIPPED = "skipped"


_OF_PERSON = Statement(select(P.lesson, P.outcome).where(P.person_id == bindparam("person")))
_PUT = Statement(
    lambda insert: (
        insert(practised)
        .values({name: bindparam(name) for name in ("person_id", "lesson", "outcome", "at")})
        .on_conflict_do_update(
            index_elements=["person_id", "lesson"], set_={"outcome": bindparam("outcome"), "at": bindparam("at")}
        )
    )
)


def practised_by(db: Connection, person_id: str) -> dict[str, Outcome]:
    """What a person has practised, by lesson."""
    return {str(lesson): Outcome(outcome) for lesson, outcome in _OF_PERSON.rows(db, person=person_id)}


def keep_practised(db: Connection, person_id: str, lesson: str, outcome: Outcome, now: datetime) -> None:
    _PUT.run(db, person_id=person_id, lesson=lesson, outcome=outcome.value, at=to_us(now))
