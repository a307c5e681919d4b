"""A difference between what is stored and what follows from the contributions, said in words for whoever repairs it.

Knows values of every kind; does not know what is compared (doctor.py).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

LONGEST: Final = 60  # characters of a text
ONE_OF: Final = {
    "labels": "the label", "emojis": "the number of", "rankings": "the rankings of",
    "deletions": "the state before the deletion of",
}  # fmt: skip
"""What one value of several is called."""
NOTHING: Final[Mapping[str, object]] = {"emojis": 0, "rankings": ()}
"""What it is where there is none."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`subject`: the tree, message, person or row; `says`: what is wrong with it."""

    subject: str
    says: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.says}"


def differences(subject: str, name: str, stored: Any, rebuilt: Any) -> Iterator[Difference]:
    """How one value differs from what it should be; of several in one, those that lack and those too many."""
    called = name.replace("_", " ")
    if isinstance(stored, Mapping) and isinstance(rebuilt, Mapping):
        for key in sorted(stored.keys() | rebuilt.keys()):
            before, after = (each.get(key, NOTHING.get(name)) for each in (stored, rebuilt))
            if before != after:
                yield from differences(subject, f"{ONE_OF.get(name, called)} {key}", before, after)
    elif is_dataclass(stored) and is_dataclass(rebuilt):
        for each in fields(stored):
            before, after = (getattr(value, each.name) for value in (stored, rebuilt))
            if before != after:
                yield from differences(subject, f"{called} {each.name}", before, after)
    elif _are_entries(stored) and _are_entries(rebuilt):
        for entry in (each for each in stored if each not in rebuilt):
            yield Difference(subject, f"{called} have {said(entry)}, which does not belong there")
        for entry in (each for each in rebuilt if each not in stored):
            yield Difference(subject, f"{called} lack {said(entry)}")
        if sorted(map(repr, stored)) == sorted(map(repr, rebuilt)):
            yield Difference(subject, f"{called} are in another order than they came")
    else:
        yield Difference(subject, f"{called} is {said(stored)}, but should be {said(rebuilt)}")


def _are_entries(value: Any) -> bool:
    return isinstance(value, tuple) and all(map(is_dataclass, value))


def said(value: Any) -> str:
    """A value in words."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case float():
            return f"{value:g}"
        case str():
            return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
        case Mapping():
            return _listed([f"{said(key)} {_inside(inner)}" for key, inner in value.items()])
        case Sequence() | Set():
            return _listed([_inside(each) for each in value])
        case _ if is_dataclass(value):
            told = [(each.name, getattr(value, each.name)) for each in fields(value)]
            return _listed([f"{name.replace('_', ' ')} {_inside(inner)}" for name, inner in told if inner is not None])
    return str(value)


def _inside(value: Any) -> str:
    """The same within another value."""
    is_one = isinstance(value, str) or not (isinstance(value, Collection) or is_dataclass(value))
    return said(value) if is_one else f"({said(value)})"


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts) or "none"
