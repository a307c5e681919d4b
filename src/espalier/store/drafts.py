"""What people have begun to answer, one draft for a person's task: the fields of its form, with a version.

Knows rows; what a draft is for is collect/drafts.py.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from espalier.store.sql import Statement
from espalier.store.tables import drafts
from espalier.store.times import from_us, to_us

D = drafts.c

Fields = Mapping[str, tuple[str, ...]]
"""A form as it was filled in: by the name of a field, its values."""


@dataclass(frozen=True, slots=True)
class Draft:
    """`version`: counts from 1. `ends_at`: when it will be forgotten; None while its task is open."""

    task_id: str
    version: int
    fields: Fields
    saved_at: datetime
    ends_at: datetime | None = None

    @property
    def text(self) -> str:
        """Of a task that asks for a text."""
        return "".join(self.fields.get("text", ()))


_COLUMNS = (D.task_id, D.version, D.fields, D.saved_at, D.ends_at)
_OF_PERSON = (D.person_id == bindparam("person"), or_(D.ends_at.is_(None), D.ends_at > bindparam("now")))
_ONE = Statement(select(*_COLUMNS).where(*_OF_PERSON, D.task_id == bindparam("task")))
_ALL = Statement(select(*_COLUMNS).where(*_OF_PERSON).order_by(D.saved_at.desc(), D.task_id).limit(bindparam("most")))
_ADD = Statement(
    lambda insert: (
        insert(drafts)
        .values(
            person_id=bindparam("person"), task_id=bindparam("task"), version=bindparam("version"),
            fields=bindparam("fields"), saved_at=bindparam("saved_at"), ends_at=bindparam("ends_at"),
        )
        .on_conflict_do_nothing(index_elements=["person_id", "task_id"])
    )
)  # fmt: skip
_SAVE = Statement(
    update(drafts)
    .where(D.person_id == bindparam("person"), D.task_id == bindparam("task"), D.version == bindparam("seen"))
    .values(
        version=bindparam("version"), fields=bindparam("fields"), saved_at=bindparam("saved_at"),
        ends_at=bindparam("ends_at"),
    )
)  # fmt: skip
_END_AT = Statement(
    update(drafts)
    .where(D.person_id == bindparam("person"), D.task_id == bindparam("task"))
    .values(ends_at=bindparam("ends_at"))
)
_FORGET = Statement(delete(drafts).where(D.person_id == bindparam("person"), D.task_id == bindparam("task")))
_FORGET_ENDED = Statement(delete(drafts).where(D.ends_at <= bindparam("now")))


def draft_of(db: Connection, person_id: str, task_id: str, now: datetime) -> Draft | None:
    row = _ONE.row(db, person=person_id, task=task_id, now=to_us(now))
    return _value(row) if row else None


def drafts_of(db: Connection, person_id: str, now: datetime, most: int) -> list[Draft]:
    """The last ones that a person saved, the latest first."""
    return [_value(row) for row in _ALL.rows(db, person=person_id, now=to_us(now), most=most)]


def keep_draft(db: Connection, person_id: str, draft: Draft) -> bool:
    """Put a draft in the place of the version before it; False when that is not what is there."""
    given = {
        "person": person_id,
        "task": draft.task_id,
        "version": draft.version,
        "fields": json.dumps(draft.fields, ensure_ascii=False),
        "saved_at": to_us(draft.saved_at),
        "ends_at": to_us(draft.ends_at) if draft.ends_at else None,
    }
    changed = _ADD.run(db, **given) if draft.version == 1 else _SAVE.run(db, seen=draft.version - 1, **given)
    return bool(changed)


def end_draft(db: Connection, person_id: str, task_id: str, ends_at: datetime | None) -> bool:
    """Say until when a draft is kept; None for as long as its task is open."""
    return bool(_END_AT.run(db, person=person_id, task=task_id, ends_at=to_us(ends_at) if ends_at else None))


def forget_draft(db: Connection, person_id: str, task_id: str) -> None:
    _FORGET.run(db, person=person_id, task=task_id)


def forget_ended(db: Connection, now: datetime) -> int:
    """Forget those of tasks that have been over for long enough."""
    return _FORGET_ENDED.run(db, now=to_us(now))


def _value(row: Any) -> Draft:
    task_id, version, fields, saved, ends = row
    given = {name: tuple(values) for name, values in json.loads(fields).items()}
    return Draft(task_id, version, given, from_us(saved), from_us(ends) if ends is not None else None)
