"""Parquet: every shape comes back as it was, is opened by the libraries it is for, and has the same bytes each time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from espalier.dataset import parquet
from espalier.dataset.convert import Kind, Wanted, examples
from espalier.dataset.examples import Battle, Preference, Prompt, Ranking, Turn
from espalier.dataset.findings import Code, Findings
from espalier.dataset.read import read_examples, read_messages, read_records, read_trees, read_votes
from espalier.dataset.records import MessageRecord, TreeRecord, VoteRecord
from espalier.dataset.tables import DETOXIFY
from espalier.dataset.trees import flat_messages
from espalier.dataset.write import write_examples, write_records, write_votes
from espalier.demo import TREES, VOTES

ODD = MessageRecord(
    "p", "Why\0?", "prompter", extra={"detoxify": dict.fromkeys(DETOXIFY, 0.5), "events": {"a": [1, None]}},
    emojis={}, labels={"spam": {"value": 0.5, "count": 2, "spread": 0.1}},  # type: ignore[typeddict-unknown-key]
    replies=(
        MessageRecord("p", "The same id", "assistant", parent_id="elsewhere", tree_state="growing",
                      replies=(MessageRecord("b", "", "prompter"),)),
        MessageRecord("c", "!", "assistant", labels={}, extra={"detoxify": {"toxicity": 0.1}}),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Any]:
    """What `datasets` makes of a file, with no word about its columns."""
    cache = str(tmp_path_factory.mktemp("cache"))
    datasets.disable_progress_bars()
    return lambda path: datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=cache)


def test_trees_come_back_whatever_is_odd_in_them(tmp_path: Path) -> None:
    trees = [*read_trees(TREES), TreeRecord("t", ODD, "growing", "elsewhere", {"more": [1, {"x": None}]})]
    assert write_records(tmp_path / "trees.parquet", trees) == len(trees)
    assert list(read_trees(tmp_path / "trees.parquet")) == trees


def test_messages_come_back_and_make_the_same_trees(tmp_path: Path) -> None:
    rows = [row for tree in read_trees(TREES) for row in flat_messages(tree)]
    write_records(tmp_path / "messages.parquet", rows)
    assert list(read_records(tmp_path / "messages.parquet")) == rows
    assert list(read_messages(tmp_path / "messages.parquet")) == rows
    found = [tree.prompt for tree in read_trees(tmp_path / "messages.parquet")]
    assert found == [tree.prompt for tree in read_trees(TREES)]


def test_votes_come_back(tmp_path: Path) -> None:
    votes = list(read_votes(VOTES))
    assert {vote.kind for vote in votes} == {"labels", "ranking", "reaction"}
    votes.append(VoteRecord("v", "labels", "m", value={"spam": None, "quality": 0.5}, extra={"late": True}))
    write_votes(tmp_path / "votes.parquet", votes)
    assert list(read_votes(tmp_path / "votes.parquet")) == votes


@pytest.mark.parametrize("kind", [Kind.THREADS, Kind.BEST, Kind.RANKED, Kind.PAIRS, Kind.PROMPTS])
def test_examples_come_back_and_are_opened_with_the_columns_that_their_trainers_want(
    tmp_path: Path, kind: Kind, opened: Callable[[Path], Any]
) -> None:
    """The columns and roles are those of TRL's table of formats: messages; prompt; prompt, chosen and rejected."""
    made = list(examples(read_trees(TREES), Wanted(kind)))
    assert write_examples(tmp_path / "examples.parquet", made) == len(made) > 5
    assert list(read_examples(tmp_path / "examples.parquet")) == made
    found = opened(tmp_path / "examples.parquet")
    assert len(found) == len(made)
    turns = datasets.List({"role": datasets.Value("string"), "content": datasets.Value("string")})
    columns = {
        Kind.THREADS: ["messages"], Kind.BEST: ["messages"], Kind.PROMPTS: ["prompt"],
        Kind.PAIRS: ["prompt", "chosen", "rejected"], Kind.RANKED: ["prompt"],
    }[kind]  # fmt: skip
    for column in columns:
        assert found.features[column] == turns
        assert {turn["role"] for row in found for turn in row[column]} <= {"user", "assistant"}
    if kind is Kind.PAIRS:
        assert all(row["prompt"][-1]["role"] == "user" for row in found)
        assert all(len(row[side]) == 1 for row in found for side in ("chosen", "rejected"))
    elif kind is Kind.RANKED:
        assert [row["replies"] for row in found] == [list(each.replies) for each in made if isinstance(each, Ranking)]


