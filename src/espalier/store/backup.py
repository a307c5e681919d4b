"""Copies of a campaign's SQLite file: taken while it is in use, whole or not there, and put in place again.

Knows files and SQLite; what the copy holds is looked at by collect/doctor.py. PostgreSQL has tools of its own.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from espalier.store.migrate import VERSION_TABLE, migrate, refuse_newer
from espalier.store.session import sqlite_folder

PAGES: Final = 1000  # copied at a time, then somebody is told how far it is
ASIDE: Final = ("-journal", "-wal", "-shm")  # what SQLite puts beside a file
LEFTOVER: Final = timedelta(minutes=10)  # a part that nobody has written to for so long was left by a kill

Progress = Callable[[int, int], None]
"""Told how many of how many pages are copied."""


class CannotCopy(Exception):
    """A campaign that cannot be copied or put in place; the message is a sentence."""


def back_up(campaign: Path, target: Path, now: datetime, progress: Progress = lambda done, of: None) -> None:
    """Write what the campaign holds at this moment to `target`; whoever works in it goes on meanwhile."""
    with _whole_or_nothing(target, now) as part:
        with closing(_opened(campaign)) as live:
            # The open transaction holds the moment: without it each change made meanwhile would begin the copy anew.
            live.execute("BEGIN")
            live.execute("SELECT count(*) FROM sqlite_master").fetchone()
            _copy(live, part, progress)
        fault = _fault(part)
        if fault is not None:
            raise CannotCopy(f"The campaign's file {campaign} is damaged ({fault}); no backup was written.")


def revision_of(backup: Path) -> str:
    """The revision of the campaign in a backup. Raises CannotCopy, DatabaseTooNew."""
    if not backup.is_file():
        raise CannotCopy(f"There is no file {backup}.")
    fault = _fault(backup)
    if fault is not None:
        raise CannotCopy(f"{backup} is no whole backup ({fault}).")
    with closing(_opened(backup)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERSION_TABLE,)).fetchone():
            raise CannotCopy(f"{backup} is a database, but holds no campaign.")
        found: str = db.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()[0]
    refuse_newer(found)
    return found


def restore(
    backup: Path, campaign: Path, aside: Path, now: datetime, progress: Progress = lambda done, of: None
) -> bool:
    """Put the campaign of a backup in place, with the tables of this program; whether one was moved `aside` for it.

    Raises CannotCopy (also while somebody has the campaign open), DatabaseTooNew; nothing is changed then.
    """
    revision_of(backup)
    sqlite_folder(campaign)
    with _whole_or_nothing(campaign, now) as part:
        with closing(_opened(backup)) as kept:
            _copy(kept, part, progress)
        migrate(f"sqlite:///{part}")
        moved = campaign.exists()
        if moved:
            refuse_in_use(campaign)
            for tail in ("", *ASIDE):
                if (file := campaign.with_name(campaign.name + tail)).exists():
                    file.rename(aside.with_name(aside.name + tail))
    return moved


def refuse_in_use(campaign: Path) -> None:
    """Raises CannotCopy while a server or a command has the campaign open."""
    with closing(sqlite3.connect(campaign, timeout=0, isolation_level=None)) as db:
        # In WAL mode whoever has the file open holds a lock that an exclusive one cannot go beside.
        try:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("BEGIN EXCLUSIVE")
            db.execute("COMMIT")
        except sqlite3.OperationalError:
            raise CannotCopy(f"The campaign {campaign} is in use; stop its server first.") from None
        except sqlite3.DatabaseError:
            return  # no database at all, so nobody's


def _opened(file: Path) -> sqlite3.Connection:
    """For reading only; a file that is not there is not made."""
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def _copy(source: sqlite3.Connection, part: Path, progress: Progress) -> None:
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        copy.execute("PRAGMA synchronous = OFF")  # it is brought to the disk when it is whole
        source.backup(copy, pages=PAGES, progress=lambda _, left, of: progress(of - left, of))
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, which can be carried about


def _fault(file: Path) -> str | None:
    """What is wrong with an SQLite file, if anything."""
    try:
        with closing(_opened(file)) as db:
            said = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if said == "ok" else said.partition("\n")[0]


@contextmanager
def _whole_or_nothing(target: Path, now: datetime) -> Iterator[Path]:
    """A file beside the target that takes its place when all went well, readable by its owner only."""
    _sweep(target, now)
    handle, name = mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.absolute().parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        for left in (part, *(part.with_name(part.name + tail) for tail in ASIDE)):
            left.unlink(missing_ok=True)


def _sweep(target: Path, now: datetime) -> None:
    """Remove the parts of copies that were killed."""
    for part in target.absolute().parent.glob(f".{target.name}.*.part*"):
        if part.stat().st_mtime < (now - LEFTOVER).timestamp():
            part.unlink(missing_ok=True)
