"""Who wants letters, and from when on the next one is due.

Knows rows; what stands in a letter is collect/letters.py.
"""

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from espalier.store.sql import Statement
from espalier.store.tables import letters
from espalier.store.times import to_us

C = letters.c
_WANT = Statement(
    lambda insert: (
        insert(letters)
        .values(person_id=bindparam("person"), lang=bindparam("lang"), due_at=bindparam("due_at"))
        .on_conflict_do_update(index_elements=["person_id"], set_={"lang": bindparam("lang")})
    )
)
_END = Statement(delete(letters).where(C.person_id == bindparam("person")))
_DUE = Statement(
    select(C.person_id, C.lang)
    .where(C.due_at <= bindparam("now"))
    .order_by(C.due_at, C.person_id)
    .limit(bindparam("most"))
)
_PUT_OFF = Statement(
    update(letters)
    .where(C.person_id == bindparam("person"), C.due_at <= bindparam("now"))
    .values(due_at=bindparam("due_at"))
)


def want(db: Connection, person_id: str, lang: str, due_at: datetime) -> None:
    """Whoever wants them already gets the next one when it is due."""
    _WANT.run(db, person=person_id, lang=lang, due_at=to_us(due_at))


def end(db: Connection, person_id: str) -> None:
    _END.run(db, person=person_id)


def due(db: Connection, now: datetime, most: int) -> list[tuple[str, str]]:
    """People whose letter is due, with its language; who waits longest first."""
    return [(person, lang) for person, lang in _DUE.rows(db, now=to_us(now), most=most)]


def put_off(db: Connection, person_id: str, now: datetime, due_at: datetime) -> bool:
    """Say when the next one is due; False where somebody else has done so."""
    return bool(_PUT_OFF.run(db, person=person_id, now=to_us(now), due_at=to_us(due_at)))
