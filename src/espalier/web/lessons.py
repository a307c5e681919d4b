"""The practice before the first task of each kind: questions with their right answer and why, read from files.

Knows kinds of tasks and the languages that there are files for; knows no reader.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from espalier.domain.work import LESSON_OF, Kind

FOLDER: Final = Path(__file__).parent / "practice"
OTHERWISE: Final = "en"


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Exercise:
    """`thread`: what there is to read first. `right`: the option that is right, from 0. `why`: it is."""

    thread: tuple[Turn, ...]
    ask: str
    options: tuple[str, ...]
    right: int
    why: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """`lang`: of its texts."""

    name: str
    lang: str
    intro: str
    exercises: tuple[Exercise, ...]


def lesson(kind: Kind, lang: str) -> Lesson:
    """The practice of a kind in a language, in English where it is not written in that one."""
    written = next((each for each in (lang, lang.split("-")[0]) if each in languages()), OTHERWISE)
    return _read(written)[LESSON_OF[kind]]


@cache
def languages() -> frozenset[str]:
    return frozenset(file.name.removesuffix(".toml") for file in FOLDER.iterdir() if file.name.endswith(".toml"))


@cache
def _read(lang: str) -> dict[str, Lesson]:
    document = tomllib.loads((FOLDER / f"{lang}.toml").read_text("utf-8"))
    return {
        name: Lesson(
            name,
            lang,
            given["intro"],
            tuple(
                Exercise(
                    tuple(Turn(role, text) for role, text in each.get("thread", ())),
                    each["ask"],
                    tuple(each["options"]),
                    each["right"],
                    each["why"],
                )
                for each in given["questions"]
            ),
        )
        for name, given in document.items()
    }
