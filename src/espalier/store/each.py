"""The door on PostgreSQL: each use case in a transaction of its own, several at once.

Knows threads and which errors are worth another try; does not know what the use cases do.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from espalier.store.boards import counting_last
from espalier.store.writes import CAPACITY, Elsewhere, P, T, UseCase, closed, not_saved, too_many

TRIES = 5  # of a transaction that lost against another one
_IN_FAVOUR_OF_ANOTHER = frozenset({"40001", "40P01"})  # serialization failure, deadlock


class PostgresDoor:
    """Each use case in its own transaction, several at once; one that lost against another is tried again."""

    def __init__(self, engine: Engine, *, threads: int = 8, capacity: int = CAPACITY) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="door")
        self._at_once, self._capacity = threads, capacity
        self._lock = threading.Lock()
        self._inside = 0  # waiting or running
        self._closed = False

    @property
    def waiting(self) -> int:
        return max(0, self._inside - self._at_once)

    async def write(self, use_case: UseCase[P, T], *args: P.args, **options: P.kwargs) -> T:
        return await asyncio.wrap_future(self._submit(lambda db: use_case(db, *args, **options)))

    def call(self, use_case: UseCase[P, T], *args: P.args, **options: P.kwargs) -> T:
        return self._submit(lambda db: use_case(db, *args, **options)).result()

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._threads.shutdown(wait=True)

    def _submit(self, use_case: Callable[[Connection], T]) -> "Future[T]":
        with self._lock:
            if self._closed:
                raise closed()
            if self._inside >= self._capacity + self._at_once:
                raise too_many()
            self._inside += 1
            future = self._threads.submit(self._perform, use_case)
        future.add_done_callback(self._one_less)
        return future

    def _one_less(self, _: "Future[Any]") -> None:
        with self._lock:
            self._inside -= 1

    def _perform(self, use_case: Callable[[Connection], T]) -> T:
        tries = 0
        while True:
            tries += 1
            try:
                return self._once(use_case)
            except Elsewhere:
                if tries == TRIES:
                    raise
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise not_saved() from error
                if tries == TRIES or not _lost_against_another(error):
                    raise
            time.sleep(random.uniform(0.001, 0.01) * 2**tries)

    def _once(self, use_case: Callable[[Connection], T]) -> T:
        try:
            db = self._engine.connect()
        except DBAPIError as error:
            raise not_saved() from error  # the server is away
        with db:
            transaction = db.begin()
            try:
                with counting_last(db):
                    value = use_case(db)
            except StopIteration as error:  # no future can carry it
                raise RuntimeError("a use case let StopIteration out") from error
            if not transaction.is_active:
                raise RuntimeError("a use case ended the transaction it was given")
            try:
                transaction.commit()
            except DBAPIError as error:
                if _lost_against_another(error):
                    raise
                raise not_saved() from error
            return value


def _lost_against_another(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _IN_FAVOUR_OF_ANOTHER
