"""Whole files carried out of a campaign and into it, for somebody who waits for the end: the command line, the demo.

Knows neither terminals nor threads; between the batches of an import whoever waits may rest, or stop it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect import exports
from espalier.collect.imports import BATCH, ImportReport, finish_import, import_trees, in_batches
from espalier.collect.intake import Source
from espalier.collect.jobs import Call
from espalier.dataset.ahead import read_trees_ahead
from espalier.dataset.anonymise import anonymise
from espalier.dataset.findings import Once, Report
from espalier.dataset.read import read_trees, read_votes
from espalier.dataset.records import Record, Spelling, TreeRecord, Votes, by_subject
from espalier.dataset.trees import flat_messages, messages_of
from espalier.dataset.write import write_records, write_votes
from espalier.domain.tree import State
from espalier.store.session import commits_of_others

Told = Callable[[int], None]
LARGEST: Final = 2000  # messages in one use case where nobody waits: each commit writes most pages of every index
READ_AHEAD_FROM: Final = 2**20  # bytes of a file, from which on it is worth a process of its own to read it
Pace = Callable[[bool], int]
"""Called after each batch of an import with whether others have written since the one before; may rest, and says how
many messages the next batch may hold."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a campaign shall stand in a file. `langs`: None for all; `key` hides people; `flat`: a row a message."""

    states: Collection[State]
    langs: Collection[str] | None = None
    key: bytes | None = None
    flat: bool = False
    spelling: Spelling = Spelling.AS_READ


@dataclass(frozen=True, slots=True)
class Carried:
    """What stands in the files; `votes`: None where nobody asked for them."""

    trees: int
    messages: int
    votes: int | None


def carry_out(
    db: Connection, wanted: Wanted, file: Path, votes: Path | None, told: Told = lambda done: None
) -> Carried:
    """Write the trees, and the votes on them, as one moment of the campaign has them; each file whole or not there."""
    trees = messages = 0

    def counted(records: Iterable[TreeRecord]) -> Iterator[TreeRecord]:
        nonlocal trees
        for record in records:
            yield record
            trees += 1
            told(trees)

    def spelled(records: Iterable[TreeRecord]) -> Iterator[Record]:
        nonlocal messages
        for record in records:
            messages += sum(1 for _ in messages_of(record))
            if wanted.flat:
                yield from flat_messages(record)
            else:
                yield record

    found = counted(exports.export_trees(db, wanted.states, wanted.langs))
    write_records(file, spelled(anonymise(found, wanted.key) if wanted.key else found), wanted.spelling)
    if votes is None:
        return Carried(trees, messages, None)
    said = exports.export_votes(db, wanted.states, wanted.langs)
    return Carried(trees, messages, write_votes(votes, anonymise(said, wanted.key) if wanted.key else said))


@dataclass(frozen=True, slots=True)
class Load:
    """A file to take in, the votes that belong to it, and how both are spoken of."""

    file: Path
    votes: Path | None
    source: Source


def check(load: Load) -> None:
    """Read everything without taking it in. Raises BadFile at the first record that cannot be read."""
    for _ in read_trees(load.file, strict=True):
        pass
    if load.votes is not None:
        for _ in read_votes(load.votes, strict=True):
            pass


def carry_in(
    call: Call,
    load: Load,
    clock: Callable[[], datetime],
    rng: Random,
    *,
    notice: Report,
    told: Callable[[ImportReport, int], None] = lambda report, line: None,
    pace: Pace = lambda others: LARGEST,
) -> ImportReport:
    """Take in a file batch by batch. A fault is told to `notice`, how far it is to `told`, with the last line read.

    Whoever stops it between two batches has what came before, and the rest comes when it is done again.
    """
    votes: Votes = {} if load.votes is None else by_subject(read_votes(load.votes, notice))
    report, once = ImportReport(), Once(notice)
    seen: int | None = None
    most = BATCH
    read = read_trees_ahead if load.file.stat().st_size >= READ_AHEAD_FROM else read_trees
    for batches in in_batches(read(load.file, once), LARGEST):
        for batch in in_batches(batches, most):
            done, commits = call(_batch, batch, votes, load.source, clock(), rng)
            report.include(done)
            once.tell(
                done.findings.first, line=max(each.line for record in batch for each in messages_of(record))
            )  # fmt: skip
            told(report, max(record.prompt.line for record in batch))
            most = pace(seen is not None and commits != seen)
            seen = commits
    once.tell()
    report.include(call(finish_import, report, load.source, None, clock(), rng))
    return report


def _batch(
    db: Connection, batch: Sequence[TreeRecord], votes: Votes, source: Source, now: datetime, rng: Random
) -> tuple[ImportReport, int | None]:
    commits = commits_of_others(db)
    return import_trees(db, batch, votes, source, None, now, rng), commits
