"""Conditions on messages, in words that are the same on the command line and in Python: `quality>=0.6`, `lang=en,de`.

`condition` reads one; `select` keeps of a tree what fulfils all of them. Knows records, and what checks found of their
texts; knows no files.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from espalier.dataset.records import MessageRecord, TreeRecord, date_of
from espalier.dataset.scores import Found, ScoresOf
from espalier.dataset.trees import cut
from espalier.domain.language import primary, usual_tag
from espalier.domain.message import LABELS


class BadCondition(ValueError):
    """A condition that cannot be read; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands. depth: 0 for the prompt. scores: what checks found, by message."""

    tree: TreeRecord
    depth: int
    scores: ScoresOf = field(default_factory=dict)


Get = Callable[[MessageRecord, Place], Any]
Fulfils = Callable[[MessageRecord, Place], bool]

COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne, "=": operator.eq, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_SPELLED: Final = re.compile(r"\s*([a-z_]+)\s*(>=|<=|!=|=|>|<)\s*(.*?)\s*", re.DOTALL)


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("must be a number") from None


def _date(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a date such as 2023-04-12") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _written(message: MessageRecord, _: Place) -> datetime | None:
    try:
        return date_of(message.created_date) if message.created_date else None
    except ValueError:  # reported when it was read
        return None


def _label(name: str) -> Get:
    def value(message: MessageRecord, _: Place) -> float | None:
        said = (message.labels or {}).get(name)
        return None if said is None else said["value"]

    return value


def _detoxify(message: MessageRecord, _: Place) -> float | None:
    said = message.extra.get("detoxify")
    value = said.get("toxicity") if isinstance(said, dict) else None
    return value if isinstance(value, int | float) else None


def _consent(message: MessageRecord, _: Place) -> int | None:
    value = message.extra.get("consent_version")
    return value if type(value) is int else None


_NOTHING: Final = Found()


def _scored(key: str) -> Get:
    return lambda message, place: place.scores.get(message.message_id, _NOTHING).get(key)


def _is_found(key: str) -> Get:
    """Whether there is a value; None where nobody looked."""

    def value(message: MessageRecord, place: Place) -> bool | None:
        found = place.scores.get(message.message_id, _NOTHING)
        return found[key] is not None if key in found else None  # type: ignore[literal-required]

    return value


def _is_in_its_language(message: MessageRecord, place: Place) -> bool | None:
    detected = place.scores.get(message.message_id, _NOTHING).get("lang_detected")
    return None if detected is None or message.lang is None else primary(detected) == primary(message.lang)


def _personal(message: MessageRecord, place: Place) -> int | None:
    spans = place.scores.get(message.message_id, _NOTHING).get("personal")
    return None if spans is None else len(spans)


@dataclass(frozen=True, slots=True)
class Field:
    """What can be asked of a message. read: the value of a condition. several: values may be given with commas. scored:
    a check has to have found it. of_replies: only an assistant's reply has it, so prompters fulfil any condition on it.
    of_place: it says where in a tree a message stands, which chooses among rows of messages and leaves no tree whole.
    """

    says: str
    get: Get
    read: Callable[[str], Any]
    several: bool = False
    compares: bool = True
    scored: bool = False
    of_replies: bool = False
    of_place: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What a message must fulfil, and which field it is about."""

    words: str
    field: str
    fulfils: Fulfils

    def __call__(self, message: MessageRecord, place: Place) -> bool:
        return self.fulfils(message, place)

    @property
    def of_place(self) -> bool:
        return FIELDS[self.field].of_place


