"""The first answer to each id that a client chose, so that a retry finds it again.

Knows ids and answers; does not know what was asked.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from espalier.domain.errors import IdReused
from espalier.store.sql import Statement
from espalier.store.tables import receipts

R = receipts.c
_FIND = Statement(
    select(R.digest, R.answer, R.contribution).where(
        R.person_id == bindparam("person_id"), R.id == bindparam("client_id")
    )
)
_KEEP = Statement(
    insert(receipts).values({name: bindparam(name) for name in ("person_id", "id", "digest", "answer", "contribution")})
)


def digest(asked: object) -> str:
    """A fingerprint of what was asked, to tell a retry from another request under the same id."""
    return hashlib.sha256(repr(asked).encode("utf-8", "surrogatepass")).hexdigest()


def first_answer(db: Connection, person_id: str, client_id: str, asked: str) -> dict[str, Any] | None:
    """What this id was answered before; None if it is new. Raises IdReused when it stood for something else."""
    row = _FIND.row(db, person_id=person_id, client_id=client_id)
    if row is None:
        return None
    if row[0] != asked:
        raise IdReused("This id was used before, for something else; choose a new one.", field="id")
    answer: dict[str, Any] = json.loads(row[1])
    return answer


def contribution_of(db: Connection, person_id: str, client_id: str) -> tuple[int | None, dict[str, Any]] | None:
    """The number in the log that an id led to, with the answer it got; None for an unknown id."""
    row = _FIND.row(db, person_id=person_id, client_id=client_id)
    return (row[2], json.loads(row[1])) if row else None


def keep_answer(
    db: Connection,
    person_id: str,
    client_id: str,
    asked: str,
    answer: Mapping[str, object],
    contribution: int | None = None,
) -> None:
    _KEEP.run(
        db,
        person_id=person_id,
        id=client_id,
        digest=asked,
        answer=json.dumps(answer),
        contribution=contribution,
    )
