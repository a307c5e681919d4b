"""How far each reviewer can be relied upon, as it was estimated last.

Knows rows; how it is estimated is dataset/reliability.py, and what follows from it domain/weight.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text

from espalier.store.sql import Statement
from espalier.store.tables import people, reviewer_weights
from espalier.store.times import from_us, to_us

W = reviewer_weights.c
UNKNOWN = 1.0
"""The weight of somebody of whom nothing is known yet."""
_OF_PERSON = Statement(select(W.weight).where(W.person_id == bindparam("person")))
_FORGET = Statement(delete(reviewer_weights))
_THERE = Statement(select(people.c.id).where(people.c.anonymous == text("0")))
_INSERT = Statement(insert(reviewer_weights).values({name: bindparam(name) for name in ("person_id", "weight", "at")}))
_SUM = Statement(select(func.count(), func.count(1).filter(W.weight < bindparam("low")), func.max(W.at)))


@dataclass(frozen=True, slots=True)
class Estimate:
    """When reviewers were looked at last, how many, and how many of them count for less than one half."""

    at: datetime
    reviewers: int
    low: int


def weight_of(db: Connection, person_id: str) -> float:
    """From 0 to 1."""
    weight = _OF_PERSON.value(db, person=person_id)
    return UNKNOWN if weight is None else float(weight)


def keep_weights(db: Connection, weights: Mapping[str, float], now: datetime) -> int:
    """Put these in place of all that was estimated before; how many. Who has left the campaign has none."""
    there = set(_THERE.values(db))
    kept = [(person, weight) for person, weight in sorted(weights.items()) if person in there]
    _FORGET.run(db)
    _INSERT.many(db, ({"person_id": person, "weight": weight, "at": to_us(now)} for person, weight in kept))
    return len(kept)


def last_estimate(db: Connection) -> Estimate | None:
    row = _SUM.row(db, low=0.5)
    return Estimate(from_us(row[2]), row[0], row[1]) if row and row[0] else None
