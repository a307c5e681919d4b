"""SQLite's log, copied into the file by a thread of its own: no commit waits while thousands of pages find their place.

Knows the log alone; what is in it, and when somebody commits, is the door's affair.
"""

import logging
import sqlite3
import threading
from typing import Any, Final

from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.exc import SQLAlchemyError

PAUSE_S: Final = 0.5
"""Rest before each copy: a page that many commits change is then written once for all of them."""
LONG: Final = 20_000
"""Pages of the log: two thirds of those after which a commit copies what is left and waits for that."""
PAUSE_WHILE_LONG_S: Final = 0.1

log = logging.getLogger(__name__)


class LogCopier:
    """Copies what was committed soon after `committed` is called; blocks neither who writes nor who reads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._something_new, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="log copier", daemon=True)
        self._thread.start()

    def committed(self) -> None:
        self._something_new.set()

    def close(self) -> None:
        """Finish the copy that is under way, begin no more. May be called twice."""
        self._closed.set()
        self._something_new.set()
        self._thread.join()

    def _work(self) -> None:
        connection: PoolProxiedConnection | None = None
        pages = 0
        while True:
            self._something_new.wait()
            # Before the pause: cleared after it, the call of who closes just then would be lost and never answered.
            self._something_new.clear()
            if self._closed.wait(PAUSE_WHILE_LONG_S if pages > LONG else PAUSE_S):
                break
            try:
                connection = connection or self._engine.raw_connection()
                pages = copy_log(connection.driver_connection)
            except (SQLAlchemyError, sqlite3.Error) as error:
                # Nothing is lost: the log grows until a commit finds it long and copies it by itself.
                log.warning("the log of the database could not be copied", exc_info=error)
        if connection is not None:
            connection.close()


def copy_log(connection: Any) -> int:
    """Copy all that is committed, but for what an older reader keeps from being overwritten. How many pages the log
    holds, copied or not.
    """
    _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages)
