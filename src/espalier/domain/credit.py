"""Who earned what in one tree, by day: the counts behind points, leaderboards and the trollboard.

A person's totals are the sum over all trees, so they can be kept up by differences and rebuilt from nothing.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

from espalier.domain.message import Message, Role
from espalier.domain.points import Counts
from espalier.domain.ranking import agrees
from espalier.domain.tree import State, Tree, accepted, differing

Credits = dict[tuple[str, date], Counts]

TROLL_LABELS = ("lang_mismatch", "not_appropriate", "pii", "hate_speech", "sexual_content", "political_content")
PLACES = ("ranked_first", "ranked_second", "ranked_third")


def credits(tree: Tree) -> Credits:
    """What each person earned on each day (UTC) by this tree. Imported and synthetic messages earn nothing."""
    return _credits(tree, tree.messages, tree.rankings)


def _credits(tree: Tree, messages: Collection[str], parents: Collection[str]) -> Credits:
    """What was earned by these messages and their reviews, and by the rankings under these parents."""
    earned: Credits = {}
    for person, at, counts in (*_messages(tree, messages), *_reviews(tree, messages), *_rankings(tree, parents)):
        key = (person, at.astimezone(UTC).date())
        earned[key] = earned[key] + counts if key in earned else counts
    return earned


def changed_credits(before: Tree | None, after: Tree) -> Credits:
    """The difference that a change of the tree makes; empty counts left out."""
    if before is None:
        old, new = {}, credits(after)
    elif before.deletions != after.deletions:
        old, new = credits(before), credits(after)
    else:
        # Most changes touch one message, and what is the same object earned the same; but that a prompt counts as
        # spam, and rankings as agreeing, is said by the state of the tree.
        messages, parents = differing(before.messages, after.messages), differing(before.rankings, after.rankings)
        if before.state is not after.state:
            messages.add(after.root.id)
        if State.READY_FOR_EXPORT in (before.state, after.state):
            parents = {*before.rankings, *after.rankings}
        old, new = _credits(before, messages, parents), _credits(after, messages, parents)
    nothing = Counts()
    touched = [key for key in old.keys() | new.keys() if old.get(key, nothing) != new.get(key, nothing)]
    return {key: new.get(key, nothing) - old.get(key, nothing) for key in touched}


Earned = tuple[str, datetime, Counts]


def _messages(tree: Tree, only: Collection[str]) -> Iterator[Earned]:
    for message in tree.live().values():
        if message.id not in only or message.author is None or message.baseline is not None or message.synthetic:
            continue
        yield message.author, message.at, _of_message(tree, message)


def _of_message(tree: Tree, message: Message) -> Counts:
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
    return Counts(**counts)


FULL_LABELS = Counts(labels_full=1)
SIMPLE_LABELS = Counts(labels_simple=1)
RANKING = Counts(rankings=1)


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
            yield ranking.person, ranking.at, replace(RANKING, rankings_agreeing=1) if good else RANKING
