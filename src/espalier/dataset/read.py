"""Reading trees, messages and votes: JSONL, plain or gzip, one line in memory at a time; or Parquet.

A bad line is reported and skipped; faults of the structure are reported and kept. Knows nothing of databases.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from espalier.dataset.examples import Example
from espalier.dataset.findings import BadFile, Code, Finding, Report, ignore
from espalier.dataset.lines import objects, parsed
from espalier.dataset.objects import message_record, record, vote_record
from espalier.dataset.records import Malformed, MessageRecord, Record, TreeRecord, VoteRecord
from espalier.dataset.spellings import example
from espalier.dataset.structure import Structure
from espalier.dataset.trees import assemble, flat_messages
from espalier.dataset.write import line_of

T = TypeVar("T")
MOST_ROWS_AS_THEY_ARE: Final = 10_000
_OUTLINE: Final = ("message_id", "message_tree_id", "parent_id", "prompt")


def read_records(path: Path, report: Report = ignore, *, strict: bool = False, check: bool = True) -> Iterator[Record]:
    """The lines of a trees or messages file as they stand.

    strict: the first line that is no record raises BadFile. check: look at the structure too.
    """
    report = _strict(report) if strict else report
    structure = Structure(str(path), report)
    for found in values(path, report, record):
        if check and isinstance(found, TreeRecord):
            structure.tree(found)
        elif check:
            structure.message(cast(MessageRecord, found))
        yield found
    structure.finish()


def read_messages(path: Path, report: Report = ignore, *, strict: bool = False) -> Iterator[MessageRecord]:
    """Every message of a file of either kind; those of trees as flat rows."""
    for found in read_records(path, report, strict=strict):
        if isinstance(found, TreeRecord):
            yield from flat_messages(found)
        else:
            yield found


def read_trees(path: Path, report: Report = ignore, *, strict: bool = False) -> Iterator[TreeRecord]:
    """Every tree of a file of either kind; flat rows are put together, each tree as soon as its last row is read.

    A row that stands in no tree (an orphan, a cycle, an id that came before) is reported as lost.
    """
    report = _strict(report) if strict else report
    structure = Structure(str(path), report)
    outline: _Outline | None = None
    waiting = _Waiting()
    for found in read_records(path, report, check=False):
        if isinstance(found, TreeRecord):
            structure.tree(found)
            yield found
            continue
        if outline is None:
            outline = _Outline(path)
        tree_id = outline.tree_of(found)
        if waiting.add(tree_id, found) == outline.sizes[tree_id]:
            yield from _assembled(tree_id, waiting.take(tree_id), structure)
    for tree_id in waiting.trees():  # some of their rows could not be read
        yield from _assembled(tree_id, waiting.take(tree_id), structure)


def read_votes(path: Path, report: Report = ignore, *, strict: bool = False) -> Iterator[VoteRecord]:
    """The judgements of a votes file."""
    report = _strict(report) if strict else report
    yield from values(path, report, vote_record)


class _Outline:
    """Which tree each row of a flat file belongs to, and how many rows each has: what a first look at it tells."""

    def __init__(self, path: Path) -> None:
        self._parents: dict[str, str | None] = {}
        self.sizes: Counter[str] = Counter()
        nameless = []
        for _, row in objects(path, ignore, _OUTLINE):
            message_id, tree_id, parent_id = row.get("message_id"), row.get("message_tree_id"), row.get("parent_id")
            if isinstance(tree_id, str) and "prompt" not in row:
                self.sizes[tree_id] += 1
            elif isinstance(message_id, str):
                self._parents.setdefault(message_id, parent_id if isinstance(parent_id, str) else None)
                nameless.append(message_id)
        self._trees = {message_id: self._top(message_id) for message_id in self._parents}
        self.sizes.update(self._trees[message_id] for message_id in nameless)

    def tree_of(self, row: MessageRecord) -> str:
        return row.message_tree_id or self._trees[row.message_id]

    def _top(self, message_id: str) -> str:
        """The uppermost message that is known; in a cycle the smallest id of it."""
        path = [message_id]
        seen = {message_id}
        while (parent := self._parents.get(path[-1])) is not None:
            if parent in seen:
                return min(path[path.index(parent) :])
            path.append(parent)
            seen.add(parent)
        return path[-1]


class _Waiting:
    """Rows of trees that are not yet complete. Files have the rows of a tree together; in one that has not, most rows
    wait for long, and are kept small."""

    def __init__(self) -> None:
        self._rows: dict[str, list[MessageRecord | tuple[int, bytes]]] = {}
        self._held = 0

    def add(self, tree_id: str, row: MessageRecord) -> int:
        """Keep a row; how many of its tree are kept now."""
        rows = self._rows.setdefault(tree_id, [])
        packed = self._held >= MOST_ROWS_AS_THEY_ARE
        rows.append((row.line, zlib.compress(line_of(row), 1)) if packed else row)
        self._held += not packed
        return len(rows)

    def take(self, tree_id: str) -> list[MessageRecord]:
        taken = []
        for row in self._rows.pop(tree_id):
            if isinstance(row, tuple):
                line, packed = row
                taken.append(message_record(parsed(zlib.decompress(packed)), line))
            else:
                self._held -= 1
                taken.append(row)
        return taken

    def trees(self) -> list[str]:
        return list(self._rows)


def _assembled(tree_id: str, rows: list[MessageRecord], structure: Structure) -> Iterator[TreeRecord]:
    made = assemble(rows)
    structure.group(tree_id, rows, made.left)
    yield from made.trees


def _strict(report: Report) -> Report:
    def refuse(finding: Finding) -> None:
        report(finding)
        if finding.lost:
            raise BadFile(finding)

    return refuse


def _malformed(path: Path, line: int, wrong: Malformed) -> Finding:
    code = Code.WRONG_VALUE
    if wrong.missing:
        code = Code.UNKNOWN_RECORD if wrong.path == "$" else Code.MISSING_FIELD
    return Finding(code, str(path), line, f"${wrong.path.removeprefix('$')}", wrong.reason, lost=True)


def read_examples(path: Path, report: Report = ignore, *, strict: bool = False) -> Iterator[Example]:
    """What others train on: chats, preferences, rankings and battles, each line in whichever usual spelling."""
    report = _strict(report) if strict else report
    yield from values(path, report, lambda given, _: example(given))


def values(path: Path, report: Report, value: Callable[[dict[str, Any], int], T]) -> Iterator[T]:
    """What each line says, made by `value` of the object and its line; where that is Malformed it is reported."""
    for line, given in objects(path, report):
        try:
            found = value(given, line)
        except Malformed as wrong:
            report(_malformed(path, line, wrong))
        else:
            yield found
