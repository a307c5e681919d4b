"""The door for writes: what it promises on both databases."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from espalier.domain.errors import Refusal
from espalier.store.door import Door, DoorBusy, DoorClosed, NotSaved, open_door
from espalier.store.session import Database


@pytest.fixture(autouse=True)
def _table(any_database: Database) -> None:
    with any_database.writer.begin() as db:
        db.exec_driver_sql("CREATE TABLE people_of_a_test (n INTEGER PRIMARY KEY)")
        db.exec_driver_sql(
            "CREATE TABLE notes (n INTEGER PRIMARY KEY,"
            " owner INTEGER REFERENCES people_of_a_test (n) DEFERRABLE INITIALLY DEFERRED)"
        )


@pytest.fixture
def door(any_database: Database) -> Iterator[Door]:
    """One use case at a time, on PostgreSQL too, so that their order is known."""
    door = open_door(any_database, threads=1)
    yield door
    door.close()


@pytest.fixture
def narrow(any_database: Database) -> Iterator[Door]:
    """One use case at a time, and room for two more."""
    door = open_door(any_database, capacity=2, threads=1)
    yield door
    door.close()


def note(db: Connection, number: int) -> int:
    db.exec_driver_sql(f"INSERT INTO notes (n) VALUES ({number})")
    return number


def refuse(db: Connection, number: int) -> int:
    note(db, number)
    raise Refusal("No.")


def note_of_nobody(db: Connection, number: int) -> int:
    """The database finds the fault when it commits."""
    db.exec_driver_sql(f"INSERT INTO notes (n, owner) VALUES ({number}, 77)")
    return number


def notes(database: Database) -> list[int]:
    with database.read() as db:
        return list(db.exec_driver_sql("SELECT n FROM notes ORDER BY n").scalars())


@contextmanager
def busy(door: Door) -> Iterator[None]:
    """The door has begun with somebody who takes his time."""
    begun, enough = threading.Event(), threading.Event()

    def dawdle(db: Connection) -> None:
        begun.set()
        assert enough.wait(10)

    slow = threading.Thread(target=door.call, args=(dawdle,))
    slow.start()
    assert begun.wait(10)
    try:
        yield
    finally:
        enough.set()
        slow.join()


async def together(door: Door, *wishes: tuple[Any, ...]) -> list[Any]:
    """Hand in all wishes while the door is busy, in this order; what came of each."""
    with busy(door):
        answers = await hand_in(door, *wishes)
    return await asyncio.gather(*answers, return_exceptions=True)


async def hand_in(door: Door, *wishes: tuple[Any, ...]) -> list[asyncio.Task[Any]]:
    answers = [asyncio.create_task(door.write(*wish)) for wish in wishes]
    await asyncio.sleep(0)
    return answers


def test_an_answer_means_that_the_change_is_there(door: Door, any_database: Database) -> None:
    assert asyncio.run(door.write(note, 1)) == 1
    assert door.call(note, number=2) == 2
    assert notes(any_database) == [1, 2]


def test_a_refusal_changes_nothing_and_concerns_nobody_else(door: Door, any_database: Database) -> None:
    answers = asyncio.run(together(door, (refuse, 1), (note, 2), (refuse, 3), (note, 4), (note, 2), (refuse, 5)))

    assert [type(answer) for answer in answers] == [Refusal, int, Refusal, int, IntegrityError, Refusal]
    assert notes(any_database) == [2, 4]


def test_a_commit_that_fails_is_told_and_the_door_stays_open(door: Door, any_database: Database) -> None:
    with pytest.raises(NotSaved) as caught:
        door.call(note_of_nobody, 1)
    assert isinstance(caught.value.__cause__, IntegrityError)

    assert door.call(note, 2) == 2
    assert notes(any_database) == [2]


def test_a_full_door_asks_to_come_back_and_loses_nothing(narrow: Door, any_database: Database) -> None:
    answers = asyncio.run(together(narrow, (note, 1), (note, 2), (note, 3)))

    assert answers[:2] == [1, 2]
    assert isinstance(answers[2], DoorBusy)
    assert (answers[2].status, answers[2].retry_after_s) == (503, 1)
    assert notes(any_database) == [1, 2]
    assert narrow.call(note, 3) == 3


def test_it_is_known_how_many_wait(narrow: Door) -> None:
    async def ask() -> None:
        with busy(narrow):
            assert narrow.waiting == 0
            answers = await hand_in(narrow, (note, 1), (note, 2))
            assert narrow.waiting == 2
        await asyncio.gather(*answers)

    asyncio.run(ask())
    assert narrow.waiting == 0


def test_somebody_who_gives_up_disturbs_nobody(door: Door, any_database: Database) -> None:
    async def ask() -> list[Any]:
        with busy(door):
            answers = await hand_in(door, (note, 1), (note, 2), (note, 3))
            answers[0].cancel()
            answers[1].cancel()
            await asyncio.sleep(0)
        return await asyncio.gather(*answers, return_exceptions=True)

    answers = asyncio.run(ask())

    assert [type(answer) for answer in answers] == [asyncio.CancelledError, asyncio.CancelledError, int]
    assert notes(any_database) == [3]  # what nobody waits for any more is not begun
    assert door.call(note, 1) == 1


def test_somebody_who_gives_up_in_the_middle_finds_it_done(door: Door, any_database: Database) -> None:
    begun, enough = threading.Event(), threading.Event()

    def note_slowly(db: Connection, number: int) -> int:
        begun.set()
        assert enough.wait(10)
        return note(db, number)

    async def ask() -> None:
        (answer,) = await hand_in(door, (note_slowly, 1))
        assert begun.wait(10)
        answer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answer
        enough.set()

    asyncio.run(ask())

    assert door.call(note, 2) == 2
    assert notes(any_database) == [1, 2]


def test_an_event_loop_that_ended_disturbs_nobody(door: Door, any_database: Database) -> None:
    begun, enough = threading.Event(), threading.Event()

    def note_slowly(db: Connection, number: int) -> int:
        begun.set()
        assert enough.wait(10)
        return note(db, number)

    async def leave() -> None:
        await hand_in(door, (note_slowly, 1), (note, 2))
        assert begun.wait(10)

    asyncio.run(leave())
    enough.set()

    assert door.call(note, 3) == 3
    assert notes(any_database) == [1, 3]


def test_closing_finishes_what_was_taken_on_and_takes_nothing_more(door: Door, any_database: Database) -> None:
    async def ask() -> list[Any]:
        with busy(door):
            answers = await hand_in(door, (note, 1), (refuse, 2), (note, 3))
            closing = threading.Thread(target=door.close)
            closing.start()
        closing.join()
        door.close()
        return await asyncio.gather(*answers, return_exceptions=True)

    answers = asyncio.run(ask())

    assert [type(answer) for answer in answers] == [int, Refusal, int]
    assert notes(any_database) == [1, 3]
    for refused in (lambda: door.call(note, 4), lambda: asyncio.run(door.write(note, 4))):
        with pytest.raises(DoorClosed):
            refused()


def test_several_loops_and_threads_share_one_door(door: Door, any_database: Database) -> None:
    def loop(first: int) -> None:
        async def ask() -> list[int]:
            return await asyncio.gather(*(door.write(note, first + i) for i in range(20)))

        assert asyncio.run(ask()) == list(range(first, first + 20))

    def thread(first: int) -> None:
        assert [door.call(note, first + i) for i in range(20)] == list(range(first, first + 20))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(kind, first) for first, kind in ((0, loop), (20, loop), (40, thread), (60, thread))]:
            done.result()

    assert notes(any_database) == list(range(80))


def test_a_use_case_must_not_end_its_transaction(door: Door, any_database: Database) -> None:
    def commit(db: Connection) -> None:
        note(db, 1)
        db.commit()

    with pytest.raises(RuntimeError, match="ended the transaction"):
        door.call(commit)

    assert door.call(note, 2) == 2


def test_whatever_a_use_case_raises_reaches_the_one_who_waits(door: Door, any_database: Database) -> None:
    def stop(db: Connection) -> None:
        note(db, 1)
        raise StopIteration

    def leave(db: Connection) -> None:
        note(db, 1)
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(door.write(stop))
    with pytest.raises(RuntimeError, match="StopIteration"):
        door.call(stop)
    with pytest.raises(SystemExit):
        door.call(leave)

    assert door.call(note, 2) == 2
    assert notes(any_database) == [2]
