"""The words of the interface in the reader's language: gettext catalogues, read from the .po files as they are.

Knows Babel; knows no pages. Content that people write has languages of its own.
"""

import gettext
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

SOURCE: Final = "en"
FOLDER: Final = Path(__file__).parent / "locales"


def N_(text: str) -> str:
    """Marks a text for translation; it is translated when it is shown."""
    return text


@cache
def interface_languages() -> tuple[str, ...]:
    """English, in which the pages are written, and every language that has a catalogue."""
    found = {each.name.removesuffix(".po") for each in FOLDER.iterdir() if each.name.endswith(".po")}
    return (SOURCE, *sorted(found - {SOURCE}))


@cache
def catalogue(lang: str) -> gettext.NullTranslations:
    """The translations into a language; what has none stays English."""
    file = FOLDER / f"{lang}.po"
    if lang == SOURCE or not file.is_file():
        return gettext.NullTranslations()
    with file.open("rb") as opened:
        catalog = read_po(opened, locale=lang)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def chosen_language(*wishes: str | None, accepted: str = "") -> str:
    """The first wish that there is an interface for, else what the browser accepts best, else English."""
    have = interface_languages()
    for wish in wishes:
        if wish in have:
            return wish
    return negotiate_locale([tag.replace("-", "_") for tag in _by_weight(accepted)], have, sep="_") or SOURCE


def direction(lang: str) -> str:
    """`rtl` or `ltr`; for any language tag, `auto` where it is not known."""
    known = _known(lang)
    return "auto" if known is None else "rtl" if known.text_direction == "rtl" else "ltr"


def is_language(tag: str) -> bool:
    """Whether the tag is of a language that has a name, and not only written like one."""
    return _known(tag) is not None


def language_name(lang: str, interface: str) -> str:
    """What a language is called in the interface's language, else its tag."""
    known = _known(lang)
    return (known.get_display_name(interface) if known is not None else None) or lang


def _known(tag: str) -> Locale | None:
    """What Babel knows of a language."""
    try:
        return Locale.parse(tag.replace("-", "_"))
    except (ValueError, LookupError, UnknownLocaleError):
        return None


def _by_weight(accepted: str) -> list[str]:
    weighed = []
    for place, part in enumerate(accepted[:500].split(",")):
        tag, _, weight = part.partition(";q=")
        try:
            weighed.append((-float(weight or 1), place, tag.strip()))
        except ValueError:
            continue
    return [tag for _, _, tag in sorted(weighed) if tag and tag != "*"]
