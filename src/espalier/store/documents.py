"""The organiser's texts: terms, privacy, guidelines; every version, by language. And who accepted which terms."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from espalier.store.sql import Statement
from espalier.store.tables import consents, documents, people
from espalier.store.times import from_us, to_us

D = documents.c


_FORGET_CONSENTS = Statement(delete(consents).where(consents.c.person_id == bindparam("person")))


@dataclass(frozen=True, slots=True)
class Document:
    """version: counts over all languages of a kind, from 2 on; 1 is what the program brings."""

    kind: str
    lang: str
    version: int
    text: str
    at: datetime
    person_id: str | None


_COLUMNS = (D.kind, D.lang, D.version, D.text, D.at, D.person_id)
_LATEST = Statement(
    select(*_COLUMNS)
    .where(D.kind == bindparam("kind"), D.lang == bindparam("lang"))
    .order_by(D.version.desc())
    .limit(1)
)
_HISTORY = Statement(
    select(*_COLUMNS)
    .where(D.kind == bindparam("kind"), D.lang == bindparam("lang"))
    .order_by(D.version.desc())
    .limit(bindparam("most"))
)
_NEWEST = Statement(select(func.max(D.version)).where(D.kind == bindparam("kind")))
_ONE = Statement(select(*_COLUMNS).where(D.kind == bindparam("kind"), D.version == bindparam("version")))
_INSERT = Statement(
    insert(documents).values({name: bindparam(name) for name in ("kind", "lang", "version", "text", "at", "person_id")})
)
_ACCEPT = Statement(
    lambda insert: (
        insert(consents)
        .values(person_id=bindparam("person"), version=bindparam("version"), at=bindparam("at"))
        .on_conflict_do_nothing()
    )
)
_ACCEPTED = Statement(update(people).where(people.c.id == bindparam("person")).values(terms=bindparam("version")))
_CONSENTS = Statement(
    select(consents.c.version, consents.c.at)
    .where(consents.c.person_id == bindparam("person"))
    .order_by(consents.c.version)
)


def latest(db: Connection, kind: str, lang: str) -> Document | None:
    """What the organiser published last in this language; None: the program's own text holds."""
    row = _LATEST.row(db, kind=kind, lang=lang)
    return _value(row) if row else None


def version_of(db: Connection, kind: str, version: int) -> Document | None:
    """The text that was published under this number, in whatever language."""
    row = _ONE.row(db, kind=kind, version=version)
    return _value(row) if row else None


def newest(db: Connection, kind: str) -> Document | None:
    """What the organiser published last, in whatever language."""
    number = _NEWEST.value(db, kind=kind)
    return version_of(db, kind, int(number)) if number else None


def history(db: Connection, kind: str, lang: str, limit: int) -> list[Document]:
    """Newest first."""
    return [_value(row) for row in _HISTORY.rows(db, kind=kind, lang=lang, most=limit)]


def publish(db: Connection, kind: str, lang: str, text: str, person_id: str | None, now: datetime) -> int:
    """Keep a new version; returns its number."""
    version = int(_NEWEST.value(db, kind=kind) or 1) + 1
    _INSERT.run(db, kind=kind, lang=lang, version=version, text=text, at=to_us(now), person_id=person_id)
    return version


def accept(db: Connection, person_id: str, version: int, now: datetime) -> None:
    """Keep that a person accepted these terms."""
    _ACCEPT.run(db, person=person_id, version=version, at=to_us(now))
    _ACCEPTED.run(db, person=person_id, version=version)


def consents_of(db: Connection, person_id: str) -> list[tuple[int, datetime]]:
    """Which versions a person accepted, and when."""
    return [(version, from_us(at)) for version, at in _CONSENTS.rows(db, person=person_id)]


def forget_consents(db: Connection, person_id: str) -> None:
    _FORGET_CONSENTS.run(db, person=person_id)


def _value(row: tuple[str, str, int, str, int, str | None]) -> Document:
    kind, lang, version, text, at, person_id = row
    return Document(kind, lang, version, text, from_us(at), person_id)
