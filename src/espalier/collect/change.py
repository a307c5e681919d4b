"""One contribution to one tree, with all that follows in the same transaction.

The path of every change: record the fact, let the tree grow, let automatic moderation answer, write what changed,
fill the places that became free. Knows no HTTP and no kinds of task.
"""

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.lottery import after_change
from espalier.domain.contribution import Contribution, Deleted, Ordered, apply, grow
from espalier.domain.lifecycle import Command
from espalier.domain.moderation import Remedy, remedy
from espalier.domain.tree import STOPPED, State, Tree
from espalier.store import trees, work
from espalier.store.facts import record
from espalier.store.policies import PolicyBook

MOVED_BY_CHANCE: Final = (State.PROMPT_LOTTERY_WAITING, State.BACKLOG_RANKING)


@dataclass(frozen=True, slots=True)
class Scene:
    """What every use case is handed beside its own arguments: the policies, the time, the source of chance."""

    book: PolicyBook
    now: datetime
    rng: Random


def change_tree(
    db: Connection,
    before: Tree | None,
    fact: Contribution,
    scene: Scene,
) -> Tree:
    """Apply a fact that is recorded already and write all that it changes. Raises WrongState."""
    after = answered(db, grow(before, fact, scene.book.of), scene)
    trees.save_changes(db, before, after, scene.book.of, scene.now, scene.rng)
    end_dead_leases(db, before, after, scene.now)
    after_change(db, before, after, scene.book, scene.now, scene.rng)
    # Chance may have moved this very tree on.
    return trees.load_tree(db, after.id) if after.state in MOVED_BY_CHANCE else after


def answered(db: Connection, tree: Tree, scene: Scene) -> Tree:
    """The tree with what automatic moderation has to say to it, which is recorded."""
    while wanted := remedy(tree, scene.book.of(tree.policy, tree.lang)):
        answer = _as_fact(wanted, tree.policy)
        record(db, tree.id, answer, scene.now, note={"automatic": True})
        tree = grow(tree, answer, scene.book.of)
    return tree


def order(
    db: Connection,
    tree: Tree,
    fact: Contribution,
    scene: Scene,
    *,
    person: str | None,
    terms: int | None = None,
    note: dict[str, object] | None = None,
) -> Tree:
    """Record and apply what a moderator, a job or the rules decided, or somebody's reaction, with the `terms` that they
    had accepted. Raises WrongState, with nothing written.
    """
    apply(tree, fact, scene.book.of)
    record(db, tree.id, fact, scene.now, person=person, terms=terms, note=note)
    return change_tree(db, tree, fact, scene)


def _as_fact(wanted: Remedy, policy: int) -> Contribution:
    if wanted.delete is not None:
        return Deleted(wanted.delete)
    return Ordered(Command.ABORT if wanted.abort else Command.HALT, policy)


def end_dead_leases(db: Connection, before: Tree | None, after: Tree, now: datetime) -> None:
    """Let leases run out whose work was taken away: nobody is offered what would then be refused."""
    if before is None:
        return
    if after.state in STOPPED and before.state not in STOPPED:
        work.end_leases(db, after.id, now)
    elif before.deletions.keys() != after.deletions.keys():
        live = after.live()
        gone = {message_id for message_id in after.messages if message_id not in live}
        work.end_leases(db, after.id, now, gone)
