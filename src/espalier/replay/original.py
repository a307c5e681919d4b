"""A published tree as a replay wants it: what of it is said again, the shape it gets, where it shall end.

Values only; knows no server and no order of events.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from espalier.domain.message import Role
from espalier.domain.policy import Policy, largest_tree
from espalier.domain.tree import STOPPED, Shape, State

SMALLEST_OPEN_GOAL: Final = 12
UNDRAWN: Final = frozenset({State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING})
STILL_OPEN: Final = frozenset({State.INITIAL_PROMPT_REVIEW, State.GROWING}) | STOPPED


@dataclass(frozen=True, slots=True)
class Original:
    """A message of a file. `accepted` is its review_result; `labels` the means that it gives."""

    text: str
    role: Role
    accepted: bool | None
    deleted: bool = False
    rank: int | None = None
    review_count: int = 0
    labels: Mapping[str, float] = field(default_factory=dict)
    replies: tuple["Original", ...] = ()

    @property
    def stands(self) -> bool:
        return self.accepted is True and not self.deleted

    def walk(self) -> Iterator["Original"]:
        """This message and all below it, each parent before its replies."""
        yield self
        for reply in self.replies:
            yield from reply.walk()


@dataclass(frozen=True, slots=True)
class OriginalTree:
    id: str
    lang: str
    state: State
    root: Original

    @property
    def drawn(self) -> bool:
        """Whether it ever won the lottery. A stopped tree did, if anybody replied."""
        if self.state in STOPPED:
            return bool(self.root.replies)
        return self.state not in UNDRAWN

    @property
    def stays_open(self) -> bool:
        """Whether its growth ended, if at all, by order: its goal must not be reached."""
        return self.state is State.GROWING or self.state in STOPPED


def said_again(tree: OriginalTree) -> OriginalTree:
    """The tree without what cannot be said again.

    Left out are deleted replies, what was written below a message that is not accepted, and, in a tree that has left
    its growth, replies without a result: they came late. A prompt is said again whatever became of it.
    """
    return replace(tree, root=_again(tree.root, undecided=tree.state in STILL_OPEN))


def _again(message: Original, *, undecided: bool) -> Original:
    if message.accepted is not True:
        return replace(message, replies=())
    kept = (reply for reply in message.replies if not reply.deleted and (undecided or reply.accepted is not None))
    return replace(message, replies=tuple(_again(reply, undecided=undecided) for reply in kept))


def shape_of(tree: OriginalTree, standard: Policy) -> Shape | None:
    """The shape to plant it with; None, the policy's own, for a tree that was never drawn.

    `tree` as it was published. A tree that shall stay open gets room for one message more than it holds, and no less
    than the standard.
    """
    if not tree.drawn:
        return None
    again = said_again(tree).root
    depth, children = max(1, _depth(again)), {Role.PROMPTER: 1, Role.ASSISTANT: 1}
    for message in again.walk():
        children[message.role] = max(children[message.role], sum(reply.stands for reply in message.replies))
    goal = sum(message.stands for message in again.walk())
    if not tree.stays_open:
        return Shape(depth, children[Role.PROMPTER], children[Role.ASSISTANT], max(1, goal))
    goal = max(SMALLEST_OPEN_GOAL, 1 + sum(1 for _ in tree.root.walk()))
    depth = max(depth, standard.max_tree_depth)
    prompter = max(children[Role.PROMPTER], standard.max_children_count)
    assistant = max(children[Role.ASSISTANT], standard.num_prompter_replies)
    while largest_tree(depth, prompter, assistant) < goal:
        prompter += 1
    return Shape(depth, prompter, assistant, goal)


def _depth(message: Original) -> int:
    return 1 + max(map(_depth, message.replies)) if message.replies else 0
