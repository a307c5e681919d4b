"""Contributions as rows: the log from which every tree can be rebuilt.

Knows how a fact is spelled in the table `contributions`; does not know what it does to a tree.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic_core import from_json  # four times as fast as json.loads, and a tree has twenty votes
from sqlalchemy import Connection, bindparam, insert, select, text, update

from espalier.domain.contribution import (
    Contribution,
    Deleted,
    Dismissed,
    Edited,
    Ordered,
    Planted,
    PolicyChanged,
    Ranked,
    Reacted,
    Replied,
    Reviewed,
    Settled,
    Skipped,
    Undeleted,
)
from espalier.domain.lifecycle import Command
from espalier.domain.message import Message, Ranking, Reaction, Review, Skip, SkipOf
from espalier.domain.tree import Shape, State
from espalier.store.kept import touch_tree
from espalier.store.sql import Statement, TreeStatement
from espalier.store.tables import contributions
from espalier.store.times import from_us, to_us

KINDS: Final[Mapping[type, str]] = {
    Planted: "planted",
    Settled: "settled",
    Replied: "replied",
    Reviewed: "reviewed",
    Ranked: "ranked",
    Reacted: "reacted",
    Skipped: "skipped",
    Deleted: "deleted",
    Undeleted: "undeleted",
    Edited: "edited",
    Dismissed: "dismissed",
    Ordered: "ordered",
    PolicyChanged: "policy",
}
VOTES: Final = ("reviewed", "ranked", "reacted", "skipped")
GOLD: Final = "gold"
"""Of a row that is no fact of its tree: a label or skip of a message whose right labels are known."""
SENT: Final = ("planted", "replied", "reviewed", "ranked", GOLD)
"""Of what answers a task."""


class FactRow(NamedTuple):
    """A row of the log. `kind` is one of KINDS; `data` what this kind adds.

    A tuple of what the database says, since each change of a tree reads all its rows and looks closer at few of them.
    """

    seq: int
    tree_id: str
    kind: str
    message_id: str | None
    person_id: str | None
    at_us: int
    came_late: int
    was_counted: int
    spelled: str | None

    @property
    def at(self) -> datetime:
        return from_us(self.at_us)

    @property
    def late(self) -> bool:
        return bool(self.came_late)

    @property
    def counted(self) -> bool:
        return bool(self.was_counted)

    @property
    def data(self) -> dict[str, Any]:
        return from_json(self.spelled) if self.spelled else {}

    @property
    def automatic(self) -> bool:
        """Whether the rules or chance did this, and nobody's hand."""
        return self.person_id is None and bool(self.data.get("automatic"))


_INSERT = TreeStatement(
    insert(contributions).values(
        tree_id=bindparam("tree_id"),
        kind=bindparam("kind"),
        message_id=bindparam("message_id"),
        person_id=bindparam("person_id"),
        at=bindparam("at"),
        task_id=bindparam("task_id"),
        late=bindparam("late"),
        counted=bindparam("counted"),
        terms=bindparam("terms"),
        data=bindparam("data"),
    ).returning(contributions.c.seq)
)  # fmt: skip
_VOID = Statement(update(contributions).where(contributions.c.seq == bindparam("number")).values(void=1))
FACT_COLUMNS: Final = (
    contributions.c.seq,
    contributions.c.tree_id,
    contributions.c.kind,
    contributions.c.message_id,
    contributions.c.person_id,
    contributions.c.at,
    contributions.c.late,
    contributions.c.counted,
    contributions.c.data,
)
_OF_TASK = Statement(
    select(*FACT_COLUMNS)
    .where(
        contributions.c.task_id == bindparam("task"), contributions.c.person_id == bindparam("person"),
        contributions.c.void == text("0"), contributions.c.kind.in_((*SENT, "skipped")),
    )
    .order_by(contributions.c.seq.desc())
    .limit(1)
)  # fmt: skip
_WRITTEN = Statement(
    select(*FACT_COLUMNS)
    .where(
        contributions.c.tree_id == bindparam("tree"), contributions.c.message_id == bindparam("message"),
        contributions.c.person_id == bindparam("person"), contributions.c.void == text("0"),
        contributions.c.kind.in_(("planted", "replied")),
    )
)  # fmt: skip
_SAY = TreeStatement(
    update(contributions).where(contributions.c.seq == bindparam("number")).values(data=bindparam("data"))
)
_SKIPS = Statement(
    select(contributions.c.data)
    .where(
        contributions.c.tree_id == bindparam("tree"), contributions.c.message_id == bindparam("message"),
        contributions.c.void == text("0"), contributions.c.kind.in_(("skipped", GOLD)),
    )
    .order_by(contributions.c.seq)
)  # fmt: skip
_FACT = Statement(
    select(*FACT_COLUMNS).where(contributions.c.seq == bindparam("number"), contributions.c.void == text("0"))
)
_OF_TREE = Statement(
    select(*FACT_COLUMNS)
    .where(contributions.c.tree_id == bindparam("tree_id"), contributions.c.void == 0, contributions.c.kind != GOLD)
    .order_by(contributions.c.seq)
)


