"""All that is stored of some trees, as rows beside each other, for whoever compares it with what it should be.

Knows rows; does not know the rules they should follow (collect/doctor.py).
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from espalier.domain.contribution import PolicyOf
from espalier.domain.credit import Credits
from espalier.domain.points import COUNTED, Counts
from espalier.domain.tree import Tree
from espalier.domain.work import Act, done_by, open_work
from espalier.store import search, work
from espalier.store.facts import FACT_COLUMNS, GOLD, VOTES, FactRow
from espalier.store.history import facts
from espalier.store.sql import Statement
from espalier.store.tables import contributions, done, messages, people, receipts, tallies, tasks, texts_sent, trees
from espalier.store.tables import open_work as open_work_table
from espalier.store.times import from_us, to_us
from espalier.store.trees import DERIVED, MESSAGE_COLUMNS, TREE_COLUMNS, rewrite_rows, tree_value

C, D, K, M, T, W = contributions.c, done.c, tasks.c, messages.c, trees.c, open_work_table.c
S = texts_sent.c
TEXTS: Final = ("planted", "replied")
ANSWERS: Final = (*TEXTS, "reviewed", "ranked")

_NEXT_IDS = Statement(select(T.id).where(T.id > bindparam("after")).order_by(T.id).limit(bindparam("count")))
_IDS: Final[Any] = bindparam("ids", expanding=True)
_TREES = Statement(select(*TREE_COLUMNS, T.author_id).where(T.id.in_(_IDS)).order_by(T.id))
_MESSAGES = Statement(
    select(*MESSAGE_COLUMNS, *(M[name] for name in DERIVED)).where(M.tree_id.in_(_IDS)).order_by(M.tree_id, M.place)
)
_LOG = Statement(
    select(*FACT_COLUMNS).where(C.tree_id.in_(_IDS), C.void == 0, C.kind != GOLD).order_by(C.tree_id, C.seq)
)
_WORK = Statement(
    select(
        W.tree_id, W.act, W.subject, W.kind, W.lang, W.needs, W.budget, W.author_id, W.lonely, W.held, W.tree_held
    ).where(W.tree_id.in_(_IDS))
)
_DONE = Statement(select(D.tree_id, D.person_id, D.act, D.subject).where(D.tree_id.in_(_IDS)))
_HELD = Statement(
    select(K.tree_id, K.act, K.subject, func.count())
    .where(K.tree_id.in_(_IDS), K.held == 1, K.gold == 0)
    .group_by(K.tree_id, K.act, K.subject)
)
_TALLIES = Statement(select(tallies.c.person_id, tallies.c.day, *(tallies.c[name] for name in COUNTED)))
_STRAYS = {
    "messages": Statement(select(M.id).where(M.tree_id.not_in(select(T.id)))),
    "open_work": Statement(select(W.subject).where(W.tree_id.not_in(select(T.id)))),
    "done": Statement(select(D.subject).where(D.tree_id.not_in(select(T.id)))),
    "contributions": Statement(select(C.seq).where(C.void == 0, C.tree_id.not_in(select(T.id)))),
}
_REMOVE_STRAYS = {
    "open_work": Statement(delete(open_work_table).where(W.tree_id.not_in(select(T.id)))),
    "done": Statement(delete(done).where(D.tree_id.not_in(select(T.id)))),
}
DERIVED_TABLES: Final = frozenset(_REMOVE_STRAYS)
"""Tables whose rows follow from trees, so that one without its tree is nobody's loss."""
_WRITTEN = Statement(
    select(C.person_id, C.at, M.id, M.text, M.edited)
    .join(messages, M.id == C.message_id)
    .where(
        C.kind.in_(TEXTS), C.void == 0, C.task_id.is_not(None), C.person_id.is_not(None), C.at > bindparam("since")
    )
)  # fmt: skip
_EDITED = Statement(select(C.message_id, C.data).where(C.kind == "edited", C.void == 0).order_by(C.seq))
_TEXTS_SENT = Statement(
    select(S.person_id, S.at, S.fingerprint, people.c.disabled)
    .join(people, people.c.id == S.person_id)
    .where(S.at > bindparam("since"))
)
_UNANSWERED = Statement(
    select(C.person_id, C.at)
    .where(
        C.kind.in_(ANSWERS), C.void == 0, C.task_id.is_not(None), C.person_id.is_not(None),
        C.seq.not_in(select(receipts.c.contribution).where(receipts.c.contribution.is_not(None))),
    )
    .order_by(C.seq)
)  # fmt: skip
_COUNT_TREES = Statement(select(func.count()).select_from(trees))
_FORGET_DONE = Statement(delete(done).where(D.tree_id == bindparam("tree_id")))
_INSERT_DONE = Statement(
    insert(done).values({name: bindparam(name) for name in ("person_id", "act", "subject", "tree_id")})
)


