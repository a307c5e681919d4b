"""The life cycle of a tree: a table of what leaves each state, a table of commands, and a fixed point.

Knows nothing of people, databases, clocks or chance. The documentation's picture is drawn from the two tables.

Each state asks the tree one question; the answer is the next state, or None to stay. `advance` asks until no rule
applies. It terminates because `LEAVES` only leads forward.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from espalier.domain.message import Ballot, Message
from espalier.domain.policy import Policy
from espalier.domain.ranking import Candidate, consensus
from espalier.domain.review import verdict
from espalier.domain.tree import ACTIVE, State, Tree, accepted, awaits_review, stands
from espalier.domain.weight import PARTS, parts_of
from espalier.domain.work import ACT_OF, Act, open_work, to_rank


class Command(StrEnum):
    DRAW = "draw"
    HALT = "halt"
    ABORT = "abort"
    RESUME = "resume"
    ACTIVATE = "activate"
    PARK = "park"


def prompt_reviewed(tree: Tree, policy: Policy) -> State | None:
    if not tree.is_live(tree.id):
        return State.HALTED_BY_MODERATOR
    if tree.root.accepted is None:
        return None
    return State.PROMPT_LOTTERY_WAITING if tree.root.accepted else State.ABORTED_LOW_GRADE


def prompt_gone(tree: Tree, policy: Policy) -> State | None:
    return None if tree.is_live(tree.id) else State.HALTED_BY_MODERATOR


def grown(tree: Tree, policy: Policy) -> State | None:
    if not tree.is_live(tree.id):
        return State.HALTED_BY_MODERATOR
    live = tree.live().values()
    if any(awaits_review(message) for message in live):
        return None
    if sum(accepted(message) for message in live) >= tree.shape.goal_tree_size:
        return State.RANKING
    places_left = any(ACT_OF[work.kind] is Act.REPLY for work in open_work(tree, policy).values())
    return None if places_left else State.RANKING


def ranked(tree: Tree, policy: Policy) -> State | None:
    if not tree.is_live(tree.id):
        return State.HALTED_BY_MODERATOR
    return None if any(needs for _, _, needs in to_rank(tree, policy)) else State.READY_FOR_SCORING


def scored(tree: Tree, policy: Policy) -> State | None:
    return State.READY_FOR_EXPORT


def retried(tree: Tree, policy: Policy) -> State | None:
    return State.RANKING


LEAVES: Final[Mapping[State, Callable[[Tree, Policy], State | None]]] = {
    State.INITIAL_PROMPT_REVIEW: prompt_reviewed,
    State.PROMPT_LOTTERY_WAITING: prompt_gone,
    State.GROWING: grown,
    State.RANKING: ranked,
    State.READY_FOR_SCORING: scored,
    State.SCORING_FAILED: retried,
}
LEADS_TO: Final[Mapping[State, tuple[State, ...]]] = {
    State.INITIAL_PROMPT_REVIEW: (
        State.PROMPT_LOTTERY_WAITING,
        State.ABORTED_LOW_GRADE,
        State.HALTED_BY_MODERATOR,
    ),
    State.PROMPT_LOTTERY_WAITING: (State.HALTED_BY_MODERATOR,),
    State.GROWING: (State.RANKING, State.HALTED_BY_MODERATOR),
    State.RANKING: (State.READY_FOR_SCORING, State.HALTED_BY_MODERATOR),
    State.READY_FOR_SCORING: (State.READY_FOR_EXPORT,),
    State.SCORING_FAILED: (State.RANKING,),
}
"""Where each rule may lead, for the picture; a test compares it with what the rules really answer."""

_NOT_STOPPED: Final = (*ACTIVE, State.PROMPT_LOTTERY_WAITING, State.BACKLOG_RANKING, State.SCORING_FAILED)
COMMANDS: Final[Mapping[Command, Mapping[State, State | None]]] = {
    Command.DRAW: {State.PROMPT_LOTTERY_WAITING: State.GROWING},
    Command.HALT: dict.fromkeys((*_NOT_STOPPED, State.READY_FOR_EXPORT), State.HALTED_BY_MODERATOR),
    Command.ABORT: dict.fromkeys(_NOT_STOPPED, State.ABORTED_LOW_GRADE),
    Command.RESUME: {State.HALTED_BY_MODERATOR: None, State.ABORTED_LOW_GRADE: None},
    Command.ACTIVATE: {State.BACKLOG_RANKING: State.RANKING},
    Command.PARK: {State.RANKING: State.BACKLOG_RANKING, State.READY_FOR_EXPORT: State.BACKLOG_RANKING},
}
"""What a person, the lottery or automatic moderation may order, and from where; None: `resumed_state` decides."""


def resumed_state(tree: Tree) -> State:
    """Where a stopped tree goes on: where it was parked, else growing if it ever won the lottery, else its review."""
    if tree.parked is not None:
        return tree.parked
    return State.GROWING if tree.won_lottery else State.INITIAL_PROMPT_REVIEW


def advance(tree: Tree, policy: Policy) -> Tree:
    """Move the tree on until no rule applies. Pure and idempotent."""
    tree = decided(tree, policy)
    while (leave := LEAVES.get(tree.state)) and (state := leave(tree, policy)):
        tree = decided(replace(tree, state=state), policy)
    return with_ranks(tree, policy)


def decided(tree: Tree, policy: Policy) -> Tree:
    """Accept or refuse what has enough reviews and is undecided, while the tree is at work."""
    if tree.state not in ACTIVE:
        return tree
    changed = {
        message.id: replace(message, accepted=answer)
        for message in tree.messages.values()
        if awaits_review(message) and (answer := verdict(message, policy)) is not None
    }
    return replace(tree, messages={**tree.messages, **changed}) if changed else tree


def with_ranks(tree: Tree, policy: Policy) -> Tree:
    """Set every rank as the ballots and the imported order say; a tree that is not finished shows only the latter."""
    ranks = ranks_of(tree, policy)
    changed = {
        message.id: replace(message, rank=ranks.get(message.id))
        for message in tree.messages.values()
        if message.rank != ranks.get(message.id)
    }
    return replace(tree, messages={**tree.messages, **changed}) if changed else tree


def ranks_of(tree: Tree, policy: Policy) -> dict[str, int]:
    finished = tree.state is State.READY_FOR_EXPORT
    orders = imported_orders(tree)
    if not orders and not (finished and tree.rankings):
        return {}
    live = tree.live()
    ranks: dict[str, int] = {}
    for parent_id in {*orders, *(tree.rankings if finished else ())}:
        order = tuple((reply.id,) for reply in orders.get(parent_id, ()) if reply.id in live)
        votes = [r for r in tree.rankings.get(parent_id, ()) if r.counted and not r.not_rankable] if finished else []
        if not votes:
            ranks.update({group[0]: place for place, group in enumerate(order)})
            continue
        ballots: list[tuple[Ballot, int]] = [(vote.order, parts_of(vote, policy)) for vote in votes]
        if order:
            ballots.append((order, policy.num_required_rankings * PARTS))
        candidates = [
            Candidate(reply.id, reply.at)
            for reply in live.values()
            if reply.parent_id == parent_id and (accepted(reply) or (reply.id,) in order)
        ]
        ranks.update(consensus(candidates, ballots))
    return ranks


def imported_orders(tree: Tree) -> dict[str, list[Message]]:
    """The replies that came ranked, best first, by their parent."""
    found: dict[str, list[tuple[int, Message]]] = {}
    for message in tree.messages.values():
        if message.parent_id is not None and message.baseline and message.baseline.rank is not None:
            found.setdefault(message.parent_id, []).append((message.baseline.rank, message))
    return {
        parent_id: [message for _, message in sorted(pairs, key=lambda pair: pair[0])]
        for parent_id, pairs in found.items()
    }


def size(tree: Tree) -> int:
    """Messages that count towards the goal: accepted ones and those awaiting review."""
    return sum(stands(message) for message in tree.live().values())
