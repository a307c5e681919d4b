"""What a finished tree teaches: threads to learn from, ranked lists of replies, and pairs of a better and a worse one.

Pure functions of records. Knows neither files nor chat templates.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Final, Literal

from espalier.dataset.records import MessageRecord, TreeRecord, VoteKind, VoteRecord
from espalier.dataset.trees import cut

Thread = tuple[MessageRecord, ...]
"""From a prompt down, one message below the other."""
Keeps = Callable[[MessageRecord], bool]
PROMPTER: Final = "prompter"
Choice = Literal["all", "adjacent", "best"]


@dataclass(frozen=True, slots=True)
class RankedList:
    """The replies to the last message of a thread, best first. `ties`: pairs of places that the votes do not decide."""

    thread: Thread
    replies: tuple[MessageRecord, ...]
    ties: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Pair:
    """Of two replies to the same thread, the one that is preferred."""

    thread: Thread
    chosen: MessageRecord
    rejected: MessageRecord


def is_accepted(message: MessageRecord) -> bool:
    """Whether reviewers accepted the message and nobody deleted it."""
    return message.review_result is True and not message.deleted


def is_there(message: MessageRecord) -> bool:
    """Whether nobody deleted the message, whatever the reviews say."""
    return not message.deleted


def pruned(tree: TreeRecord, keeps: Keeps = is_accepted) -> TreeRecord | None:
    """The tree without what is not kept and all that stands below it; None when its prompt is not kept.

    A tree whose root has a parent is a part of one whose top is lost: nothing of it is kept.
    """
    return None if tree.prompt.parent_id is not None else cut(tree, lambda message, _: keeps(message))


def threads(tree: TreeRecord, top: int | None = None) -> Iterator[Thread]:
    """Every path from the prompt to a leaf, prompter turns at its end cut off; each once, and none
    the beginning of another.

    tree: pruned. top: of ranked replies only the best so many; an assistant's reply that nobody ranked is then followed
    only where it stands alone, since nobody knows whether it is among the best (as OpenAssistant's own loader has it).
    """
    ends = {}
    for path in _paths(tree.prompt, top):
        while path and path[-1].role == PROMPTER:
            path = path[:-1]
        if path:
            ends[tuple(message.message_id for message in path)] = path
    beginnings = {ids[:length] for ids in ends for length in range(1, len(ids))}
    yield from (path for ids, path in ends.items() if ids not in beginnings)


def _paths(root: MessageRecord, top: int | None) -> Iterator[Thread]:
    waiting: list[Thread] = [(root,)]
    while waiting:
        path = waiting.pop()
        below = _followed(path[-1].replies, top)
        if not below:
            yield path
        waiting.extend((*path, reply) for reply in reversed(below))


def _followed(replies: tuple[MessageRecord, ...], top: int | None) -> tuple[MessageRecord, ...]:
    if top is None or len(replies) <= 1:
        return replies
    return tuple(reply for reply in replies if (reply.role == PROMPTER if reply.rank is None else reply.rank < top))


def _by_date(message: MessageRecord) -> tuple[bool, str, str]:
    return (message.created_date is None, message.created_date or "", message.message_id)


def best_path(tree: TreeRecord) -> Thread:
    """From the prompt on, always the reply ranked first, or the first by date where none is ranked; it may end on a
    prompter's turn, or hold the prompt alone.
    """
    path = [tree.prompt]
    while replies := path[-1].replies:
        path.append(min(replies, key=lambda reply: (reply.rank is None, reply.rank or 0, *_by_date(reply))))
    return tuple(path)


def prompts(tree: TreeRecord) -> Iterator[Thread]:
    """Every thread that ends on a prompter's turn: what an assistant could be asked to answer."""
    waiting: list[Thread] = [(tree.prompt,)]
    while waiting:
        path = waiting.pop()
        if path[-1].role == PROMPTER:
            yield path
        waiting.extend((*path, reply) for reply in reversed(path[-1].replies))


def ranked_lists(
    tree: TreeRecord, votes: Mapping[str, Iterable[VoteRecord]] | None = None, top: int | None = None
) -> Iterator[RankedList]:
    """For each prompter's message with two or more ranked replies, those in their order, or the best so many of them.

    tree: pruned. votes: by the message whose replies were ranked; without them no ties are known.
    """
    for path in prompts(tree):
        ranked = sorted(
            (reply for reply in path[-1].replies if reply.rank is not None), key=lambda reply: reply.rank or 0
        )[:top]
        if len(ranked) >= 2:
            ballots = [
                vote.value for vote in (votes or {}).get(path[-1].message_id, ()) if vote.kind == VoteKind.RANKING
            ]
            yield RankedList(path, tuple(ranked), _ties([reply.message_id for reply in ranked], ballots))


def _ties(order: list[str], ballots: list[list[list[str]]]) -> frozenset[tuple[int, int]]:
    """Pairs of places for which as many voters prefer the one as the other; none where nobody voted on a pair."""
    undecided = set()
    for first, second in combinations(range(len(order)), 2):
        margin = compared = 0
        for ballot in ballots:
            places = {reply: place for place, group in enumerate(ballot) for reply in group}
            if order[first] in places and order[second] in places:
                compared += 1
                margin += (places[order[first]] < places[order[second]]) - (
                    places[order[first]] > places[order[second]]
                )
        if compared and margin == 0:
            undecided.add((first, second))
    return frozenset(undecided)


def pairs(ranked: RankedList, which: Choice = "all") -> Iterator[Pair]:
    """Pairs of a better and a worse reply: all of them, those next to each other, or the best against the rest.

    What the votes left undecided is no pair, nor are replies that say the same.
    """
    for first, second in chosen_places(len(ranked.replies), which):
        better, worse = ranked.replies[first], ranked.replies[second]
        if (first, second) not in ranked.ties and better.text != worse.text:
            yield Pair(ranked.thread, better, worse)


def chosen_places(replies: int, which: Choice) -> Iterable[tuple[int, int]]:
    """The places of so many replies in order that make these pairs, the better first."""
    match which:
        case "all":
            return combinations(range(replies), 2)
        case "adjacent":
            return pairwise(range(replies))
        case "best":
            return ((0, place) for place in range(1, replies))