FIELDS: Final[Mapping[str, Field]] = {
    "lang": Field(
        "The language of the message.", lambda m, _: m.lang and usual_tag(m.lang), usual_tag, several=True,
        compares=False,
    ),
    "state": Field("The state of the tree.", lambda _, p: p.tree.tree_state, str, several=True, compares=False),
    "role": Field("prompter or assistant.", lambda m, _: m.role, str, several=True, compares=False, of_place=True),
    "author": Field("The id of who wrote it.", lambda m, _: m.user_id, str, several=True, compares=False),
    "model": Field("The model that wrote it.", lambda m, _: m.model_name, str, several=True, compares=False),
    "depth": Field(
        "How far below the prompt it stands, 0 for the prompt.", lambda _, p: p.depth, _number, of_place=True
    ),
    "reviews": Field("How many people reviewed it.", lambda m, _: m.review_count, _number),
    "rank": Field(
        "Its rank among the replies beside it, 0 for the best.", lambda m, _: m.rank, _number, of_replies=True
    ),
    "length": Field("Its length in characters.", lambda m, _: len(m.text), _number),
    "date": Field("When it was written.", _written, _date),
    "accepted": Field(
        "Whether reviewers accepted it.", lambda m, _: m.review_result is True, _truth, compares=False
    ),
    "deleted": Field("Whether it was deleted.", lambda m, _: bool(m.deleted), _truth, compares=False),
    "synthetic": Field("Whether a model wrote it.", lambda m, _: bool(m.synthetic), _truth, compares=False),
    "consent": Field("The version of the terms that its author had accepted.", _consent, _number),
    "detoxify": Field("How toxic the published file finds it, from 0 to 1.", _detoxify, _number),
    "lang_detected": Field(
        "The language that a check found.", _scored("lang_detected"), usual_tag, several=True, compares=False,
        scored=True,
    ),
    "in_its_language": Field(
        "Whether the language that a check found is its own.", _is_in_its_language, _truth, compares=False, scored=True
    ),
    "lang_confidence": Field(
        "How sure the check of the language is, from 0 to 1.", _scored("lang_confidence"), _number, scored=True
    ),
    "toxicity_score": Field("How toxic a check finds it, from 0 to 1.", _scored("toxicity"), _number, scored=True),
    "duplicate": Field(
        "Whether an older message has the same text.", _is_found("duplicate_of"), _truth, compares=False, scored=True
    ),
    "near_duplicate": Field(
        "Whether an older message has nearly the same text.", _is_found("near_duplicate_of"), _truth, compares=False,
        scored=True,
    ),
    "personal": Field("In how many places a check found personal data.", _personal, _number, scored=True),
    **{
        name: Field(
            f"What reviewers said of {name}, from 0 to 1.", _label(name), _number, of_replies=label.assistant_only
        )
        for name, label in LABELS.items()
    },
}  # fmt: skip


def condition(words: str) -> Condition:
    """What `field`, a comparison and a value say; several values with commas where it is `=` or `!=`.

    A message that has no such value (no such label) fulfils only `!=`. What only replies have is asked of replies
    alone, so that the prompt above a reply of `rank=0` stays. Raises BadCondition.
    """
    spelled = _SPELLED.fullmatch(words)
    if spelled is None:
        raise BadCondition(f"{words!r} is no condition; write a field, a comparison and a value: quality>=0.6")
    name, comparison, given = spelled.groups()
    asked = FIELDS.get(name)
    if asked is None:
        raise BadCondition(f"{words!r}: there is no field {name}; there are {', '.join(FIELDS)}")
    is_equality = comparison in ("=", "!=")
    if not (asked.compares or is_equality):
        raise BadCondition(f"{words!r}: {name} is compared with = or != only")
    try:
        values = [asked.read(each.strip()) for each in (given.split(",") if asked.several else [given])]
    except ValueError as wrong:
        raise BadCondition(f"{words!r}: the value of {name} {wrong}") from None
    if is_equality:
        wanted = comparison == "="

        def fulfils(message: MessageRecord, place: Place) -> bool:
            return (asked.get(message, place) in values) is wanted

    else:
        holds, limit = COMPARISONS[comparison], values[0]

        def fulfils(message: MessageRecord, place: Place) -> bool:
            has = asked.get(message, place)
            return has is not None and holds(has, limit)

    if not asked.of_replies:
        return Condition(words, name, fulfils)
    return Condition(words, name, lambda message, place: message.role == "prompter" or fulfils(message, place))


def of_records(words: str) -> Condition:
    """The same where only the records are at hand, and nothing that checks found. Raises BadCondition."""
    read = condition(words)
    if FIELDS[read.field].scored:
        raise BadCondition(f"{words!r} asks what a check found, which is not at hand here; `convert` has --scores")
    return read


def select(
    tree: TreeRecord, conditions: Iterable[Fulfils], scores: ScoresOf = MappingProxyType({})
) -> TreeRecord | None:
    """The tree with the messages that fulfil all conditions; what stands below one that does not goes with it.

    None when the prompt goes.
    """
    wanted = list(conditions)
    return cut(tree, lambda message, depth: fulfils_all(wanted, message, Place(tree, depth, scores)))


def fulfils_all(conditions: Iterable[Fulfils], message: MessageRecord, place: Place) -> bool:
    return all(fulfils(message, place) for fulfils in conditions)
