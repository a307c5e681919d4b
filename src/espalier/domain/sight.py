"""Who sees what of a message: one value for each way to look at it, so that a new field never shows by default.

Each is wider than the one before: what is there to be judged, what became of one's own, what is open to all, what
staff work with. Whoever could still review or rank a message sees the first. Knows no database and no HTTP.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

from espalier.domain.message import Role
from espalier.domain.tree import State
from espalier.domain.work import Act


@dataclass(frozen=True, slots=True)
class LabelMean:
    """The mean of a label's answers, and how many answered."""

    value: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindMessage:
    """To who could still review or rank it: what is said, and where.

    `deleted` and `removed` (deleted, or below a message that is) are only ever true for staff.
    """

    id: str
    tree_id: str
    parent_id: str | None
    role: Role
    lang: str
    text: str
    depth: int
    created_at: datetime
    edited: bool
    deleted: bool
    removed: bool
    seen_as: Literal["blind"] = "blind"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMessage:
    """To its author: also what became of it. `removed`: deleted, or below a message that is."""

    id: str
    tree_id: str
    parent_id: str | None
    role: Role
    lang: str
    text: str
    depth: int
    created_at: datetime
    edited: bool
    deleted: bool
    removed: bool
    tree_state: State
    late: bool
    review_result: bool | None
    review_count: int
    rank: int | None
    labels: Mapping[str, LabelMean]
    emojis: Mapping[str, int]
    seen_as: Literal["own"] = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicMessage:
    """To everybody who can no longer judge it, and to all once its tree is finished."""

    id: str
    tree_id: str
    parent_id: str | None
    role: Role
    lang: str
    text: str
    depth: int
    created_at: datetime
    edited: bool
    deleted: bool
    tree_state: State
    late: bool
    review_result: bool | None
    review_count: int
    rank: int | None
    labels: Mapping[str, LabelMean]
    emojis: Mapping[str, int]
    author: str | None
    author_name: str | None
    synthetic: bool
    model_name: str | None
    seen_as: Literal["public"] = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMessage:
    """To staff: everything. `origin`: the file from which its tree was imported."""

    id: str
    tree_id: str
    parent_id: str | None
    role: Role
    lang: str
    text: str
    depth: int
    created_at: datetime
    edited: bool
    deleted: bool
    removed: bool
    tombstone: bool
    tree_state: State
    origin: str | None
    late: bool
    review_result: bool | None
    review_count: int
    rank: int | None
    labels: Mapping[str, LabelMean]
    emojis: Mapping[str, int]
    dismissed_flags: int
    dismissed_skips: int
    author: str | None
    author_name: str | None
    synthetic: bool
    model_name: str | None
    seen_as: Literal["staff"] = "staff"


SeenMessage = BlindMessage | OwnMessage | PublicMessage | StaffMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindNode(BlindMessage):
    """A message in its tree, with the replies to it."""

    replies: "tuple[Node, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNode(OwnMessage):
    """A message in its tree, with the replies to it."""

    replies: "tuple[Node, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicNode(PublicMessage):
    """A message in its tree, with the replies to it."""

    replies: "tuple[Node, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffNode(StaffMessage):
    """A message in its tree, with the replies to it."""

    replies: "tuple[Node, ...]" = ()


