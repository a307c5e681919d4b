"""`espalier import` and `espalier export`: published files into a campaign and out of it."""

import gzip
import os
import sys
import time
import zlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from espalier.cli.campaign import campaign, writing
from espalier.cli.terminal import (
    MISUSED,
    PUBLISHED,
    STOPPED,
    err,
    fail,
    harmless,
    one_of,
    out,
    plural,
    progress,
    tags_of,
)

if TYPE_CHECKING:
    from espalier.collect.imports import ImportReport
    from espalier.dataset.findings import Code, Finding

SHOWN_OF_A_KIND: Final = 5
SHOWN_TREES: Final = 5
FORMATS: Final = ("trees", "messages")
SPELLINGS: Final = ("native", "hub", "sparse")
SQLITE: Final = b"SQLite format 3\0"
REST_S: Final = 0.001  # so that others get a turn at all
REST_BESIDE_OTHERS_S: Final = 0.05
FIRST_LOOK_S: Final = 0.2  # at first nobody knows
LOOKS_BACK_S: Final = 30.0  # for so long after somebody wrote, somebody is taken to be at work


def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write; packed where it ends in .gz, Parquet in .parquet.")
    ],
    state: Annotated[
        list[str], typer.Option(metavar="STATE", help="Trees in this state; may be given several times.")
    ] = ["ready_for_export"],  # noqa: B006 (typer copies it)
    lang: Annotated[
        list[str] | None,
        typer.Option(metavar="LANG", help="Only trees in this language; may be given several times."),
    ] = None,
    anonymise: Annotated[
        Path | None,
        typer.Option(metavar="KEYFILE", help="Put a keyed hash for every person; the key is what the file holds."),
    ] = None,
    votes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write each review, ranking and reaction on these trees.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="trees or messages; by default as the name says (*.messages.jsonl.gz)."),
    ] = None,
    spelling: Annotated[
        str, typer.Option(metavar="SPELLING", help="native, hub (as published on the Hub) or sparse.")
    ] = "native",
) -> None:
    """Write the finished trees, or those in other states, to a file in the published format."""
    from espalier.collect.carry import Wanted, carry_out
    from espalier.collect.exports import count_trees
    from espalier.dataset.anonymise import BadKey, read_key
    from espalier.dataset.records import Spelling
    from espalier.domain.tree import State

    states = [State(one_of(each, State, "state of a tree")) for each in dict.fromkeys(state)]
    langs = tags_of(lang or ())
    flat = one_of(format, FORMATS, "format") == "messages" if format else ".messages." in file.name
    for place in filter(None, (file, votes)):
        refuse_unwritable(place)
        if anonymise is not None and _same(place, anonymise):
            fail(f"{place} holds the key; give another name.", MISUSED)
    if votes is not None and _same(votes, file):
        fail(f"{votes} cannot hold the trees and the votes; give each a file of its own.", MISUSED)
    try:
        key = read_key(anonymise) if anonymise else None
    except BadKey as error:
        fail(str(error))
    wanted = Wanted(
        states, set(langs) or None, key, flat, Spelling(one_of(spelling, SPELLINGS, "spelling"))
    )  # fmt: skip
    with campaign() as database, database.read() as db, progress("writing trees") as bar:
        total = count_trees(db, states, wanted.langs)
        made = carry_out(db, wanted, file, votes, lambda done: bar(done, total))
    out.print(f"{escape(str(file))}: {plural(made.trees, 'tree')} with {plural(made.messages, 'message')}.")
    if made.votes is not None:
        out.print(f"{escape(str(votes))}: {plural(made.votes, 'vote')}.")
    if not made.trees:
        where = f" in {', '.join(sorted(langs))}" if langs else ""
        err.print(f"No tree is {' or '.join(states)}{where}; `espalier stats` shows what there is.")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=PUBLISHED)],
    votes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The reviews, rankings and reactions that explain the file.")
    ] = None,
    as_backlog: Annotated[
        bool, typer.Option("--as-backlog", help="Park what can be ranked until the campaign runs out of rankings.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Take in nothing when a line of the file cannot be read.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print every finding and every tree whose state changed.")
    ] = False,
) -> None:
    """Take in trees of a published file, with ids, dates and votes; what the campaign has already is left alone.

    Works beside a running server. After Ctrl-C the same command goes on where it stopped.
    """
    from espalier.collect.carry import Load, carry_in, check
    from espalier.collect.imports import ImportReport
    from espalier.collect.intake import Source
    from espalier.dataset.findings import BadFile

    for place in filter(None, (file, votes)):
        refuse_unreadable(place)
    load = Load(file, votes, Source(str(file), origin=file.name, as_backlog=as_backlog))
    notices, report, stopped = Notices(verbose), ImportReport(), False
    began = time.monotonic()
    with campaign() as database:
        if strict:
            try:
                check(load)
            except BadFile as bad:
                fail(f"{bad} Nothing was imported.")
        with writing(database) as door, progress("importing lines") as bar:
            total = lines_of(file) if err.is_terminal else None

            def told(so_far: ImportReport, line: int) -> None:
                nonlocal report
                report = so_far
                bar(line, total)

            try:
                report = carry_in(door.call, load, now, Random(), notice=notices, told=told, pace=Courtesy())
            except KeyboardInterrupt:
                stopped = True
    print_report(report, notices, verbose, time.monotonic() - began)
    if stopped:
        err.print("Stopped; the same command goes on from here.")
        sys.exit(STOPPED)


