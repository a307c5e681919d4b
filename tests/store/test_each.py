"""Transactions side by side on PostgreSQL: what goes wrong, injected."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from espalier.store.door import NotSaved
from espalier.store.each import TRIES, PostgresDoor
from espalier.store.session import Database, open_engine


@pytest.fixture
def door(postgres_db: Database) -> Iterator[PostgresDoor]:
    with postgres_db.writer.begin() as db:
        db.exec_driver_sql("CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER)")
        db.exec_driver_sql("INSERT INTO counters VALUES ('a', 0), ('b', 0)")
    door = PostgresDoor(postgres_db.writer, threads=2)
    yield door
    door.close()


def count_up(db: Connection, name: str) -> None:
    db.exec_driver_sql("UPDATE counters SET n = n + 1 WHERE name = %s", (name,))


def counts(database: Database) -> list[int]:
    with database.read() as db:
        return list(db.exec_driver_sql("SELECT n FROM counters ORDER BY name").scalars())


def test_use_cases_run_side_by_side(door: PostgresDoor) -> None:
    together = threading.Barrier(2)

    def meet(db: Connection) -> None:
        together.wait(10)

    async def ask() -> None:
        await asyncio.gather(door.write(meet), door.write(meet))

    asyncio.run(ask())


def test_two_that_lock_each_other_out_both_come_through(door: PostgresDoor, postgres_db: Database) -> None:
    together = threading.Barrier(2)
    tries: list[str] = []

    def count_both(db: Connection, first: str, second: str) -> None:
        tries.append(first)
        count_up(db, first)
        if len(tries) <= 2:
            together.wait(10)
        count_up(db, second)

    async def ask() -> None:
        await asyncio.gather(door.write(count_both, "a", "b"), door.write(count_both, "b", "a"))

    asyncio.run(ask())

    assert len(tries) > 2, "one of them lost, and again where it began before the other had ended"
    assert counts(postgres_db) == [2, 2]


def test_one_that_always_loses_is_told_so_in_the_end(door: PostgresDoor, postgres_db: Database) -> None:
    tries = []

    def lose(db: Connection) -> None:
        tries.append(1)
        count_up(db, "a")
        db.exec_driver_sql("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")

    with pytest.raises(DBAPIError):
        door.call(lose)

    assert len(tries) == TRIES
    assert counts(postgres_db) == [0, 0]


def test_a_server_that_ended_the_connection_costs_one_answer_at_most(door: PostgresDoor, postgres_db: Database) -> None:
    def end(db: Connection) -> None:
        db.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(NotSaved):
        door.call(end)
    door.call(count_up, "a")
    door.call(count_up, "b")

    assert counts(postgres_db) == [1, 1]


def test_a_server_that_is_away_is_told_as_such() -> None:
    engine = open_engine("postgresql://nobody@127.0.0.1:1/nothing")
    door = PostgresDoor(engine)

    with pytest.raises(NotSaved):
        door.call(count_up, "a")
    door.close()
    engine.dispose()
