"""What is left of a tree when a person's contributions are purged, or when the person leaves and the texts may stay.

Both make a new baseline (`Settled`). They apply no rule: what follows for states and ranks, the life cycle says.
"""

from collections.abc import Callable
from dataclasses import replace

from espalier.domain.message import Message, Ranking, Reaction, Skip
from espalier.domain.tree import State, Tree


def purged(tree: Tree, person: str) -> Tree:
    """Their messages are empty, authorless, deleted tombstones, and their votes are gone; all else stands."""
    messages = {message.id: _tombstone(_without(message, person), person) for message in tree.messages.values()}
    found: dict[str, State] = {message.id: tree.state for message in tree.messages.values() if message.author == person}
    rankings = {
        parent: tuple(ranking for ranking in given if ranking.person != person)
        for parent, given in tree.rankings.items()
    }
    return replace(
        tree,
        messages=messages,
        rankings={parent: given for parent, given in rankings.items() if given},
        deletions={**found, **tree.deletions},
    )


def withdrawn(tree: Tree, person: str) -> Tree:
    """What a conversation brought is taken out, the models' replies too, with its person's votes; what volunteers wrote
    and judged stands, though nothing is left above it.
    """
    brought = {message.id for message in tree.messages.values() if message.baseline is not None}
    left = purged(tree, person)
    messages = {
        message.id: _emptied(message) if message.id in brought else message for message in left.messages.values()
    }
    return replace(left, messages=messages, deletions={**dict.fromkeys(brought, tree.state), **left.deletions})


def _tombstone(message: Message, person: str) -> Message:
    return _emptied(message) if message.author == person else message


def _emptied(message: Message) -> Message:
    return replace(message, author=None, text="", deleted=True, tombstone=True, edited=False)


def _without(message: Message, person: str) -> Message:
    """The message without this person's reviews, reactions and skips; what a moderator has answered stays answered."""
    flags = [reaction for reaction in message.reactions if reaction.emoji == "red_flag"]
    answered_flags = sum(flag.person == person for flag in flags[: message.dismissed_flags])
    answered_skips = sum(skip.person == person for skip in message.skips[: message.dismissed_skips])
    return replace(
        message,
        reviews=tuple(review for review in message.reviews if review.person != person),
        reactions=tuple(reaction for reaction in message.reactions if reaction.person != person),
        skips=tuple(skip for skip in message.skips if skip.person != person),
        dismissed_flags=message.dismissed_flags - answered_flags,
        dismissed_skips=message.dismissed_skips - answered_skips,
    )


def anonymised(tree: Tree, person: str) -> Tree:
    """Everything stays, and none of it is this person's any more."""

    def of_nobody(who: str | None) -> str | None:
        return None if who == person else who

    return replace(
        tree,
        messages={message.id: _of_nobody(message, of_nobody) for message in tree.messages.values()},
        rankings={
            parent: tuple(_ranked_by(ranking, of_nobody) for ranking in given)
            for parent, given in tree.rankings.items()
        },
    )


Name = Callable[[str | None], str | None]


def _of_nobody(message: Message, name: Name) -> Message:
    return replace(
        message,
        author=name(message.author),
        reviews=tuple(replace(review, person=name(review.person)) for review in message.reviews),
        reactions=tuple(Reaction(name(reaction.person), reaction.emoji) for reaction in message.reactions),
        skips=tuple(Skip(name(skip.person), skip.what, skip.reason) for skip in message.skips),
    )


def _ranked_by(ranking: Ranking, name: Name) -> Ranking:
    return replace(ranking, person=name(ranking.person))