def record(
    db: Connection,
    tree_id: str,
    fact: Contribution,
    at: datetime,
    *,
    person: str | None = None,
    task: str | None = None,
    late: bool = False,
    counted: bool = True,
    terms: int | None = None,
    note: Mapping[str, object] | None = None,
) -> int:
    """Append a fact; returns its number.

    `terms`: the version that its person had accepted. `note` is kept for the audit and means nothing to the
    tree.
    """
    touch_tree(db, tree_id)
    message_id, data = encode(fact)
    row = _INSERT.row(
        db,
        tree_id=tree_id,
        kind=KINDS[type(fact)],
        message_id=message_id,
        person_id=person,
        at=to_us(at),
        task_id=task,
        late=int(late),
        counted=int(counted),
        terms=terms,
        data=json.dumps({**data, **(note or {})}) if data or note else None,
    )
    assert row is not None
    return int(row[0])


def void(db: Connection, seq: int) -> None:
    """Mark a fact as withdrawn: it stays in the log and counts no more."""
    _VOID.run(db, number=seq)


def find_fact(db: Connection, seq: int) -> FactRow | None:
    """A fact by its number; None when it was withdrawn."""
    row = _FACT.row(db, number=seq)
    return FactRow._make(row) if row else None


def fact_of_task(db: Connection, person_id: str, task_id: str) -> FactRow | None:
    """What a person answered to a task, or their skip of it; None when they took it back."""
    row = _OF_TASK.row(db, task=task_id, person=person_id)
    return FactRow._make(row) if row else None


def writing_of(db: Connection, person_id: str, tree_id: str, message_id: str) -> FactRow | None:
    """With which a person wrote a message; None when it is not theirs or was taken back."""
    row = _WRITTEN.row(db, tree=tree_id, message=message_id, person=person_id)
    return FactRow._make(row) if row else None


def skip_reasons(db: Connection, tree_id: str, message_id: str) -> dict[str, int]:
    """How often tasks about a message were skipped for each reason, the most frequent first."""
    said = [from_json(data) for (data,) in _SKIPS.rows(db, tree=tree_id, message=message_id)]
    return dict(Counter(each["reason"] for each in said if "reason" in each).most_common())


def give_reason(db: Connection, row: FactRow, reason: str) -> None:
    """Say why somebody skipped, who had not said it."""
    touch_tree(db, row.tree_id)
    _SAY.run(db, number=row.seq, data=json.dumps({**row.data, "reason": reason}))


def log_of(db: Connection, tree_id: str) -> list[FactRow]:
    """All that happened to a tree, in order."""
    return [FactRow._make(row) for row in _OF_TREE.tuples(db, tree_id=tree_id)]


