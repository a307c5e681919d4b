"""Writing records and examples: JSONL, gzip where the name ends in .gz, Parquet where it ends in .parquet; the same
bytes for the same records.

A file appears under its name only when it is whole. Knows nothing of databases.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import to_json

from espalier.dataset.examples import Chat, Example, spelled
from espalier.dataset.objects import layout_of, message_object, tree_object, vote_object
from espalier.dataset.packing import packed
from espalier.dataset.parquet import ROWS_OF_A_GROUP, TREES_OF_A_GROUP, is_parquet, write_rows
from espalier.dataset.records import MessageRecord, Record, Spelling, TreeRecord, VoteRecord
from espalier.dataset.tables import AnyOf, row_of, schema_of


def write_records(
    path: Path,
    records: Iterable[Record],
    spelling: Spelling = Spelling.AS_READ,
    kind: type[MessageRecord] | type[TreeRecord] = TreeRecord,
) -> int:
    """Write trees or flat messages; returns how many lines. A record that was never read is spelled natively; in a
    table all are spelled as on the Hub. kind: of an empty table.
    """
    if is_parquet(path):
        return _write_table(path, records, kind)
    return _write(path, (line_of(record, spelling) for record in records))


def write_votes(path: Path, votes: Iterable[VoteRecord]) -> int:
    """Write judgements; returns how many."""
    if is_parquet(path):
        return _write_table(path, votes, VoteRecord)
    return _write(path, (_encode(vote_object(vote)) for vote in votes))


def write_examples(path: Path, examples: Iterable[Example], kind: type[Example] = Chat) -> int:
    """Write chats, prompts, preferences, rankings or battles; returns how many. kind: of an empty table."""
    if is_parquet(path):
        return _write_table(path, examples, kind)
    return _write(path, (_encode(spelled(each)) for each in examples))


def write_any(path: Path, things: Iterable[AnyOf], kind: type[AnyOf]) -> int:
    """Write records, votes or examples, all of one kind; returns how many. kind: of an empty table."""
    if is_parquet(path):
        return _write_table(path, things, kind)
    return _write(path, map(_line, things))


def _line(of: AnyOf) -> bytes:
    match of:
        case MessageRecord() | TreeRecord():
            return line_of(of)
        case VoteRecord():
            return _encode(vote_object(of))
    return _encode(spelled(of))


def _write_table(path: Path, records: Iterable[AnyOf], kind: type[AnyOf]) -> int:
    """Write what is all of the kind of the first; of this kind where there is none."""
    waiting = iter(records)
    first = list(islice(waiting, 1))
    kind = type(first[0]) if first else kind
    rows_of_a_group = TREES_OF_A_GROUP if kind is TreeRecord else ROWS_OF_A_GROUP
    with replacing(path) as file:
        return write_rows(path, file, map(row_of, chain(first, waiting)), lambda: schema_of(kind), rows_of_a_group)


def write_objects(path: Path, objects: Iterable[Mapping[str, Any]]) -> int:
    """Write objects of JSON, a line each; returns how many."""
    return _write(path, map(_encode, objects))


def line_of(record: Record, spelling: Spelling = Spelling.AS_READ) -> bytes:
    """The record as one line of JSON in UTF-8, without its end. Raises ValueError of what JSON or UTF-8 cannot say."""
    if isinstance(record, MessageRecord):
        if record.replies or (record.layout and "replies" in record.layout.keys):
            return b"".join(_node(record, spelling, flat=True))
        return _encode(message_object(record, spelling, flat=True))
    head = _encode(tree_object(record, spelling))
    return b"".join((head[:-1], b',"prompt":', *_node(record.prompt, spelling, flat=False), b"}"))


def _node(root: MessageRecord, spelling: Spelling, *, flat: bool) -> Iterator[bytes]:
    """A message with all its replies in pieces; a tree may be deeper than Python calls may nest."""
    waiting: list[MessageRecord | bytes] = [root]
    while waiting:
        message = waiting.pop()
        if isinstance(message, bytes):
            yield message
            continue
        head = _encode(message_object(message, spelling, flat=flat))
        layout = layout_of(message, spelling, flat=flat)
        if not message.replies and layout and ("replies" not in layout.keys or layout.null_replies):
            yield head[:-1] + b',"replies":null}' if layout.null_replies else head
            continue
        yield head[:-1] + b',"replies":['
        waiting.append(b"]}")
        for number, reply in enumerate(reversed(message.replies)):
            if number:
                waiting.append(b",")
            waiting.append(reply)


def _encode(value: Mapping[str, Any]) -> bytes:
    said = to_json(value, inf_nan_mode="constants")
    if b"NaN" in said or b"Infinity" in said:  # in a text, or as a number, which is no JSON
        json.dumps(value, allow_nan=False)
    return said


def _write(path: Path, lines: Iterable[bytes]) -> int:
    count = 0
    with replacing(path) as file:
        for line in lines:
            file.write(line + b"\n")
            count += 1
    return count


@contextmanager
def replacing(path: Path, *, as_it_is: bool = False) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when all went well, and leaves nothing behind when it did not.

    It is packed where the name ends in .gz, unless it is to be written as it is.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "w+b") as raw:
            if path.suffix == ".gz" and not as_it_is:
                with packed(raw) as file:
                    yield file
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
