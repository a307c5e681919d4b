"""Locks where there are several writers; SQLite has one, and nothing to lock.

Whoever changes a tree, its open work or its leases holds the tree. So that nobody waits in a circle, everybody takes
what they need in one order: ways to sign in, people (oneself first), new prompts of a language, trees by ascending id,
languages by name; counts of points come last of all (boards.py). What is needed out of turn is taken only if it is
free.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from espalier.store.sql import Statement
from espalier.store.tables import trees

T = trees.c
_TREE: Final = {
    wait: Statement(select(T.id).where(T.id == bindparam("tree_id")).with_for_update(skip_locked=not wait))
    for wait in (True, False)
}
_TREES: Final = {
    wait: Statement(
        select(T.id, T.lang)
        .where(T.id.in_(bindparam("ids", expanding=True)))
        .order_by(T.id)
        .with_for_update(skip_locked=not wait)
    )
    for wait in (True, False)
}
_NAMED: Final = Statement(select(func.pg_advisory_xact_lock(func.hashtext(bindparam("name")))))
_NAMED_IF_FREE: Final = Statement(select(func.pg_try_advisory_xact_lock(func.hashtext(bindparam("name")))))


def several_writers(db: Connection) -> bool:
    return bool(db.dialect.name == "postgresql")


def hold_tree(db: Connection, tree_id: str, *, wait: bool = True) -> bool:
    """Nobody else changes this tree until the transaction ends; False if it is gone or, without waiting, not free."""
    return not several_writers(db) or _TREE[wait].row(db, tree_id=tree_id) is not None


def hold_trees(db: Connection, tree_ids: Collection[str], *, wait: bool = True, languages: bool = False) -> set[str]:
    """The same for all of these trees, and for their languages if these shall be tended too; which are held now."""
    if not several_writers(db):
        return set(tree_ids)
    held = _TREES[wait].rows(db, ids=list(tree_ids))
    for lang in sorted({lang for _, lang in held}) if languages else ():
        hold_language(db, lang)
    return {tree_id for tree_id, _ in held}


def hold_language(db: Connection, lang: str, *, wait: bool = True) -> bool:
    """One lottery a language at a time."""
    return _hold(db, f"espalier:{lang}", wait=wait)


def hold_prompts(db: Connection, lang: str, *, wait: bool = True) -> bool:
    """One person a language at a time is asked for a new prompt."""
    return _hold(db, f"espalier prompts:{lang}", wait=wait)


def hold_beginning(db: Connection) -> None:
    """One server at a time looks whether there is a campaign to begin."""
    _hold(db, "espalier beginning", wait=True)


def hold_ways(db: Connection, keys: Collection[str]) -> None:
    """One at a time signs in for the first time by one of these: who comes second finds the account of the first."""
    for key in sorted(set(keys)):
        _hold(db, f"espalier way:{key}", wait=True)


def _hold(db: Connection, name: str, *, wait: bool) -> bool:
    if not several_writers(db):
        return True
    if wait:
        _NAMED.run(db, name=name)
        return True
    return bool(_NAMED_IF_FREE.value(db, name=name))
