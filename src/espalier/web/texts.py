"""The campaign's texts as they are shown: the organiser's where there is one, else those that the program brings.

Knows where the program keeps its texts; knows no page.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from espalier.store import documents
from espalier.store.documents import Document
from espalier.web.questions import Meanings, meanings_in, meanings_text
from espalier.web.words import SOURCE, interface_languages

FOLDER: Final = Path(__file__).parent / "documents"
MEANINGS: Final = "labels"
"""The text that says what labels mean, a line for each."""
TERMS, PRIVACY = "terms", "privacy"
COUNTING: Final = (TERMS, PRIVACY)
"""Texts of which one version is in force, in whatever language it was written."""
GUIDELINES: Final = ("initial_prompt", "prompter_reply", "assistant_reply", "label", "rank")


@dataclass(frozen=True, slots=True)
class Text:
    """lang: in which it is written. version: 1 for what the program brings. at: when it was published."""

    kind: str
    lang: str
    text: str
    version: int = 1
    at: datetime | None = None


@cache
def brought(kind: str, lang: str) -> str | None:
    """What the program brings in this language."""
    if kind == MEANINGS:
        return meanings_text(lang) if lang in interface_languages() else None
    file = FOLDER / lang / f"{kind}.md"
    return file.read_text("utf-8") if file.is_file() else None


@cache
def text_languages() -> tuple[str, ...]:
    """The languages in which the program brings texts, English first."""
    brings = {folder.name for folder in FOLDER.iterdir() if folder.is_dir()}
    return (SOURCE, *sorted(brings - {SOURCE}))


def text_of(db: Connection, kind: str, lang: str, in_force: int = 1) -> Text:
    """The text in this language, else in English; the organiser's goes before the program's.

    Of terms and privacy what the organiser says counts in whatever language it is said. in_force: of terms, the version
    that is to be accepted; one in this language that is older does not count.
    """
    if kind in COUNTING and (own := _counting(db, kind, lang, in_force)) is not None:
        return _as_shown(own)
    for each in dict.fromkeys((lang, SOURCE)):
        if (own := documents.latest(db, kind, each)) is not None:
            return _as_shown(own)
        if each == lang and (ours := brought(kind, each)) is not None and documents.latest(db, kind, SOURCE) is None:
            return Text(kind, each, ours)
    return Text(kind, SOURCE, brought(kind, SOURCE) or "")


def text_in(db: Connection, kind: str, lang: str) -> Text | None:
    """The last one in this very language, the organiser's or the program's, whether it counts or not."""
    if (own := documents.latest(db, kind, lang)) is not None:
        return _as_shown(own)
    ours = brought(kind, lang)
    return Text(kind, lang, ours) if ours is not None else None


def _counting(db: Connection, kind: str, lang: str, in_force: int) -> Document | None:
    """The organiser's text that counts, in this language if it is translated; None while the program's does."""
    own = documents.latest(db, kind, lang)
    if own is not None and own.version >= in_force:
        return own
    if in_force > 1 and (asked := documents.version_of(db, kind, in_force)) is not None:
        return documents.latest(db, kind, asked.lang)
    if kind == PRIVACY:
        return documents.latest(db, kind, SOURCE) or documents.newest(db, kind)
    return None


def _as_shown(own: Document) -> Text:
    return Text(own.kind, own.lang, own.text, own.version, own.at)


def own_meanings(db: Connection, lang: str) -> Meanings:
    """What labels mean in the organiser's words."""
    text = text_of(db, MEANINGS, lang)
    return Meanings(text.lang, meanings_in(text.text) if text.version > 1 else {})
