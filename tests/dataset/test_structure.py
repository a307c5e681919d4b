"""Each fault of a tree's structure has its own finding, in flat and nested files alike, and costs no record."""

from pathlib import Path
from typing import Any

import pytest

from espalier.dataset.findings import Code, Findings
from espalier.dataset.read import read_records
from espalier.dataset.records import TreeRecord
from espalier.dataset.trees import messages_of
from oasst import lines, message, tree


def reply(message_id: str, parent: str = "a", **more: Any) -> dict[str, Any]:
    return message(message_id, parent, **more)


FAULTS: dict[Code, list[dict[str, Any]]] = {
    Code.ORPHAN: [message("a"), reply("b", "nobody")],
    Code.CYCLE: [message("a"), reply("b", "c"), reply("c", "b", role="prompter")],
    Code.DUPLICATE_ID: [message("a"), reply("b"), reply("b")],
    Code.WRONG_ROLE: [message("a"), reply("b", role="prompter")],
    Code.UNKNOWN_ROLE: [message("a"), reply("b", role="system")],
    Code.RANK_GAP: [message("a"), reply("b", rank=0), reply("c", rank=2)],
    Code.RANK_TWICE: [message("a"), reply("b", rank=0), reply("c", rank=0)],
    Code.NO_LABELS: [message("a", labels=None)],
    Code.NO_LANG_MISMATCH: [message("a", labels={"spam": {"value": 0, "count": 1}})],
    Code.LABEL_OUT_OF_RANGE: [
        message("a", labels={"spam": {"value": 2, "count": 1}, "lang_mismatch": {"value": 0, "count": 1}})
    ],
    Code.OVERFULL_PARENT: [message("a"), *(reply(name) for name in "bcde")],
    Code.OWN_REPLY: [message("a", user_id="me"), reply("b", user_id="me")],
    Code.NO_TEXT: [message("a", text="Why?"), reply("b", text=" \n"), reply("c", text="", deleted=True)],
    Code.NUL_CHARACTER: [message("a", text="nul \0 inside")],
    Code.BAD_DATE: [message("a", created_date="yesterday")],
    Code.UNKNOWN_STATE: [message("a", tree_state="confused")],
    Code.SECOND_ROOT: [message("a"), message("b")],
}
NESTED_FAULTS: dict[Code, dict[str, Any]] = {
    Code.WRONG_PARENT: tree(message("a", replies=[reply("b", "nobody")])),
    Code.ROOT_WITH_PARENT: tree(message("a", parent_id="above", replies=[])),
    Code.WRONG_TREE_ID: {**tree(message("a")), "message_tree_id": "other"},
    Code.UNKNOWN_STATE: tree(message("a"), tree_state="confused"),
    Code.DUPLICATE_ID: tree(message("a", replies=[reply("b"), reply("b")])),
    Code.WRONG_ROLE: tree(message("a", role="assistant")),
    Code.RANK_GAP: tree(message("a", replies=[reply("b", rank=1)])),
    Code.OWN_REPLY: tree(message("a", user_id="me", replies=[reply("b", user_id="me")])),
    Code.OVERFULL_PARENT: tree(message("a", replies=[reply(name) for name in "bcde"])),
}


@pytest.mark.parametrize("code", FAULTS, ids=str)
def test_a_fault_among_flat_rows_is_found_and_every_row_kept(tmp_path: Path, code: Code) -> None:
    findings = Findings()
    rows = [{"message_tree_id": "a", **row} for row in FAULTS[code]]
    kept = list(read_records(lines(tmp_path / "rows.jsonl", *rows), findings))
    assert len(kept) == len(rows)
    assert set(findings.counts) == {code}
    assert findings.lost == 0


@pytest.mark.parametrize("code", NESTED_FAULTS, ids=str)
def test_a_fault_in_a_nested_tree_is_found_and_the_tree_kept(tmp_path: Path, code: Code) -> None:
    findings = Findings()
    (kept,) = read_records(lines(tmp_path / "trees.jsonl", NESTED_FAULTS[code]), findings)
    assert isinstance(kept, TreeRecord)
    assert set(findings.counts) == {code}
    assert findings.lost == 0


def test_every_message_of_a_cycle_is_named_and_nobody_below_it(tmp_path: Path) -> None:
    rows = [reply("b", "d"), reply("c", "b", role="prompter"), reply("d", "c"), reply("below", "b", role="prompter")]
    for row in rows:
        row["role"] = "assistant"
    findings = Findings()
    list(read_records(lines(tmp_path / "rows.jsonl", *rows), findings))
    assert sorted(found.line for found in findings.first if found.code is Code.CYCLE) == [1, 2, 3]


def test_a_message_that_replies_to_itself_is_a_cycle(tmp_path: Path) -> None:
    findings = Findings()
    list(read_records(lines(tmp_path / "rows.jsonl", reply("b", "b")), findings))
    assert [found.reason for found in findings.first if found.code is Code.CYCLE] == ["replies to itself"]


def test_an_id_that_came_in_another_tree_is_a_duplicate(tmp_path: Path) -> None:
    findings = Findings()
    list(read_records(lines(tmp_path / "trees.jsonl", tree(message("a")), tree(message("a"))), findings))
    assert findings.counts == {Code.DUPLICATE_ID: 1}


def test_a_finding_in_a_tree_names_the_way_to_the_message(tmp_path: Path) -> None:
    deep = tree(message("a", replies=[reply("b"), reply("c", replies=[reply("d", "c", role="assistant")])]))
    findings = Findings()
    list(read_records(lines(tmp_path / "trees.jsonl", deep), findings))
    assert [found.path for found in findings.first] == ["$.prompt.replies[1].replies[0].role"]
    assert str(findings.first[0]).endswith("assistant replies to assistant, but roles must alternate [wrong_role]")


def test_gaps_in_numbers_of_unranked_siblings_are_no_fault(tmp_path: Path) -> None:
    rows = [message("a"), reply("b", rank=1), reply("c", rank=0), reply("d")]
    findings = Findings()
    kept = list(read_records(lines(tmp_path / "rows.jsonl", *rows), findings))
    assert len(kept) == 4
    assert not findings.first


def test_messages_of_a_tree_come_before_their_replies(tmp_path: Path) -> None:
    nested = tree(message("t", replies=[reply("a", "t", replies=[reply("b", "a", role="prompter")]), reply("c", "t")]))
    (found,) = read_records(lines(tmp_path / "trees.jsonl", nested))
    assert isinstance(found, TreeRecord)
    assert [m.message_id for m in messages_of(found)] == ["t", "a", "b", "c"]
