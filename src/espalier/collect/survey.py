"""A survey of who takes part: each answer by choice, kept apart from all contributions, read in counts only."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from espalier.collect.accounts import require
from espalier.domain.errors import Invalid
from espalier.domain.language import language_tag
from espalier.store import surveys
from espalier.store.people import Person, PersonRole

SMALLEST_GROUP: Final = 10
"""Groups of fewer people are neither shown nor exported."""
QUESTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "age": ("under_18", "18_24", "25_34", "35_44", "45_54", "55_64", "65_and_over"),
    "gender": ("woman", "man", "non_binary", "other"),
    "region": (
        "africa", "east_asia", "south_asia", "southeast_asia", "central_asia", "west_asia", "europe", "north_america",
        "latin_america", "oceania",
    ),
    "satisfaction": ("1", "2", "3", "4", "5"),
}  # fmt: skip
FIRST_LANGUAGE: Final = "first_language"


def answers_of(db: Connection, person: Person) -> dict[str, str]:
    """One's own answers."""
    return surveys.answers_of(db, person.id)


def answer(db: Connection, person: Person, given: Mapping[str, str]) -> None:
    """Keep somebody's answers in the place of older ones; what is left out is not kept. Raises Invalid."""
    answers = {}
    for name, value in given.items():
        if not value:
            continue
        said = language_tag(value) if name == FIRST_LANGUAGE else value
        if said is None or (name != FIRST_LANGUAGE and said not in QUESTIONS.get(name, ())):
            raise Invalid("This is none of the answers.", field=name)
        answers[name] = said
    if answers:
        surveys.keep(db, person.id, answers)
    else:
        surveys.forget(db, person.id)


def counts(db: Connection, person: Person | None) -> dict[str, dict[str, int]]:
    """How many gave each answer, by question; small groups are left out, and so is what would tell them.

    Raises NotAllowed.
    """
    require(person, PersonRole.ADMIN)
    found: dict[str, Counter[str]] = {name: Counter() for name in (*QUESTIONS, FIRST_LANGUAGE)}
    for answers in surveys.all_answers(db):
        for name, value in answers.items():
            if name in found:
                found[name][value] += 1
    return {
        name: {value: count for value, count in counted.items() if count >= SMALLEST_GROUP}
        for name, counted in found.items()
    }
