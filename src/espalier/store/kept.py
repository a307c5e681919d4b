"""Rows that every use case asks for and hardly any changes, kept by the one writer of SQLite from commit to commit.

They are what stands in the database: all are forgotten as soon as a statement changes one of their tables, when such a
change is undone, and when another process has written. Where there are several writers nothing is kept.
"""

from typing import Any, Final

from sqlalchemy import Connection

from espalier.store.session import commits_of_others

TABLES: Final = frozenset({"charters", "policies", "people", "tokens", "notices", "decisions"})
MOST: Final = 20_000
_KEPT: Final = "kept rows"


class KeptRows:
    """`rows`: by statement and arguments. Its owner says what becomes of the transactions of the connection."""

    __slots__ = ("_changed", "_others", "rows")

    def __init__(self, db: Connection) -> None:
        self.rows: dict[tuple[Any, ...], Any] = {}
        self._changed = False  # one of the tables, in the open transaction
        self._others: int | None = None
        db.info[_KEPT] = self

    def begun(self, db: Connection) -> None:
        """A transaction has begun, so that from now on nobody else writes."""
        others = commits_of_others(db)
        if others != self._others or len(self.rows) > MOST:
            self.rows.clear()
        self._others, self._changed = others, False

    def changing(self) -> None:
        """One of the tables is about to be changed."""
        self.rows.clear()
        self._changed = True

    def undone(self) -> None:
        """What was done since a savepoint, or since the beginning, is taken back."""
        if self._changed:
            self.rows.clear()


def kept_rows(db: Connection) -> KeptRows | None:
    """What is kept for this connection; None where nothing may be."""
    return db.info.get(_KEPT)


def keep_no_more(db: Connection) -> None:
    """Before the connection goes to somebody else."""
    db.info.pop(_KEPT, None)
