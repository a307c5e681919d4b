"""From trees to what one trains on: chats, ranked replies, preferences or prompts, of the messages that one wants.

A stream of trees in, a stream of examples out. Knows no files.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from espalier.dataset import threads
from espalier.dataset.examples import Chat, Example, Preference, Prompt, Ranking, preference_of, ranking_of, turns_of
from espalier.dataset.filter import Fulfils, Place, select
from espalier.dataset.records import MessageRecord, TreeRecord, VoteRecord
from espalier.dataset.tables import AnyOf
from espalier.dataset.threads import Choice, Thread


class Kind(StrEnum):
    """What trees are made into."""

    TREES = "trees"
    MESSAGES = "messages"
    THREADS = "threads"
    BEST = "best"
    RANKED = "ranked"
    PAIRS = "pairs"
    PROMPTS = "prompts"


LINES: Final[Mapping[Kind, type[AnyOf]]] = {
    Kind.TREES: TreeRecord, Kind.MESSAGES: MessageRecord, Kind.THREADS: Chat, Kind.BEST: Chat, Kind.RANKED: Ranking,
    Kind.PAIRS: Preference, Kind.PROMPTS: Prompt,
}  # fmt: skip
"""What a line of each is."""
CHOICES: Final[tuple[Choice, ...]] = ("all", "adjacent", "best")


@dataclass(frozen=True, slots=True)
class Wanted:
    """where: what each message fulfils, else it goes with all below it. every: what each message of a thread fulfils,
    else the whole thread goes. top: of ranked replies only the best so many. with_refused: also what reviewers refused
    or nobody reviewed.
    """

    kind: Kind
    where: tuple[Fulfils, ...] = ()
    every: tuple[Fulfils, ...] = ()
    top: int | None = None
    pairs: Choice = "all"
    with_refused: bool = False


def kept(tree: TreeRecord, wanted: Wanted) -> TreeRecord | None:
    """What is left of a tree; None when its prompt goes."""
    whole = threads.pruned(tree, threads.is_there if wanted.with_refused else threads.is_accepted)
    return None if whole is None else select(whole, wanted.where)


def examples(
    trees: Iterable[TreeRecord], wanted: Wanted, votes: Mapping[str, list[VoteRecord]] | None = None
) -> Iterator[Example]:
    """The examples of all trees, in their order. votes: by the message that they are on; they tell ties."""
    for tree in trees:
        if (left := kept(tree, wanted)) is not None:
            yield from _of_tree(left, wanted, votes)


def _of_tree(tree: TreeRecord, wanted: Wanted, votes: Mapping[str, list[VoteRecord]] | None) -> Iterator[Example]:
    match wanted.kind:
        case Kind.THREADS:
            chosen: Iterable[Thread] = threads.threads(tree, wanted.top)
            yield from (Chat(turns_of(path)) for path in chosen if _is_whole(tree, path, wanted))
        case Kind.BEST:
            path = threads.best_path(tree)
            while path and path[-1].role == threads.PROMPTER:
                path = path[:-1]
            if path and _is_whole(tree, path, wanted):
                yield Chat(turns_of(path))
        case Kind.PROMPTS:
            yield from (Prompt(turns_of(path)) for path in threads.prompts(tree) if _is_whole(tree, path, wanted))
        case Kind.RANKED | Kind.PAIRS:
            for ranked in threads.ranked_lists(tree, votes):
                if not _is_whole(tree, ranked.thread, wanted):
                    continue
                if wanted.kind is Kind.RANKED:
                    yield ranking_of(ranked)
                else:
                    yield from (preference_of(pair) for pair in threads.pairs(ranked, wanted.pairs))
        case Kind.TREES | Kind.MESSAGES:
            raise ValueError(f"{wanted.kind} are records, no examples")


def _is_whole(tree: TreeRecord, path: Thread, wanted: Wanted) -> bool:
    return all(fulfils(message, Place(tree, depth)) for depth, message in enumerate(path) for fulfils in wanted.every)
