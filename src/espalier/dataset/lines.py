"""The lines of a file as JSON objects: plain or gzip, one line in memory at a time, what is none of it reported; or
the rows of a Parquet file as such objects.

Knows bytes and JSON; does not know what the objects mean.
"""

import gzip
import json
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from espalier.dataset import parquet
from espalier.dataset.findings import Code, Finding, Report

LONGEST_LINE: Final = 100 * 2**20
_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"


def objects(path: Path, report: Report, only: Collection[str] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line that is a JSON object, with its number; what is none is reported. Whether it is lines or a table is
    seen by its content.

    only: of a table, the columns to look at.
    """
    with path.open("rb") as file:
        is_table = file.read(len(parquet.MAGIC)) == parquet.MAGIC
    if is_table:
        yield from parquet.read_rows(path, report, only)
        return
    for line, raw in _lines(path, report):
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
        raise _Unreadable(Code.NOT_JSON, f"is not JSON: {error.msg} at character {error.pos + 1}") from None
    except ValueError:  # a whole number of more digits than Python converts
        raise _Unreadable(Code.NUMBER_TOO_LARGE, "holds a number of too many digits") from None
    if type(value) is not dict:
        raise _Unreadable(Code.UNKNOWN_RECORD, "is not an object")
    return value


def _lines(path: Path, report: Report) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, without their ends, numbered from 1."""
    number = 0
    with _opened(path) as file:
        while True:
            try:
                raw = file.readline(LONGEST_LINE + 1)
                number += 1
                if len(raw) > LONGEST_LINE and not raw.endswith(b"\n"):
                    _skip_line(file)
                    reason = f"is longer than {LONGEST_LINE:,} bytes"
                    report(Finding(Code.TOO_LONG, str(path), number, "$", reason, lost=True))
                    continue
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                reason = f"the compressed file ends or breaks here, the rest is lost: {error}"
                report(Finding(Code.BROKEN_GZIP, str(path), number + 1, "$", reason, lost=True))
                return
            if not raw:
                return
            if number == 1:
                raw = raw.removeprefix(_BOM)
            if raw := raw.strip(b" \t\r\n"):
                yield number, raw


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
        pass


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file's text as bytes; whether it is compressed is seen by its content, whatever its name."""
    with path.open("rb") as file:
        if file.peek(2)[:2] != _GZIP:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield BufferedReader(cast(Any, unpacked), 2**17)
