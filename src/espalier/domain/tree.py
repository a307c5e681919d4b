"""A conversation tree: messages, rankings, and where it stands. A value; every change makes a new one.

Knows what a tree is, not what happens to it (lifecycle.py) nor what it needs next (work.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from espalier.domain.message import Message, Ranking, Role


class State(StrEnum):
    INITIAL_PROMPT_REVIEW = "initial_prompt_review"
    PROMPT_LOTTERY_WAITING = "prompt_lottery_waiting"
    GROWING = "growing"
    RANKING = "ranking"
    READY_FOR_SCORING = "ready_for_scoring"
    READY_FOR_EXPORT = "ready_for_export"
    ABORTED_LOW_GRADE = "aborted_low_grade"
    HALTED_BY_MODERATOR = "halted_by_moderator"
    BACKLOG_RANKING = "backlog_ranking"
    SCORING_FAILED = "scoring_failed"


ACTIVE: Final = frozenset({State.INITIAL_PROMPT_REVIEW, State.GROWING, State.RANKING, State.READY_FOR_SCORING})
STOPPED: Final = frozenset({State.ABORTED_LOW_GRADE, State.HALTED_BY_MODERATOR})
TERMINAL: Final = STOPPED | {State.READY_FOR_EXPORT}
"""Where a tree stays unless somebody orders otherwise; such an order brings the policy of its day."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How far a tree may grow; stored with the tree when it is planted."""

    max_tree_depth: int
    max_children_count: int
    num_prompter_replies: int
    goal_tree_size: int

    def places_under(self, role: Role) -> int:
        """How many replies a message of this role may have."""
        return self.max_children_count if role is Role.PROMPTER else self.num_prompter_replies


@dataclass(frozen=True, slots=True)
class Tree:
    """`messages` in order of arrival, the root first; `rankings` by the parent whose replies they order.

    `policy`: the version of the campaign's policy that holds for this tree.
    `parked`: it was imported to be ranked, so resuming returns it there.
    `deletions`: each deleted message with the state that the deletion found.
    """

    id: str
    lang: str
    shape: Shape
    state: State
    policy: int
    messages: Mapping[str, Message]
    rankings: Mapping[str, tuple[Ranking, ...]] = field(default_factory=dict)
    won_lottery: bool = False
    parked: State | None = None
    deletions: Mapping[str, State] = field(default_factory=dict)
    origin: str | None = None

    @property
    def root(self) -> Message:
        return self.messages[self.id]

    def with_message(self, message: Message) -> "Tree":
        return replace(self, messages={**self.messages, message.id: message})

    def thread(self, message_id: str) -> tuple[Message, ...]:
        """The path from the root to this message, both included."""
        path = []
        at: str | None = message_id
        while at is not None:
            path.append(self.messages[at])
            at = self.messages[at].parent_id
        return tuple(reversed(path))

    def children(self) -> dict[str, list[Message]]:
        """The replies to each message, late ones included, in order of arrival."""
        replies: dict[str, list[Message]] = {message_id: [] for message_id in self.messages}
        for message in self.messages.values():
            if message.parent_id is not None:
                replies[message.parent_id].append(message)
        return replies

    def descendants(self, message_id: str) -> Iterator[Message]:
        """Everything below a message, itself excluded, in order of arrival."""
        below = {message_id}
        for message in self.messages.values():
            if message.parent_id in below:
                below.add(message.id)
                yield message

    def live(self) -> dict[str, Message]:
        """The messages that are neither deleted themselves nor below a deleted one."""
        if not self.deletions:
            return dict(self.messages)
        alive: dict[str, Message] = {}
        for message in self.messages.values():
            if not message.deleted and (message.parent_id is None or message.parent_id in alive):
                alive[message.id] = message
        return alive

    def is_live(self, message_id: str) -> bool:
        return not self.deletions or not any(message.deleted for message in self.thread(message_id))


def differing(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    """The keys under which the two hold different objects. A change of a tree keeps what it does not touch."""
    return {key for key in before.keys() | after.keys() if before.get(key) is not after.get(key)}


def awaits_review(message: Message) -> bool:
    """Whether reviews may still decide this live message."""
    return message.accepted is None and not message.late


def accepted(message: Message) -> bool:
    """Whether this live message counts as part of the tree."""
    return message.accepted is True and not message.late


def stands(message: Message) -> bool:
    """Whether this live message takes a place: accepted, or still to be decided."""
    return message.accepted is not False and not message.late


def faults(tree: Tree) -> list[str]:
    """What is wrong with the tree's structure, in sentences; empty for a sound tree (invariant 1)."""
    found = []
    roots = [message.id for message in tree.messages.values() if message.parent_id is None]
    if roots != [tree.id]:
        found.append(f"its prompts are {', '.join(roots) or 'none'}, but should be {tree.id}")
    for message in tree.messages.values():
        if message.parent_id is None:
            if message.role is not Role.PROMPTER or message.depth != 0:
                found.append(f"{_placed(message)} stands as its prompt")
            continue
        parent = tree.messages.get(message.parent_id)
        if parent is None:
            found.append(f"{message.id} replies to {message.parent_id}, which is not in the tree")
        elif message.role is parent.role or message.depth != parent.depth + 1:
            found.append(f"{_placed(message)} does not fit below {_placed(parent)}")
    return found


def _placed(message: Message) -> str:
    return f"{message.id} ({message.role}, depth {message.depth})"
