"""What happens to a tree, as facts in the order they came, and what each does to it.

A tree is the fold of its contributions: `grow` applies one and lets the life cycle move on. The same two steps
serve a request and a rebuild, so there is no second set of rules. Chance (a draw, a goal size, full or simple) is
not drawn here: its outcome is part of the fact.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from espalier.domain.errors import WrongState
from espalier.domain.lifecycle import COMMANDS, Command, advance, resumed_state
from espalier.domain.message import Message, Ranking, Reaction, Review, Skip
from espalier.domain.moderation import red_flags
from espalier.domain.policy import Policy
from espalier.domain.review import verdict
from espalier.domain.tree import STOPPED, TERMINAL, Shape, State, Tree
from espalier.domain.work import to_rank


@dataclass(frozen=True, slots=True)
class Planted:
    """A new tree with its prompt. Staff may plant it straight into a later state: its prompt is then accepted.

    `origin`: what the prompt was written beside.
    """

    message: Message
    shape: Shape
    policy: int
    state: State = State.INITIAL_PROMPT_REVIEW
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """A baseline: the whole tree as an import or a purge left it. Rebuilding starts here."""

    tree: Tree


@dataclass(frozen=True, slots=True)
class Replied:
    message: Message


@dataclass(frozen=True, slots=True)
class Reviewed:
    message_id: str
    review: Review


@dataclass(frozen=True, slots=True)
class Ranked:
    parent_id: str
    ranking: Ranking


@dataclass(frozen=True, slots=True)
class Reacted:
    message_id: str
    reaction: Reaction
    on: bool = True


@dataclass(frozen=True, slots=True)
class Skipped:
    message_id: str
    skip: Skip


@dataclass(frozen=True, slots=True)
class Deleted:
    message_id: str


@dataclass(frozen=True, slots=True)
class Undeleted:
    message_id: str


@dataclass(frozen=True, slots=True)
class Edited:
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Dismissed:
    """A moderator has looked: what was flagged or skipped so far counts no more against this message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """A person's or the lottery's command. `policy`: the version that holds from here on."""

    command: Command
    policy: int


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    policy: int


Contribution = (
    Planted | Settled | Replied | Reviewed | Ranked | Reacted | Skipped | Deleted | Undeleted | Edited | Dismissed
    | Ordered | PolicyChanged
)  # fmt: skip
PolicyOf = Callable[[int, str], Policy]
"""The policy of a version for a language."""


def grow(tree: Tree | None, fact: Contribution, policy_of: PolicyOf) -> Tree:
    """The tree after one more contribution, moved on as far as it goes.

    Raises WrongState when the tree's state does not allow it; then nothing has changed.
    """
    after = apply(tree, fact, policy_of)
    return advance(after, policy_of(after.policy, after.lang))


def rebuild(facts: Iterable[Contribution], policy_of: PolicyOf) -> Tree | None:
    """The tree that these contributions make, in their order; None when there are none."""
    tree = None
    for fact in facts:
        tree = grow(tree, fact, policy_of)
    return tree


def apply(tree: Tree | None, fact: Contribution, policy_of: PolicyOf) -> Tree:
    if isinstance(fact, Planted):
        return _planted(fact)
    if isinstance(fact, Settled):
        return fact.tree
    assert tree is not None, f"{fact} came before its tree"
    if isinstance(fact, Reviewed):
        return _reviewed(tree, fact, policy_of(tree.policy, tree.lang))
    if isinstance(fact, Ordered):
        return _ordered(tree, fact, policy_of(fact.policy, tree.lang))
    return EFFECT[type(fact)](tree, fact)


def _planted(fact: Planted) -> Tree:
    by_word = fact.state is not State.INITIAL_PROMPT_REVIEW
    root = replace(fact.message, accepted=True) if by_word else fact.message
    return Tree(
        id=root.id,
        lang=root.lang,
        shape=fact.shape,
        state=fact.state,
        policy=fact.policy,
        messages={root.id: root},
        won_lottery=fact.state is State.GROWING,
        origin=fact.origin,
    )


def _replied(tree: Tree, fact: Replied) -> Tree:
    return tree.with_message(fact.message)


def review_counts(tree: Tree, message: Message) -> bool:
    """Whether a review that comes now enters the means, even if its place was taken (spec: late contributions)."""
    root = message.parent_id is None
    return not message.late and tree.state is (State.INITIAL_PROMPT_REVIEW if root else State.GROWING)


def ranking_counts(tree: Tree) -> bool:
    return tree.state is State.RANKING


