"""Group commit on SQLite: what goes wrong, injected."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import IntegrityError, OperationalError

from espalier.store.copier import LogCopier, copy_log
from espalier.store.door import DoorBusy, NotSaved
from espalier.store.group import SqliteDoor
from espalier.store.session import Database


@pytest.fixture
def door(sqlite_db: Database) -> Iterator[SqliteDoor]:
    """A door that waits long for more wishes, so that a test knows its groups."""
    with sqlite_db.writer.begin() as db:
        db.exec_driver_sql("CREATE TABLE people_of_a_test (n INTEGER PRIMARY KEY)")
        db.exec_driver_sql(
            "CREATE TABLE notes (n INTEGER PRIMARY KEY, words TEXT,"
            " owner INTEGER REFERENCES people_of_a_test (n) DEFERRABLE INITIALLY DEFERRED)"
        )
    door = SqliteDoor(sqlite_db.writer, group_s=10)
    yield door
    door.close()


@pytest.fixture
def commits(sqlite_db: Database) -> list[str]:
    """Grows with each commit of the door."""
    seen: list[str] = []
    event.listen(sqlite_db.writer, "commit", lambda db: seen.append("commit"))
    return seen


def note(db: Connection, number: int) -> int:
    db.exec_driver_sql(f"INSERT INTO notes (n) VALUES ({number})")
    return number


def note_of_nobody(db: Connection, number: int) -> int:
    db.exec_driver_sql(f"INSERT INTO notes (n, owner) VALUES ({number}, 77)")
    return number


def notes(database: Database) -> list[int]:
    with database.read() as db:
        return list(db.exec_driver_sql("SELECT n FROM notes ORDER BY n").scalars())


def in_one_group(door: SqliteDoor, *wishes: tuple[Any, ...]) -> list[Any]:
    """Hand in all wishes, in this order, while the first of the group is still at work; what came of each."""
    begun, enough = threading.Event(), threading.Event()

    def dawdle(db: Connection) -> str:
        begun.set()
        assert enough.wait(10)
        return "at last"

    async def ask() -> list[Any]:
        first = asyncio.create_task(door.write(dawdle))
        await asyncio.sleep(0)
        assert begun.wait(10)
        others = [asyncio.create_task(door.write(*wish)) for wish in wishes]
        await asyncio.sleep(0)
        enough.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    return asyncio.run(ask())


def test_all_that_has_queued_up_is_committed_once(door: SqliteDoor, sqlite_db: Database, commits: list[str]) -> None:
    assert in_one_group(door, *((note, i) for i in range(9))) == ["at last", *range(9)]

    assert commits == ["commit"]
    assert notes(sqlite_db) == list(range(9))


def test_a_group_has_a_largest_size(sqlite_db: Database, door: SqliteDoor, commits: list[str]) -> None:
    small = SqliteDoor(sqlite_db.writer, group=2, group_s=10)
    in_one_group(small, *((note, i) for i in range(5)))
    small.close()

    assert len(commits) == 3  # six wishes, two at a time


def test_nobody_waits_long_for_the_others_of_a_group(sqlite_db: Database, door: SqliteDoor, commits: list[str]) -> None:
    hasty = SqliteDoor(sqlite_db.writer, group_s=0)
    in_one_group(hasty, (note, 1), (note, 2))
    hasty.close()

    assert len(commits) == 3


def test_no_answer_leaves_before_the_commit(door: SqliteDoor, sqlite_db: Database) -> None:
    at_commit, go_on = threading.Event(), threading.Event()

    @event.listens_for(sqlite_db.writer, "commit")
    def hold(db: Connection) -> None:
        at_commit.set()
        assert go_on.wait(10)

    async def ask() -> None:
        answer = asyncio.create_task(door.write(note, 1))
        await asyncio.to_thread(at_commit.wait, 10)
        await asyncio.sleep(0.01)
        assert not answer.done()
        assert notes(sqlite_db) == []
        go_on.set()
        assert await answer == 1

    asyncio.run(ask())


def test_a_commit_that_fails_fails_everybody_in_it(door: SqliteDoor, sqlite_db: Database) -> None:
    answers = in_one_group(door, (note, 1), (note_of_nobody, 2), (note, 3))

    assert [type(answer) for answer in answers] == [NotSaved] * 4
    assert len(set(map(id, answers))) == 4  # each has an exception of its own
    assert all(isinstance(answer.__cause__, IntegrityError) for answer in answers)
    assert notes(sqlite_db) == []
    assert door.call(note, 4) == 4


def test_a_transaction_that_the_database_ended_takes_the_earlier_ones_with_it(
    door: SqliteDoor, sqlite_db: Database
) -> None:
    def fall(db: Connection) -> None:
        driver: Any = db.connection.dbapi_connection
        driver.execute("ROLLBACK")  # as SQLite does by itself after some errors
        raise OSError("the disk is on fire")

    answers = in_one_group(door, (note, 1), (fall,), (note, 3))

    assert [type(answer) for answer in answers] == [NotSaved, NotSaved, OSError, int]
    assert notes(sqlite_db) == [3]


def test_a_full_disk_is_told_to_the_one_who_filled_it_and_the_door_stays_open(
    door: SqliteDoor, sqlite_db: Database
) -> None:
    def limit(db: Connection, pages: int) -> None:
        db.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def write_much(db: Connection) -> None:
        db.exec_driver_sql("INSERT INTO notes (n, words) VALUES (100, ?)", ("x" * 10_000_000,))

    door.call(limit, 200)
    answers = in_one_group(door, (note, 1), (write_much,), (note, 3))

    assert isinstance(answers[2], OperationalError)
    assert "full" in str(answers[2].orig)
    kept = [answer for answer in answers if isinstance(answer, int)]
    assert kept == notes(sqlite_db)
    assert door.call(note, 4) == 4


def test_another_writer_is_waited_for_and_then_reported(door: SqliteDoor, sqlite_db: Database) -> None:
    def be_impatient(db: Connection) -> None:
        db.exec_driver_sql("PRAGMA busy_timeout = 20")

    door.call(be_impatient)
    other = sqlite3.connect(str(sqlite_db.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DoorBusy, match="Another program"):
        door.call(note, 1)
    other.execute("COMMIT")
    other.close()

    assert door.call(note, 2) == 2
    assert notes(sqlite_db) == [2]


def test_another_writer_who_is_soon_done_is_not_noticed(door: SqliteDoor, sqlite_db: Database) -> None:
    other = sqlite3.connect(str(sqlite_db.url.database), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.1, other.execute, ["COMMIT"])
    release.start()

    assert door.call(note, 1) == 1
    release.join()
    other.close()


def test_a_use_case_that_goes_through_the_door_again_is_told_so(door: SqliteDoor) -> None:
    with pytest.raises(RuntimeError, match="through the door again"):
        door.call(lambda db: door.call(note, 1))


def test_a_refused_first_one_leaves_the_others_whole(door: SqliteDoor, sqlite_db: Database) -> None:
    answers = in_one_group(door, (note, 1), (note, 1), (note, 2))

    assert [type(answer) for answer in answers] == [str, int, IntegrityError, int]
    assert notes(sqlite_db) == [1, 2]


def test_what_is_committed_can_be_copied_into_the_file_while_others_write_and_read(
    door: SqliteDoor, sqlite_db: Database
) -> None:
    door.call(note, 1)
    beside = sqlite3.connect(str(sqlite_db.url.database))
    with sqlite_db.read() as db:
        db.exec_driver_sql("SELECT n FROM notes").all()
        copy_log(beside)
        door.call(note, 2)
    alone = sqlite3.connect(f"file:{sqlite_db.url.database}?immutable=1", uri=True)  # looks at no log
    assert alone.execute("SELECT n FROM notes").fetchall() == [(1,)]
    assert notes(sqlite_db) == [1, 2]
    alone.close()
    beside.close()


def test_a_copier_that_is_closed_just_as_its_pause_ends_ends(sqlite_db: Database) -> None:
    class ClosedAsThePauseEnds(threading.Event):
        """A pause that nobody cuts short, and at whose very end somebody closes."""

        def wait(self, timeout: float | None = None) -> bool:
            if self.is_set():
                return True
            threading.Thread(target=copier.close, daemon=True).start()
            while not super().wait(0.01):
                pass
            return False

    copier = LogCopier(sqlite_db.writer)
    copier._closed = ClosedAsThePauseEnds()
    copier.committed()
    copier._thread.join(10)
    assert not copier._thread.is_alive()
