"""Opening a database, on both kinds."""

import os
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from espalier.store.session import Database, UnsupportedDatabase, open_database, open_engine, sqlite_file


def note(database: Database, *numbers: int) -> None:
    with database.writer.begin() as db:
        db.exec_driver_sql("CREATE TABLE IF NOT EXISTS notes (n INTEGER PRIMARY KEY)")
        for number in numbers:
            db.exec_driver_sql(f"INSERT INTO notes VALUES ({number})")


def notes(database: Database) -> list[int]:
    with database.read() as db:
        return list(db.exec_driver_sql("SELECT n FROM notes ORDER BY n").scalars())


def test_what_one_connection_commits_every_reader_sees(any_database: Database) -> None:
    note(any_database, 1, 2)

    assert notes(any_database) == [1, 2]


def test_a_reader_cannot_change_anything(any_database: Database) -> None:
    note(any_database, 1)

    with any_database.read() as db, pytest.raises(DBAPIError):
        db.exec_driver_sql("DELETE FROM notes")

    assert notes(any_database) == [1]


def test_a_reader_sees_one_moment_and_does_not_wait_for_a_writer(any_database: Database) -> None:
    note(any_database, 1)
    with any_database.writer.begin() as writer:
        writer.exec_driver_sql("INSERT INTO notes VALUES (2)")
        with any_database.read() as db:
            assert db.exec_driver_sql("SELECT count(*) FROM notes").scalar() == 1
            writer.commit()
            assert db.exec_driver_sql("SELECT count(*) FROM notes").scalar() == 1

    assert notes(any_database) == [1, 2]


def test_many_people_read_at_once(any_database: Database) -> None:
    note(any_database, 1)
    together, seen = threading.Barrier(20), []

    def look() -> None:
        with any_database.read() as db:
            together.wait(10)
            seen.append(db.exec_driver_sql("SELECT n FROM notes").scalar())

    readers = [threading.Thread(target=look) for _ in range(20)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert seen == [1] * 20


def pragma(engine: Engine, name: str) -> object:
    with engine.connect() as db:
        return db.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_programs_that_open_a_new_file_at_once_wait_for_each_other(tmp_path: Path) -> None:
    for number in range(20):
        together, modes = threading.Barrier(3), []

        def begin(url: str, together: threading.Barrier, modes: list[object]) -> None:
            engine = open_engine(url)
            together.wait(10)
            modes.append(pragma(engine, "journal_mode"))
            engine.dispose()

        arguments = (f"sqlite:///{tmp_path}/{number}.db", together, modes)
        programs = [threading.Thread(target=begin, args=arguments) for _ in range(3)]
        for program in programs:
            program.start()
        for program in programs:
            program.join()
        assert modes == ["wal"] * 3


def test_an_sqlite_commit_is_on_the_disk_before_anybody_hears_of_it(sqlite_db: Database) -> None:
    assert pragma(sqlite_db.writer, "journal_mode") == "wal"
    assert pragma(sqlite_db.writer, "synchronous") == 2  # FULL
    assert pragma(sqlite_db.writer, "foreign_keys") == 1


def test_a_writer_of_sqlite_holds_the_lock_from_the_beginning(sqlite_db: Database) -> None:
    with sqlite_db.writer.begin():
        other = sqlite3.connect(str(sqlite_db.url.database), timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_the_folder_of_a_new_sqlite_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "espalier.db"
    database = open_database(f"sqlite:///{path}")
    note(database, 1)
    database.close()

    assert sqlite_file(f"sqlite:///{path}") == path
    assert path.exists()
    if os.name == "posix":
        assert path.parent.stat().st_mode & 0o777 == 0o700  # nobody else on the machine reads what people wrote


def test_opening_alone_connects_to_nothing() -> None:
    open_database("postgresql://nobody@nowhere.invalid/nothing").close()


@pytest.mark.parametrize(
    "address",
    ["sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=memory", "mysql://host/name", "no address", ""],
)
def test_an_address_that_cannot_serve_is_refused_with_one_that_can(address: str) -> None:
    with pytest.raises(UnsupportedDatabase, match="sqlite:///"):
        open_engine(address)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_spelling_of_postgresql_is_understood(scheme: str) -> None:
    assert open_engine(f"{scheme}://somebody@localhost/espalier").url.drivername == "postgresql+psycopg"
    assert sqlite_file(f"{scheme}://somebody@localhost/espalier") is None


def test_an_error_message_holds_nobodys_text(any_database: Database) -> None:
    with any_database.writer.begin() as db, pytest.raises(DBAPIError) as caught:
        db.exec_driver_sql(
            "INSERT INTO nowhere VALUES (%s)" if not any_database.is_sqlite else "INSERT INTO nowhere VALUES (?)",
            ("my secret",),
        )

    assert "my secret" not in str(caught.value)
