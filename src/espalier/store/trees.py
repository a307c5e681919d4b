"""Trees as rows: the only translation between the value and its rows, and the one step that writes what changed.

Knows both spellings; knows no rules. Derived rows (open work, what is done, tallies, search) follow from the
difference between the tree before and after.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from operator import attrgetter
from random import Random
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from espalier.domain.contribution import PolicyOf
from espalier.domain.credit import changed_credits
from espalier.domain.errors import NotFound
from espalier.domain.message import ROLES, Baseline, Message, Ranking, Reaction, Review, Skip, SkipOf
from espalier.domain.review import label_means
from espalier.domain.tree import TERMINAL, Shape, State, Tree
from espalier.domain.work import changed_done, done_by, open_work
from espalier.store import search, work
from espalier.store.boards import add_to_tallies
from espalier.store.facts import FACT_COLUMNS, VOTES, FactRow, Reviews, decode_ranking
from espalier.store.kept import kept, touch_tree
from espalier.store.locks import several_writers
from espalier.store.sql import Statement, TreeStatement
from espalier.store.tables import contributions, done, messages, trees
from espalier.store.times import from_us, to_us

M, T = messages.c, trees.c

TREE_COLUMNS: Final = (
    T.id, T.lang, T.state, T.policy, T.max_tree_depth, T.max_children_count, T.num_prompter_replies,
    T.goal_tree_size, T.won_lottery, T.parked, T.origin,
)  # fmt: skip
MESSAGE_COLUMNS: Final = (
    M.id, M.parent_id, M.role, M.author_id, M.created_at, M.lang, M.text, M.depth, M.late, M.synthetic, M.model_name,
    M.deleted, M.tombstone, M.edited, M.accepted, M.rank, M.dismissed_flags, M.dismissed_skips, M.imported,
    M.deletion_found, M.tree_id,
)  # fmt: skip
_TREE = Statement(select(*TREE_COLUMNS).where(T.id == bindparam("tree_id")))
_TREE_LOCKED = Statement(select(*TREE_COLUMNS).where(T.id == bindparam("tree_id")).with_for_update())
_MESSAGES = Statement(select(*MESSAGE_COLUMNS).where(M.tree_id == bindparam("tree_id")).order_by(M.place))
_VOTES = Statement(
    select(*FACT_COLUMNS)
    .where(
        contributions.c.tree_id == bindparam("tree_id"),
        contributions.c.void == 0,
        contributions.c.kind.in_(VOTES),
    )
    .order_by(contributions.c.seq)
)
_TREES = Statement(select(*TREE_COLUMNS).where(T.id.in_(bindparam("ids", expanding=True))).order_by(T.id))
_MESSAGES_OF = Statement(
    select(*MESSAGE_COLUMNS)
    .where(M.tree_id.in_(bindparam("ids", expanding=True)))
    .order_by(M.tree_id, M.place)
)  # fmt: skip
_VOTES_OF = Statement(
    select(*FACT_COLUMNS)
    .where(
        contributions.c.tree_id.in_(bindparam("ids", expanding=True)),
        contributions.c.void == 0,
        contributions.c.kind.in_(VOTES),
    )
    .order_by(contributions.c.tree_id, contributions.c.seq)
)
_BEHIND: Final = (T.policy < bindparam("version"), T.state.not_in([state.value for state in sorted(TERMINAL)]))
_TREES_BEHIND = Statement(
    select(T.id).where(T.id > bindparam("after"), *_BEHIND).order_by(T.id).limit(bindparam("most"))
)
_COUNT_BEHIND = Statement(select(func.count()).where(*_BEHIND))
_TREE_OF_MESSAGE = Statement(select(M.tree_id).where(M.id == bindparam("message_id")))
TREE_FIELDS: Final = (
    "id", "lang", "state", "policy", "max_tree_depth", "max_children_count", "num_prompter_replies",
    "goal_tree_size", "won_lottery", "parked", "origin", "extra", "author_id", "created_at", "changed_at",
)  # fmt: skip
_INSERT_TREE = TreeStatement(insert(trees).values({name: bindparam(name) for name in TREE_FIELDS}))
_UPDATE_TREE = TreeStatement(
    update(trees)
    .where(T.id == bindparam("tree_id"))
    .values({name: bindparam(name) for name in ("state", "policy", "won_lottery", "author_id", "changed_at")})
)
_REWRITE_TREE = TreeStatement(
    update(trees)
    .where(T.id == bindparam("tree_id"))
    .values({name: bindparam(name) for name in TREE_FIELDS if name not in ("id", "lang", "extra", "created_at")})
)
IMMUTABLE: Final = (
    "id", "tree_id", "parent_id", "role", "created_at", "created_date", "lang", "depth", "late",
    "synthetic", "model_name", "imported", "extra",
)  # fmt: skip
DERIVED: Final = (
    "author_id", "text", "deleted", "deletion_found", "live", "tombstone", "edited", "accepted", "rank",
    "review_count", "labels", "emojis", "dismissed_flags", "dismissed_skips",
)  # fmt: skip
# Arrivals are numbered in the tree, above all that stand there, also when one in the middle was withdrawn.
_NEXT_PLACE: Final = (
    select(func.coalesce(func.max(M.place), -1) + 1).where(M.tree_id == bindparam("tree_id")).scalar_subquery()
)
_INSERT_MESSAGE = TreeStatement(
    insert(messages).values({name: bindparam(name) for name in IMMUTABLE + DERIVED} | {"place": _NEXT_PLACE})
)
_DELETE_MESSAGE = TreeStatement(delete(messages).where(M.id == bindparam("message_id")))


@cache
def _update_message(names: tuple[str, ...]) -> TreeStatement:
    """Of a message only what changed is written: whatever is named is written again in all indexes that hold it."""
    return TreeStatement(
        update(messages).where(M.id == bindparam("message_id")).values({name: bindparam(name) for name in names})
    )


_DELETE_TREE = TreeStatement(delete(trees).where(T.id == bindparam("tree_id")))
_INSERT_DONE = Statement(
    lambda insert: (
        insert(done)
        .values({name: bindparam(name) for name in ("person_id", "act", "subject", "tree_id")})
        .on_conflict_do_nothing()
    )
)
_DELETE_DONE = Statement(
    delete(done).where(
        done.c.person_id == bindparam("person"), done.c.act == bindparam("what"), done.c.subject == bindparam("on")
    )
)


def load_tree(db: Connection, tree_id: str) -> Tree:
    """The tree as it stands, locked against other writers where there are several. Raises NotFound."""
    tree = find_tree(db, tree_id)
    if tree is None:
        raise NotFound("There is no such conversation tree.")
    return tree


def find_tree(db: Connection, tree_id: str) -> Tree | None:
    """The same, or None for a tree that is no longer there."""
    here = kept(db)
    if here and (tree := here.tree(tree_id)):
        return tree
    row = (_TREE_LOCKED if several_writers(db) else _TREE).row(db, tree_id=tree_id)
    if row is None:
        return None
    votes = map(FactRow._make, _VOTES.tuples(db, tree_id=tree_id))
    found = tree_value(row, _MESSAGES.tuples(db, tree_id=tree_id), votes)
    if here:
        here.keep_tree(found)
    return found


def load_tree_of(db: Connection, message_id: str) -> Tree:
    """The tree that holds a message, likewise. Raises NotFound, also when the message is gone once the tree is held."""
    tree = find_tree(db, tree_of(db, message_id))
    if tree is None or message_id not in tree.messages:
        raise NotFound("There is no such message.")
    return tree


def load_trees(db: Connection, tree_ids: Iterable[str]) -> list[Tree]:
    """Many trees in three statements, ordered by id; unknown ids are left out."""
    ids = list(tree_ids)
    if not ids:
        return []
    rows: dict[str, list[Any]] = {}
    for row in _MESSAGES_OF.rows(db, ids=ids):
        rows.setdefault(row[-1], []).append(row)
    votes = votes_of(db, ids)
    return [tree_value(row, rows[row[0]], votes.get(row[0], [])) for row in _TREES.rows(db, ids=ids)]


def votes_of(db: Connection, tree_ids: Iterable[str]) -> dict[str, list[FactRow]]:
    """Reviews, rankings, reactions and skips by tree, in the order in which they came."""
    votes: dict[str, list[FactRow]] = {}
    for row in _VOTES_OF.tuples(db, ids=list(tree_ids)):
        vote = FactRow._make(row)
        votes.setdefault(vote.tree_id, []).append(vote)
    return votes


def tree_of(db: Connection, message_id: str) -> str:
    """The id of the tree that holds a message. Raises NotFound."""
    row = _TREE_OF_MESSAGE.row(db, message_id=message_id)
    if row is None:
        raise NotFound("There is no such message.")
    return str(row[0])


def behind(db: Connection, version: int, *, after: str, limit: int) -> list[str]:
    """Trees that still follow an older policy and are not at their end: ids behind `after`, in order."""
    return [str(tree_id) for tree_id in _TREES_BEHIND.values(db, version=version, after=after, most=limit)]


def count_behind(db: Connection, version: int) -> int:
    """How many trees still follow an older policy and are not at their end."""
    return int(_COUNT_BEHIND.value(db, version=version) or 0)


def tree_value(row: Any, message_rows: Iterable[Any], votes: Iterable[FactRow]) -> Tree:
    tree_id, lang, state, policy, depth, children, replies, goal, won, parked, origin = row
    nodes: dict[str, Message] = {}
    deletions: dict[str, State] = {}
    said = _said(votes)
    for message_row in message_rows:
        message_id = message_row[0]
        nodes[message_id] = message_value(
            message_row,
            reviews=said.reviews_of(message_id),
            reactions=tuple(said.reactions.get(message_id, ())),
            skips=tuple(said.skips.get(message_id, ())),
        )
        if message_row[19] is not None:
            deletions[message_id] = State(message_row[19])
    return Tree(
        tree_id, lang, Shape(depth, children, replies, goal), State(state), policy, nodes,
        rankings={parent: tuple(given) for parent, given in said.rankings.items()}, won_lottery=bool(won),
        parked=State(parked) if parked else None, deletions=deletions, origin=origin,
    )  # fmt: skip


def message_value(row: Any, **votes: Any) -> Message:
    """The message of a row; `votes`: its reviews, reactions and skips."""
    (
        message_id, parent_id, role, author, at, lang, text, depth, late, synthetic, model_name, deleted, tombstone,
        edited, accepted, rank, flags, skips, imported, _, _,
    ) = row  # fmt: skip
    return Message(
        message_id, parent_id, ROLES[role], author, from_us(at), lang, text, depth, bool(late), bool(synthetic),
        model_name, bool(deleted), bool(tombstone), bool(edited), None if accepted is None else bool(accepted), rank,
        dismissed_flags=flags, dismissed_skips=skips, baseline=decode_baseline(imported) if imported else None, **votes,
    )  # fmt: skip


@dataclass(slots=True)
class _Said:
    """What was said of the messages of a tree, by message."""

    reviews: dict[str, list[FactRow]] = field(default_factory=dict)
    rankings: dict[str, list[Ranking]] = field(default_factory=dict)
    reactions: dict[str, list[Reaction]] = field(default_factory=dict)
    skips: dict[str, list[Skip]] = field(default_factory=dict)

    def reviews_of(self, message_id: str) -> Sequence[Review]:
        rows = self.reviews.get(message_id)
        return Reviews(rows) if rows else ()


def _said(votes: Iterable[FactRow]) -> _Said:
    said = _Said()
    for row in votes:
        kind, subject = row.kind, row.message_id or ""
        if kind == "reviewed":
            said.reviews.setdefault(subject, []).append(row)
        elif kind == "ranked":
            said.rankings.setdefault(subject, []).append(decode_ranking(row))
        elif kind == "reacted":
            data = row.data
            reaction = Reaction(row.person_id, data["emoji"])
            others = [other for other in said.reactions.get(subject, ()) if other != reaction or other.person is None]
            said.reactions[subject] = [*others, reaction] if data["on"] else others
        else:
            data = row.data
            skip = Skip(row.person_id, SkipOf(data["what"]), data["reason"])
            said.skips.setdefault(subject, []).append(skip)
    return said


def with_votes(tree: Tree, votes: Iterable[FactRow]) -> Tree:
    """Attach reviews, rankings, reactions and skips; no rule is applied."""
    said = _said(votes)
    nodes = dict(tree.messages)
    for message_id in said.reviews.keys() | said.reactions.keys() | said.skips.keys():
        nodes[message_id] = replace(
            nodes[message_id],
            reviews=said.reviews_of(message_id),
            reactions=tuple(said.reactions.get(message_id, ())),
            skips=tuple(said.skips.get(message_id, ())),
        )
    return replace(tree, messages=nodes, rankings={parent: tuple(given) for parent, given in said.rankings.items()})


def encode_baseline(baseline: Baseline) -> str:
    return json.dumps([baseline.review_count, baseline.labels, baseline.emojis, baseline.rank])


def decode_baseline(spelled: str) -> Baseline:
    count, labels, emojis, rank = from_json(spelled)
    return Baseline(count, {name: (mean, answers) for name, (mean, answers) in labels.items()}, emojis, rank)


def save_changes(
    db: Connection,
    before: Tree | None,
    after: Tree,
    policy_of: PolicyOf,
    now: datetime,
    rng: Random,
    *,
    extras: Mapping[str, Mapping[str, object]] | None = None,
    fresh_work: bool = False,
) -> None:
    """Write what changed between two values of one tree, and all that follows from it.

    `extras`: by message id (or the tree's), columns that only an import brings. `fresh_work`: the stored open work
    may not be what `before` says, so it is written anew.
    """
    touch_tree(db, after.id)
    _save_tree(db, before, after, now, extras or {})
    _save_messages(db, before, after, extras or {})
    _save_done(db, before, after)
    old = {} if before is None or fresh_work else open_work(before, policy_of(before.policy, before.lang))
    if fresh_work:
        work.forget(db, after.id)
    work.replace_open_work(db, after.id, old, open_work(after, policy_of(after.policy, after.lang)), rng)
    add_to_tallies(db, changed_credits(before, after))
    if here := kept(db):
        here.keep_tree(after)


def _save_tree(
    db: Connection, before: Tree | None, after: Tree, now: datetime, extras: Mapping[str, Mapping[str, object]]
) -> None:
    changing = _moving(after, now)
    if before is None:
        _INSERT_TREE.run(
            db,
            id=after.id,
            lang=after.lang,
            extra=extras.get("tree", {}).get("extra"),
            created_at=to_us(after.root.at),
            **_lasting(after),
            **changing,
        )
    elif _tree_row(before) != _tree_row(after):
        _UPDATE_TREE.run(db, tree_id=after.id, **changing)


def _moving(tree: Tree, now: datetime) -> dict[str, object]:
    return {
        "state": tree.state,
        "policy": tree.policy,
        "won_lottery": int(tree.won_lottery),
        "author_id": tree.root.author,
        "changed_at": to_us(now),
    }


def _lasting(tree: Tree) -> dict[str, object]:
    """What its log says at the beginning."""
    return {
        "max_tree_depth": tree.shape.max_tree_depth,
        "max_children_count": tree.shape.max_children_count,
        "num_prompter_replies": tree.shape.num_prompter_replies,
        "goal_tree_size": tree.shape.goal_tree_size,
        "parked": tree.parked,
        "origin": tree.origin,
    }


def _tree_row(tree: Tree) -> tuple[object, ...]:
    return (tree.state, tree.policy, tree.won_lottery, tree.root.author)


def _save_messages(
    db: Connection, before: Tree | None, after: Tree, extras: Mapping[str, Mapping[str, object]]
) -> None:
    old = before.messages if before else {}
    live_before = before.live() if before else {}
    live = after.live()
    for message in after.messages.values():
        was = old.get(message.id)
        is_live = message.id in live
        found = after.deletions.get(message.id)
        same_deletion = before is not None and before.deletions.get(message.id) is found
        if was is message and is_live is (message.id in live_before) and same_deletion:
            continue
        if was is None:
            kept = {**kept_columns(after.id, message), **extras.get(message.id, {})}
            _INSERT_MESSAGE.run(db, **kept, **derived_columns(message, found, live=is_live))
        else:
            same_place = is_live is (message.id in live_before) and same_deletion
            columns: dict[str, object] = {} if same_place else {"live": int(is_live), "deletion_found": found}
            for depends_on, columns_of in _PARTS:
                if depends_on(was) != depends_on(message):
                    columns |= columns_of(message)
            if columns:
                _update_message(tuple(columns)).run(db, message_id=message.id, **columns)
        if was is None or was.text != message.text or is_live is not (message.id in live_before):
            search.index(db, message.id, message.text if is_live else "", known=was is not None)
    for message_id in old.keys() - after.messages.keys():
        _DELETE_MESSAGE.run(db, message_id=message_id)
        search.index(db, message_id, "", known=True)


def kept_columns(tree_id: str, message: Message) -> dict[str, object]:
    return {
        "id": message.id,
        "tree_id": tree_id,
        "parent_id": message.parent_id,
        "role": message.role,
        "created_at": to_us(message.at),
        "created_date": None,
        "lang": message.lang,
        "depth": message.depth,
        "late": int(message.late),
        "synthetic": int(message.synthetic),
        "model_name": message.model_name,
        "imported": encode_baseline(message.baseline) if message.baseline else None,
        "extra": None,
    }


def derived_columns(message: Message, found: State | None, *, live: bool) -> dict[str, object]:
    """All columns of a message that follow from its log. `found`: the state of the tree that its deletion found."""
    columns: dict[str, object] = {"live": int(live), "deletion_found": found}
    for _, columns_of in _PARTS:
        columns |= columns_of(message)
    return columns


def _own(message: Message) -> dict[str, object]:
    return {
        "author_id": message.author,
        "text": message.text,
        "deleted": int(message.deleted),
        "tombstone": int(message.tombstone),
        "edited": int(message.edited),
    }


def _decided(message: Message) -> dict[str, object]:
    return {
        "accepted": None if message.accepted is None else int(message.accepted),
        "rank": message.rank,
        "dismissed_flags": message.dismissed_flags,
        "dismissed_skips": message.dismissed_skips,
    }


def _said_of(message: Message) -> dict[str, object]:
    labels = label_means(message) if message.reviews or message.baseline else {}
    emojis = message.emoji_counts()
    return {
        "review_count": message.review_count,
        "labels": json.dumps(labels) if labels else None,
        "emojis": json.dumps(emojis) if emojis else None,
    }


_PARTS: Final[tuple[tuple[Callable[[Message], object], Callable[[Message], dict[str, object]]], ...]] = (
    (attrgetter("author", "text", "deleted", "tombstone", "edited"), _own),
    (attrgetter("accepted", "rank", "dismissed_flags", "dismissed_skips"), _decided),
    (attrgetter("reviews", "reactions", "skips", "baseline"), _said_of),
)
"""Columns that change together, with what they follow from."""


def rewrite_rows(db: Connection, tree: Tree) -> None:
    """Write the columns of a tree that its log tells, and the derived ones of its messages, whatever stands there."""
    touch_tree(db, tree.id)
    last = max(message.at for message in tree.messages.values())
    _REWRITE_TREE.run(db, tree_id=tree.id, **_lasting(tree), **_moving(tree, last))
    live = tree.live()
    for message in tree.messages.values():
        columns = derived_columns(message, tree.deletions.get(message.id), live=message.id in live)
        _update_message(tuple(columns)).run(db, message_id=message.id, **columns)


def _save_done(db: Connection, before: Tree | None, after: Tree) -> None:
    added, gone = changed_done(before, after)
    for person, act, subject in sorted(added):
        _INSERT_DONE.run(db, person_id=person, act=act, subject=subject, tree_id=after.id)
    for person, act, subject in sorted(gone):
        _DELETE_DONE.run(db, person=person, what=act, on=subject)


def forget_tree(db: Connection, tree: Tree) -> None:
    """Remove a tree whose prompt was withdrawn before anybody built on it; its log stays."""
    touch_tree(db, tree.id)
    for message_id in tree.messages:
        _DELETE_MESSAGE.run(db, message_id=message_id)
        search.index(db, message_id, "", known=True)
    for person, act, subject in done_by(tree):
        _DELETE_DONE.run(db, person=person, what=act, on=subject)
    work.forget(db, tree.id)
    _DELETE_TREE.run(db, tree_id=tree.id)
    empty = replace(tree, messages={tree.id: replace(tree.root, author=None, reviews=())}, rankings={})
    add_to_tallies(db, changed_credits(tree, empty))