Node = BlindNode | OwnNode | PublicNode | StaffNode
_NODE_OF: Final[Mapping[type, type[Any]]] = {
    BlindMessage: BlindNode,
    OwnMessage: OwnNode,
    PublicMessage: PublicNode,
    StaffMessage: StaffNode,
}
_FIELDS: Final = {kind: tuple(f.name for f in fields(kind) if f.name != "seen_as") for kind in _NODE_OF}


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks. `done`: what this person has reviewed, ranked or skipped; `in_hand`: what they have a task for;
    `asked_about`: messages that they may yet be asked about though they are decided, since the right labels are known.
    """

    person_id: str
    moderates: bool = False
    administers: bool = False
    done: frozenset[tuple[Act, str]] = field(default_factory=frozenset)
    in_hand: frozenset[tuple[Act, str]] = field(default_factory=frozenset)
    asked_about: frozenset[str] = field(default_factory=frozenset)


def may_see(message: StaffMessage, viewer: Viewer) -> bool:
    """Whether the message exists for this person at all."""
    return not message.removed or viewer.moderates or message.author == viewer.person_id


def could_judge(message: StaffMessage, viewer: Viewer) -> bool:
    """Whether this person could still review the message, or rank it among the replies to its parent.

    Rather yes than no: an unfinished tree may be resumed, its policy may change, and an expired task may still be sent.
    """
    review = (Act.LABEL, message.id)
    ranking = (Act.RANK, message.parent_id or "")
    if review in viewer.in_hand or ranking in viewer.in_hand:
        return True
    if message.id in viewer.asked_about and review not in viewer.done:
        return True
    if message.author == viewer.person_id or message.late or message.tree_state is State.READY_FOR_EXPORT:
        return False
    if message.tombstone:  # nothing is left to judge
        return False
    if message.review_result is None and review not in viewer.done:
        return True
    # Before the ranking begins, who wrote one of the replies cannot rank them, unless theirs is refused.
    has_ranked = message.tree_state is State.RANKING and ranking in viewer.done
    return message.parent_id is not None and not has_ranked


def seen(message: StaffMessage, viewer: Viewer) -> SeenMessage:
    """What this person may see of the message.

    Administrators see everything: they order trees by what has become of them. Moderators volunteer like others, so
    they see as little as others do of what they could still judge, unless they look behind it (`staff` says so).
    """
    if viewer.administers or (viewer.moderates and not could_judge(message, viewer)):
        return message
    if could_judge(message, viewer):
        return _as(BlindMessage, message)
    if message.author == viewer.person_id:
        return _as(OwnMessage, message)
    return _as(PublicMessage, message)


def veiled(message: SeenMessage) -> SeenMessage:
    """As little of a message as of those in its tree that could still be judged; authors keep what is theirs."""
    match message:
        case PublicMessage():  # what is removed is open to nobody
            return _as(BlindMessage, message, removed=False)
        case StaffMessage():
            return _as(BlindMessage, message)
        case _:
            return message


def alone(message: StaffMessage, viewer: Viewer) -> SeenMessage:
    """What this person may see of a message in a list, where nobody looks whether the rest of its tree is judged.

    As much as `nested` would tell of it `as_one`, or less.
    """
    shown = seen(message, viewer)
    told = viewer.administers or message.tree_state is State.READY_FOR_EXPORT
    return shown if told else veiled(shown)


def nested(messages: list[StaffMessage], viewer: Viewer, *, as_one: bool = False) -> Node | None:
    """A tree as this person may see it, from its messages in order of arrival; None when its prompt is not to be seen.

    Replies stand in order of arrival, ranked ones first where their ranks are open to this person. as_one: where one
    message could still be judged by this person, nothing is told of what has become of the others either.
    """
    shown = [seen(message, viewer) for message in messages if may_see(message, viewer)]
    if as_one and any(isinstance(message, BlindMessage) for message in shown):
        shown = [veiled(message) for message in shown]
    replies: dict[str | None, deque[Node]] = {}
    for message in reversed(shown):
        below = tuple(sorted(replies.get(message.id, ()), key=in_order))
        replies.setdefault(message.parent_id, deque()).appendleft(_node(message, below))
    roots = replies.get(None)
    return roots[0] if roots else None


def in_order(message: SeenMessage) -> tuple[bool, int]:
    """By this, replies stand with ranked ones first where their ranks are open to who looks, else as they arrived."""
    rank = None if isinstance(message, BlindMessage) else message.rank
    return (rank is None, rank or 0)


Seen = TypeVar("Seen")


def _as(kind: type[Seen], message: SeenMessage, **known: Any) -> Seen:
    return kind(**known, **{name: getattr(message, name) for name in _FIELDS[kind] if name not in known})


def _node(message: SeenMessage, replies: tuple[Node, ...]) -> Node:
    kind = type(message)
    node: Node = _NODE_OF[kind](**{name: getattr(message, name) for name in _FIELDS[kind]}, replies=replies)
    return node
