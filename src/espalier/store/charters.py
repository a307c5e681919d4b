"""What was said of the campaign: every version, with who said it and when."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select

from espalier.domain.charter import Charter
from espalier.store.sql import KeptStatement, Statement
from espalier.store.tables import charters
from espalier.store.times import from_us, to_us

C = charters.c
_CURRENT = KeptStatement(select(C.document).order_by(C.version.desc()).limit(1))
_VERSIONS = Statement(
    select(C.version, C.at, C.person_id, C.document).order_by(C.version.desc()).limit(bindparam("most"))
)
_INSERT = Statement(
    insert(charters).values(at=bindparam("at"), person_id=bindparam("person_id"), document=bindparam("document"))
)
BEFORE_ANY: Final = Charter()


@dataclass(frozen=True, slots=True)
class CharterVersion:
    version: int
    at: datetime
    person_id: str | None
    charter: Charter


# Keyed by the text itself, so that a version that was rolled back cannot be mistaken for its successor.
@lru_cache(maxsize=64)
def _parsed(document: str) -> Charter:
    return Charter.from_mapping(json.loads(document))


def charter_in_force(db: Connection) -> Charter:
    """What is said now; before anybody said anything, what the program brings."""
    document = _CURRENT.value(db)
    return BEFORE_ANY if document is None else _parsed(document)


def charter_versions(db: Connection, limit: int) -> list[CharterVersion]:
    """Newest first."""
    rows = _VERSIONS.rows(db, most=limit)
    return [CharterVersion(number, from_us(at), person, _parsed(document)) for number, at, person, document in rows]


def keep_charter(db: Connection, charter: Charter, person_id: str | None, now: datetime) -> None:
    _INSERT.run(db, at=to_us(now), person_id=person_id, document=json.dumps(charter.to_mapping(), sort_keys=True))
