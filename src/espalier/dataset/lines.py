"""The lines of a file as JSON objects: plain or gzip, one line in memory at a time, what is none of it reported; or
the members of one JSON list, or the rows of a Parquet file, as such objects.

Knows bytes and JSON; does not know what the objects mean.
"""

import gzip
import json
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedReader, RawIOBase
from itertools import count
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

from espalier.dataset import parquet
from espalier.dataset.findings import Code, Finding, Report
from espalier.dataset.members import Endless, members

LONGEST_LINE: Final = 100 * 2**20
_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"
_LOOK: Final = 64
"""Bytes at the beginning that tell what a file is."""
_OTHERS: Final = {
    b"PK\x03\x04": "a ZIP archive; unpack it first", b"\xfd7zXZ\0": "packed with xz; unpack it, or pack it with gzip",
    b"BZh": "packed with bzip2; unpack it, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "packed with zstd; unpack it, or pack it with gzip",
    b"ARROW1": "Arrow; save it as Parquet", b"SQLite format 3\0": "a database; name it as `campaign:` if it is yours",
    b"\xff\xfe": "UTF-16; save it as UTF-8", b"\xfe\xff": "UTF-16; save it as UTF-8", b"%PDF": "a PDF document",
    b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture", b"<!": "a web page; download the file itself",
    b"<html": "a web page; download the file itself",
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file itself with git lfs pull",
}  # fmt: skip
"""How files begin that somebody may hand in by mistake, and what would be right."""


def objects(path: Path, report: Report, only: Collection[str] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line that is a JSON object, with its number; what is none is reported. Whether it is lines, one list or a
    table is seen by its content.

    only: of a table, the columns to look at.
    """
    with path.open("rb") as file:
        is_table = file.read(len(parquet.MAGIC)) == parquet.MAGIC
    if is_table:
        yield from parquet.read_rows(path, report, only)
        return
    for line, raw in _raw(path, report):
        try:
            yield line, parsed(raw)
        except _Unreadable as wrong:
            report(Finding(wrong.code, str(path), line, "$", wrong.reason, lost=True))


class _Unreadable(Exception):
    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def _refuse_constant(name: str) -> float:
    raise _Unreadable(Code.NOT_JSON, f"holds {name}, which JSON does not know")


_decode: Final = json.JSONDecoder(parse_constant=_refuse_constant).decode
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


def parsed(raw: bytes) -> dict[str, Any]:
    """The object that one line is. Raises _Unreadable."""
    try:
        value = from_json(raw, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        value = _parsed_slowly(raw)
    if type(value) is not dict:
        raise _Unreadable(Code.UNKNOWN_RECORD, "is not an object")
    return value


def _parsed_slowly(raw: bytes) -> object:
    """The same by a parser that takes deeper trees and says more exactly what is wrong."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise _Unreadable(Code.NOT_UTF8, f"byte {error.start + 1} of the line is not UTF-8") from None
    try:
        value = _decode(text)
        if "\\ud" in text or "\\uD" in text:
            _encode(value).encode()
    except RecursionError:
        raise _Unreadable(Code.TOO_DEEP, "is nested too deeply") from None
    except UnicodeEncodeError:
        raise _Unreadable(Code.LONE_SURROGATE, "holds half of a surrogate pair, which is no character") from None
    except json.JSONDecodeError as error:
        raise _Unreadable(
            Code.NOT_JSON, f"is not JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
        ) from None
    except ValueError:  # a whole number of more digits than Python converts
        raise _Unreadable(Code.NUMBER_TOO_LARGE, "holds a number of too many digits") from None
    return value


def _raw(path: Path, report: Report) -> Iterator[tuple[int, bytes]]:
    """What should be an object each, with the number of its line from 1."""
    line = 0
    with _opened(path) as file:
        try:
            start = file.peek(_LOOK)
            if other := next((kind for magic, kind in _OTHERS.items() if start.startswith(magic)), None):
                report(Finding(Code.WRONG_FILE, str(path), 1, "$", f"the file is {other}", lost=True))
                return
            is_list = start.removeprefix(_BOM).lstrip().startswith(b"[")
            for line, raw in (_members if is_list else _lines)(path, file, report):
                yield line, raw
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            reason = f"the compressed file ends or breaks here, the rest is lost: {error}"
            report(Finding(Code.BROKEN_GZIP, str(path), line + 1, "$", reason, lost=True))


def _lines(path: Path, file: BufferedReader, report: Report) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, without their ends."""
    for number in count(1):
        raw = file.readline(LONGEST_LINE + 1)
        if not raw:
            return
        if len(raw) > LONGEST_LINE and not raw.endswith(b"\n"):
            _skip_line(file)
            reason = f"is longer than {LONGEST_LINE:,} bytes"
            report(Finding(Code.TOO_LONG, str(path), number, "$", reason, lost=True))
            continue
        if number == 1:
            raw = raw.removeprefix(_BOM)
        if raw := raw.strip(b" \t\r\n"):
            yield number, raw


def _members(path: Path, file: BufferedReader, report: Report) -> Iterator[tuple[int, bytes]]:
    """The members of a list."""
    if file.peek(len(_BOM)).startswith(_BOM):
        file.read(len(_BOM))
    try:
        for line, raw in members(iter(partial(file.read, 2**20), b""), LONGEST_LINE):
            if raw:
                yield line, raw
            else:
                report(Finding(Code.NOT_JSON, str(path), line, "$", "the list does not end; its rest is lost", True))
    except Endless as endless:
        reason = f"is longer than {LONGEST_LINE:,} bytes; the rest is lost"
        report(Finding(Code.TOO_LONG, str(path), endless.line, "$", reason, lost=True))


def _skip_line(file: BufferedReader) -> None:
    while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
        pass


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """The file's text as bytes; whether it is compressed is seen by its content, whatever its name."""
    with path.open("rb") as file:
        if not file.peek(len(_GZIP)).startswith(_GZIP):
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield BufferedReader(_Unpacked(unpacked), 2**17)


class _Unpacked(RawIOBase):
    """What a gzip file holds, piece by piece, so that what stands before a break is had before the break is told."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        piece = self._file.read1(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)