@dataclass(slots=True)
class Stored:
    """One tree as its rows say. `author`: who waits for the lottery with it; `written`: derived columns by message;
    `work`: rows of open work by place; `held`: live leases by place."""

    tree: Tree
    author: str | None
    log: list[FactRow]
    message_rows: list[Any]
    written: dict[str, dict[str, Any]] = field(default_factory=dict)
    work: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict)
    done: set[tuple[str, Act, str]] = field(default_factory=set)
    held: dict[tuple[str, str], int] = field(default_factory=dict)

    def facts(self) -> list[Any]:
        """The log as facts to fold."""
        return facts(self.tree.id, self.tree.lang, self.log, self.message_rows)


BATCH: Final = 200


def tree_count(db: Connection) -> int:
    return int(_COUNT_TREES.value(db) or 0)


def everything_stored(db: Connection) -> Iterator[Stored]:
    """Each tree with all its rows, by id, some hundred in memory at a time."""
    after = ""
    while ids := _NEXT_IDS.values(db, after=after, count=BATCH):
        yield from stored(db, ids)
        after = ids[-1]


def stored(db: Connection, ids: Collection[str]) -> Iterator[Stored]:
    message_rows: dict[str, list[Any]] = {}
    written: dict[str, dict[str, dict[str, Any]]] = {}
    width = len(MESSAGE_COLUMNS)
    for row in _MESSAGES.rows(db, ids=ids):
        tree_id = row[width - 1]
        message_rows.setdefault(tree_id, []).append(row[:width])
        written.setdefault(tree_id, {})[row[0]] = dict(zip(DERIVED, row[width:], strict=True))
    logs: dict[str, list[FactRow]] = {}
    for row in _LOG.tuples(db, ids=ids):
        fact = FactRow._make(row)
        logs.setdefault(fact.tree_id, []).append(fact)
    found = {}
    for *row, author in _TREES.rows(db, ids=ids):
        log, rows = logs.get(row[0], []), message_rows.get(row[0], [])
        tree = tree_value(row, rows, [fact for fact in log if fact.kind in VOTES])
        found[tree.id] = Stored(tree, author, log, rows, written.get(tree.id, {}))
    for tree_id, act, subject, *rest in _WORK.rows(db, ids=ids):
        found[tree_id].work[act, subject] = tuple(rest)
    for tree_id, person, act, subject in _DONE.rows(db, ids=ids):
        found[tree_id].done.add((person, Act(act), subject))
    for tree_id, act, subject, count in _HELD.rows(db, ids=ids):
        if tree_id in found:
            found[tree_id].held[act, subject] = count
    return iter(found.values())


def stored_tallies(db: Connection) -> Credits:
    return {(person, date.fromordinal(day)): Counts(*counts) for person, day, *counts in _TALLIES.rows(db)}


def strays(db: Connection) -> dict[str, list[Any]]:
    """By table, rows that belong to no tree."""
    return {table: statement.values(db) for table, statement in _STRAYS.items()}


def written_since(db: Connection, since: datetime) -> Iterator[tuple[str, datetime, str]]:
    """Who sent which text when, as it was written; but for edited ones of which nobody knows any more how they were."""
    before: dict[str, str] = {}
    for message_id, data in _EDITED.rows(db):
        if was := json.loads(data or "{}").get("was"):  # nothing is left of what a purge has removed
            before.setdefault(message_id, was)
    for person, at, message_id, said, edited in _WRITTEN.stream(db, since=to_us(since)):
        if not edited or message_id in before:
            yield person, from_us(at), before[message_id] if edited else said


def sent_since(db: Connection, since: datetime) -> Iterator[tuple[str, datetime, str, bool]]:
    """What is kept against sending the same again: who, when, the fingerprint; and whether that person is shut out."""
    for person, at, fingerprint, disabled in _TEXTS_SENT.rows(db, since=to_us(since)):
        yield person, from_us(at), fingerprint, bool(disabled)


def without_receipt(db: Connection) -> Iterator[tuple[str, datetime]]:
    """Who sent something when of which no receipt is kept."""
    for person, at in _UNANSWERED.stream(db):
        yield person, from_us(at)


def remove_strays(db: Connection, table: str) -> None:
    """Remove the rows of a derived table that belong to no tree."""
    _REMOVE_STRAYS[table].run(db)


def write_again(db: Connection, tree: Tree, policy_of: PolicyOf, rng: Random) -> None:
    """Make every derived row of a tree say what the value says, whatever it said before."""
    rewrite_rows(db, tree)
    _FORGET_DONE.run(db, tree_id=tree.id)
    _INSERT_DONE.many(
        db,
        (
            {"person_id": person, "act": act, "subject": subject, "tree_id": tree.id}
            for person, act, subject in sorted(done_by(tree))
        ),
    )
    work.forget(db, tree.id)
    work.replace_open_work(db, tree.id, {}, open_work(tree, policy_of(tree.policy, tree.lang)), rng)
    live = tree.live()
    for message in tree.messages.values():
        search.index(db, message.id, message.text if message.id in live else "", known=True)
