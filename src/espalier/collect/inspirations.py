"""What organisers give to the writers of prompts: ideas and articles, each with its source and licence.

Knows who may change them; what a writer gets is drawn in collect/tasks.py.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.accounts import require
from espalier.collect.answers import clean_text
from espalier.collect.ids import new_id
from espalier.domain.errors import Invalid, NotFound
from espalier.domain.language import language_tag
from espalier.domain.work import Inspiration
from espalier.store import inspirations, journal
from espalier.store.inspirations import Kept
from espalier.store.people import Person, PersonRole

LONGEST_LINE: Final = 300  # characters, of title, source and licence
LONGEST_TEXT: Final = 10_000  # characters


@dataclass(frozen=True, slots=True)
class Said:
    """An inspiration as an organiser wrote it, not checked yet."""

    lang: str
    title: str
    text: str
    source: str = ""
    licence: str = ""


def add(db: Connection, actor: Person, said: Said, now: datetime, rng: Random) -> Kept:
    """Give one more to the writers of prompts. Raises NotAllowed, and Invalid with the field."""
    require(actor, PersonRole.ADMIN)
    kept = Kept(_idea(new_id(rng), said), True, actor.id, now)
    inspirations.add(db, kept, rng.random())
    journal.note(db, actor.id, "inspiration.added", kept.idea.id, now, lang=kept.idea.lang)
    return kept


def change(db: Connection, actor: Person, inspiration_id: str, said: Said, now: datetime) -> Kept:
    """Say it in other words; who has it in hand reads the new ones. Raises NotAllowed, NotFound, Invalid."""
    require(actor, PersonRole.ADMIN)
    kept = known(db, inspiration_id)
    changed = replace(kept, idea=_idea(inspiration_id, said))
    if changed != kept:
        inspirations.save(db, changed)
        journal.note(db, actor.id, "inspiration.changed", inspiration_id, now)
    return changed


def show(db: Connection, actor: Person, inspiration_id: str, shown: bool, now: datetime) -> Kept:
    """Give it to writers from now on, or no longer; what was written beside it keeps saying so.

    Raises NotAllowed, NotFound.
    """
    require(actor, PersonRole.ADMIN)
    kept = known(db, inspiration_id)
    if kept.shown is shown:
        return kept
    changed = replace(kept, shown=shown)
    inspirations.save(db, changed)
    journal.note(db, actor.id, "inspiration.shown" if shown else "inspiration.hidden", inspiration_id, now)
    return changed


def known(db: Connection, inspiration_id: str) -> Kept:
    """Raises NotFound."""
    kept = inspirations.find(db, inspiration_id)
    if kept is None:
        raise NotFound("There is no such inspiration.")
    return kept


def _idea(inspiration_id: str, said: Said) -> Inspiration:
    if (lang := language_tag(said.lang)) is None:
        raise Invalid("Name its language with a tag such as en or pt-BR.", field="lang")
    text = _checked(said.text, LONGEST_TEXT, "text")
    title, source, licence = (
        _checked(getattr(said, name), LONGEST_LINE, name, optional=name != "title")
        for name in ("title", "source", "licence")
    )
    return Inspiration(inspiration_id, lang, title, text, source, licence)


def _checked(words: str, most: int, field: str, *, optional: bool = False) -> str:
    if optional and not words.strip():
        return ""
    try:
        return clean_text(words, most)
    except Invalid as refusal:
        refusal.field, refusal.text = field, None
        raise
