"""The picture of the campaign: one, by the SHA-256 of what it holds.

Knows rows; what is a picture is safety/picture.py.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from espalier.store.sql import Statement
from espalier.store.tables import pictures
from espalier.store.times import to_us

C = pictures.c
_SIZE = Statement(select(C.width, C.height).where(C.digest == bindparam("digest")))
_FIND = Statement(select(C.type, C.data).where(C.digest == bindparam("digest")))
_INSERT = Statement(insert(pictures).values({column.name: bindparam(column.name) for column in C}))
_EMPTY = Statement(delete(pictures))


@dataclass(frozen=True, slots=True)
class Size:
    """In pixels."""

    width: int
    height: int


def size_of(db: Connection, digest: str) -> Size | None:
    row = _SIZE.row(db, digest=digest)
    return Size(*row) if row else None


def find(db: Connection, digest: str) -> tuple[str, bytes] | None:
    """Its type and what it holds."""
    row = _FIND.row(db, digest=digest)
    return (row[0], b64decode(row[1])) if row else None


def put(db: Connection, digest: str, kind: str, size: Size, data: bytes, person_id: str | None, now: datetime) -> None:
    """In the place of the one before."""
    _EMPTY.run(db)
    _INSERT.run(
        db, digest=digest, type=kind, width=size.width, height=size.height, data=b64encode(data).decode(),
        person_id=person_id, at=to_us(now),
    )  # fmt: skip


def remove(db: Connection) -> None:
    _EMPTY.run(db)
