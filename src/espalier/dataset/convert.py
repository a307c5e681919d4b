"""From trees to what one trains on: chats, ranked replies, preferences or prompts, of the messages that one wants; and
from examples of others to the same.

A stream in, a stream out. Knows no files.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from espalier.dataset import threads
from espalier.dataset.examples import (
    ASSISTANT,
    USER,
    Battle,
    Chat,
    Example,
    Preference,
    Prompt,
    Ranking,
    Turn,
    preference_of,
    ranking_of,
    shared,
    turns_of,
)
from espalier.dataset.filter import Condition, Fulfils, Place, fulfils_all
from espalier.dataset.records import MessageRecord, TreeRecord, VoteRecord, Votes
from espalier.dataset.scores import ScoresOf
from espalier.dataset.tables import AnyOf
from espalier.dataset.threads import Choice, Thread, chosen_places
from espalier.dataset.trees import cut, depths, flat_messages, messages_of


class Kind(StrEnum):
    """What trees are made into."""

    TREES = "trees"
    MESSAGES = "messages"
    VOTES = "votes"
    THREADS = "threads"
    BEST = "best"
    RANKED = "ranked"
    PAIRS = "pairs"
    PROMPTS = "prompts"
    BATTLES = "battles"


LINES: Final[Mapping[Kind, type[AnyOf]]] = {
    Kind.TREES: TreeRecord, Kind.MESSAGES: MessageRecord, Kind.VOTES: VoteRecord, Kind.THREADS: Chat, Kind.BEST: Chat,
    Kind.RANKED: Ranking, Kind.PAIRS: Preference, Kind.PROMPTS: Prompt, Kind.BATTLES: Battle,
}  # fmt: skip
"""What a line of each is."""
RECORDS: Final = frozenset({Kind.TREES, Kind.MESSAGES, Kind.VOTES})
"""What only trees can be made into; battles only come of battles."""
CHOICES: Final[tuple[Choice, ...]] = ("all", "adjacent", "best")


@dataclass(frozen=True, slots=True)
class Wanted:
    """where: what each message fulfils, else it goes with all below it. every: what each message of a thread fulfils,
    else the whole thread goes. top: of ranked replies only the best so many. with_refused: also what reviewers refused
    or nobody reviewed. with_deleted: also what was deleted. scores: what checks found, by message.
    """

    kind: Kind = Kind.THREADS
    where: tuple[Fulfils, ...] = ()
    every: tuple[Fulfils, ...] = ()
    top: int | None = None
    pairs: Choice = "all"
    with_refused: bool = False
    with_deleted: bool = False
    scores: ScoresOf = field(default_factory=dict)


def kept(tree: TreeRecord, wanted: Wanted) -> TreeRecord | None:
    """What is left of a tree; None when its prompt goes, or was lost."""
    where, scores, refused, deleted = wanted.where, wanted.scores, wanted.with_refused, wanted.with_deleted

    def keeps(message: MessageRecord, depth: int) -> bool:
        return (
            (refused or message.review_result is True)
            and (deleted or not message.deleted)
            and (not where or fulfils_all(where, message, Place(tree, depth, scores)))
        )

    return None if tree.prompt.parent_id is not None else cut(tree, keeps)


def all_kept(trees: Iterable[TreeRecord], wanted: Wanted) -> Iterator[TreeRecord]:
    """What is left of all trees of which something is left."""
    return (left for tree in trees if (left := kept(tree, wanted)) is not None)


def rows_kept(trees: Iterable[TreeRecord], wanted: Wanted) -> Iterator[MessageRecord]:
    """The rows of what is left of all trees. Conditions on the place of a message choose among the rows: a reply may
    be there without what stands above it.
    """
    of_rows = [each for each in wanted.where if isinstance(each, Condition) and each.of_place]
    of_trees = replace(wanted, where=tuple(each for each in wanted.where if each not in of_rows))
    for tree in all_kept(trees, of_trees):
        for row, depth in zip(flat_messages(tree), depths(tree), strict=True):
            if fulfils_all(of_rows, row, Place(tree, depth, wanted.scores)):
                yield row


def votes_kept(trees: Iterable[TreeRecord], votes: Iterable[VoteRecord], wanted: Wanted) -> Iterator[VoteRecord]:
    """The votes on messages that are kept, and the rankings of their replies. All trees are read before the first."""
    ids = {message.message_id for tree in all_kept(trees, wanted) for message in messages_of(tree)}
    return (vote for vote in votes if vote.subject in ids)


def examples(trees: Iterable[TreeRecord], wanted: Wanted, votes: Votes | None = None) -> Iterator[Example]:
    """The examples of all trees, in their order. votes tell ties."""
    assert wanted.kind not in RECORDS, f"{wanted.kind=}"
    for tree in all_kept(trees, wanted):
        yield from _of_tree(tree, wanted, votes)


def _of_tree(tree: TreeRecord, wanted: Wanted, votes: Votes | None) -> Iterator[Example]:
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
            for ranked in threads.ranked_lists(tree, votes, wanted.top):
                if not _is_whole(tree, ranked.thread, wanted):
                    continue
                if wanted.kind is Kind.RANKED:
                    yield ranking_of(ranked)
                else:
                    yield from (preference_of(pair) for pair in threads.pairs(ranked, wanted.pairs))


def _is_whole(tree: TreeRecord, path: Thread, wanted: Wanted) -> bool:
    return not wanted.every or all(
        fulfils_all(wanted.every, message, Place(tree, depth, wanted.scores)) for depth, message in enumerate(path)
    )


# From examples of others


def remade(given: Iterable[Example], wanted: Wanted) -> Iterator[Example]:
    """Examples as those that are wanted: of what is better a chat, of a ranking its pairs, of a pair a ranking of two,
    of a battle that was won the winner before the loser, of anything its prompt.

    What cannot be made into them is left out.
    """
    make = _REMADE[wanted.kind]
    for each in given:
        example = each if wanted.kind is Kind.BATTLES else _fought(each)
        yield from make(example, wanted)


def _fought(example: Example) -> Example:
    """A battle of which the file tells the conversations as a preference, or as a prompt where nobody won, or both
    said the same."""
    if not isinstance(example, Battle) or example.conversations is None:
        return example
    one, other = example.conversations
    prompt = shared(one, other)
    match example.winner:
        case "model_a" if one != other:
            return Preference(prompt, one[len(prompt) :], other[len(prompt) :])
        case "model_b" if one != other:
            return Preference(prompt, other[len(prompt) :], one[len(prompt) :])
    return Prompt(prompt)


def _chats(example: Example, _: Wanted) -> Iterator[Example]:
    match example:
        case Chat():
            yield example
        case Preference(prompt, chosen, _):
            yield Chat((*prompt, *chosen))
        case Ranking(prompt, replies, _) if replies:
            yield Chat((*prompt, Turn(ASSISTANT, replies[0])))


def _rankings(example: Example, wanted: Wanted) -> Iterator[Example]:
    match example:
        case Ranking(prompt, replies, ties) if len(best := replies[: wanted.top]) >= 2:
            yield Ranking(prompt, best, frozenset(pair for pair in ties if pair[1] < len(best)))
        case Preference(prompt, (Turn(role="assistant", content=better),), (Turn(role="assistant", content=worse),)):
            yield Ranking(prompt, (better, worse))


def _preferences(example: Example, wanted: Wanted) -> Iterator[Example]:
    if isinstance(example, Preference):
        yield example
        return
    for ranking in _rankings(example, wanted):
        assert isinstance(ranking, Ranking)
        sides = [(Turn(ASSISTANT, reply),) for reply in ranking.replies]
        for better, worse in chosen_places(len(sides), wanted.pairs):
            if (better, worse) not in ranking.ties and sides[better] != sides[worse]:
                yield Preference(ranking.prompt, sides[better], sides[worse])


def _prompts(example: Example, _: Wanted) -> Iterator[Example]:
    match example:
        case Prompt():
            yield example
        case Preference(prompt, _, _) | Ranking(prompt, _, _):
            yield Prompt(prompt)
        case Chat(turns):
            while turns and turns[-1].role != USER:
                turns = turns[:-1]
            if turns:
                yield Prompt(turns)


def _battles(example: Example, _: Wanted) -> Iterator[Example]:
    if isinstance(example, Battle):
        yield example


_REMADE: Final[Mapping[Kind, Callable[[Example, Wanted], Iterator[Example]]]] = {
    Kind.THREADS: _chats, Kind.BEST: _chats, Kind.RANKED: _rankings, Kind.PAIRS: _preferences, Kind.PROMPTS: _prompts,
    Kind.BATTLES: _battles,
}  # fmt: skip