class Courtesy:
    """Small batches and rests while others write to the same file, so that nobody waits for two batches in a row."""

    def __init__(self) -> None:
        self._others_until = time.monotonic() + FIRST_LOOK_S

    def __call__(self, others: bool) -> int:
        from espalier.collect.carry import LARGEST
        from espalier.collect.imports import BATCH

        if others:
            self._others_until = time.monotonic() + LOOKS_BACK_S
        beside_others = time.monotonic() < self._others_until
        time.sleep(REST_BESIDE_OTHERS_S if beside_others else REST_S)
        return BATCH if beside_others else LARGEST


class Notices:
    """Prints the first findings of each kind as they come, or all; counts them all."""

    def __init__(self, verbose: bool) -> None:
        self.counts: Counter[Code] = Counter()
        self.lost = 0
        self._verbose = verbose

    def __call__(self, finding: "Finding") -> None:
        self.counts[finding.code] += 1
        self.lost += finding.lost
        if self._verbose or self.counts[finding.code] <= SHOWN_OF_A_KIND:
            err.print(escape(harmless(str(finding))), style="yellow")

    def sum_up(self) -> None:
        """Says what was lost, and how many findings of a kind were not printed; nothing where that is nothing."""
        hidden = {code: count for code, count in self.counts.most_common() if count > SHOWN_OF_A_KIND}
        if not (hidden or self.lost) or self._verbose:
            return
        lost = f"; {plural(self.lost, 'record was', 'records were')} lost" if self.lost else ""
        err.print(f"{plural(self.counts.total(), 'finding')}{lost}.", style="yellow")
        for code, count in hidden.items():
            err.print(f"    {count:>9,}  {code}, of which {SHOWN_OF_A_KIND} are shown", style="yellow")


def print_report(report: "ImportReport", notices: Notices, verbose: bool, seconds: float) -> None:
    """What came in, what did not and why, and which trees the rules moved on."""
    out.print(
        f"Imported {plural(report.trees, 'tree')} with {plural(report.messages, 'message')}, "
        f"{plural(report.votes, 'vote')} and {plural(report.people, 'new person', 'new people')} in {seconds:.1f} s."
    )
    if report.known:
        out.print(f"{plural(report.known, 'tree was', 'trees were')} in the campaign already.")
    if report.left_out:
        out.print(f"{plural(report.left_out, 'message')} could not be taken in.")
    if notices.counts:
        lost = f"; {plural(notices.lost, 'record was', 'records were')} lost" if notices.lost else ""
        out.print(f"{plural(notices.counts.total(), 'finding')}{lost}:")
        for code, count in notices.counts.most_common():
            more = "" if verbose or count <= SHOWN_OF_A_KIND else "  (--verbose prints all)"
            out.print(f"    {count:>9,}  {code}{more}")
    ways: dict[tuple[str, str], list[str]] = {}
    for moved in report.moved:
        ways.setdefault((moved.before, moved.after), []).append(moved.tree_id)
    for (before, after), trees in ways.items():
        shown = trees if verbose else trees[:SHOWN_TREES]
        more = f" and {len(trees) - len(shown):,} more" if len(shown) < len(trees) else ""
        out.print(f"{plural(len(trees), 'tree')} went on from {before} to {after}: {escape(', '.join(shown))}{more}.")
    if report.drawn:
        out.print(f"The lottery drew {plural(report.drawn, 'waiting prompt')}.")


def now() -> datetime:
    return datetime.now(UTC)


def lines_of(file: Path) -> int:
    """How many lines a file has, as far as it can be read."""
    count = 0
    try:
        with file.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            with gzip.open(raw) if packed else raw as lines:
                while chunk := lines.read(2**20):
                    count += chunk.count(b"\n")
    except (OSError, EOFError, zlib.error):
        pass  # where it breaks is told by who reads it
    return count


def refuse_unreadable(file: Path) -> None:
    """End the command where there is no file to read."""
    if file.is_dir():
        fail(f"{file} is a folder; name a file in it.")
    try:
        file.open("rb").close()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.")


def refuse_unwritable(file: Path, *, over_database: bool = False) -> None:
    """End the command where no file can be written, before any work is done. A database, which may be the campaign, is
    written over only where it is said so.
    """
    folder = file.absolute().parent
    if file.is_dir():
        fail(f"{file} is a folder; name a file in it.")
    if not folder.is_dir():
        fail(f"{file} cannot be written: there is no folder {folder}.")
    if not os.access(folder, os.W_OK):
        fail(f"{file} cannot be written: the folder {folder} is not yours to write to.")
    if not over_database and file.is_file() and _begins_with(file, SQLITE):
        fail(f"{file} is a database; give another name.")


def _begins_with(file: Path, first: bytes) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(first)) == first


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