def test_messages_have_the_columns_of_the_hub(tmp_path: Path, opened: Callable[[Path], Any]) -> None:
    rows = [row for tree in read_trees(TREES) for row in flat_messages(tree)]
    write_records(tmp_path / "messages.parquet", rows)
    found = opened(tmp_path / "messages.parquet")
    text, count, real, truth = (datasets.Value(kind) for kind in ("string", "int32", "float64", "bool"))
    assert dict(found.features) == {
        **dict.fromkeys(("message_id", "parent_id", "user_id", "created_date", "text", "role", "lang"), text),
        "review_count": count, "review_result": truth, "deleted": truth, "rank": count, "synthetic": truth,
        "model_name": text, "detoxify": dict.fromkeys(DETOXIFY, real), "message_tree_id": text, "tree_state": text,
        "emojis": {"name": datasets.List(text), "count": datasets.List(count)},
        "labels": {"name": datasets.List(text), "value": datasets.List(real), "count": datasets.List(count)},
        "extra": text,
    }  # fmt: skip
    assert found["text"][:] == [row.text for row in rows]
    assert [None if said is None else said["name"] for said in found["labels"]] == [
        None if row.labels is None else list(row.labels) for row in rows
    ]


def test_trees_and_votes_are_opened_too(tmp_path: Path, opened: Callable[[Path], Any]) -> None:
    trees = list(read_trees(TREES))
    write_records(tmp_path / "trees.parquet", trees)
    found = opened(tmp_path / "trees.parquet")
    assert [len(row["messages"]) for row in found] == [len(list(flat_messages(tree))) for tree in trees]
    write_votes(tmp_path / "votes.parquet", read_votes(VOTES))
    votes = opened(tmp_path / "votes.parquet")
    rankings = [vote.value for vote in read_votes(VOTES) if vote.kind == "ranking"]
    assert [row["ranking"] for row in votes if row["kind"] == "ranking"] == rankings


def test_battles_come_back(tmp_path: Path) -> None:
    told = ((Turn("user", "Why?"), Turn("assistant", "Because.")), (Turn("user", "Why?"),))
    battles = [Battle("1", "ours", "theirs", "tie"), Battle("2", "ours", "theirs", "model_b", "gpt-4", 2, told)]
    write_examples(tmp_path / "battles.parquet", battles)
    assert list(read_examples(tmp_path / "battles.parquet")) == battles


@pytest.mark.parametrize("kind", [Prompt, Preference])
def test_an_empty_table_has_its_columns(tmp_path: Path, kind: Any) -> None:
    assert write_examples(tmp_path / "none.parquet", [], kind) == 0
    assert list(read_examples(tmp_path / "none.parquet")) == []
    assert "prompt" in pq.read_schema(tmp_path / "none.parquet").names


def test_the_same_rows_give_the_same_bytes_and_name_no_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = list(read_trees(TREES))
    monkeypatch.setattr("espalier.dataset.write.TREES_OF_A_GROUP", 7)
    for name in ("one", "two"):
        write_records(tmp_path / f"{name}.parquet", iter(trees))
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert b"arrow" not in (tmp_path / "one.parquet").read_bytes()[-2000:]
    about = pq.ParquetFile(tmp_path / "one.parquet").metadata
    assert about.created_by == parquet.STAMP.decode()
    assert {about.row_group(number).num_rows for number in range(about.num_row_groups - 1)} == {7}
    assert list(read_trees(tmp_path / "one.parquet")) == trees


# Tables of others


