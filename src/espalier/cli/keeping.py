"""`espalier doctor`, `backup` and `restore`: whether a campaign is sound, and copies of it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from espalier.cli.campaign import campaign, writing
from espalier.cli.files import refuse_unreadable, refuse_unwritable
from espalier.cli.terminal import FAILED, MISUSED, fail, harmless, out, plural, progress
from espalier.config import read_settings

if TYPE_CHECKING:
    from espalier.store.session import Database


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Write again what differs; what people contributed is not touched.")
    ] = False,
) -> None:
    """Rebuild everything from what people contributed, and name each difference from what is stored.

    Ends with 1 when there is any (left, after --repair). Works beside a running server.
    """
    with campaign() as database, understood():
        sound = (_repaired if repair else _examined)(database)
    if not sound:
        sys.exit(FAILED)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the copy.")],
    force: Annotated[bool, typer.Option("--force", help="Take the place of a file that is there.")] = False,
) -> None:
    """Copy the whole campaign into one file, while it is in use.

    The copy shows one moment, and appears under its name when it is whole. On PostgreSQL use pg_dump.
    """
    from espalier.store.backup import back_up

    campaign_file = _sqlite_file("pg_dump --format=custom --file", file)
    refuse_unwritable(file, over_database=True)
    if file.exists() and file.samefile(campaign_file):
        fail(f"{file} is the campaign itself; give the copy another name.")
    if file.exists() and not force:
        fail(f"There is a file {file} already; give another name, or --force to replace it.")
    began = time.monotonic()
    with progress("copying pages") as bar:
        back_up(campaign_file, file, datetime.now(UTC), bar)
    size = file.stat().st_size / 1e6
    out.print(f"{escape(str(file))}: {size:,.1f} MB, in {time.monotonic() - began:.1f} s.")
    out.print("It holds the hashes of tokens and what people wrote, so only its owner can read it.")
    out.print(
        "It holds no key of releases: keep anonymise.key of the data folder with it, so that people keep their ids."
    )


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    force: Annotated[
        bool, typer.Option("--force", help="Move a campaign that is there aside; never one that is in use.")
    ] = False,
) -> None:
    """Put the campaign of a backup in place, bring it up to date, and look whether it is sound."""
    from espalier.store import backup as copies
    from espalier.store.session import open_database

    settings = read_settings()
    campaign_file = _sqlite_file("pg_restore --clean --if-exists --dbname", file, there=False)
    refuse_unreadable(file)
    copies.revision_of(file)
    if campaign_file.exists():
        if file.samefile(campaign_file):
            fail(f"{file} is the campaign itself; name a backup.")
        copies.refuse_in_use(campaign_file)
        if not force:
            fail(f"There is a campaign at {campaign_file}; --force moves it aside and restores {file} in its place.")
    now = datetime.now(UTC)
    aside = campaign_file.with_name(f"{campaign_file.name}.before-{now:%Y%m%d-%H%M%S}")
    with progress("copying pages") as bar:
        moved = copies.restore(file, campaign_file, aside, now, bar)
    out.print(f"{escape(str(campaign_file))} is the campaign of {escape(str(file))}.")
    if moved:
        out.print(f"The campaign that was there is {escape(str(aside))}.")
    database = open_database(settings.database_url)
    try:
        with understood():
            sound = _examined(database)
    finally:
        database.close()
    if not sound:
        sys.exit(FAILED)


def _sqlite_file(instead: str, file: Path, *, there: bool = True) -> Path:
    """The file of the campaign; on PostgreSQL the command ends with what to use instead."""
    from espalier.store.session import shown, sqlite_file

    url = read_settings().database_url
    found = sqlite_file(url)
    if found is None:
        words = f"{instead} {file} {shown(url)}" if there else f"{instead} {shown(url)} {file}"
        fail(f"This campaign is on PostgreSQL, whose own tools copy it while it is in use: {words}", MISUSED)
    if there and not found.exists():
        fail(f"There is no campaign at {found}; `espalier serve` begins one, or set ESPALIER_DATABASE_URL.")
    return found


@contextmanager
def understood() -> Iterator[None]:
    """Within the block a stored value that means nothing, put there by hand, ends the command with a sentence."""
    try:
        yield
    except (ValueError, KeyError) as wrong:
        fail(
            f"The database holds what this program does not write and cannot examine: {wrong}. Where a copy of the "
            "campaign is sound, `espalier restore` puts it in place."
        )


def _examined(database: "Database") -> bool:
    """Print each difference; whether there was none."""
    from espalier.collect.doctor import examine
    from espalier.store.checkup import tree_count

    began, found = time.monotonic(), 0
    with database.read() as db, progress("examining trees") as bar:
        trees = tree_count(db)
        for difference in examine(db, datetime.now(UTC), bar):
            found += 1
            out.print(escape(harmless(str(difference))))
    took = f"{plural(trees, 'tree')} examined in {time.monotonic() - began:.1f} s"
    if found:
        out.print(f"{plural(found, 'difference')}; {took}. `espalier doctor --repair` writes again what differs.")
    else:
        out.print(f"No difference; {took}.")
    return not found


def _repaired(database: "Database") -> bool:
    """Repair, print what was wrong, and whether anything still is."""
    from espalier.collect.doctor import examine
    from espalier.collect.repair import repair

    began = time.monotonic()
    with writing(database) as door, progress("examining trees") as bar:
        repaired = repair(door.call, database.read, datetime.now(UTC), Random(), bar)
    for difference in repaired:
        out.print(escape(harmless(str(difference))))
    with database.read() as db, progress("examining again") as bar:
        left = list(examine(db, datetime.now(UTC), bar))
    for difference in left:
        out.print(f"left: {escape(harmless(str(difference)))}")
    took = f"in {time.monotonic() - began:.1f} s"
    number = plural(len(repaired), "difference")
    if left:
        out.print(f"{number}; {len(left):,} cannot be repaired from what is stored; {took}.")
    else:
        out.print(f"{number} repaired, none left, {took}." if repaired else f"No difference; {took}.")
    return not left
