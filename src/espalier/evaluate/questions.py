"""Sets of questions: files of JSONL, JSON or CSV, plain or gzip, as those who published them wrote them.

Knows files; does not know what is asked.
"""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class BadSet(ValueError):
    """A file that is no such set of questions; the message says where and what would be right."""


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file, each with its number from 1. Raises BadSet, OSError."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise BadSet(f"{path} cannot be read: {error}") from None
    kind = [suffix for suffix in path.suffixes if suffix != ".gz"][-1:]
    if kind == [".csv"]:
        yield from enumerate(csv.DictReader(io.StringIO(text)), 1)
        return
    found: list[Any]
    try:
        whole = json.loads(text) if text.lstrip()[:1] == "[" else None
        found = whole if whole is not None else [json.loads(line) for line in text.split("\n") if line.strip()]
    except ValueError as error:
        raise BadSet(f"{path} is neither JSON lines nor a list of JSON objects: {error}") from None
    for number, each in enumerate(found, 1):
        if not isinstance(each, dict):
            raise BadSet(f"{path}:{number}: must be an object of JSON")
        yield number, each


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
