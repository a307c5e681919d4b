"""What a parameter of a policy may be: the kinds of value, how each is read from a file or request and spelled again.

Knows single values and their ranges; does not know which parameters there are (policy.py).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from typing import Any, Final

from espalier.domain.errors import Invalid
from espalier.domain.language import language_tag

NONE: Final = (None, "none", "off")  # TOML has no null
A_WEEK: Final = 7 * 24 * 60  # minutes


class InvalidPolicy(Invalid, ValueError):
    """A policy, or the shape of a tree, that cannot be. Each sentence begins with `%(name)s`, which is `field`."""

    slug, title = "invalid-policy", "The policy is not valid"

    def __init__(self, field: str, sentence: str, **values: Any) -> None:
        super().__init__(sentence, field=field, **{**values, "name": field})

    @property
    def reason(self) -> str:
        """What continues the sentence that the field's name begins."""
        return self.detail.removeprefix(f"{self.field} ")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` within `minutes`; spelled `30/4`."""

    count: int
    minutes: int

    def __str__(self) -> str:
        return f"{self.count}/{self.minutes}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value. `wants` says in words which values there are; `low` and `high` bound a number.

    `read` turns what TOML, JSON or Python hold into the value, or answers None when it is none.
    """

    name: str
    wants: str
    read: Callable[[object], object | None]
    low: float | None = None
    high: float | None = None
    hashable: bool = True


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name, a default and a sentence. `optional`: it may be none, which is off."""

    name: str
    kind: Kind
    default: object
    says: str
    optional: bool
    per_language: bool

    @property
    def wants(self) -> str:
        return f"{self.kind.wants}, or none" if self.optional else self.kind.wants

    def value(self, given: object) -> object:
        """The value that was given, checked. Raises InvalidPolicy: which field, which value, which range."""
        if self.optional and any(given == none for none in NONE):
            return None
        value = self.kind.read(given)
        if value is None:
            given_as = repr(spelled(given))
            raise InvalidPolicy(
                self.name, "%(name)s is %(given)s, but must be %(wants)s", given=given_as, wants=self.wants
            )
        return value


def setting(default: object, kind: Kind, says: str, *, optional: bool = False, per_language: bool = True) -> Any:
    """A field of a policy; the annotation beside it says its type."""
    described = {"kind": kind, "says": says, "optional": optional, "per_language": per_language}
    return field(default=default, hash=None if kind.hashable else False, metadata=described)


def parameter_of(described: Field[Any]) -> Parameter:
    return Parameter(name=described.name, default=described.default, **described.metadata)


def spelled(value: object) -> object:
    """A value as JSON and TOML have it: a rate as text, languages as a sorted list, none as null."""
    match value:
        case Rate():
            return str(value)
        case set() | frozenset():
            return sorted(value)
        case Mapping():
            return dict(value)
        case _:
            return value


def whole(low: int, high: int) -> Kind:
    def read(given: object) -> int | None:
        if isinstance(given, bool) or not isinstance(given, int) or not low <= given <= high:
            return None
        return given

    return Kind("whole number", f"a whole number from {low:,} to {high:,}", read, low, high)


def number(low: float, high: float) -> Kind:
    def read(given: object) -> float | None:
        if isinstance(given, bool) or not isinstance(given, int | float) or not low <= given <= high:
            return None
        return float(given)

    return Kind("number", f"a number from {low:g} to {high:g}", read, low, high)


def _read_yes_no(given: object) -> bool | None:
    return given if isinstance(given, bool) else None


def _read_rate(given: object) -> Rate | None:
    if isinstance(given, str) and re.fullmatch(r"[0-9]{1,6}/[0-9]{1,6}", given):
        given = Rate(*map(int, given.split("/")))
    sound = isinstance(given, Rate) and 1 <= given.count <= 100_000 and 1 <= given.minutes <= A_WEEK
    return given if sound and isinstance(given, Rate) else None


def _read_languages(given: object) -> frozenset[str] | None:
    tags = [tag.strip() for tag in given.split(",") if tag.strip()] if isinstance(given, str) else given
    if not isinstance(tags, list | tuple | set | frozenset):
        return None
    known = [language_tag(tag) for tag in tags]
    return None if None in known else frozenset(filter(None, known))


def per_language(high: float, *, shares: bool) -> Kind:
    """A number for each language; `shares` add up to one at most."""
    each = number(0, high)

    def read(given: object) -> dict[str, float] | None:
        if not isinstance(given, Mapping):
            return None
        values = {language_tag(tag): each.read(value) for tag, value in given.items()}
        numbers = {tag: value for tag, value in values.items() if tag is not None and isinstance(value, float)}
        too_much = shares and sum(numbers.values()) > 1 + 1e-9
        # Fewer: what is no tag or no number, and a language that is named twice.
        return None if len(numbers) < len(given) or too_much else numbers

    together = ", together at most 1" if shares else ""
    return Kind("table by language", f"{each.wants} for each language{together}", read, 0, high, hashable=False)


YES_NO: Final = Kind("yes or no", "true or false", _read_yes_no)
RATE: Final = Kind("rate", "a count per minutes such as 30/4", _read_rate)
LANGUAGES: Final = Kind("languages", "a list of language tags such as en or pt-BR", _read_languages)
SHARE: Final = number(0, 1)
