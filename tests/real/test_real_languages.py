"""How often the warning about another language is false, and how often it is missed, on texts of real volunteers."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from espalier.domain.language import primary
from espalier.safety.language import looks_foreign

pytestmark = pytest.mark.real


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for reply in node["replies"] or []:
        yield from nodes(reply)


@pytest.fixture(scope="module")
def reviewed(real_data: Path) -> list[tuple[str, str]]:
    """Language and text of each message in which no reviewer saw a wrong language."""
    with gzip.open(real_data / "oasst2" / "oasst2-selection.trees.jsonl.gz", "rt", encoding="utf-8") as lines:
        messages = [node for line in lines for node in nodes(json.loads(line)["prompt"])]
    return [
        (message["lang"], message["text"])
        for message in messages
        if not ((message["labels"] or {}).get("lang_mismatch") or {"value": 0})["value"]
    ]


@pytest.fixture(scope="module")
def threads(real_data: Path) -> list[tuple[str, str]]:
    with gzip.open(real_data / "oasst1" / "oasst1-validation-top-threads.jsonl.gz", "rt", encoding="utf-8") as lines:
        paths = [json.loads(line) for line in lines]
    return [(path["lang"], message["text"]) for path in paths for message in path["messages"]]


def test_false_alarms_are_rare(reviewed: list[tuple[str, str]], threads: list[tuple[str, str]]) -> None:
    alarms = Counter(lang for lang, text in reviewed if looks_foreign(text, lang))
    assert sum(alarms.values()) <= len(reviewed) / 500, alarms
    # Nobody has reviewed these in what is stored, and some are in another language indeed.
    alarms = Counter(lang for lang, text in threads if looks_foreign(text, lang))
    assert sum(alarms.values()) <= len(threads) / 200, alarms


def test_a_wrong_language_is_found_in_texts_of_a_sentence_or_more(reviewed: list[tuple[str, str]]) -> None:
    long = [(primary(lang), text) for lang, text in reviewed if len(text) >= 100]
    assert len(long) > 500
    found = sum(looks_foreign(text, "pl" if lang == "en" else "en") is not None for lang, text in long)
    assert found >= 0.9 * len(long)
