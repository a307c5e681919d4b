"""Collects the texts of the interface from templates and code into the catalogues of its languages.

    python scripts/interface_words.py            # bring web/locales/*.po up to date; says what lacks
    python scripts/interface_words.py fr pt      # and begin catalogues for further languages

What is no longer said is dropped, what is new stands empty, and nothing is guessed. `make words` runs it.
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from espalier import __version__
from espalier.domain.errors import Refusal
from espalier.domain.policy import PARAMETERS
from espalier.store import writes
from espalier.web.refused import IN_OTHER_WORDS

SOURCE: Final = Path(__file__).parents[1] / "src" / "espalier"
WEB: Final = SOURCE / "web"
LOCALES: Final = WEB / "locales"
METHODS: Final = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS: Final = {"templates/**.html": {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}}
KEYWORDS: Final = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
REFUSING: Final = ("domain", "collect", "store", "chat", "web")
"""Where the sentences of refusals stand that people may read on a page."""


def refusals() -> list[type[Refusal]]:
    """Every kind of refusal that a page may show."""
    assert writes  # has defined its own
    found, waiting = list[type[Refusal]](), [Refusal]
    while waiting:
        kind = waiting.pop()
        if kind.__module__.split(".")[1] in REFUSING:
            found.append(kind)
        waiting += kind.__subclasses__()
    return found


def said() -> Catalog:
    """Every text of the interface, with where it stands."""
    found = Catalog(project="Espalier")
    for file, line, text, comments, context in extract_from_dir(WEB, METHODS, OPTIONS, KEYWORDS, ("Translators:",)):
        found.add(text, locations=[(file, line)], auto_comments=comments, context=context)
    of_refusals = {kind.__name__: (2,) if kind.__name__ == "InvalidPolicy" else (1,) for kind in refusals()}
    for room in REFUSING:
        for file, line, text, comments, context in extract_from_dir(SOURCE / room, METHODS[:1], keywords=of_refusals):
            if text not in IN_OTHER_WORDS and not f"{room}/{file}".startswith("web/api/"):
                found.add(text, locations=[(f"{room}/{file}", line)], auto_comments=comments, context=context)
    for parameter in PARAMETERS.values():
        found.add(parameter.says, locations=[("pages/policy.py", 1)])
    return found


def brought_up_to_date(lang: str, texts: Catalog) -> Catalog:
    """The catalogue of a language with exactly these texts."""
    file = LOCALES / f"{lang}.po"
    known = read_po(BytesIO(file.read_bytes()), locale=lang) if file.exists() else Catalog(locale=lang)
    made = Catalog(
        locale=lang, project="Espalier", version=__version__, fuzzy=False, last_translator="", language_team="",
        msgid_bugs_address="", header_comment=f"# What the site says, in the language {lang}.",
    )  # fmt: skip
    for message in sorted(texts, key=lambda each: str(each.id)):
        if not message.id:
            continue
        old = known.get(message.id, message.context)
        made.add(
            message.id, old.string if old else None, locations=sorted({(name, None) for name, _ in message.locations}),
            auto_comments=message.auto_comments, context=message.context,
        )  # fmt: skip
    return made


def spelled(catalog: Catalog) -> bytes:
    written = BytesIO()
    write_po(written, catalog, width=100, omit_header=False, sort_output=False, include_lineno=False)
    lines = written.getvalue().decode().splitlines()
    return ("\n".join(line for line in lines if not line.startswith(('"POT-Creation', '"PO-Revision'))) + "\n").encode()


def is_empty(message: Message) -> bool:
    strings = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
    return not all(strings)


def languages() -> list[str]:
    return sorted(file.stem for file in LOCALES.glob("*.po"))


def main() -> None:
    texts = said()
    for lang in sorted({*languages(), *sys.argv[1:]}):
        catalog = brought_up_to_date(lang, texts)
        (LOCALES / f"{lang}.po").write_bytes(spelled(catalog))
        empty = sum(is_empty(message) for message in catalog if message.id)
        print(f"{lang}: {len(catalog)} texts, {empty} to translate")


if __name__ == "__main__":
    main()
