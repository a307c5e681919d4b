"""A small campaign in a database, in few words: people, trees, what they contribute, what must hold of all of it."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from sqlalchemy import Connection, bindparam, select

from espalier.collect import accounts
from espalier.collect.change import Scene, change_tree
from espalier.collect.doctor import examine
from espalier.collect.moderation import plant
from espalier.domain.contribution import Contribution, Ordered, Ranked, Replied, Reviewed, rebuild
from espalier.domain.lifecycle import Command
from espalier.domain.message import Message, Ranking, Review
from espalier.domain.policy import CampaignPolicy
from espalier.domain.tree import Shape, State, Tree
from espalier.domain.work import open_work
from espalier.store import tables
from espalier.store.facts import decode, find_fact, record
from espalier.store.history import facts_of
from espalier.store.people import Person, PersonRole
from espalier.store.policies import PolicyBook, keep_policy
from espalier.store.sql import Statement
from espalier.store.trees import load_tree, tree_of

T = TypeVar("T")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUIET: Mapping[str, object] = {"p_activate_backlog_tree": 0.0, "num_reviews_reply": 1, "num_required_rankings": 1}
"""A policy under which one review and one ranking decide, and chance wakes nothing."""


@dataclass
class Garden:
    db: Connection
    rng: Random = field(default_factory=lambda: Random(7))
    now: datetime = NOON

    def policy(self, **base: object) -> int:
        return keep_policy(self.db, CampaignPolicy.from_mapping({"base": {**QUIET, **base}}), None, self.now)

    def later(self, **passed: float) -> datetime:
        self.now += timedelta(**passed)
        return self.now

    def person(self, name: str, role: PersonRole = PersonRole.CONTRIBUTOR) -> Person:
        invitation = accounts.create_person(self.db, None, name, role, secrets.token_urlsafe, self.now, self.rng)
        return invitation.person

    def admin(self, name: str = "chief") -> Person:
        return self.person(name, PersonRole.ADMIN)

    def moderator(self, name: str = "warden") -> Person:
        return self.person(name, PersonRole.MODERATOR)

    def tree(
        self,
        planter: Person,
        text: str = "Why is the sky blue?",
        *,
        state: State = State.GROWING,
        shape: Shape | None = None,
        lang: str = "en",
    ) -> str:
        return plant(self.db, planter, text, lang, self.later(seconds=1), self.rng, shape=shape, state=state).id

    def call(self, use_case: Callable[..., T], /, *args: object) -> T:
        """As a door calls, within the one transaction of the test."""
        return use_case(self.db, *args)

    def scene(self) -> Scene:
        return Scene(PolicyBook(self.db), self.now, self.rng)

    def load(self, tree_id: str) -> Tree:
        return load_tree(self.db, tree_id)

    def add(self, tree_id: str, person: Person | None, fact: Contribution) -> Tree:
        self.later(seconds=1)
        before = self.load(tree_id)
        number = record(self.db, tree_id, fact, self.now, person=person.id if person else None)
        if isinstance(fact, Reviewed | Ranked):  # with the number and time that stand in the log
            row = find_fact(self.db, number)
            assert row is not None
            fact = decode(row, {})
        return change_tree(self.db, before, fact, self.scene())

    def halt(self) -> Ordered:
        return Ordered(Command.HALT, self.scene().book.version)

    def reply(self, person: Person, parent_id: str, text: str = "A reply.") -> str:
        tree = self.load(tree_of(self.db, parent_id))
        parent = tree.messages[parent_id]
        message = Message(
            accounts.new_id(self.rng), parent_id, parent.role.other, person.id, self.later(seconds=1), tree.lang, text,
            parent.depth + 1,
        )  # fmt: skip
        self.add(tree.id, person, Replied(message))
        return message.id

    def accepted_reply(self, person: Person, reviewer: Person, parent_id: str, text: str = "A reply.") -> str:
        message_id = self.reply(person, parent_id, text)
        self.review(reviewer, message_id)
        return message_id

    def review(self, person: Person, message_id: str, *, spam: float = 0.0) -> Tree:
        review = Review(0, person.id, self.now, {"spam": spam, "quality": 0.75, "pii": 0.0})
        return self.add(tree_of(self.db, message_id), person, Reviewed(message_id, review))

    def rank(self, person: Person, parent_id: str, *order: str) -> Tree:
        ranking = Ranking(0, person.id, self.now, tuple((reply,) for reply in order))
        return self.add(tree_of(self.db, parent_id), person, Ranked(parent_id, ranking))

    def check(self) -> None:
        """Trees, open work, what is done, counts and points are what the log says."""
        found = [str(difference) for difference in examine(self.db, self.now)]
        assert not found, "\n".join(found)
        book = PolicyBook(self.db)
        for tree_id in _TREE_IDS.values(self.db):
            tree = self.load(tree_id)
            assert rebuild(facts_of(self.db, tree_id, tree.lang), book.of) == tree
            assert _PLACES.rows(self.db, tree_id=tree_id) == sorted(open_work(tree, book.of(tree.policy, tree.lang)))


_TREE_IDS = Statement(select(tables.trees.c.id))
_PLACES = Statement(
    select(tables.open_work.c.act, tables.open_work.c.subject)
    .where(tables.open_work.c.tree_id == bindparam("tree_id"))
    .order_by(tables.open_work.c.act, tables.open_work.c.subject)
)
