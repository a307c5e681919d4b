"""Removing a person from rows: from one tree at a time, and at the end from all that belongs to no tree.

The only place where what was kept is rewritten. Knows rows; what is left of a tree is domain/erasure.py.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, select, text, union, update

from espalier.store import battles, cases, chat_reports, chats, people, reports, reward_scores, texts
from espalier.store.facts import GOLD, VOTES, log_of
from espalier.store.sql import Statement
from espalier.store.tables import (
    announcements_read,
    contributions,
    done,
    drafts,
    gold,
    gold_answers,
    messages,
    practised,
    receipts,
    replies_asked,
    reviewer_weights,
    tallies,
    tasks,
)

C, M = contributions.c, messages.c
TEXTS: Final = ("planted", "replied")
OWN: Final = (*TEXTS, *VOTES)
"""Contributions of a volunteer; the other kinds are staff's."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What there is of a person. `replies_below`: what others wrote below their messages and that still stands."""

    trees: int
    messages: int
    prompts: int
    replies_below: int
    labels: int
    rankings: int
    reactions: int
    skips: int


_TREES_TOUCHED: Final = union(
    select(M.tree_id).where(M.author_id == bindparam("person")),
    select(C.tree_id).where(C.person_id == bindparam("person"), C.void == text("0"), C.kind.in_(OWN)),
).subquery()
_SOME_TREES = Statement(select(_TREES_TOUCHED.c.tree_id).order_by(_TREES_TOUCHED.c.tree_id).limit(bindparam("most")))
_COUNT_TREES = Statement(select(func.count()).select_from(_TREES_TOUCHED))
_COUNT_MESSAGES = Statement(
    select(func.count(), func.count(1).filter(M.parent_id.is_(None))).where(M.author_id == bindparam("person"))
)
_COUNT_VOTES = Statement(
    select(C.kind, func.count())
    .where(C.person_id == bindparam("person"), C.void == text("0"), C.kind.in_(VOTES))
    .group_by(C.kind)
)
_REACTED = Statement(
    select(C.message_id, C.data)
    .where(C.person_id == bindparam("person"), C.void == text("0"), C.kind == text("'reacted'"))
    .order_by(C.tree_id, C.seq)
)
_theirs = messages.alias("theirs")
_child = messages.alias("child")
_below = (
    select(_child.c.id, _child.c.live, _child.c.author_id)
    .join(_theirs, _child.c.parent_id == _theirs.c.id)
    .where(_theirs.c.author_id == bindparam("person"))
    .cte("below", recursive=True)
)
_below = _below.union(select(M.id, M.live, M.author_id).join(_below, M.parent_id == _below.c.id))
_COUNT_BELOW = Statement(
    select(func.count())
    .select_from(_below)
    .where(_below.c.live == text("1"), func.coalesce(_below.c.author_id, "") != bindparam("person"))
)
_IDS: Final[Any] = bindparam("ids", expanding=True)
_DELETE_OWN = Statement(
    delete(contributions).where(
        C.tree_id == bindparam("tree"), C.person_id == bindparam("person"), C.kind.in_(OWN)
    )
)  # fmt: skip
_DELETE_FACTS = Statement(delete(contributions).where(C.seq.in_(bindparam("numbers", expanding=True))))
_UNNAME = Statement(
    update(contributions)
    .where(C.tree_id == bindparam("tree"), C.person_id == bindparam("person"), C.kind != GOLD)
    .values(person_id=None, task_id=None)
)
_EMPTY_EDITS = Statement(
    update(contributions).where(C.message_id.in_(_IDS), C.kind == text("'edited'")).values(data=bindparam("nothing"))
)
_EMPTY_EXTRAS = Statement(update(messages).where(M.id.in_(_IDS)).values(extra=None))
_ON_MESSAGES: Final = (
    Statement(delete(gold).where(gold.c.message_id.in_(_IDS))),
    Statement(delete(gold_answers).where(gold_answers.c.message_id.in_(_IDS))),
)
_DELETE_ALL_OWN = Statement(delete(contributions).where(C.person_id == bindparam("person"), C.kind.in_(OWN)))
_DELETE_GOLD = Statement(delete(contributions).where(C.person_id == bindparam("person"), C.kind == GOLD))
_UNNAME_ALL = Statement(
    update(contributions).where(C.person_id == bindparam("person")).values(person_id=None, task_id=None)
)
_OF_PERSON: Final = tuple(
    Statement(delete(table).where(table.c.person_id == bindparam("person")))
    for table in (
        receipts, tasks, done, tallies, gold_answers, drafts, announcements_read, practised, reviewer_weights,
        replies_asked,
    )
)  # fmt: skip


