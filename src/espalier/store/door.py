"""The one door for writes: a use case goes in, and comes back when what it changed is durable.

A use case is a function `(db, ...) -> value`; it never commits. On SQLite one thread commits all that has queued up
(`group.py`), on PostgreSQL each use case is a transaction of its own (`each.py`). Knows which of them a database needs.
"""

from typing import Protocol

from espalier.store.each import PostgresDoor
from espalier.store.group import SqliteDoor
from espalier.store.session import WRITERS, Database
from espalier.store.writes import CAPACITY, DoorBusy, DoorClosed, NotSaved, P, T, UseCase

__all__ = ["Door", "DoorBusy", "DoorClosed", "NotSaved", "UseCase", "open_door"]


class Door(Protocol):
    async def write(self, use_case: UseCase[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Run the use case and wait, without blocking the loop, until what it changed is durable.

        Raises what the use case raises (it has then changed nothing), DoorBusy, DoorClosed or NotSaved.
        Whoever stops waiting may find it done all the same.
        """
        ...

    def call(self, use_case: UseCase[P, T], *args: P.args, **options: P.kwargs) -> T:
        """The same for a thread that may block: commands and jobs. Never from inside a use case."""
        ...

    @property
    def waiting(self) -> int:
        """How many use cases wait."""
        ...

    def close(self) -> None:
        """Finish what was taken on, take nothing more. Blocks; may be called twice."""
        ...


def open_door(database: Database, *, capacity: int = CAPACITY, threads: int = WRITERS) -> Door:
    """The door of this database; `capacity` use cases may wait, `threads` run at once (PostgreSQL only)."""
    if database.is_sqlite:
        return SqliteDoor(database.writer, capacity=capacity)
    return PostgresDoor(database.writer, threads=threads, capacity=capacity)
