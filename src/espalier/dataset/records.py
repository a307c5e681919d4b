"""The published OASST record: the one on-disk spelling of trees, messages and their aggregates.

Three spellings say the same: the native export (`emojis` and `labels` are maps), the hub's tables (they are columns
of lists) and the sparse one (what is null is missing). A record remembers how it was spelled, so that it can be
written as it was read; fields that mean nothing here are kept in `extra`. Knows no files and no database.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypedDict


class LabelMean(TypedDict):
    """What reviewers said on average, and how many of them."""

    value: float
    count: int


class Spelling(StrEnum):
    AS_READ = "as_read"
    NATIVE = "native"
    HUB = "hub"
    SPARSE = "sparse"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a record was spelled: its keys in order, which of them were columns, and whether `replies` was null.

    row: it was a row of a flat file, whatever tree it stands in now.
    """

    keys: tuple[str, ...]
    columns: frozenset[str] = frozenset()
    null_replies: bool = False
    row: bool = False


shared_layout = lru_cache(maxsize=1024)(Layout)
"""A layout, one for all records that are spelled alike."""


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message as published. Only id, text and role are sure to be there; None means null or absent.

    `replies` of a node of a tree; `message_tree_id` and `tree_state` of a row of a flat file. `line`: where it was
    read.
    """

    message_id: str
    text: str
    role: str
    parent_id: str | None = None
    user_id: str | None = None
    created_date: str | None = None
    lang: str | None = None
    review_count: int | None = None
    review_result: bool | None = None
    deleted: bool | None = None
    rank: int | None = None
    synthetic: bool | None = None
    model_name: str | None = None
    emojis: Mapping[str, int] | None = None
    labels: Mapping[str, LabelMean] | None = None
    replies: tuple["MessageRecord", ...] = ()
    message_tree_id: str | None = None
    tree_state: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    layout: Layout | None = field(default=None, compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TreeRecord:
    """A tree as published: the prompt with everything below it."""

    message_tree_id: str
    prompt: MessageRecord
    tree_state: str | None = None
    origin: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    layout: Layout | None = field(default=None, compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)


class VoteKind(StrEnum):
    LABELS = "labels"
    RANKING = "ranking"
    REACTION = "reaction"


@dataclass(frozen=True, slots=True)
class VoteRecord:
    """One person's judgement. `parent_id` of a ranking, `message_id` of all else.

    `value`: labels: name → number, null for "cannot judge"; ranking: groups of message ids, best first, none for "all
    unacceptable"; reaction: the emoji's name.
    """

    vote_id: str
    kind: str
    message_id: str | None = None
    parent_id: str | None = None
    voter: str | None = None
    value: Any = None
    created_date: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    layout: Layout | None = field(default=None, compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)

    @property
    def subject(self) -> str:
        """The message that was judged, or whose replies were."""
        return (self.parent_id if self.kind == VoteKind.RANKING else self.message_id) or ""


Record = TreeRecord | MessageRecord


class Malformed(Exception):
    """A value that no record can have; `path` leads to it from the record's own object."""

    def __init__(self, path: str, reason: str, *, missing: bool = False) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason
        self.missing = missing


Votes = Mapping[str, Sequence[VoteRecord]]
"""By the message that they are on."""


def by_subject(votes: Iterable[VoteRecord]) -> Votes:
    """Votes by the message that they are on; held in memory, for the lines of a file may come in any order."""
    found: dict[str, list[VoteRecord]] = {}
    for vote in votes:
        found.setdefault(vote.subject, []).append(vote)
    return found


def date_of(spelled: str) -> datetime:
    """The time that an ISO 8601 date means; without a zone it is UTC. Raises ValueError."""
    at = datetime.fromisoformat(spelled)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return at.astimezone(UTC)