def traces(db: Connection, person_id: str) -> Traces:
    """How much there is of a person."""
    votes = {str(kind): int(count) for kind, count in _COUNT_VOTES.rows(db, person=person_id)}
    written, prompts = _COUNT_MESSAGES.row(db, person=person_id) or (0, 0)
    return Traces(
        trees=count_trees(db, person_id),
        messages=int(written),
        prompts=int(prompts),
        replies_below=int(_COUNT_BELOW.value(db, person=person_id) or 0),
        labels=votes.get("reviewed", 0),
        rankings=votes.get("ranked", 0),
        reactions=_standing_reactions(db, person_id),
        skips=votes.get("skipped", 0),
    )


def _standing_reactions(db: Connection, person_id: str) -> int:
    """Without those that the person took back."""
    standing: set[tuple[str, str]] = set()
    for message_id, document in _REACTED.tuples(db, person=person_id):
        said = json.loads(document)
        (standing.add if said["on"] else standing.discard)((message_id, said["emoji"]))
    return len(standing)


def some_trees(db: Connection, person_id: str, limit: int) -> list[str]:
    """Trees in which there still is something of a person, in the order of their ids."""
    return [str(tree_id) for tree_id in _SOME_TREES.values(db, person=person_id, most=limit)]


def count_trees(db: Connection, person_id: str) -> int:
    return int(_COUNT_TREES.value(db, person=person_id) or 0)


def purge_rows(db: Connection, tree_id: str, person_id: str, written: Collection[str]) -> None:
    """Remove a person's contributions to a tree from the log, and every text of the messages that they wrote."""
    _DELETE_OWN.run(db, tree=tree_id, person=person_id)
    _UNNAME.run(db, tree=tree_id, person=person_id)
    _EMPTY_EDITS.run(db, ids=written, nothing=json.dumps({"text": "", "was": ""}))
    _EMPTY_EXTRAS.run(db, ids=written)
    reports.forget_on(db, written)
    cases.forget_on(db, written)
    reward_scores.forget(db, written)
    for statement in _ON_MESSAGES:
        statement.run(db, ids=written)


def unname_rows(db: Connection, tree_id: str, person_id: str) -> None:
    """Take a person's name off the log of a tree."""
    # Without a name nothing would tie a reaction to the one that took it back, so only what stands is kept.
    standing: dict[tuple[str | None, str], int] = {}
    mine = [row for row in log_of(db, tree_id) if row.kind == "reacted" and row.person_id == person_id]
    for row in mine:
        key = (row.message_id, row.data["emoji"])
        standing.pop(key, None)
        if row.data["on"]:
            standing[key] = row.seq
    _DELETE_FACTS.run(db, numbers=sorted({row.seq for row in mine} - set(standing.values())))
    _UNNAME.run(db, tree=tree_id, person=person_id)


def purge_rest(db: Connection, person_id: str) -> None:
    """Remove what belongs to no tree any more, withdrawn contributions among it."""
    _DELETE_ALL_OWN.run(db, person=person_id)
    reports.forget_by(db, person_id)
    battles.purge_votes(db, person_id)
    cases.forget_words(db, person_id)
    _remove_rest(db, person_id)


def unname_rest(db: Connection, person_id: str) -> None:
    """The same where the contributions stay, under no name."""
    reports.anonymise(db, person_id)
    battles.unname_votes(db, person_id)
    _remove_rest(db, person_id)


def _remove_rest(db: Connection, person_id: str) -> None:
    _DELETE_GOLD.run(db, person=person_id)
    _UNNAME_ALL.run(db, person=person_id)
    texts.forget_all_sent(db, person_id)
    cases.anonymise(db, person_id)
    people.forget_tokens(db, person_id)
    chats.delete_all(db, person_id)
    chat_reports.forget_by(db, person_id)
    for statement in _OF_PERSON:
        statement.run(db, person=person_id)
