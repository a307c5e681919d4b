"""What a file holds: records of a campaign, votes, or examples of others; told by the first line that says it.

Knows the keys of lines; does not read the rest of the file.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from espalier.dataset.findings import ignore
from espalier.dataset.lines import objects
from espalier.dataset.spellings import is_example


class Holds(StrEnum):
    """`RECORDS`: trees or messages."""

    RECORDS = "trees or messages"
    VOTES = "votes"
    EXAMPLES = "examples"


def held_in(path: Path) -> Holds:
    """What the first line that is of any kind says; records where none does, whose reader then names each fault."""
    return next((found for _, line in objects(path, ignore) if (found := held_by(line))), Holds.RECORDS)


def held_by(line: Mapping[str, Any]) -> Holds | None:
    """What one line is, by its keys; None where it is nothing that is known."""
    if "message_tree_id" in line or ("message_id" in line and "text" in line):
        return Holds.RECORDS
    if "vote_id" in line:
        return Holds.VOTES
    return Holds.EXAMPLES if is_example(line) else None