def encode(fact: Contribution) -> tuple[str | None, dict[str, Any]]:
    """The message that a fact is about, and what else the row keeps. Texts stay with their messages."""
    match fact:
        case Planted(message, shape, policy, state, origin):
            beside = {} if origin is None else {"origin": origin}
            return message.id, {"shape": encode_shape(shape), "policy": policy, "state": state, **beside}
        case Replied(message):
            return message.id, {}
        case Reviewed(message_id, review):
            return message_id, {"labels": dict(review.labels), "full": review.full, **_weight(review)}
        case Ranked(parent_id, ranking):
            return parent_id, {"order": ranking.order, "not_rankable": ranking.not_rankable, **_weight(ranking)}
        case Reacted(message_id, reaction, on):
            return message_id, {"emoji": reaction.emoji, "on": on}
        case Skipped(message_id, skip):
            return message_id, {"what": skip.what, "reason": skip.reason}
        case Deleted(message_id) | Undeleted(message_id) | Dismissed(message_id):
            return message_id, {}
        case Edited(message_id, text):
            return message_id, {"text": text}
        case Ordered(command, policy):
            return None, {"command": command, "policy": policy}
        case PolicyChanged(policy):
            return None, {"policy": policy}
        case Settled(tree):
            return None, {
                "state": tree.state,
                "shape": encode_shape(tree.shape),
                "policy": tree.policy,
                "won_lottery": tree.won_lottery,
                "parked": tree.parked,
                "origin": tree.origin,
                "messages": {m.id: _settled_message(m, tree.deletions.get(m.id)) for m in tree.messages.values()},
            }


def _weight(vote: Review | Ranking) -> dict[str, float]:
    """Of a vote that may count for less; most count in full, and need not say so."""
    return {} if vote.weight == 1 else {"weight": vote.weight}


def _settled_message(message: Message, found: State | None) -> list[Any]:
    return [
        message.accepted, found, int(message.tombstone), int(message.edited),
        message.dismissed_flags, message.dismissed_skips,
    ]  # fmt: skip


def encode_shape(shape: Shape) -> list[int]:
    return [shape.max_tree_depth, shape.max_children_count, shape.num_prompter_replies, shape.goal_tree_size]


def decode(row: FactRow, messages: Mapping[str, Message]) -> Contribution:
    """The fact that a row spells. `messages`: as first written, by id.

    A Settled fact is not decoded here, since it needs the votes before it: see `trees.settled`.
    """
    data, message_id = row.data, row.message_id or ""
    match row.kind:
        case "planted":
            return Planted(
                messages[message_id], Shape(*data["shape"]), data["policy"], State(data["state"]), data.get("origin")
            )
        case "replied":
            return Replied(messages[message_id])
        case "reviewed":
            return Reviewed(message_id, decode_review(row))
        case "ranked":
            return Ranked(message_id, decode_ranking(row))
        case "reacted":
            return Reacted(message_id, Reaction(row.person_id, data["emoji"]), data["on"])
        case "skipped":
            return Skipped(message_id, Skip(row.person_id, SkipOf(data["what"]), data["reason"]))
        case "deleted":
            return Deleted(message_id)
        case "undeleted":
            return Undeleted(message_id)
        case "dismissed":
            return Dismissed(message_id)
        case "edited":
            return Edited(message_id, data["text"])
        case "ordered":
            return Ordered(Command(data["command"]), data["policy"])
        case "policy":
            return PolicyChanged(data["policy"])
    raise AssertionError(f"contribution {row.seq} has the unknown kind {row.kind!r}")


def decode_review(row: FactRow) -> Review:
    data = row.data
    weight = data.get("weight", 1.0)
    return Review(row.seq, row.person_id, row.at, data["labels"], data["full"], row.late, row.counted, weight)


class Reviews(Sequence[Review]):
    """The reviews of a message, read from their rows when somebody looks: most changes of a tree look at few of all."""

    __slots__ = ("_read", "_rows")

    def __init__(self, rows: Sequence[FactRow]) -> None:
        self._rows = rows
        self._read: tuple[Review, ...] | None = None

    def _all(self) -> tuple[Review, ...]:
        if self._read is None:
            self._read = tuple(map(decode_review, self._rows))
        return self._read

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: Any) -> Any:
        return self._all()[place]

    def __iter__(self) -> Iterator[Review]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reviews | tuple) and self._all() == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._all())


def decode_ranking(row: FactRow) -> Ranking:
    order = tuple(tuple(group) for group in row.data["order"])
    weight = row.data.get("weight", 1.0)
    return Ranking(row.seq, row.person_id, row.at, order, row.data["not_rankable"], row.late, row.counted, weight)