def _reviewed(tree: Tree, fact: Reviewed, policy: Policy) -> Tree:
    message = tree.messages[fact.message_id]
    counts = review_counts(tree, message)
    review = fact.review if fact.review.counted is counts else replace(fact.review, counted=counts)
    message = replace(message, reviews=(*message.reviews, review))
    # Only a review may turn a refusal; an acceptance stands whatever comes.
    if message.accepted is False and review.counted and verdict(message, policy):
        message = replace(message, accepted=True)
    return tree.with_message(message)


def _ranked(tree: Tree, fact: Ranked) -> Tree:
    before = tree.rankings.get(fact.parent_id, ())
    counts = ranking_counts(tree)
    ranking = fact.ranking if fact.ranking.counted is counts else replace(fact.ranking, counted=counts)
    return replace(tree, rankings={**tree.rankings, fact.parent_id: (*before, ranking)})


def _reacted(tree: Tree, fact: Reacted) -> Tree:
    message = tree.messages[fact.message_id]
    others = tuple(reaction for reaction in message.reactions if reaction != fact.reaction)
    return tree.with_message(replace(message, reactions=(*others, fact.reaction) if fact.on else others))


def _skipped(tree: Tree, fact: Skipped) -> Tree:
    message = tree.messages[fact.message_id]
    return tree.with_message(replace(message, skips=(*message.skips, fact.skip)))


def _deleted(tree: Tree, fact: Deleted) -> Tree:
    message = tree.messages[fact.message_id]
    if message.deleted:
        raise WrongState("This message is deleted already.")
    marked = tree.with_message(replace(message, deleted=True))
    return replace(marked, deletions={**tree.deletions, message.id: tree.state})


def _undeleted(tree: Tree, fact: Undeleted) -> Tree:
    """Take one deletion back as a whole: the tree stands again where the deletion found it, and moves on from there."""
    message = tree.messages[fact.message_id]
    if not message.deleted:
        raise WrongState("This message is not deleted.")
    if message.tombstone:
        raise WrongState("This message was purged; there is nothing left to restore.")
    found = tree.deletions[message.id]
    restored = replace(message, deleted=False, dismissed_flags=red_flags(message))
    others = {key: state for key, state in tree.deletions.items() if key != message.id}
    if found in RETURNS_TO:
        # What was deleted further on the way that is now gone again may not lead ahead when it comes back.
        ahead = {*RETURNS_TO[RETURNS_TO.index(found) :], *TERMINAL}
        others = {key: found if state in ahead else state for key, state in others.items()}
    return replace(tree.with_message(restored), state=found if found in RETURNS_TO else tree.state, deletions=others)


RETURNS_TO: Final = (State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING, State.GROWING, State.RANKING)
"""States to which an undelete returns, in their order; an order in between has overwritten what the deletion found."""


def _edited(tree: Tree, fact: Edited) -> Tree:
    return tree.with_message(replace(tree.messages[fact.message_id], text=fact.text, edited=True))


def _dismissed(tree: Tree, fact: Dismissed) -> Tree:
    return tree.with_message(_answered(tree.messages[fact.message_id]))


def _ordered(tree: Tree, fact: Ordered, policy: Policy) -> Tree:
    targets = COMMANDS[fact.command]
    if tree.state not in targets:
        raise WrongState(
            "A tree in the state %(state)s cannot be told to %(command)s.", state=tree.state, command=fact.command
        )
    state = targets[tree.state] or resumed_state(tree)
    if fact.command is Command.ACTIVATE and not any(to_rank(tree, policy)):
        state = State.ABORTED_LOW_GRADE
    if not tree.is_live(tree.id) and state not in STOPPED:
        raise WrongState("The prompt of this tree is deleted; undelete it instead.")
    messages = tree.messages
    if fact.command is Command.RESUME:
        messages = {message.id: _answered(message) for message in messages.values()}
        if tree.root.accepted is False or (tree.root.accepted is None and state is State.GROWING):
            messages = {**messages, tree.id: replace(messages[tree.id], accepted=True)}
    return replace(
        tree,
        state=state,
        policy=fact.policy,
        messages=messages,
        won_lottery=tree.won_lottery or fact.command is Command.DRAW,
        deletions=dict.fromkeys(tree.deletions, state),
    )


def _answered(message: Message) -> Message:
    """The message with all flags and skips so far answered."""
    if not message.reactions and not message.skips:
        return message
    return replace(message, dismissed_flags=red_flags(message), dismissed_skips=len(message.skips))


def _policy_changed(tree: Tree, fact: PolicyChanged) -> Tree:
    return replace(tree, policy=fact.policy)


EFFECT: Final[Mapping[type, Callable[[Tree, Any], Tree]]] = {
    Replied: _replied,
    Ranked: _ranked,
    Reacted: _reacted,
    Skipped: _skipped,
    Deleted: _deleted,
    Undeleted: _undeleted,
    Edited: _edited,
    Dismissed: _dismissed,
    PolicyChanged: _policy_changed,
}
