"""Parquet in and out, some thousand rows in memory at a time; the same bytes for the same rows.

Knows pyarrow, and only loads it where a file is a table; what a row means is tables.py.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

from espalier.dataset.findings import Code, Finding, Report
from espalier.dataset.records import Malformed
from espalier.dataset.tables import Row, object_of

if TYPE_CHECKING:
    import pyarrow

MAGIC: Final = b"PAR1"
ROWS_AT_ONCE: Final = 1000
ROWS_OF_A_GROUP: Final = 10_000
TREES_OF_A_GROUP: Final = 1000
STAMP: Final = b"espalier version 1"
"""Who wrote the file, as its footer says: the manner of writing, not the library and its version."""
_COMPRESSION: Final = "zstd"
_LEVEL: Final = 3
_WHOLE: Final = ("review_count", "rank", "turn")
"""Whole numbers that come out of data frames with gaps as floats."""
_TAIL: Final = 8
"""Bytes at the end: the length of the footer, and the magic."""


class NeedsPyarrow(Exception):
    """A file is Parquet, and what reads and writes that is not installed."""

    def __init__(self, file: object) -> None:
        super().__init__(
            f"{file} is Parquet, for which pyarrow is needed; install it with pip install 'espalier[data]'."
        )


def is_parquet(path: Path) -> bool:
    """Whether a file to be written is meant to be Parquet, by its name."""
    return path.suffix == ".parquet"


def write_rows(
    path: Path, file: BinaryIO, rows: Iterable[Row], schema: "Callable[[], pyarrow.Schema]", rows_of_a_group: int
) -> int:
    """Write a table; returns how many rows. file: empty, can be read too, and will be `path`. Raises NeedsPyarrow."""
    pa, pq = _pyarrow(path)
    columns = schema()
    count = 0
    waiting = iter(rows)
    settings = {"compression": _COMPRESSION, "compression_level": _LEVEL, "store_schema": False}
    with pq.ParquetWriter(file, columns, write_page_checksum=True, **settings) as writer:
        while group := list(islice(waiting, rows_of_a_group)):
            writer.write_table(pa.Table.from_pylist(group, columns), row_group_size=rows_of_a_group)
            count += len(group)
    _stamp(file, pq)
    return count


def _stamp(file: BinaryIO, pq: Any) -> None:
    """Put our own name in place of the library's and its version, which would make other bytes of the same rows."""
    file.seek(0)
    theirs = pq.read_metadata(file).created_by.encode()
    file.seek(-_TAIL, 2)
    length = int.from_bytes(file.read(4), "little")
    file.seek(-_TAIL - length, 2)
    start = file.tell()
    before, _, after = file.read(length).rpartition(_thrift(theirs))
    footer = before + _thrift(STAMP) + after
    file.seek(start)
    file.truncate()
    file.write(footer + len(footer).to_bytes(4, "little") + MAGIC)


def _thrift(text: bytes) -> bytes:
    """A text as the footer spells it: its length, and it. Of one byte, so at most 127."""
    assert len(text) < 128, f"{text=}"
    return bytes([len(text)]) + text


def read_rows(path: Path, report: Report, only: Collection[str] | None = None) -> Iterator[tuple[int, Row]]:
    """Each row as the object that a line of JSON would hold, with its number from 1; what cannot be read is reported.

    only: no other columns than these are looked at. Raises NeedsPyarrow.
    """
    pa, pq = _pyarrow(path)
    broken = (pa.ArrowException, OSError, ValueError)
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except broken as error:
        report(_finding(path, 1, f"is no whole Parquet file: {_first_line(error)}", Code.BROKEN_PARQUET))
        return
    with file:
        columns, unlike = _readable(file.schema_arrow, only, path, report)
        first = 1
        for group in range(file.num_row_groups):
            number = first
            first += file.metadata.row_group(group).num_rows
            try:
                for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=columns, use_threads=False):
                    to_clean = [name for name in unlike if name in _WHOLE or _is_unlike(batch.column(name))]
                    for row in _rows(batch, path, number, report):
                        number += 1
                        if row is not None:
                            _clean(row, to_clean)
                            try:
                                yield number - 1, object_of(row)
                            except Malformed as wrong:
                                report(Finding(Code.WRONG_VALUE, str(path), number - 1, wrong.path, wrong.reason, True))
            except broken as error:
                reason = f"rows {number:,} to {first - 1:,} cannot be read: {_first_line(error)}"
                report(_finding(path, number, reason, Code.BROKEN_PARQUET))


