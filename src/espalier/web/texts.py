"""The campaign's texts as they are shown: the organiser's where there is one, else those that the program brings.

Knows where the program keeps its texts; knows no page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from espalier.store import documents
from espalier.web.questions import meanings_in, meanings_text
from espalier.web.words import SOURCE, interface_languages

FOLDER: Final = Path(__file__).parent / "documents"
MEANINGS: Final = "labels"
"""The text that says what labels mean, a line for each."""
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


def text_of(db: Connection, kind: str, lang: str) -> Text:
    """The text in this language, else in English; the organiser's goes before the program's."""
    for each in dict.fromkeys((lang, SOURCE)):
        if (own := documents.latest(db, kind, each)) is not None:
            return Text(kind, each, own.text, own.version, own.at)
        if each == lang and (ours := brought(kind, each)) is not None and documents.latest(db, kind, SOURCE) is None:
            return Text(kind, each, ours)
    return Text(kind, SOURCE, brought(kind, SOURCE) or "")


def own_meanings(db: Connection, lang: str) -> Mapping[str, str]:
    """What labels mean in the organiser's words, by label; of the others the program's meaning holds."""
    text = text_of(db, MEANINGS, lang)
    return meanings_in(text.text) if text.version > 1 else {}
