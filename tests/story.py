"""Trees told contribution by contribution, so that a test of the domain reads like what happened."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from espalier.domain.contribution import (
    Contribution,
    Deleted,
    Dismissed,
    Edited,
    Ordered,
    Planted,
    PolicyChanged,
    Ranked,
    Reacted,
    Replied,
    Reviewed,
    Settled,
    Skipped,
    Undeleted,
    grow,
    rebuild,
)
from espalier.domain.lifecycle import Command
from espalier.domain.message import Ballot, Baseline, Message, Ranking, Reaction, Review, Role, Skip, SkipOf
from espalier.domain.policy import Policy
from espalier.domain.tree import State, Tree
from espalier.domain.work import Act, Work, open_work

BEGINNING = datetime(2023, 4, 12, 12, tzinfo=UTC)


class Story:
    """A tree and all that happened to it. The prompt is `p`; a reply is named by who tells the story.

    Each call is one contribution, a minute after the one before, and lets the tree move on.
    """

    def __init__(self, policy: Policy | None = None, state: State = State.GROWING, author: str = "anna") -> None:
        self.policies = [policy or Policy()]
        self.facts: list[Contribution] = []
        self.now = BEGINNING
        root = Message("p", None, Role.PROMPTER, author, self.now, "en", "Why is the sky blue?", 0)
        self.tree = self._tell(Planted(root, self.policies[0].shape(), 0, state))

    def _tell(self, fact: Contribution) -> Tree:
        tree = grow(self.tree if self.facts else None, fact, self.policy_of)
        self.facts.append(fact)
        self.now += timedelta(minutes=1)
        self.tree = tree
        return tree

    def policy_of(self, version: int, lang: str) -> Policy:
        return self.policies[version]

    @property
    def policy(self) -> Policy:
        return self.policies[self.tree.policy]

    @property
    def state(self) -> State:
        return self.tree.state

    @property
    def work(self) -> dict[tuple[Act, str], Work]:
        return open_work(self.tree, self.policy)

    def open(self, act: Act) -> dict[str, int]:
        """How many contributions of a kind the tree wants, by subject."""
        return {subject: work.needs for (kind, subject), work in self.work.items() if kind is act}

    def accepted(self, message_id: str) -> bool | None:
        return self.tree.messages[message_id].accepted

    def ranks(self) -> dict[str, int]:
        return {message.id: message.rank for message in self.tree.messages.values() if message.rank is not None}

    def rebuilt(self) -> Tree | None:
        return rebuild(self.facts, self.policy_of)

    def reply(self, parent_id: str, message_id: str, author: str | None = None, *, late: bool = False) -> None:
        parent = self.tree.messages[parent_id]
        author = author or f"author of {message_id}"
        depth, role = parent.depth + 1, parent.role.other
        self._tell(Replied(Message(message_id, parent_id, role, author, self.now, "en", "So.", depth, late=late)))

    def review(
        self, message_id: str, person: str, *, spam: float | None = 0.0, lang: float | None = 0.0, full: bool = True
    ) -> None:
        labels = {name: value for name, value in (("spam", spam), ("lang_mismatch", lang)) if value is not None}
        self._tell(Reviewed(message_id, Review(len(self.facts), person, self.now, labels, full)))

    def accept(self, *message_ids: str) -> None:
        """As many clean reviews as decide."""
        self._decide(message_ids, spam=0.0)

    def refuse(self, *message_ids: str) -> None:
        self._decide(message_ids, spam=1.0)

    def _decide(self, message_ids: Iterable[str], *, spam: float) -> None:
        for message_id in message_ids:
            prompt = message_id == self.tree.id
            wanted = self.policy.num_reviews_initial_prompt if prompt else self.policy.num_reviews_reply
            for number in range(wanted):
                self.review(message_id, f"reviewer {number}", spam=spam)

    def grow(self, parent_id: str, *message_ids: str) -> None:
        """Replies that are accepted."""
        for message_id in message_ids:
            self.reply(parent_id, message_id)
            self.accept(message_id)

    def rank(
        self, parent_id: str, order: str | Ballot, person: str, *, late: bool = False, weight: float = 1.0
    ) -> None:
        """order: ids, best first, separated by blanks; `=` ties two; empty means that none is acceptable."""
        ballot = ballot_of(order) if isinstance(order, str) else order
        ranking = Ranking(len(self.facts), person, self.now, ballot, not ballot, late, weight=weight)
        self._tell(Ranked(parent_id, ranking))

    def rank_all(self) -> None:
        """As many rankings as the tree wants, oldest reply first."""
        while wanted := self.open(Act.RANK):
            parent = next(iter(wanted))
            replies = [message.id for message in self.tree.children()[parent] if message.accepted and not message.late]
            self.rank(parent, " ".join(replies), f"ranker {len(self.facts)}")

    def react(self, message_id: str, person: str | None, emoji: str, *, on: bool = True) -> None:
        self._tell(Reacted(message_id, Reaction(person, emoji), on))

    def skip(self, message_id: str, person: str | None, reason: str = "unclear", what: SkipOf = SkipOf.REPLY) -> None:
        self._tell(Skipped(message_id, Skip(person, what, reason)))

    def delete(self, message_id: str) -> None:
        self._tell(Deleted(message_id))

    def undelete(self, message_id: str) -> None:
        self._tell(Undeleted(message_id))

    def edit(self, message_id: str, text: str) -> None:
        self._tell(Edited(message_id, text))

    def dismiss(self, message_id: str) -> None:
        self._tell(Dismissed(message_id))

    def order(self, command: Command) -> None:
        self._tell(Ordered(command, len(self.policies) - 1))

    def change_policy(self, policy: Policy) -> None:
        self.policies.append(policy)
        self._tell(PolicyChanged(len(self.policies) - 1))

    def settle(self, tree: Tree) -> None:
        """Begin again from this tree, as an import or a purge leaves it."""
        self._tell(Settled(tree))


def ballot_of(order: str) -> Ballot:
    return tuple(tuple(group.split("=")) for group in order.split())


def imported(tree: Tree, **ranks: int) -> Tree:
    """The tree as a file would bring it: reviews as means, ranks as given, no votes."""
    return replace(
        tree,
        rankings={},
        messages={
            message.id: replace(
                message,
                reviews=(),
                baseline=Baseline(
                    message.review_count, {"spam": (0.0, message.review_count)}, {}, ranks.get(message.id)
                ),
            )
            for message in tree.messages.values()
        },
    )


def small(**changed: object) -> Policy:
    """A policy under which a tree is soon complete: two replies to a prompt, one below each, two of each vote."""
    values: dict[str, object] = {
        "max_tree_depth": 2,
        "max_children_count": 2,
        "goal_tree_size": 5,
        "num_reviews_initial_prompt": 2,
        "num_reviews_reply": 2,
        "num_required_rankings": 2,
        "min_goal_tree_size": 1,
    }
    return Policy.from_mapping({**values, **changed})
