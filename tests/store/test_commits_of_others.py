"""Noticing that somebody else writes to the same SQLite file."""

from sqlalchemy import Connection

from espalier.store.door import Door, open_door
from espalier.store.people import Person, PersonRole, add_person
from espalier.store.session import Database, commits_of_others
from gardens import NOON


def write(db: Connection, name: str) -> int | None:
    add_person(db, Person(name, name, PersonRole.CONTRIBUTOR, False, True, False, NOON))
    return commits_of_others(db)


def test_what_one_writes_oneself_is_not_somebody_elses(sqlite_db: Database) -> None:
    mine, theirs = open_door(sqlite_db), open_door(sqlite_db)
    assert mine.call(write, "a") == (alone := mine.call(write, "b"))
    theirs.call(write, "c")
    assert alone != (beside := mine.call(write, "d"))
    assert mine.call(write, "e") == beside
    mine.close()
    theirs.close()


def test_on_postgresql_nobody_waits_so_nobody_asks(postgres_db: Database) -> None:
    door: Door = open_door(postgres_db)
    assert door.call(write, "a") is None
    door.close()
