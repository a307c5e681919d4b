"""What is wrong with a file: one finding a fault, with its place and reason. Nothing here stops a reader.

Knows codes and sentences; does not know how a file is read.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Final

KEPT_FINDINGS: Final = 1000


class Code(StrEnum):
    """What a finding is about; each has a sentence of its own."""

    # The bytes
    NOT_UTF8 = "not_utf8"
    BROKEN_GZIP = "broken_gzip"
    BROKEN_PARQUET = "broken_parquet"
    TOO_LONG = "too_long"
    WRONG_FILE = "wrong_file"
    # The JSON of a line
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NUMBER_TOO_LARGE = "number_too_large"
    LONE_SURROGATE = "lone_surrogate"
    UNKNOWN_RECORD = "unknown_record"
    MISSING_FIELD = "missing_field"
    WRONG_VALUE = "wrong_value"
    # The structure of a tree; the record is kept
    DUPLICATE_ID = "duplicate_id"
    ORPHAN = "orphan"
    CYCLE = "cycle"
    WRONG_PARENT = "wrong_parent"
    ROOT_WITH_PARENT = "root_with_parent"
    SECOND_ROOT = "second_root"
    WRONG_TREE_ID = "wrong_tree_id"
    WRONG_ROLE = "wrong_role"
    UNKNOWN_ROLE = "unknown_role"
    UNKNOWN_STATE = "unknown_state"
    RANK_GAP = "rank_gap"
    RANK_TWICE = "rank_twice"
    NO_LABELS = "no_labels"
    NO_LANG_MISMATCH = "no_lang_mismatch"
    UNKNOWN_LABEL = "unknown_label"
    LABEL_OUT_OF_RANGE = "label_out_of_range"
    OVERFULL_PARENT = "overfull_parent"
    OWN_REPLY = "own_reply"
    NO_TEXT = "no_text"
    NUL_CHARACTER = "nul_character"
    BAD_DATE = "bad_date"
    # Left out where a whole tree is wanted
    IN_NO_TREE = "in_no_tree"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault and its place. `lost`: the record could not be read, or stands in no tree."""

    code: Code
    file: str
    line: int
    path: str
    reason: str
    lost: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path}: {self.reason} [{self.code}]"


Report = Callable[[Finding], None]
"""Whoever reads a file is told of each fault through one of these."""


@dataclass(slots=True)
class Findings:
    """A report that counts everything and remembers the first of it, so that a bad file cannot fill the memory."""

    counts: Counter[Code] = field(default_factory=Counter)
    lost: int = 0
    first: list[Finding] = field(default_factory=list)

    def __call__(self, finding: Finding) -> None:
        self.counts[finding.code] += 1
        self.lost += finding.lost
        if len(self.first) < KEPT_FINDINGS:
            self.first.append(finding)

    def include(self, other: "Findings") -> None:
        """Add what another report has heard."""
        self.counts += other.counts
        self.lost += other.lost
        self.first += other.first[: KEPT_FINDINGS - len(self.first)]


@dataclass(slots=True)
class Once:
    """Tells each fault of a file once. What its reader hears waits for whoever takes the records in, since they say of
    the same fault what follows from it."""

    report: Report
    _heard: list[Finding] = field(default_factory=list)

    def __call__(self, finding: Finding) -> None:
        self._heard.append(finding)

    def tell(self, judged: Iterable[Finding] = (), *, line: float = inf) -> None:
        """Report all that was heard up to this line, and in its place what is said now of the same faults."""
        due = list(judged)
        again = Counter((each.code, each.line) for each in due)
        heard, self._heard = self._heard, []
        for each in heard:
            if each.line > line:
                self._heard.append(each)
            elif again[each.code, each.line]:
                again[each.code, each.line] -= 1
            else:
                due.append(each)
        for each in sorted(due, key=lambda each: each.line):
            self.report(each)


class BadFile(Exception):
    """A record that cannot be read, where the caller wants every one of them."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def ignore(finding: Finding) -> None:
    """The report of who does not want to know."""