def _rows(batch: "pyarrow.RecordBatch", path: Path, first: int, report: Report) -> Iterator[Row | None]:
    """The rows of a batch; None for one that holds what is no text."""
    # Saying what to make of maps where there are none costs six times the time.
    maps: Literal["lossy"] | None = "lossy" if any(map(_has_map, batch.schema.types)) else None
    try:
        yield from batch.to_pylist(maps_as_pydicts=maps)
    except UnicodeDecodeError:
        for place in range(batch.num_rows):
            try:
                yield from batch.slice(place, 1).to_pylist(maps_as_pydicts=maps)
            except UnicodeDecodeError:
                report(_finding(path, first + place, "holds bytes that are not UTF-8", Code.NOT_UTF8))
                yield None


def _readable(
    schema: "pyarrow.Schema", only: Collection[str] | None, path: Path, report: Report
) -> tuple[list[str], list[str]]:
    """The columns to read, and those of them whose values may not be such as JSON knows."""
    import pyarrow as pa

    columns, unlike = [], []
    for each in schema:
        if only is not None and each.name not in only:
            continue
        if _holds(each.type, lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            report(
                _finding(path, 1, f"the column {each.name} holds bytes and is left out", Code.WRONG_VALUE, lost=False)
            )
            continue
        columns.append(each.name)
        if not _holds(each.type, _is_plain, every=True):
            unlike.append(each.name)
    return columns, unlike


def _is_unlike(column: "pyarrow.Array[Any]") -> bool:
    """Whether a value of the column is none that JSON knows; floats, which most columns hold, are looked at at once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind: Any = column.type
    if pa.types.is_struct(kind):
        return any(_is_unlike(column.field(place)) for place in range(kind.num_fields))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _is_unlike(column.flatten())
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return bool(pc.any(pc.is_nan(column)).as_py())
    return not _is_plain(kind)


def _clean(row: Row, names: Collection[str]) -> None:
    """Make of the values of these columns such as JSON knows."""
    for name in names:
        value = row[name] = _plain(row[name])
        if name in _WHOLE and isinstance(value, float) and value.is_integer():
            row[name] = int(value)


def _has_map(kind: "pyarrow.DataType") -> bool:
    import pyarrow as pa

    return pa.types.is_map(kind) or any(_has_map(kind.field(place).type) for place in range(kind.num_fields))


def _holds(kind: "pyarrow.DataType", is_such: Callable[["pyarrow.DataType"], bool], *, every: bool = False) -> bool:
    """Whether a type, or one inside of it, is such; or all of them are."""
    inner = [kind.field(place).type for place in range(kind.num_fields)]
    if not inner:
        return is_such(kind)
    return (all if every else any)(_holds(each, is_such, every=every) for each in inner)


def _is_plain(kind: "pyarrow.DataType") -> bool:
    """Whether Python has of such a value what JSON has: all but floats, which may be no number, and dates."""
    import pyarrow as pa

    return bool(
        pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)
        or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """A value as JSON has it; what is no number is nothing."""
    match value:
        case float():
            return None if math.isnan(value) else value
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case datetime() | date() | time():
            return value.isoformat()
        case None | str() | int():
            return value
    return str(value)


def _pyarrow(file: object) -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise NeedsPyarrow(file) from None
    return pyarrow, pyarrow.parquet


def _finding(path: Path, row: int, reason: str, code: Code, *, lost: bool = True) -> Finding:
    return Finding(code, str(path), row, "$", reason, lost=lost)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
