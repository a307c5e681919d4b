"""What every use case asks for, kept by the one writer of SQLite from commit to commit.

Rows that hardly ever change, and the trees that are being worked on, as they were last read or written. All is what
stands in the database: rows are forgotten as soon as a statement changes one of their tables, a tree when something of
it is changed until it is written whole, and both when such a change is undone, or another process has written. Where
there are several writers nothing is kept.
"""

from typing import Any, Final

from sqlalchemy import Connection

from espalier.domain.tree import ACTIVE, Tree
from espalier.store.session import commits_of_others

TABLES: Final = frozenset({"charters", "policies", "people", "tokens", "notices", "decisions"})
"""Whose rows are kept."""
OF_TREES: Final = frozenset({"trees", "messages", "contributions"})
"""What trees are read from."""
MOST: Final = 20_000
"""Rows."""
MOST_MESSAGES: Final = 30_000
"""Of trees: 5 kB each, with what was said of them."""
_KEPT: Final = "kept"


class Kept:
    """`rows`: by statement and arguments. Its owner says what becomes of the transactions of the connection."""

    __slots__ = ("_changed", "_messages", "_others", "_touched", "_trees", "rows")

    def __init__(self, db: Connection) -> None:
        self.rows: dict[tuple[Any, ...], Any] = {}
        self._trees: dict[str, Tree] = {}  # the one asked for last at the end
        self._messages = 0  # of these trees
        self._changed = False  # one of the tables, in the open transaction
        self._touched: set[str] = set()  # trees, likewise
        self._others: int | None = None
        db.info[_KEPT] = self

    def begun(self, db: Connection) -> None:
        """A transaction has begun, so that from now on nobody else writes."""
        others = commits_of_others(db)
        if others != self._others:
            self._forget_all()
        elif len(self.rows) > MOST:
            self.rows.clear()
        self._others, self._changed = others, False
        self._touched.clear()

    def changing(self, table: str) -> None:
        """A row of one of the tables is about to be changed; of a tree, of which one nobody has said."""
        self._changed = True
        if table in TABLES:
            self.rows.clear()
        else:
            self._forget_trees()

    def tree(self, tree_id: str) -> Tree | None:
        found = self._trees.pop(tree_id, None)
        if found is not None:
            self._trees[tree_id] = found
        return found

    def keep_tree(self, tree: Tree) -> None:
        """It stands in the database as it is here. Of those on which nobody works none is kept."""
        self._forget_tree(tree.id)
        if tree.state not in ACTIVE:
            return
        self._trees[tree.id] = tree
        self._messages += len(tree.messages)
        while self._messages > MOST_MESSAGES:
            self._forget_tree(next(iter(self._trees)))

    def touch_tree(self, tree_id: str) -> None:
        """Something of this tree is about to be changed."""
        self._touched.add(tree_id)
        self._forget_tree(tree_id)

    def undone(self) -> None:
        """What was done since a savepoint, or since the beginning, is taken back."""
        if self._changed:
            self._forget_all()
        for tree_id in self._touched:
            self._forget_tree(tree_id)

    def _forget_tree(self, tree_id: str) -> None:
        if tree := self._trees.pop(tree_id, None):
            self._messages -= len(tree.messages)

    def _forget_trees(self) -> None:
        self._trees.clear()
        self._messages = 0

    def _forget_all(self) -> None:
        self.rows.clear()
        self._forget_trees()


def kept(db: Connection) -> Kept | None:
    """What is kept for this connection; None where nothing may be."""
    return db.info.get(_KEPT)


def touch_tree(db: Connection, tree_id: str) -> None:
    """Something of this tree is about to be changed by statements that do not say so themselves."""
    if here := kept(db):
        here.touch_tree(tree_id)


def keep_no_more(db: Connection) -> None:
    """Before the connection goes to somebody else."""
    db.info.pop(_KEPT, None)
