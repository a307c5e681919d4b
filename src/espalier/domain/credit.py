"""Who earned what in one tree, by day: the counts behind points, leaderboards and the trollboard.

A person's totals are the sum over all trees, so they can be kept up by differences and rebuilt from nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Final

from espalier.domain.message import Message, Role
from espalier.domain.points import Counts
from espalier.domain.ranking import agrees
from espalier.domain.tree import State, Tree, accepted, differing

Credits = dict[tuple[str, date], Counts]

TROLL_LABELS = ("lang_mismatch", "not_appropriate", "pii", "hate_speech", "sexual_content", "political_content")
PLACES = ("ranked_first", "ranked_second", "ranked_third")


def credits(tree: Tree) -> Credits:
    """What each person earned on each day (UTC) by this tree. Imported and synthetic messages earn nothing."""
    return changed_credits(None, tree)


def changed_credits(before: Tree | None, after: Tree) -> Credits:
    """The difference that a change of the tree makes; empty counts left out."""
    sums: dict[tuple[str, date], dict[str, int]] = {}
    if before is None:
        _add(sums, 1, _earned(after, after.messages, after.rankings))
    elif before.deletions != after.deletions:
        _add(sums, -1, _earned(before, before.messages, before.rankings))
        _add(sums, 1, _earned(after, after.messages, after.rankings))
    else:
        # Most changes touch one message, and what is the same object earned the same; but that a prompt counts as
        # spam, and rankings as agreeing, is said by the state of the tree.
        messages, parents = differing(before.messages, after.messages), differing(before.rankings, after.rankings)
        if before.state is not after.state:
            messages.add(after.root.id)
        if State.READY_FOR_EXPORT in (before.state, after.state):
            parents = {*before.rankings, *after.rankings}
        _add(sums, -1, _earned(before, messages, parents))
        _add(sums, 1, _earned(after, messages, parents))
    return {key: Counts(**counts) for key, counts in sums.items() if any(counts.values())}


Earned = tuple[str, datetime, Mapping[str, int]]


def _add(sums: dict[tuple[str, date], dict[str, int]], times: int, several: Iterable[Earned]) -> None:
    for person, at, counts in several:
        sum_of_day = sums.setdefault((person, at.astimezone(UTC).date()), {})
        for name, count in counts.items():
            sum_of_day[name] = sum_of_day.get(name, 0) + times * count


def _earned(tree: Tree, messages: Collection[str], parents: Collection[str]) -> Iterator[Earned]:
    """What was earned by these messages and their reviews, and by the rankings under these parents."""
    yield from _messages(tree, messages)
    yield from _reviews(tree, messages)
    yield from _rankings(tree, parents)


def _messages(tree: Tree, only: Collection[str]) -> Iterator[Earned]:
    for message in tree.live().values():
        if message.id not in only or message.author is None or message.baseline is not None or message.synthetic:
            continue
        yield message.author, message.at, _of_message(tree, message)


def _of_message(tree: Tree, message: Message) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    if message.parent_id is None:
        written = "prompts"
        counts["spam_prompts"] = int(tree.state is State.ABORTED_LOW_GRADE)
    else:
        written = "replies_assistant" if message.role is Role.ASSISTANT else "replies_prompter"
    counts[written] = 1
    counts[f"accepted_{written}"] = int(accepted(message))
    if message.rank is not None and message.rank < len(PLACES):
        counts[PLACES[message.rank]] = 1
    for reaction in message.reactions:
        name = {"+1": "upvotes", "-1": "downvotes", "red_flag": "red_flags"}.get(reaction.emoji)
        if name:
            counts[name] = counts.get(name, 0) + 1
    for name in TROLL_LABELS:
        if given := [answer for review in message.reviews if review.counted and (answer := review.labels.get(name))]:
            counts[name] = round(sum(given))
    return counts


FULL_LABELS: Final = {"labels_full": 1}
SIMPLE_LABELS: Final = {"labels_simple": 1}
RANKING: Final = {"rankings": 1}
AGREEING: Final = {"rankings": 1, "rankings_agreeing": 1}


def _reviews(tree: Tree, only: Collection[str]) -> Iterator[Earned]:
    for message_id in only:
        for review in tree.messages[message_id].reviews if message_id in tree.messages else ():
            if review.person is not None:
                yield review.person, review.at, FULL_LABELS if review.full else SIMPLE_LABELS


def credit_of_review(person: str, at: datetime, *, full: bool, times: int = 1) -> Credits:
    """What a review earns that belongs to no tree; -1 times takes it back."""
    counts = Counts(labels_full=times) if full else Counts(labels_simple=times)
    return {(person, at.astimezone(UTC).date()): counts}


def _rankings(tree: Tree, only: Collection[str]) -> Iterator[Earned]:
    finished = tree.state is State.READY_FOR_EXPORT
    for parent_id in only:
        for ranking in tree.rankings.get(parent_id, ()):
            if ranking.person is None:
                continue
            good = False
            if finished and not ranking.not_rankable:
                held = {reply for group in ranking.order for reply in group}
                ranks = {reply: tree.messages[reply].rank for reply in held}
                good = agrees(ranking.order, {reply: rank for reply, rank in ranks.items() if rank is not None})
            yield ranking.person, ranking.at, AGREEING if good else RANKING
