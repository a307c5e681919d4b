"""What checks of the texts found, beside the messages: a line of JSON for each message, plain or gzip.

    {"message_id": "…", "lang_detected": "en", "lang_confidence": 0.97, "toxicity": 0.02, "duplicate_of": null,
     "near_duplicate_of": "…", "personal": [{"kind": "email", "start": 10, "end": 24}]}

A key that is missing says that nobody looked; null, and an empty list, that somebody looked and found nothing. Lines,
and files, on the same message add up. Knows no checks and no models.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypedDict

from espalier.dataset.findings import Report, ignore
from espalier.dataset.objects import LONGEST_ID
from espalier.dataset.read import values
from espalier.dataset.records import Malformed


class Span(TypedDict):
    """A part of a text, in characters from its beginning; `end` is the first that is no part of it."""

    kind: str
    start: int
    end: int


class Found(TypedDict, total=False):
    """What checks found of one message.

    lang_detected: a language code, None where it could not be told; lang_confidence and toxicity from 0 to 1;
    duplicate_of and near_duplicate_of: the id of the oldest message with the same text or nearly the same, None for
    that one itself; personal: where personal data stands.
    """

    lang_detected: str | None
    lang_confidence: float | None
    toxicity: float | None
    duplicate_of: str | None
    near_duplicate_of: str | None
    personal: list[Span]


@dataclass(frozen=True, slots=True)
class Scores:
    """One line: what was found of a message. Keys that mean nothing here are kept."""

    message_id: str
    found: Found


ScoresOf = Mapping[str, Found]
"""What was found, by message."""


def read_scores(path: Path, report: Report = ignore) -> Iterator[Scores]:
    """The lines of a file of scores; one that is none is reported and skipped."""
    return values(path, report, lambda given, _: scores(given))


def spelled(found: Scores) -> dict[str, Any]:
    """As a line of the file; `scores` reads it."""
    return {"message_id": found.message_id, **found.found}


def by_message(every: Iterable[Scores]) -> dict[str, Found]:
    """What was found of each message; of two lines on the same thing the later one holds."""
    gathered: dict[str, Found] = {}
    for each in every:
        gathered.setdefault(each.message_id, Found()).update(each.found)
    return gathered


def scores(given: Mapping[str, Any]) -> Scores:
    """What a line says. Raises Malformed."""
    found = dict(given)
    message_id = found.pop("message_id", None)
    if message_id is None:
        raise Malformed("$.message_id", "is missing", missing=True)
    if not _is_id(message_id):
        raise Malformed("$.message_id", f"must be a text of 1 to {LONGEST_ID} characters")
    for key, (is_right, says) in _KNOWN.items():
        if key in found and not is_right(found[key]):
            raise Malformed(f"$.{key}", says)
    return Scores(message_id, Found(**found))  # type: ignore[typeddict-item]


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID


def _is_id_or_null(value: object) -> bool:
    return value is None or _is_id(value)


def _is_share(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1)


def _are_spans(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict)
        and isinstance(each.get("kind"), str)
        and all(type(each.get(side)) is int for side in ("start", "end"))
        and 0 <= each["start"] <= each["end"]
        for each in value
    )


_KNOWN: Final = {
    "lang_detected": (_is_id_or_null, "must be a language code, or null"),
    "lang_confidence": (_is_share, "must be a number from 0 to 1, or null"),
    "toxicity": (_is_share, "must be a number from 0 to 1, or null"),
    "duplicate_of": (_is_id_or_null, "must be the id of a message, or null"),
    "near_duplicate_of": (_is_id_or_null, "must be the id of a message, or null"),
    "personal": (_are_spans, "must be a list of objects with kind, start and end"),
}
