"""`espalier doctor`, `backup` and `restore`: differences are named and mended, and copies are whole or not there."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from commands import Run
from espalier.collect.accounts import invite
from espalier.collect.doctor import examine
from espalier.store.door import open_door
from espalier.store.people import PersonRole
from espalier.store.session import Database, open_database

DAMAGE = {
    "trees": (
        "UPDATE trees SET state = 'growing' WHERE state = 'ready_for_export'",
        "state is growing, but should be ready_for_export",
    ),
    "shapes": ("UPDATE trees SET goal_tree_size = 3", "shape goal tree size is 3, but should be "),
    "origins": ("UPDATE trees SET origin = 'elsewhere', parked = 'ranking'", "origin is elsewhere, but should be "),
    "authors": (
        "UPDATE trees SET author_id = NULL WHERE state = 'prompt_lottery_waiting'",
        "author is none, but should be ",
    ),
    "messages": ("UPDATE messages SET rank = 7 WHERE rank = 0", "rank is 7, but should be 0"),
    "work": ("DELETE FROM open_work WHERE act = 'rank'", "open work rank"),
    "done": ("DELETE FROM done WHERE act = 'label'", "it does not say that "),
    "tallies": ("UPDATE tallies SET labels_full = labels_full + 3", "labels full on "),
    "search": ("DELETE FROM searched WHERE number > 9", "it is not found by its words"),
    "strays": (
        "INSERT INTO done (person_id, act, subject, tree_id) VALUES ('p', 'label', 'x', 'gone')",
        "done x: it belongs to a tree that does not exist",
    ),
    "sent": (
        "INSERT INTO texts_sent (person_id, fingerprint, at) SELECT min(id), 'x', 4102444800000000 FROM people"
        " WHERE disabled = 0",
        "a text is refused as sent at 2100-01-01 00:00:00, when none like it was",
    ),
}


def order(database: Database, statement: str) -> None:
    with database.writer.begin() as db:
        db.exec_driver_sql(statement)


def soundness(file: Path) -> list[str]:
    database = open_database(f"sqlite:///{file}")
    try:
        with database.read() as db:
            return [str(difference) for difference in examine(db, datetime.now(UTC))]
    finally:
        database.close()


def people(file: Path) -> int:
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("SELECT count(*) FROM people").fetchone()[0])


@pytest.fixture(params=["sqlite", "postgres"])
def planted_anywhere(request: pytest.FixtureRequest, run: Run) -> Database:
    if request.param == "sqlite":
        found: Database = request.getfixturevalue("planted")
        return found
    trees, votes = request.getfixturevalue("demo_files")
    made: Database = request.getfixturevalue("postgres_campaign")
    run("import", trees, "--votes", votes)
    return made


@pytest.mark.parametrize(
    "meaningless",
    [
        "UPDATE trees SET state = 'nonsense' WHERE id = (SELECT min(id) FROM trees)",
        "UPDATE messages SET role = 'nonsense' WHERE id = (SELECT min(id) FROM messages)",
        "UPDATE contributions SET data = '{' WHERE seq = (SELECT min(seq) FROM contributions)",
        "UPDATE tallies SET day = -5 WHERE day = (SELECT min(day) FROM tallies)",
    ],
)  # fmt: skip
def test_a_value_that_means_nothing_ends_the_doctor_with_a_sentence(
    planted: Database, run: Run, meaningless: str
) -> None:
    order(planted, meaningless)
    for command in (["doctor"], ["doctor", "--repair"]):
        lost = run(*command)
        assert lost.code == 1
        assert "The database holds what this program does not write and cannot examine: " in lost.err
        assert "`espalier restore`" in lost.err


@pytest.mark.parametrize("where", DAMAGE)
def test_each_difference_is_named_and_mended(planted_anywhere: Database, run: Run, where: str) -> None:
    statement, named = DAMAGE[where]
    order(planted_anywhere, statement)
    sick = run("doctor")
    assert sick.code == 1
    assert named in sick.out
    told = sick.out.splitlines()
    assert len(told) == len(set(told))
    assert not re.search(r"\bNone\b|\bTrue\b|\bFalse\b|<\w+\.|[(\[{]'", sick.out), "values of Python"
    mended = run("doctor", "--repair")
    assert mended.code == 0
    assert named in mended.out
    assert "repaired, none left" in mended.out
    assert run("doctor").out.startswith("No difference; 63 trees examined")


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ("trees WHERE id = (SELECT min(id) FROM trees)", "left: messages "),
        ("contributions WHERE kind = 'settled'", ": its log has no beginning"),
    ],
)
def test_what_people_contributed_is_not_made_up(planted: Database, run: Run, lost: str, named: str) -> None:
    order(planted, f"DELETE FROM {lost}")
    left = run("doctor", "--repair")
    assert left.code == 1
    assert "cannot be repaired from what is stored" in left.out
    assert named in left.out


def test_points_that_people_earn_meanwhile_stay_theirs(planted: Database, run: Run) -> None:
    order(planted, "UPDATE tallies SET labels_full = labels_full + 3")
    run("doctor", "--repair")
    with planted.read() as db:
        before = db.exec_driver_sql("SELECT sum(labels_full) FROM tallies").scalar_one()
    assert run("doctor", "--repair").out.startswith("No difference")
    with planted.read() as db:
        assert db.exec_driver_sql("SELECT sum(labels_full) FROM tallies").scalar_one() == before


@contextmanager
def somebody_writing(database: Database) -> Iterator[None]:
    """Accounts are made, ten at once and in one transaction, as long as the block lasts."""
    ended, begun = threading.Event(), threading.Event()

    def write() -> None:
        door, rng = open_door(database), Random(5)
        while not ended.is_set():
            door.call(invite, None, 10, PersonRole.CONTRIBUTOR, lambda: f"{rng.random()}", datetime.now(UTC), rng)
            begun.set()
        door.close()

    thread = threading.Thread(target=write)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_backup_shows_one_moment_of_a_campaign_in_which_people_work(planted: Database, run: Run) -> None:
    with somebody_writing(planted):
        made = run("backup", "copy.db")
        before = people(Path("var/espalier.db"))
    assert made.code == 0
    assert 0 < people(Path("copy.db")) <= before
    # The thirty that the demo names and the administrator, and then ten at once or none.
    assert people(Path("copy.db")) % 10 == people(Path("var/espalier.db")) % 10
    assert soundness(Path("copy.db")) == []
    assert sorted(path.name for path in Path().glob("copy*")) == ["copy.db"]


def test_a_backup_is_for_its_owner_only(planted: Database, run: Run) -> None:
    run("backup", "copy.db")
    assert Path("copy.db").stat().st_mode & 0o077 == 0


def test_a_backup_that_is_killed_leaves_nothing_under_its_name(planted: Database, run: Run) -> None:
    script = (
        "import os, signal; from datetime import UTC, datetime; from pathlib import Path\n"
        "from espalier.store import backup\n"
        "backup.PAGES = 5\n"
        "kill = lambda done, of: done > 20 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "backup.back_up(Path('var/espalier.db'), Path('copy.db'), datetime.now(UTC), kill)"
    )
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not Path("copy.db").exists()
    left = [*Path().glob(".copy.db.*")]
    assert left
    for part in left:
        os.utime(part, (0, 0))  # some time ago
    assert run("backup", "copy.db").code == 0
    assert soundness(Path("copy.db")) == []
    assert not [*Path().glob(".copy.db.*")]


def test_a_backup_takes_no_other_files_place(planted: Database, run: Run) -> None:
    Path("precious").write_text("mine")
    refused = run("backup", "precious")
    assert refused.code == 1
    assert "There is a file precious already" in refused.err
    assert Path("precious").read_text() == "mine"
    itself = run("backup", "var/espalier.db", "--force")
    assert itself.err == "espalier: var/espalier.db is the campaign itself; give the copy another name.\n"
    assert run("backup", "precious", "--force").code == 0
    assert soundness(Path("precious")) == []


def test_restoring_ends_with_the_doctor(planted: Database, run: Run) -> None:
    run("backup", "copy.db")
    Path("var/espalier.db").unlink()
    restored = run("restore", "copy.db")
    assert restored.code == 0
    assert restored.out.startswith("var/espalier.db is the campaign of copy.db.\n")
    assert "No difference; 63 trees examined" in restored.out
    assert Path("copy.db").exists()
    assert run("user", "list").out.endswith("1 person.\n")


def test_a_backup_with_differences_is_restored_and_they_are_named(planted: Database, run: Run) -> None:
    order(planted, DAMAGE["messages"][0])
    planted.close()
    run("backup", "copy.db")
    Path("var/espalier.db").unlink()
    restored = run("restore", "copy.db")
    assert restored.code == 1
    assert DAMAGE["messages"][1] in restored.out
    assert run("doctor", "--repair").code == 0


def test_a_campaign_is_moved_aside_only_when_that_is_wanted(planted: Database, run: Run) -> None:
    run("backup", "copy.db")
    planted.close()
    run("user", "add", "Later")
    refused = run("restore", "copy.db")
    assert refused.code == 1
    assert "There is a campaign at var/espalier.db" in refused.err
    assert "Later" in run("user", "list").out
    assert run("restore", "copy.db", "--force").code == 0
    assert "Later" not in run("user", "list").out
    (aside,) = Path("var").glob("espalier.db.before-*")
    with closing(sqlite3.connect(aside)) as db:
        assert db.execute("SELECT count(*) FROM people WHERE name = 'Later'").fetchone() == (1,)


def test_a_campaign_in_use_is_never_replaced(planted: Database, run: Run) -> None:
    run("backup", "copy.db")
    with planted.read() as db:
        db.exec_driver_sql("SELECT count(*) FROM people")
        refused = run("restore", "copy.db", "--force")
    assert refused.code == 1
    assert refused.err == "espalier: The campaign var/espalier.db is in use; stop its server first.\n"
    assert run("doctor").code == 0


def torn(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")


def another(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE recipes (name TEXT)")


def no_database(file: Path) -> None:
    file.write_bytes(b"a letter to my aunt" * 1000)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (torn, "copy.db is no whole backup"),
        (newer, "The database is at revision 9999, and this program knows revisions up to"),
        (another, "copy.db is a database, but holds no campaign"),
        (no_database, "copy.db is no whole backup (file is not a database)"),
        (Path.unlink, "copy.db cannot be read: No such file"),
    ],
)
def test_what_is_no_backup_changes_nothing(planted: Database, run: Run, spoil: Any, sentence: str) -> None:
    run("backup", "copy.db")
    spoil(Path("copy.db"))
    planted.close()
    before = Path("var/espalier.db").read_bytes()
    refused = run("restore", "copy.db", "--force")
    assert refused.code == 1
    assert sentence in refused.err
    assert Path("var/espalier.db").read_bytes() == before
    assert not [*Path("var").glob("*part*"), *Path("var").glob("*before*")]


def test_on_postgresql_its_own_tools_are_named(
    postgres_db: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_db.url.set(password="secret").render_as_string(hide_password=False)
    monkeypatch.setenv("ESPALIER_DATABASE_URL", url)
    for command, tool in (("backup", "pg_dump --format=custom"), ("restore", "pg_restore --clean")):
        refused = run(command, "copy.dump")
        assert refused.code == 2
        assert tool in refused.err
        assert "secret" not in refused.err
