"""The campaign that a command works on: the one that the settings name, which must be there and of this program."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from espalier.cli.terminal import fail
from espalier.config import read_settings

if TYPE_CHECKING:
    from espalier.store.door import Door
    from espalier.store.session import Database


@contextmanager
def campaign() -> Iterator["Database"]:
    """The open database. Ends the command where there is none, or one of an older program."""
    from espalier.store.session import open_database

    url = read_settings().database_url
    _refuse_absent(url)
    database = open_database(url)
    try:
        with without_cycle_search():
            yield database
    finally:
        database.close()


@contextmanager
def without_cycle_search() -> Iterator[None]:
    """Records and trees hold no cycles, so counting references frees them all; looking for cycles among so many is a
    sixth of the work of an import, an export or the doctor."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def writing(database: "Database") -> Iterator["Door"]:
    """A door of one's own: batches are short, so a server beside it goes on serving."""
    from espalier.store.door import open_door

    door = open_door(database)
    try:
        yield door
    finally:
        door.close()


def _refuse_absent(url: str) -> None:
    from espalier.store import migrate
    from espalier.store.session import shown, sqlite_file

    file = sqlite_file(url)
    found = None if file is not None and not file.exists() else migrate.current_revision(url)
    if found is None:
        fail(f"There is no campaign at {shown(url)}; `espalier serve` begins one, or set ESPALIER_DATABASE_URL.")
    migrate.refuse_newer(found)
    if found != migrate.head():
        fail(f"The campaign at {shown(url)} is that of an older program; `espalier serve` brings it up to date.")
