"""Opening the database: one engine that writes and one that only reads, made when asked.

Knows how SQLite and PostgreSQL want to be opened for a campaign; knows neither tables nor use cases.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

BUSY_TIMEOUT_S = 5.0  # how long a writer waits for another process that writes to the same file
LOOK_AGAIN_S = 0.01
READERS = 8  # connections kept open; more are opened while more than that read at once
MORE_READERS = 56
WRITERS = 8  # PostgreSQL only; SQLite has one


class UnsupportedDatabase(ValueError):
    """The address names no database that the campaign can run on; the message says which it could be."""


@dataclass(frozen=True)
class Database:
    """An open database: `writer` for the door, `readers` for questions."""

    url: URL
    writer: Engine
    readers: Engine

    @property
    def is_sqlite(self) -> bool:
        return self.writer.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment of the database and cannot change it. Never waits for a writer."""
        with self.readers.connect() as db:
            yield db

    def close(self) -> None:
        """Close all connections that are not in use."""
        self.readers.dispose()
        self.writer.dispose()


def open_database(url: str, *, writers: int = WRITERS) -> Database:
    """Open for writing and reading. Nothing is created or migrated here, but for the folder of an SQLite file.

    Raises UnsupportedDatabase.
    """
    address = _address(url)
    writer = open_engine(url, connections=writers)
    return Database(address, writer, open_engine(url, read_only=True))


def open_engine(url: str, *, read_only: bool = False, connections: int = WRITERS) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://…`; connects when first used.

    On SQLite a transaction of a writing engine takes the write lock when it begins and waits `BUSY_TIMEOUT_S` for it.
    Statements and texts stay out of error messages. Raises UnsupportedDatabase.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        return _open_sqlite(address, read_only)
    return _open_postgresql(address, read_only, connections)


def sqlite_file(url: str | URL) -> Path | None:
    """The file behind an SQLite address; None for PostgreSQL."""
    address = _address(url)
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def shown(url: str | URL) -> str:
    """The address as one may print it: the file, or the server without its password."""
    file = sqlite_file(url)
    return str(file) if file is not None else _address(url).set(drivername="postgresql").render_as_string()


def commits_of_others(db: Connection) -> int | None:
    """A number that changes when somebody else has written since this connection last asked; None on PostgreSQL,
    where writers do not wait for each other."""
    if db.dialect.name != "sqlite":
        return None
    driver: Any = db.connection.dbapi_connection  # the door asks for each group of writes
    return int(driver.execute("PRAGMA data_version").fetchone()[0])


def _address(url: str | URL) -> URL:
    """The address with the driver that is used."""
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise UnsupportedDatabase("the database address is not an address; write sqlite:///var/espalier.db") from error
    match address.drivername:
        case "sqlite" | "sqlite+pysqlite" if address.database and address.database != ":memory:" and not address.query:
            return address.set(drivername="sqlite")
        case "sqlite" | "sqlite+pysqlite":
            raise UnsupportedDatabase(
                "a campaign needs an SQLite file that several connections can open; write sqlite:///var/espalier.db"
            )
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return address.set(drivername="postgresql+psycopg")
        case other:
            raise UnsupportedDatabase(
                f"{other!r} is not supported; write sqlite:///path or postgresql://user@host/name"
            )


def sqlite_folder(file: str | Path) -> None:
    """The folder of an SQLite file. A new one is for its owner alone: it will hold addresses and hashes of tokens."""
    Path(file).absolute().parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _open_sqlite(address: URL, read_only: bool) -> Engine:
    sqlite_folder(address.database or "")
    engine = create_engine(
        address,
        poolclass=QueuePool,
        pool_size=READERS if read_only else 1,
        max_overflow=MORE_READERS if read_only else 4,
        pool_use_lifo=True,  # the connection used last has the warmest page cache
        hide_parameters=True,
        connect_args={
            "timeout": BUSY_TIMEOUT_S,
            "isolation_level": None,  # the driver begins nothing by itself
            "check_same_thread": False,
            "cached_statements": 512,
        },
    )
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        if not read_only and not _has_log(connection):
            raise UnsupportedDatabase("this file system cannot hold an SQLite database in WAL mode; use a local disk")
        for pragma in _pragmas(read_only):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin_now(db: Connection) -> None:
        db.exec_driver_sql(begin)

    return engine


def _has_log(connection: sqlite3.Connection) -> bool:
    """Put the file into WAL mode, where it is not yet; whether it can be. SQLite itself does not wait for another
    program that does the same to a new file at this moment, but says at once that it is locked.
    """
    until = monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            return bool(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal")
        except sqlite3.OperationalError:
            if monotonic() > until:
                raise
            sleep(LOOK_AGAIN_S)


def _pragmas(read_only: bool) -> tuple[str, ...]:
    # No memory map: in WAL mode it spares little, and each process would show the whole file as its own memory.
    common = ("foreign_keys = ON", "temp_store = MEMORY")
    if read_only:
        return (*common, "query_only = ON", "cache_size = -8000")  # KiB, each connection
    # FULL: a commit is on the disk before anybody hears of it. A commit that finds the log 120 MB long waits until the
    # rest of it is in the file, and the log begins anew; by then copier.py has left little of it.
    return (*common, "synchronous = FULL", "cache_size = -64000", "wal_autocheckpoint = 30000")


def _open_postgresql(address: URL, read_only: bool, connections: int) -> Engine:
    arguments: dict[str, Any] = {"application_name": "espalier", "connect_timeout": 10, "prepare_threshold": 2}
    if read_only:
        arguments["options"] = "-c default_transaction_read_only=on"
    return create_engine(
        address,
        pool_size=READERS if read_only else connections,
        max_overflow=MORE_READERS if read_only else 4,
        pool_pre_ping=True,  # a restarted server costs nobody an answer
        hide_parameters=True,
        isolation_level="REPEATABLE READ" if read_only else "READ COMMITTED",
        connect_args=arguments,
    )
