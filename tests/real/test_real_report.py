"""Of published files the report counts what an independent count gives, and what was published of them."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from espalier.dataset.describe import Description, describe
from espalier.dataset.read import read_messages, read_trees

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def file(real_data: Path) -> Path:
    return real_data / "oasst1" / "oasst1-en-validation.messages.jsonl.gz"


@pytest.fixture(scope="module")
def rows(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def described(file: Path) -> Description:
    return describe(read_messages(file))


def test_counts_are_those_of_the_rows(described: Description, rows: list[dict[str, Any]]) -> None:
    counts = described.counts
    parent = {row["message_id"]: row["parent_id"] for row in rows}

    def depth(message_id: str) -> int | None:
        if parent[message_id] is None:
            return 0
        above = depth(parent[message_id]) if parent[message_id] in parent else None
        return None if above is None else above + 1

    assert counts.messages == len(rows)
    assert counts.trees == len({row["message_tree_id"] for row in rows})
    assert {role: fates.total for role, fates in counts.roles.items()} == Counter(row["role"] for row in rows)
    assert counts.depths == {
        at: n for at, n in Counter(depth(row["message_id"]) for row in rows).items() if at is not None
    }
    assert sum(fates.deleted for fates in counts.roles.values()) == sum(row["deleted"] for row in rows)
    said = {"quality": [], "toxicity": []}  # type: dict[str, list[float]]
    for row in rows:
        labels = row["labels"] or {"name": [], "value": []}
        for name, value in zip(labels["name"], labels["value"], strict=True):
            if name in said:
                said[name].append(value)
    for name, values in said.items():
        assert described.labels[name].messages == len(values)
        assert described.labels[name].mean == pytest.approx(sum(values) / len(values))


def test_what_was_published_of_this_file_is_found_again(described: Description) -> None:
    everybody = described.contributors.by_kind["all"]
    assert everybody.people == 837
    assert everybody.gini.value == pytest.approx(0.391, abs=5e-4)
    assert everybody.top_10.value == pytest.approx(0.395, abs=5e-4)
    longer, pairs = described.longer_first
    assert longer / pairs == pytest.approx(0.662, abs=0.03)  # of all English validation rows, of which these are a part


def test_a_language_with_few_prompts_has_no_topics_and_says_so(described: Description) -> None:
    assert described.topics is not None
    assert [(each.lang, each.prompts < 500, each.topics) for each in described.topics] == [("en", True, ())]


def test_counts_of_the_selection_of_oasst2_are_those_that_are_said_of_it(real_data: Path) -> None:
    counts = describe(
        read_trees(real_data / "oasst2" / "oasst2-selection.trees.jsonl.gz"), with_topics=False, resamples=0
    ).counts
    assert (counts.trees, counts.messages, len(counts.langs)) == (378, 1095, 30)
    assert {state: amount.trees for state, amount in counts.states.items()} == {
        "prompt_lottery_waiting": 228, "ready_for_export": 72, "halted_by_moderator": 29, "initial_prompt_review": 22,
        "aborted_low_grade": 15, "growing": 12,
    }  # fmt: skip
    said = {"en": 518, "es": 279, "zh": 95, "ru": 55, "ja": 21}
    assert {lang: counts.langs[lang].messages for lang in said} == said
    assert sum(counts.ranked.values()) == 156
