"""What people said of themselves, apart from all they contribute: one JSON value a person, read in counts only."""

import json
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, bindparam, delete, select

from espalier.store.sql import Statement
from espalier.store.tables import surveys

_FIND = Statement(select(surveys.c.document).where(surveys.c.person_id == bindparam("person")))
_ALL = Statement(select(surveys.c.document))
_PUT = Statement(
    lambda insert: (
        insert(surveys)
        .values(person_id=bindparam("person"), document=bindparam("document"))
        .on_conflict_do_update(index_elements=["person_id"], set_={"document": bindparam("document")})
    )
)
_FORGET = Statement(delete(surveys).where(surveys.c.person_id == bindparam("person")))


def answers_of(db: Connection, person_id: str) -> dict[str, str]:
    document = _FIND.value(db, person=person_id)
    return {} if document is None else {str(name): str(value) for name, value in json.loads(document).items()}


def all_answers(db: Connection) -> Iterator[dict[str, str]]:
    """Everybody's, without saying whose."""
    return (json.loads(document) for document in _ALL.values(db))


def keep(db: Connection, person_id: str, answers: Mapping[str, str]) -> None:
    _PUT.run(db, person=person_id, document=json.dumps(dict(answers), ensure_ascii=False))


def forget(db: Connection, person_id: str) -> None:
    _FORGET.run(db, person=person_id)
