"""The three published spellings are read and written without losing a value."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from espalier.dataset.findings import Code, Findings
from espalier.dataset.read import read_messages, read_records, read_trees
from espalier.dataset.records import MessageRecord, Spelling, TreeRecord
from espalier.dataset.trees import flat_messages, messages_of
from espalier.dataset.write import write_records

DATA = Path(os.environ.get("ESPALIER_DATA") or Path(__file__).parents[3] / "shared" / "data")
HUB = DATA / "oasst1" / "oasst1-en-validation.messages.jsonl.gz"
NATIVE = DATA / "oasst2" / "oasst2-selection.trees.jsonl.gz"
SPARSE = DATA / "open-assistant" / "en_100_tree.jsonl.gz"

pytestmark = pytest.mark.real


def values(path: Path) -> list[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("path", [HUB, NATIVE, SPARSE], ids=lambda path: path.name)
def test_a_published_file_is_written_as_it_was_read(path: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl.gz"
    write_records(again, read_records(path, strict=True))
    assert values(again) == values(path)


def test_the_published_messages_have_exactly_the_faults_that_are_known_of_them() -> None:
    findings = Findings()
    assert sum(1 for _ in read_records(HUB, findings)) == 1508
    assert findings.lost == 0
    assert findings.counts == {
        Code.ORPHAN: 1,
        Code.RANK_GAP: 3,
        Code.NO_LABELS: 4,
        Code.NO_LANG_MISMATCH: 40 - 4,
        Code.OVERFULL_PARENT: 27,
        Code.OWN_REPLY: 24,
    }


def test_flat_rows_become_all_trees_but_the_one_without_its_root() -> None:
    findings = Findings()
    trees = list(read_trees(HUB, findings))
    assert len(trees) == 141
    assert sum(1 for tree in trees for _ in messages_of(tree)) == 1507
    assert findings.lost == findings.counts[Code.ORPHAN] == 1
    standing = [m for tree in trees for m in messages_of(tree) if m.review_result and not m.deleted]
    assert len(standing) == 1453


def test_the_native_export_is_read_whole() -> None:
    findings = Findings()
    trees = list(read_trees(NATIVE, findings))
    assert findings.lost == 0
    assert Counter(tree.tree_state for tree in trees) == {
        "prompt_lottery_waiting": 228,
        "ready_for_export": 72,
        "halted_by_moderator": 29,
        "initial_prompt_review": 22,
        "aborted_low_grade": 15,
        "growing": 12,
    }
    assert len({m.lang for tree in trees for m in messages_of(tree)}) == 30


@pytest.mark.parametrize("spelling", [Spelling.NATIVE, Spelling.HUB, Spelling.SPARSE])
@pytest.mark.parametrize("path", [HUB, NATIVE, SPARSE], ids=lambda path: path.name)
def test_every_spelling_of_a_published_file_says_the_same(path: Path, spelling: Spelling, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    write_records(again, read_records(path), spelling)
    assert list(map(said, read_messages(again))) == list(map(said, read_messages(path)))


def said(message: MessageRecord) -> tuple[MessageRecord, dict[str, Any]]:
    bare = MessageRecord(
        message.message_id, message.text, message.role, message.parent_id, message.user_id, message.created_date,
        message.lang, message.review_count, message.review_result, message.deleted, message.rank, message.synthetic,
        message.model_name, message.emojis, message.labels,
    )  # fmt: skip
    return bare, {name: value for name, value in message.extra.items() if value is not None}


def test_trees_made_of_flat_rows_hold_the_same_messages(tmp_path: Path) -> None:
    rows = {row.message_id: row for row in read_messages(HUB)}
    again = {row.message_id: row for tree in read_trees(HUB) for row in flat_messages(tree)}
    assert len(again) == len(rows) - 1
    assert all(rows[message_id] == row for message_id, row in again.items())


def test_a_native_tree_survives_being_flat(tmp_path: Path) -> None:
    flat = tmp_path / "flat.jsonl.gz"
    before = [found for found in read_records(NATIVE) if isinstance(found, TreeRecord)]
    write_records(flat, (row for tree in before for row in flat_messages(tree)), Spelling.HUB)
    after = list(read_trees(flat))
    assert [list(map(said, messages_of(tree))) for tree in after] == [list(map(said, messages_of(t))) for t in before]
