"""Sets of questions: files of JSONL, JSON or CSV, plain or gzip, as those who published them wrote them.

Knows files; does not know what is asked.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class BadSet(ValueError):
    """A file that is no such set of questions; the message says where and what would be right."""


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file, each with its line, or its number in a list or a table, from 1. Raises BadSet, OSError."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise BadSet(f"{path} cannot be read: {error}") from None
    kind = [suffix for suffix in path.suffixes if suffix != ".gz"][-1:]
    if kind == [".csv"]:
        read = csv.DictReader(io.StringIO(text))
        try:
            yield from enumerate(read, 1)
        except csv.Error as error:
            raise BadSet(f"{path}:{read.line_num + 1}: cannot be read as CSV: {error}") from None
        return
    for number, each in _members(path, text) if text.lstrip()[:1] == "[" else _lines(path, text):
        if not isinstance(each, dict):
            raise BadSet(f"{path}:{number}: must be an object of JSON")
        yield number, each


def _members(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    try:
        yield from enumerate(json.loads(text), 1)
    except json.JSONDecodeError as error:
        raise BadSet(f"{path}:{error.lineno}: is no list of JSON objects: {error.msg}") from None


def _lines(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        try:
            if line.strip():
                yield number, json.loads(line)
        except json.JSONDecodeError as error:
            raise BadSet(f"{path}:{number}: is no JSON: {error.msg}, at character {error.colno}") from None


def read_set(path: Path, of: Callable[[dict[str, Any]], T], form: str) -> list[T]:
    """What each object says, made by `of`. form: what such an object must hold, for people. Raises BadSet, OSError."""
    found = []
    for number, each in rows(path):
        try:
            found.append(of(each))
        except (KeyError, TypeError, ValueError, IndexError):
            raise BadSet(f"{path}:{number}: must have {form}") from None
    if not found:
        raise BadSet(f"{path} holds no question; each must have {form}")
    return found
