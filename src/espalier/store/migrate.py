"""Bringing a database to the tables that this program knows, at start and under a lock.

Knows Alembic and where the migrations lie; does not know what they do. A migration is one transaction: a kill in the
middle leaves the database as it was.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect

from espalier.store.session import open_engine

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "alembic_version"
LOCK = 0x65_73_70_61  # any number, as long as every process takes the same
LOCK_WAIT_S = 600  # how long a second process waits while the first one migrates an SQLite file


class DatabaseTooNew(RuntimeError):
    """The database was written by a newer program; this one would harm it."""

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            f"the database is at revision {found}, and this program knows revisions up to {known} only: "
            "install the newer program again, or restore a backup that was made with this one"
        )
        self.found, self.known = found, known


def head() -> str:
    """The newest revision that this program knows. Files are called `0001_words.py`; the number is the revision."""
    return max(_known())


def current_revision(url: str) -> str | None:
    """The revision of the database; None when it is empty."""
    engine = open_engine(url, read_only=True)
    try:
        with engine.connect() as db:
            return _stored(db)
    finally:
        engine.dispose()


def migrate(url: str) -> bool:
    """Bring the database to `head()`; whether there was anything to do. Raises DatabaseTooNew, UnsupportedDatabase."""
    found = current_revision(url)
    refuse_newer(found)
    if found == head():
        return False
    engine = open_engine(url)
    try:
        return _upgrade(engine)
    finally:
        engine.dispose()


def upgrade_with(db: Connection, revision: str = "head") -> None:
    """Run the migrations up to `revision` in the open transaction of `db`."""
    from alembic import command  # a fifth of a second that a start without migrations need not wait

    command.upgrade(alembic_config(db), revision)


def alembic_config(db: Connection) -> Any:
    """What Alembic's commands want to be told; they work inside the open transaction of `db`."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = db
    return config


def _upgrade(engine: Engine) -> bool:
    with engine.connect() as db:
        if engine.dialect.name == "sqlite":
            driver: Any = db.connection.dbapi_connection
            driver.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_S * 1000}")  # `begin` takes the write lock
        with db.begin():
            if engine.dialect.name == "postgresql":
                db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            found = _stored(db)  # somebody may have been faster
            refuse_newer(found)
            if found == head():
                return False
            upgrade_with(db)
            return True


def is_current(db: Connection) -> bool:
    """Whether the database has the tables of this program."""
    return _stored(db) == head()


def _stored(db: Connection) -> str | None:
    if not inspect(db).has_table(VERSION_TABLE):
        return None
    found: str | None = db.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
    return found


def _known() -> list[str]:
    return [path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py")]


def refuse_newer(found: str | None) -> None:
    """Raises DatabaseTooNew for a revision that this program does not know."""
    if found is not None and found not in _known():
        raise DatabaseTooNew(found, head())