def table(path: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, **options)
    return path


def test_what_data_frames_do_to_numbers_and_maps_is_undone(tmp_path: Path) -> None:
    """Gaps make floats of whole numbers, and a map becomes a column for each of its keys."""
    rows = [
        {"message_id": "a", "text": "A", "role": "prompter", "rank": float("nan"), "review_count": 3.0,
         "labels": {"spam": {"value": 0.0, "count": 3}, "quality": None}, "emojis": {"+1": 2, "-1": None},
         "scores": {"by": [{"model": float("nan")}]}},
        {"message_id": "b", "text": "B", "role": "assistant", "parent_id": "a", "rank": 0.0, "review_count": 2.0,
         "labels": {"spam": None, "quality": {"value": 0.5, "count": 1}}, "emojis": None},
    ]  # fmt: skip
    findings = Findings()
    first, second = read_messages(table(tmp_path / "frame.parquet", rows), findings)
    assert not findings.lost
    assert (first.rank, first.review_count, second.rank) == (None, 3, 0)
    assert first.labels == {"spam": {"value": 0, "count": 3}}
    assert first.emojis == {"+1": 2}
    assert first.extra["scores"] == {"by": [{"model": None}]}
    assert second.labels == {"quality": {"value": 0.5, "count": 1}}


def test_dates_become_text_and_bytes_are_left_out_with_a_word(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    rows = [{"message_id": "a", "text": "A", "role": "prompter", "created_date": datetime(2023, 4, 1, tzinfo=UTC),
             "picture": b"\x00"}]  # fmt: skip
    findings = Findings()
    (found,) = read_messages(table(tmp_path / "t.parquet", rows), findings)
    assert found.created_date == "2023-04-01T00:00:00+00:00"
    assert "the column picture holds bytes and is left out" in str(findings.first[0])


def test_what_is_wrong_in_a_row_is_told_with_its_number(tmp_path: Path) -> None:
    good = {"message_id": "a", "text": "A", "role": "prompter", "labels": {"spam": {"value": 0.0, "count": 1}}}
    rows = [good, {**good, "message_id": None}, {**good, "message_id": "c"}]
    findings = Findings()
    assert [each.message_id for each in read_messages(table(tmp_path / "t.parquet", rows), findings)] == ["a", "c"]
    assert f"{tmp_path}/t.parquet:2: $.message_id: must not be null [missing_field]" in map(str, findings.first)


def test_where_a_part_is_broken_the_other_parts_are_read(tmp_path: Path) -> None:
    rows = [{"message_id": f"m{n}", "text": f"text {n}", "role": "prompter"} for n in range(30)]
    path = table(tmp_path / "t.parquet", rows, row_group_size=10, write_page_checksum=True)
    start = pq.ParquetFile(path).metadata.row_group(1).column(1).data_page_offset
    raw = bytearray(path.read_bytes())
    raw[start + 30 : start + 60] = b"\xff" * 30
    path.write_bytes(raw)
    findings = Findings()
    found = [each.message_id for each in read_messages(path, findings)]
    assert found == [f"m{n}" for n in (*range(10), *range(20, 30))]
    (broken,) = (each for each in findings.first if each.code == Code.BROKEN_PARQUET)
    assert "t.parquet:11: $: rows 11 to 20 cannot be read" in str(broken)


def test_a_file_that_ends_too_early_is_told(tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet", [{"message_id": "a", "text": "A", "role": "prompter"}])
    path.write_bytes(path.read_bytes()[:-20])
    findings = Findings()
    assert list(read_messages(path, findings)) == []
    assert "is no whole Parquet file" in str(findings.first[0])


def test_without_pyarrow_a_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "t.parquet", [{"message_id": "a", "text": "A", "role": "prompter"}])
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(parquet.NeedsPyarrow, match="pip install"):
        list(read_messages(path))
    with pytest.raises(parquet.NeedsPyarrow, match="pip install"):
        write_examples(tmp_path / "new.parquet", [])
    assert [each.name for each in tmp_path.iterdir()] == ["t.parquet"]
