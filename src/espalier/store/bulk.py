"""Many new trees at once: the same rows as `trees.save_changes` writes for each, a table at a time.

Knows rows; what may become a tree is collect/intake.py.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text

from espalier.domain.contribution import Contribution, PolicyOf
from espalier.domain.credit import changed_credits
from espalier.domain.tree import Tree
from espalier.domain.work import done_by, open_work
from espalier.store import search
from espalier.store.boards import add_to_tallies
from espalier.store.facts import KINDS, encode
from espalier.store.people import PersonRole
from espalier.store.sql import Statement
from espalier.store.tables import contributions, done, messages, people, trees
from espalier.store.tables import open_work as open_work_table
from espalier.store.times import to_us
from espalier.store.trees import DERIVED, IMMUTABLE, TREE_FIELDS, derived_columns, kept_columns

_KNOWN_TREES = Statement(select(trees.c.id).where(trees.c.id.in_(bindparam("ids", expanding=True))))
_KNOWN_MESSAGES = Statement(select(messages.c.id).where(messages.c.id.in_(bindparam("ids", expanding=True))))
_KNOWN_PEOPLE = Statement(select(people.c.id).where(people.c.id.in_(bindparam("ids", expanding=True))))


def _insert(table: Any, names: Iterable[str]) -> Statement:
    return Statement(insert(table).values({name: bindparam(name) for name in names}))


_INSERT_TREES = _insert(trees, TREE_FIELDS)
_INSERT_MESSAGES = _insert(messages, (*IMMUTABLE, *DERIVED, "place"))
_INSERT_FACTS = _insert(
    contributions, ("tree_id", "kind", "message_id", "person_id", "at", "late", "counted", "data")
)  # fmt: skip
_INSERT_DONE = _insert(done, ("person_id", "act", "subject", "tree_id"))
_INSERT_WORK = _insert(
    open_work_table,
    ("act", "subject", "tree_id", "kind", "lang", "needs", "budget", "author_id", "lonely", "held", "tree_held",
     "point"),
)  # fmt: skip
_INSERT_PEOPLE = _insert(people, ("id", "name", "role", "on_board", "anonymous", "created_at"))


@dataclass(frozen=True, slots=True)
class Happened:
    """A fact of a tree with who did it and when. `note`: kept with it, and means nothing to the tree."""

    tree_id: str
    fact: Contribution
    at: datetime
    person: str | None = None
    late: bool = False
    counted: bool = True
    note: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewTree:
    """A tree that is not yet stored. `extra`: its own, and by message the columns that only an import brings."""

    tree: Tree
    extra: str | None
    columns: Mapping[str, Mapping[str, object]]


def import_lock(db: Connection) -> None:
    """One import at a time, so that two of them cannot bring the same tree; SQLite has one writer anyway."""
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(hashtext('espalier:import'))"))


def known_trees(db: Connection, ids: Collection[str]) -> set[str]:
    return set(_KNOWN_TREES.values(db, ids=ids))


def known_messages(db: Connection, ids: Collection[str]) -> set[str]:
    return set(_KNOWN_MESSAGES.values(db, ids=ids))


def add_anonymous(db: Connection, names: Mapping[str, str], now: datetime) -> int:
    """An account that nobody signs in with for each id that has none; by id, what it is called."""
    unknown = names.keys() - set(_KNOWN_PEOPLE.values(db, ids=names))
    _INSERT_PEOPLE.many(
        db,
        (
            {
                "id": person,
                "name": names[person],
                "role": PersonRole.CONTRIBUTOR,
                "on_board": 0,
                "anonymous": 1,
                "created_at": to_us(now),
            }
            for person in sorted(unknown)
        ),
    )
    return len(unknown)


def record_all(db: Connection, several: Iterable[Happened]) -> None:
    """Append many facts in their order; their numbers are found by reading them back."""
    _INSERT_FACTS.many(db, map(_fact_row, several))


def _fact_row(happened: Happened) -> dict[str, object]:
    message_id, data = encode(happened.fact)
    return {
        "tree_id": happened.tree_id,
        "kind": KINDS[type(happened.fact)],
        "message_id": message_id,
        "person_id": happened.person,
        "at": to_us(happened.at),
        "late": int(happened.late),
        "counted": int(happened.counted),
        "data": json.dumps({**data, **happened.note}),
    }


def add_trees(db: Connection, several: Sequence[NewTree], policy_of: PolicyOf, now: datetime, rng: Random) -> None:
    """Write trees of which nothing is stored but their log, and all that follows from them."""
    _INSERT_TREES.many(db, (_tree_row(new, now) for new in several))
    _INSERT_MESSAGES.many(db, (row for new in several for row in _message_rows(new)))
    _INSERT_DONE.many(db, (row for new in several for row in _done_rows(new.tree)))
    _INSERT_WORK.many(db, (row for new in several for row in _work_rows(new.tree, policy_of, rng)))
    search.index_new(db, [entry for new in several for entry in _live_texts(new.tree)])
    for new in several:
        add_to_tallies(db, changed_credits(None, new.tree))


def _tree_row(new: NewTree, now: datetime) -> dict[str, object]:
    tree = new.tree
    return {
        "id": tree.id,
        "lang": tree.lang,
        "state": tree.state,
        "policy": tree.policy,
        "max_tree_depth": tree.shape.max_tree_depth,
        "max_children_count": tree.shape.max_children_count,
        "num_prompter_replies": tree.shape.num_prompter_replies,
        "goal_tree_size": tree.shape.goal_tree_size,
        "won_lottery": int(tree.won_lottery),
        "parked": tree.parked,
        "origin": tree.origin,
        "extra": new.extra,
        "author_id": tree.root.author,
        "created_at": to_us(tree.root.at),
        "changed_at": to_us(now),
    }


def _message_rows(new: NewTree) -> Iterable[dict[str, object]]:
    tree = new.tree
    live = tree.live()
    for place, message in enumerate(tree.messages.values()):
        yield {
            **kept_columns(tree.id, message),
            **new.columns.get(message.id, {}),
            **derived_columns(message, tree.deletions.get(message.id), live=message.id in live),
            "place": place,
        }


def _done_rows(tree: Tree) -> Iterable[dict[str, object]]:
    for person, act, subject in done_by(tree):
        yield {"person_id": person, "act": act, "subject": subject, "tree_id": tree.id}


def _work_rows(tree: Tree, policy_of: PolicyOf, rng: Random) -> Iterable[dict[str, object]]:
    for (act, subject), work in open_work(tree, policy_of(tree.policy, tree.lang)).items():
        yield {
            "act": act,
            "subject": subject,
            "tree_id": tree.id,
            "kind": work.kind,
            "lang": work.lang,
            "needs": work.needs,
            "budget": work.budget,
            "author_id": work.author,
            "lonely": int(work.lonely),
            "held": 0,
            "tree_held": 0,
            "point": rng.random(),
        }


def _live_texts(tree: Tree) -> Iterable[tuple[str, str]]:
    return ((message.id, message.text) for message in tree.live().values())
