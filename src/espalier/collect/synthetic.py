"""Replies of models in the campaign's trees: which prompts want them, and adding them, to be judged like any other.

A model takes places as a person does, and has no say in what becomes of its replies: volunteers review and rank them
without being told. Use cases in the caller's transaction; how a model is asked is not known here.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.answers import clean_text
from espalier.collect.change import Scene, change_tree
from espalier.collect.ids import new_id
from espalier.domain.arrival import is_late
from espalier.domain.contribution import Planted, Replied
from espalier.domain.errors import Invalid
from espalier.domain.language import checked_tag
from espalier.domain.lottery import random_goal_size
from espalier.domain.message import Message, Role
from espalier.domain.tree import State
from espalier.domain.work import Act
from espalier.store import journal, trees, work
from espalier.store.facts import record
from espalier.store.policies import PolicyBook
from espalier.store.texts import nodes_of, path_to
from espalier.store.wanting import wanting_replies

PAGE: Final = 16


@dataclass(frozen=True, slots=True)
class Waiting:
    """A prompt that a model could answer. thread: what was said, from the root to it. given: replies of this model that
    it has. wanted: how many more.
    """

    id: str
    lang: str
    thread: tuple[tuple[Role, str], ...]
    given: int
    wanted: int


@dataclass(slots=True)
class Added:
    """What became of replies: those that stand in their tree now, those whose place was gone, and those that are empty,
    too long, or say what another reply says.
    """

    replies: int = 0
    no_place: int = 0
    unfit: int = 0

    def include(self, other: "Added") -> None:
        self.replies += other.replies
        self.no_place += other.no_place
        self.unfit += other.unfit


def waiting_prompts(
    db: Connection,
    model: str,
    each: int,
    langs: Collection[str] | None,
    tree_ids: Collection[str] | None,
    after: str,
) -> tuple[list[Waiting], str | None]:
    """Prompts that this model has not replied to `each` times, and behind which id to go on; None at the end.

    langs, tree_ids: only these; None for all.
    """
    found = wanting_replies(db, model, tree_ids, after, PAGE)
    waiting = list[Waiting]()
    for one in found:
        if one.given < each and (langs is None or one.lang in langs):
            path = path_to(nodes_of(db, one.tree_id), one.id)
            said = tuple((node.role, node.text) for node in path)
            waiting.append(Waiting(one.id, one.lang, said, one.given, each - one.given))
    return waiting, found[-1].id if len(found) == PAGE else None


def add_replies(db: Connection, parent_id: str, model: str, texts: Sequence[str], now: datetime, rng: Random) -> Added:
    """Put replies of a model below a prompt, as far as it has places that nobody holds. Raises NotFound."""
    added, scene = Added(), Scene(PolicyBook(db), now, rng)
    tree = trees.load_tree_of(db, parent_id)
    parent = tree.messages[parent_id]
    policy = scene.book.of(tree.policy, tree.lang)
    there = {message.text for message in tree.messages.values() if message.parent_id == parent_id}
    for text in texts:
        try:
            text = clean_text(text, policy.message_max_characters)
        except Invalid:  # too long is one of them
            added.unfit += 1
            continue
        if text in there:
            added.unfit += 1
            continue
        others, in_tree = work.held_now(db, tree.id, Act.REPLY, parent_id, now)
        if is_late(tree, policy, Act.REPLY, parent_id, held=False, others=others, others_in_tree=in_tree):
            added.no_place += 1
            continue
        fact = Replied(
            Message(
                new_id(rng), parent_id, parent.role.other, None, now, parent.lang, text, parent.depth + 1,
                synthetic=True, model_name=model,
            )
        )  # fmt: skip
        record(db, tree.id, fact, now)
        tree = change_tree(db, tree, fact, scene)
        there.add(text)
        added.replies += 1
    if added.replies:
        journal.note(db, None, "replies.sampled", parent_id, now, tree=tree.id, model=model, replies=added.replies)
    return added


def plant_prompt(db: Connection, text: str, lang: str, origin: str, now: datetime, rng: Random) -> tuple[str, bool]:
    """A tree for a prompt, which grows at once; the same prompt is planted once. Its id, and whether it is new.

    Raises Invalid for what is no language or no text, TooLong.
    """
    lang = checked_tag(lang)
    scene = Scene(PolicyBook(db), now, rng)
    policy = scene.book.for_lang(lang)
    text = clean_text(text, policy.message_max_characters)
    tree_id = hashlib.sha256(f"{lang}\n{text}".encode()).hexdigest()[:32]
    if trees.find_tree(db, tree_id) is not None:
        return tree_id, False
    message = Message(tree_id, None, Role.PROMPTER, None, now, lang, text, depth=0)
    fact = Planted(message, policy.shape(random_goal_size(policy, rng)), scene.book.version, State.GROWING, origin)
    record(db, tree_id, fact, now)
    journal.note(db, None, "tree.planted", tree_id, now, state=State.GROWING, file=origin)
    change_tree(db, None, fact, scene)
    return tree_id, True
