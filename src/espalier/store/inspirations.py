"""Inspirations: what organisers give to the writers of prompts, drawn by chance in a language.

A draw is one look-up: the first that are shown at or after a random point of the index. Knows rows; who may change
them is collect/inspirations.py.
"""

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, text, tuple_, update

from espalier.domain.work import Inspiration
from espalier.store.sql import Statement
from espalier.store.tables import inspirations
from espalier.store.times import from_us, to_us

I = inspirations.c  # noqa: E741
WINDOW: Final = 16
"""Candidates of one draw; among so many each is as likely as any other."""
NEWEST: Final = (2**62, "")


@dataclass(frozen=True, slots=True)
class Kept:
    """An inspiration as organisers see it. `shown`: whether writers still get it."""

    idea: Inspiration
    shown: bool
    person_id: str
    created_at: datetime


_COLUMNS: Final = (I.id, I.lang, I.title, I.text, I.source, I.licence, I.shown, I.person_id, I.created_at)
_FIND = Statement(select(*_COLUMNS).where(I.id == bindparam("inspiration")))
_LIST = Statement(
    select(*_COLUMNS)
    .where(tuple_(I.created_at, I.id) < tuple_(bindparam("at"), bindparam("before")))
    .order_by(I.created_at.desc(), I.id.desc())
    .limit(bindparam("most"))
)
_SOME = Statement(
    select(I.id)
    .where(I.shown == text("1"), I.lang == bindparam("lang"), I.point >= bindparam("point"))
    .order_by(I.point)
    .limit(WINDOW)
)
_INSERT = Statement(
    insert(inspirations).values({name: bindparam(name) for name in (*(c.name for c in _COLUMNS), "point")})
)
_UPDATE = Statement(
    update(inspirations)
    .where(I.id == bindparam("inspiration"))
    .values({name: bindparam(name) for name in ("lang", "title", "text", "source", "licence", "shown")})
)


def draw(db: Connection, lang: str, rng: Random) -> str | None:
    """The id of one that is shown in this language, by chance; None where there is none."""
    some = _SOME.values(db, lang=lang, point=rng.random())
    if len(some) < WINDOW:
        some = list(dict.fromkeys([*some, *_SOME.values(db, lang=lang, point=0.0)]))
    return str(rng.choice(some)) if some else None


def find(db: Connection, inspiration_id: str) -> Kept | None:
    row = _FIND.row(db, inspiration=inspiration_id)
    return _kept(row) if row else None


def newest(db: Connection, limit: int, *, before: tuple[int, str] = NEWEST) -> list[Kept]:
    """The last added first, behind the time (in microseconds) and id `before`."""
    at, inspiration_id = before
    return [_kept(row) for row in _LIST.rows(db, at=at, before=inspiration_id, most=limit)]


def place(kept: Kept) -> tuple[int, str]:
    """Where one stands in the list, for `newest`."""
    return to_us(kept.created_at), kept.idea.id


def add(db: Connection, kept: Kept, point: float) -> None:
    _INSERT.run(
        db, id=kept.idea.id, person_id=kept.person_id, created_at=to_us(kept.created_at), point=point, **_said(kept)
    )


def save(db: Connection, kept: Kept) -> None:
    _UPDATE.run(db, inspiration=kept.idea.id, **_said(kept))


def _said(kept: Kept) -> dict[str, object]:
    idea = kept.idea
    return {
        "lang": idea.lang, "title": idea.title, "text": idea.text, "source": idea.source, "licence": idea.licence,
        "shown": int(kept.shown),
    }  # fmt: skip


def _kept(row: Any) -> Kept:
    inspiration_id, lang, title, words, source, licence, shown, person, created = row
    return Kept(
        Inspiration(inspiration_id, lang, title, words, source, licence), bool(shown), person, from_us(created)
    )  # fmt: skip
