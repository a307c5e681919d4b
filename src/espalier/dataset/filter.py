"""Conditions on messages, in words that are the same on the command line and in Python: `quality>=0.6`, `lang=en,de`.

`condition` reads one; `select` keeps of a tree what fulfils all of them. Knows records; knows no files.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from espalier.dataset.records import MessageRecord, TreeRecord, date_of
from espalier.domain.message import LABELS


class BadCondition(ValueError):
    """A condition that cannot be read; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands. depth: 0 for the prompt."""

    tree: TreeRecord
    depth: int


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


@dataclass(frozen=True, slots=True)
class Field:
    """What can be asked of a message. read: the value of a condition. several: values may be given with commas."""

    says: str
    get: Get
    read: Callable[[str], Any]
    several: bool = False
    compares: bool = True


FIELDS: Final[Mapping[str, Field]] = {
    "lang": Field("The language of the message.", lambda m, _: m.lang, str, several=True, compares=False),
    "state": Field("The state of the tree.", lambda _, p: p.tree.tree_state, str, several=True, compares=False),
    "role": Field("prompter or assistant.", lambda m, _: m.role, str, several=True, compares=False),
    "author": Field("The id of who wrote it.", lambda m, _: m.user_id, str, several=True, compares=False),
    "model": Field("The model that wrote it.", lambda m, _: m.model_name, str, several=True, compares=False),
    "depth": Field("How far below the prompt it stands, 0 for the prompt.", lambda _, p: p.depth, _number),
    "reviews": Field("How many people reviewed it.", lambda m, _: m.review_count, _number),
    "rank": Field("Its rank among the replies beside it, 0 for the best.", lambda m, _: m.rank, _number),
    "length": Field("Its length in characters.", lambda m, _: len(m.text), _number),
    "date": Field("When it was written.", _written, _date),
    "accepted": Field(
        "Whether reviewers accepted it.", lambda m, _: m.review_result is True, _truth, compares=False
    ),
    "deleted": Field("Whether it was deleted.", lambda m, _: bool(m.deleted), _truth, compares=False),
    "synthetic": Field("Whether a model wrote it.", lambda m, _: bool(m.synthetic), _truth, compares=False),
    **{name: Field(f"What reviewers said of {name}, from 0 to 1.", _label(name), _number) for name in LABELS},
}  # fmt: skip


def condition(words: str) -> Fulfils:
    """What `field`, a comparison and a value say; several values with commas where it is `=` or `!=`.

    A message that has no such value (no rank, no such label) fulfils only `!=`. Raises BadCondition.
    """
    spelled = _SPELLED.fullmatch(words)
    if spelled is None:
        raise BadCondition(f"{words!r} is no condition; write a field, a comparison and a value: quality>=0.6")
    name, comparison, given = spelled.groups()
    field = FIELDS.get(name)
    if field is None:
        raise BadCondition(f"{words!r}: there is no field {name}; there are {', '.join(FIELDS)}")
    is_equality = comparison in ("=", "!=")
    if not (field.compares or is_equality):
        raise BadCondition(f"{words!r}: {name} is compared with = or != only")
    try:
        values = [field.read(each.strip()) for each in (given.split(",") if field.several else [given])]
    except ValueError as wrong:
        raise BadCondition(f"{words!r}: the value of {name} {wrong}") from None
    if is_equality:
        wanted = comparison == "="
        return lambda message, place: (field.get(message, place) in values) is wanted
    holds, limit = COMPARISONS[comparison], values[0]

    def fulfils(message: MessageRecord, place: Place) -> bool:
        has = field.get(message, place)
        return has is not None and holds(has, limit)

    return fulfils


def select(tree: TreeRecord, conditions: Iterable[Fulfils]) -> TreeRecord | None:
    """The tree with the messages that fulfil all conditions; what stands below one that does not goes with it.

    None when the prompt goes.
    """
    wanted = list(conditions)

    def kept(message: MessageRecord, depth: int) -> MessageRecord | None:
        place = Place(tree, depth)
        if not all(fulfils(message, place) for fulfils in wanted):
            return None
        below = (kept(reply, depth + 1) for reply in message.replies)
        return replace(message, replies=tuple(reply for reply in below if reply is not None))

    prompt = kept(tree.prompt, 0)
    return None if prompt is None else replace(tree, prompt=prompt)
