"""The door on SQLite: one thread commits together what has queued up, and only then answers.

Knows savepoints, waiters and event loops; does not know what the use cases do. The disk is asked to flush once for
a whole group, which is why thirty people are served almost as fast as one.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, cast

from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from espalier.store.copier import LogCopier
from espalier.store.kept import Kept, keep_no_more
from espalier.store.writes import CAPACITY, DoorBusy, P, T, UseCase, closed, not_saved, too_many

GROUP = 128  # use cases in one commit, at most
GROUP_S = 0.05  # no new use case is begun later than this after the first: nobody waits long for the others

log = logging.getLogger(__name__)


class _Wish:
    """A use case, who waits for it, and what came of it."""

    __slots__ = ("args", "error", "loop", "options", "use_case", "value", "waiter")

    def __init__(
        self,
        use_case: Callable[..., Any],
        args: tuple[Any, ...],
        options: dict[str, Any],
        loop: asyncio.AbstractEventLoop | None,
        waiter: "asyncio.Future[Any] | Future[Any]",
    ) -> None:
        self.use_case, self.args, self.options = use_case, args, options
        self.loop, self.waiter = loop, waiter
        self.value: Any = None
        self.error: BaseException | None = None


class _TransactionLost(Exception):
    """The transaction is gone, and with it what earlier use cases of the group did."""


class SqliteDoor:
    """One writer thread, group commit, a savepoint for each use case."""

    def __init__(
        self, engine: Engine, *, capacity: int = CAPACITY, group: int = GROUP, group_s: float = GROUP_S
    ) -> None:
        self._engine = engine
        self._capacity, self._group, self._group_s = capacity, group, group_s
        self._queue: SimpleQueue[_Wish | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._last_seen = False
        self._db: Connection | None = None
        self._kept: Kept  # of that connection
        self._copier = LogCopier(engine)
        self._thread = threading.Thread(target=self._work, name="door", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    async def write(self, use_case: UseCase[P, T], *args: P.args, **options: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        self._put(_Wish(use_case, args, options, loop, waiter))
        return await waiter

    def call(self, use_case: UseCase[P, T], *args: P.args, **options: P.kwargs) -> T:
        if threading.current_thread() is self._thread:
            raise RuntimeError("a use case must not go through the door again; call the other one directly")
        waiter: Future[T] = Future()
        self._put(_Wish(use_case, args, options, None, waiter))
        return waiter.result()

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()
        self._copier.close()

    def _put(self, wish: _Wish) -> None:
        with self._lock:
            if self._closed:
                raise closed()
            if self._queue.qsize() >= self._capacity:
                raise too_many()
            self._queue.put(wish)

    # Everything below runs in the writer thread.

    def _work(self) -> None:
        while not self._last_seen:
            wish = self._queue.get()
            if wish is None:
                break
            group = [wish]
            try:
                self._serve(group)
            except Exception as error:  # the thread must outlive whatever happens to one group
                log.exception("a group of writes failed")
                self._start_afresh()
                for lost in group:
                    lost.error = _because(error)
            self._answer(group)
        if self._db is not None:
            keep_no_more(self._db)
            self._db.close()

    def _serve(self, group: list[_Wish]) -> None:
        """Run the first wish and those that have queued up meanwhile, and commit them. Fills `group`."""
        db, transaction = self._begin(group)
        until = time.monotonic() + self._group_s
        held: list[_Wish] = []  # what the open transaction holds
        wish: _Wish | None = group[0]
        while wish is not None:
            try:
                if self._perform(db, transaction, wish, nested=bool(held)):
                    held.append(wish)
                elif not held:
                    transaction.rollback()
                    db, transaction = self._begin(group)
            except _TransactionLost as error:
                log.error("the transaction of a group of writes was lost", exc_info=error)
                for lost in held:
                    lost.error = _because(error)
                held = []
                self._start_afresh()
                db, transaction = self._begin(group)
            full = len(group) >= self._group or time.monotonic() >= until
            wish = None if full else self._next()
            if wish is not None:
                group.append(wish)
        transaction.commit()
        self._copier.committed()

    def _begin(self, group: list[_Wish]) -> tuple[Connection, RootTransaction]:
        try:
            if self._db is None:
                self._db = self._engine.connect()
                self._kept = Kept(self._db)
            transaction = self._db.begin()
            self._kept.begun(self._db)
            return self._db, transaction
        except DBAPIError:
            # Whoever has queued up meanwhile would wait as long again, and in vain.
            while len(group) < self._group and (wish := self._next()) is not None:
                group.append(wish)
            raise

    def _next(self) -> _Wish | None:
        try:
            wish = self._queue.get_nowait()
        except Empty:
            return None
        self._last_seen = wish is None
        return wish

    def _perform(self, db: Connection, transaction: RootTransaction, wish: _Wish, *, nested: bool) -> bool:
        """Run one use case; whether it changed anything that a commit must keep.

        The first of a transaction needs no savepoint: to undo it is to roll back. Raises _TransactionLost.
        """
        if not _still_wanted(wish):
            return False
        driver: Any = db.connection.dbapi_connection
        try:
            if nested:
                driver.execute("SAVEPOINT use_case")
            wish.value = wish.use_case(db, *wish.args, **wish.options)
            if not transaction.is_active:
                raise RuntimeError("a use case ended the transaction it was given")
            if nested:
                driver.execute("RELEASE use_case")
        except BaseException as error:  # whatever it is, it belongs to the one who waits for it
            wish.value, wish.error = None, error
            self._kept.undone()
            # A full disk, say, makes SQLite end the whole transaction by itself.
            if not (transaction.is_active and driver.in_transaction):
                raise _TransactionLost from error
            if nested:
                driver.execute("ROLLBACK TO use_case")
                driver.execute("RELEASE use_case")
            return False
        return True

    def _start_afresh(self) -> None:
        db, self._db = self._db, None
        if db is None:
            return
        try:
            db.invalidate()
            db.close()
        except SQLAlchemyError:
            log.exception("a connection that failed could not be closed")

    def _answer(self, group: list[_Wish]) -> None:
        """Wake everybody of the group, each event loop once."""
        loops: dict[asyncio.AbstractEventLoop, list[_Wish]] = {}
        for wish in group:
            if wish.loop is None:
                _tell(wish)
            else:
                loops.setdefault(wish.loop, []).append(wish)
        for loop, wishes in loops.items():
            try:
                loop.call_soon_threadsafe(_tell_all, wishes)
            except RuntimeError:
                log.info("an event loop ended before %d of its writes were answered", len(wishes))


def _still_wanted(wish: _Wish) -> bool:
    if wish.loop is None:
        return cast("Future[Any]", wish.waiter).set_running_or_notify_cancel()
    return not wish.waiter.cancelled()


def _tell_all(wishes: list[_Wish]) -> None:
    for wish in wishes:
        _tell(wish)


def _tell(wish: _Wish) -> None:
    if wish.waiter.done():  # gave up
        return
    if wish.error is None:
        wish.waiter.set_result(wish.value)
    elif isinstance(wish.error, StopIteration):  # no future can carry it
        wish.waiter.set_exception(RuntimeError("a use case let StopIteration out"))
    else:
        wish.waiter.set_exception(wish.error)


def _because(error: Exception) -> Exception:
    """What a waiter hears when the database failed: an exception of its own, for each gets its own traceback."""
    if isinstance(error, DBAPIError) and "locked" in str(error.orig):
        told: Exception = DoorBusy(
            "Another program is writing to the database for long; please try again in a few seconds.", retry_after_s=5
        )
    else:
        told = not_saved()
    told.__cause__ = error
    return told
