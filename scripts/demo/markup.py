"""Reading the texts of the demo trees: from their markup to sheets, with every fault named by file and line.

A file `de.txt` or `en-2.txt` holds trees in one language. A tree begins with `§§ name state date`; each message with
`§ path options`, followed by its text. The path of the prompt is `.`, that of its second reply `b`, of the first reply
to that `b.a`. Options give what its three reviewers think of a message, and what else happened to it:

    q=.8 h=.75 c=.3 u=0 t=0 v=0    quality, helpfulness (as quality), creativity, humor, toxicity, violence (none):
                                   the mean to come near to
    spam=2 fail=1 rude=1 mismatch=1 pii=1    how many reviewers say so
    r=1                            so many reviewers until now
    n=2                            so many people have ranked the replies to it until now (of a tree in `ranking`)
    +1x3 red_flag _skip_reply      reactions and skips
    deleted, model=NAME            taken out by a moderator; written by a model

Knows no people, dates or files to be written.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from unicodedata import is_normalized
from uuid import NAMESPACE_URL, uuid5

from espalier.domain.message import EMOJIS, Role, SkipOf
from espalier.domain.policy import Policy
from espalier.domain.tree import State

POLICY: Final = Policy()
REVIEWERS: Final = POLICY.num_reviews_reply

MEANS: Final = {"q": "quality", "h": "helpfulness", "c": "creativity", "u": "humor", "t": "toxicity", "v": "violence"}
COUNTS: Final = {
    "spam": "spam", "fail": "fails_task", "rude": "not_appropriate", "mismatch": "lang_mismatch", "pii": "pii",
}  # fmt: skip
SKIPS: Final = {f"_skip_{skip}": skip for skip in SkipOf}


class Wrong(Exception):
    """A fault in the texts, with file and line."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")


@dataclass(slots=True)
class Entry:
    """A message as it is written down."""

    place: str
    path: str
    means: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    emojis: dict[str, int] = field(default_factory=dict)
    reviews: int = REVIEWERS
    rankings: int = 0
    deleted: bool = False
    model: str | None = None
    text: str = ""

    @property
    def parent(self) -> str | None:
        if self.path == ".":
            return None
        above, _, _ = self.path.rpartition(".")
        return above or "."

    @property
    def depth(self) -> int:
        return 0 if self.path == "." else self.path.count(".") + 1

    @property
    def role(self) -> Role:
        return Role.ASSISTANT if self.depth % 2 else Role.PROMPTER


@dataclass(slots=True)
class Sheet:
    """A tree as it is written down."""

    place: str
    lang: str
    name: str
    state: State
    at: datetime
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.id_of(".")

    def id_of(self, path: str) -> str:
        return fixed_id("message", self.lang, self.name, path)


def fixed_id(*names: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(("https://espalier.example/demo", *names))))


def sheets(files: Iterable[Path]) -> Iterator[Sheet]:
    """The trees of these files, checked. Raises Wrong."""
    names: set[tuple[str, str]] = set()
    for path in files:
        for sheet in _sheets_of(path):
            if (sheet.lang, sheet.name) in names:
                raise Wrong(sheet.place, f"a second tree {sheet.name} in {sheet.lang}")
            names.add((sheet.lang, sheet.name))
            yield sheet


def _sheets_of(path: Path) -> Iterator[Sheet]:
    lang = path.stem.split("-")[0]
    found: list[Sheet] = []
    entry: Entry | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        place = f"{path.name}:{number}"
        if line.startswith("§§"):
            found.append(_sheet(place, lang, line[2:].split()))
            entry = None
        elif line.startswith("§"):
            if not found:
                raise Wrong(place, "a message before the first tree")
            entry = _entry(place, line[1:].split())
            _add(found[-1], entry)
        elif entry is not None:
            entry.text += f"{line}\n"
        elif line.strip():
            raise Wrong(place, "text that belongs to no message")
    for sheet in found:
        _check(sheet)
    return iter(found)


def _sheet(place: str, lang: str, words: list[str]) -> Sheet:
    try:
        name, state, date = words
        return Sheet(place, lang, name, State(state), datetime.fromisoformat(date).replace(tzinfo=UTC))
    except ValueError as error:
        raise Wrong(place, f"a tree needs a name, a state and a date: {error}") from None


def _add(sheet: Sheet, entry: Entry) -> None:
    if entry.path in sheet.entries:
        raise Wrong(entry.place, f"a second message {entry.path}")
    if entry.parent is not None and entry.parent not in sheet.entries:
        raise Wrong(entry.place, f"{entry.path} replies to {entry.parent}, which has not come yet")
    sheet.entries[entry.path] = entry


_PATH: Final = re.compile(r"\.|[a-z](\.[a-z])*")
_TIMES: Final = re.compile(r"(?P<name>.+?)(x(?P<times>\d+))?")


def _entry(place: str, words: list[str]) -> Entry:
    if not words or not _PATH.fullmatch(words[0]):
        raise Wrong(place, "a message needs a path such as . or a.b")
    entry = Entry(place, words[0])
    for word in words[1:]:
        try:
            _option(entry, word)
        except ValueError as error:
            raise Wrong(place, f"{word}: {error}") from None
    return entry


def _option(entry: Entry, word: str) -> None:
    name, given, value = word.partition("=")
    if not given:
        parts = _TIMES.fullmatch(word)
        assert parts is not None
        if word == "deleted":
            entry.deleted = True
        elif parts["name"] in EMOJIS or parts["name"] in SKIPS:
            entry.emojis[parts["name"]] = int(parts["times"] or 1)
        else:
            raise ValueError("neither an option nor a reaction")
    elif name in MEANS:
        entry.means[MEANS[name]] = _between(0, float(value), 1)
    elif name in COUNTS:
        entry.counts[COUNTS[name]] = int(_between(0, int(value), REVIEWERS))
    elif name == "r":
        entry.reviews = int(_between(0, int(value), REVIEWERS))
    elif name == "n":
        entry.rankings = int(_between(0, int(value), POLICY.num_required_rankings))
    elif name == "model":
        entry.model = value
    else:
        raise ValueError("no such option")


def _between(least: float, value: float, most: float) -> float:
    if not least <= value <= most:
        raise ValueError(f"must be between {least} and {most}")
    return value


def _check(sheet: Sheet) -> None:
    if "." not in sheet.entries:
        raise Wrong(sheet.place, "a tree without a prompt")
    for entry in sheet.entries.values():
        entry.text = entry.text.strip("\n")
        if not entry.text:
            raise Wrong(entry.place, "a message without a text")
        if not is_normalized("NFC", entry.text):
            raise Wrong(entry.place, "the text is not in NFC")
        if len(entry.text) > POLICY.message_max_characters:
            raise Wrong(entry.place, f"{len(entry.text)} characters are too many")
        if "quality" not in entry.means:
            raise Wrong(entry.place, "q= is missing")
        if entry.role is Role.ASSISTANT:
            entry.means.setdefault("helpfulness", entry.means["quality"])
        if entry.role is Role.PROMPTER and (entry.means.keys() | entry.counts.keys()) & {"helpfulness", "fails_task"}:
            raise Wrong(entry.place, "helpfulness and failing the task are asked of assistant replies alone")
