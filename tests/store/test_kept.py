"""Rows that the writer of SQLite keeps: whoever asks is told what stands in the database, whatever happened between."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Table
from sqlalchemy.sql.util import find_tables

from espalier.domain.errors import Refusal
from espalier.store import charters, kept, notices, people, policies
from espalier.store.door import Door, open_door
from espalier.store.people import Person, PersonRole
from espalier.store.session import Database, open_engine
from espalier.store.sql import KeptStatement

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ANN = Person("ann", "Ann", PersonRole.CONTRIBUTOR, False, True, False, NOW)


@pytest.fixture
def door(any_database: Database) -> Iterator[Door]:
    door = open_door(any_database, threads=1)
    door.call(people.add_person, ANN)
    door.call(people.add_token, "of Ann", "t1", "ann", "laptop", "full", NOW)
    yield door
    door.close()


def suspended(db: Connection) -> datetime | None:
    person = people.by_token_alone(db, "of Ann")
    assert person is not None
    return person.suspended_until


def test_what_is_changed_holds_for_whoever_asks_next(door: Door) -> None:
    assert door.call(suspended) is None
    door.call(people.suspend, "ann", NOW)
    assert door.call(suspended) == NOW
    door.call(people.suspend, "ann", None)
    assert door.call(suspended) is None


def test_what_is_undone_was_never_there(door: Door) -> None:
    def in_vain(db: Connection) -> None:
        people.suspend(db, "ann", NOW)
        assert suspended(db) == NOW
        raise Refusal("No.")

    assert door.call(suspended) is None
    with pytest.raises(Refusal):
        door.call(in_vain)
    assert door.call(suspended) is None


def test_what_another_process_changes_is_seen(door: Door, any_database: Database) -> None:
    assert door.call(suspended) is None
    other = open_engine(any_database.url.render_as_string(hide_password=False))
    with other.begin() as db:
        people.suspend(db, "ann", NOW)
    other.dispose()
    assert door.call(suspended) == NOW


def test_whoever_gets_the_connection_next_keeps_nothing(any_database: Database) -> None:
    door = open_door(any_database, threads=1)
    door.call(people.add_person, ANN)
    door.close()
    with any_database.writer.begin() as db:
        assert kept.kept_rows(db) is None


def test_only_questions_of_tables_that_are_watched_are_kept() -> None:
    asked = [
        statement
        for module in (charters, notices, people, policies)
        for statement in vars(module).values()
        if isinstance(statement, KeptStatement)
    ]
    assert len(asked) == 5
    for statement in asked:
        tables = find_tables(statement._build, include_joins=True, include_selects=True)  # type: ignore[arg-type]
        names = {str(table) for table in tables if isinstance(table, Table)}
        assert names
        assert names <= kept.TABLES
