"""What long evaluations have been told, kept in lines of JSON as it comes: one that was stopped goes on.

Knows files; does not know what is kept, nor under which keys.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def read_kept(path: Path | None) -> dict[str, dict[str, Any]]:
    """What is there already, by its key; a line that was cut short is as good as not there."""
    found: dict[str, dict[str, Any]] = {}
    for line in path.read_bytes().split(b"\n") if path and path.exists() else ():
        try:
            said = json.loads(line)
            found[str(said.pop("key"))] = said
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return found


def append_kept(path: Path | None, lines: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Keep more, each under its key; nothing where there is no file. A line begins with its break, since the one before
    it may have been cut short.
    """
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        for key, said in lines:
            written = json.dumps({"key": key, **said}, ensure_ascii=False)
            file.write(b"\n" + written.encode("utf-8", "surrogatepass"))
