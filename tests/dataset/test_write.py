"""What is written can be read again without loss, and is the same each time."""

import gzip
import json
import os
from io import BytesIO
from pathlib import Path
from threading import active_count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.dataset.lines import parsed
from espalier.dataset.objects import record, tree_record
from espalier.dataset.packing import PIECE, packed
from espalier.dataset.read import read_messages, read_records, read_trees, read_votes
from espalier.dataset.records import MessageRecord, Spelling, TreeRecord
from espalier.dataset.trees import flat_messages, map_messages, messages_of
from espalier.dataset.write import line_of, replacing, write_records, write_votes
from oasst import lines, message, tree

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
ids = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
counts = st.integers(0, 2**31 - 1)
emojis = st.none() | st.dictionaries(ids, counts, max_size=3)
labels = st.none() | st.dictionaries(
    ids, st.fixed_dictionaries({"value": st.floats(0, 1), "count": counts}), max_size=3
)


def as_columns(given: dict[str, Any]) -> dict[str, Any]:
    """The hub's spelling of emojis and labels, made here by another road."""
    said = dict(given)
    if said.get("emojis") is not None:
        said["emojis"] = {"name": [*said["emojis"]], "count": [*said["emojis"].values()]}
    if said.get("labels") is not None:
        rows = said["labels"].values()
        said["labels"] = {
            "name": [*said["labels"]],
            "value": [row["value"] for row in rows],
            "count": [row["count"] for row in rows],
        }
    return said


@st.composite
def message_objects(draw: st.DrawFn) -> dict[str, Any]:
    known: dict[str, st.SearchStrategy[Any]] = {
        "parent_id": st.none() | ids,
        "user_id": st.none() | ids,
        "created_date": st.none() | ids,
        "lang": st.none() | ids,
        "review_count": st.none() | counts,
        "review_result": st.none() | st.booleans(),
        "deleted": st.none() | st.booleans(),
        "rank": st.none() | counts,
        "synthetic": st.none() | st.booleans(),
        "model_name": st.none() | texts.filter(lambda text: "\0" not in text),
        "emojis": emojis,
        "labels": labels,
        "replies": st.none() | st.just([]),
        "message_tree_id": st.none() | ids,
        "tree_state": st.none() | ids,
    }
    said = draw(st.fixed_dictionaries({"message_id": ids, "text": texts, "role": ids}, optional=known))
    unknown = draw(st.dictionaries(ids.map(lambda name: f"x_{name}"), values, max_size=2))
    made = {**said, **unknown}
    if draw(st.booleans()):
        made = as_columns(made)
    return made


@given(values, st.booleans())
def test_a_value_of_any_meaning_is_read_and_written_as_it_is(value: object, is_ascii: bool) -> None:
    said = json.dumps(message("a") | {"more": value}, ensure_ascii=is_ascii)
    read = parsed(said.encode())
    written = json.loads(line_of(record(read)))
    assert json.dumps(read["more"]) == json.dumps(written["more"]) == json.dumps(value)  # 1 is not 1.0, nor true


@given(message_objects())
def test_a_message_is_written_as_it_was_read_field_for_field(given: dict[str, Any]) -> None:
    assert json.loads(line_of(record(given))) == given


@given(message_objects(), st.lists(message_objects(), max_size=3), values)
def test_a_tree_is_written_as_it_was_read_field_for_field(
    prompt: dict[str, Any], replies: list[dict[str, Any]], more: object
) -> None:
    nested = {"message_tree_id": "t", "prompt": {**prompt, "replies": replies}, "more": more}
    assert json.loads(line_of(tree_record(nested))) == nested


@given(message_objects(), st.sampled_from([Spelling.NATIVE, Spelling.HUB, Spelling.SPARSE]))
def test_every_spelling_says_the_same(given: dict[str, Any], spelling: Spelling) -> None:
    before = record(given)
    after = record(json.loads(line_of(before, spelling)))
    assert isinstance(before, MessageRecord)
    if spelling is Spelling.SPARSE:
        extra = {name: value for name, value in before.extra.items() if value is not None}
        assert after == record({**given, **dict.fromkeys(before.extra)}) or after.extra == extra
    else:
        assert after == before


def test_the_spellings_differ_where_they_should(tmp_path: Path) -> None:
    of = record(message("a", emojis={"+1": 2, "_skip_reply": 1}, rank=None))
    native, hub, sparse = (
        json.loads(line_of(of, spelling)) for spelling in (Spelling.NATIVE, Spelling.HUB, Spelling.SPARSE)
    )
    assert native["emojis"] == {"+1": 2, "_skip_reply": 1}
    assert hub["emojis"] == {"name": ["+1", "_skip_reply"], "count": [2, 1]}
    assert hub["labels"]["name"] == ["spam", "lang_mismatch"]
    assert native["rank"] is None
    assert "rank" not in sparse
    assert not [name for name, value in sparse.items() if value is None]


def test_the_same_records_give_the_same_bytes_whatever_the_name(tmp_path: Path) -> None:
    records = [tree_record(tree(message("a", replies=[message("b", "a")])))]
    write_records(tmp_path / "one.jsonl.gz", records)
    write_records(tmp_path / "two.jsonl.gz", records)
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    assert json.loads(gzip.decompress((tmp_path / "one.jsonl.gz").read_bytes()))["message_tree_id"] == "a"


def test_a_file_that_could_not_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "trees.jsonl"
    path.write_text("the old one")

    def broken() -> Any:
        yield record(message("a"))
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        write_records(path, broken())
    assert path.read_text() == "the old one"
    assert [found.name for found in tmp_path.iterdir()] == ["trees.jsonl"]


def test_a_full_disk_is_told_though_packing_is_done_behind() -> None:
    class Full(BytesIO):
        def write(self, piece: Any, /) -> int:
            if self.tell() + len(piece) > 100_000:
                raise OSError(28, "No space left on device")
            return super().write(piece)

    before = active_count()
    with pytest.raises(OSError, match="No space"), packed(Full()) as file:
        file.write(os.urandom(20 * PIECE))
    assert active_count() == before


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    with replacing(path) as file:
        file.write(b"half")
        assert not path.exists()
    assert path.read_bytes() == b"half"


def test_a_changed_record_is_written_changed(tmp_path: Path) -> None:
    nested = {"message_tree_id": "a", "prompt": {"message_id": "a", "text": "x", "role": "prompter", "replies": []}}
    changed = map_messages(tree_record(nested), lambda m: MessageRecord(m.message_id, "y", m.role, user_id="u"))
    assert json.loads(line_of(changed))["prompt"]["text"] == "y"
    assert json.loads(line_of(changed))["prompt"]["user_id"] == "u"


def test_flat_rows_and_trees_turn_into_each_other(tmp_path: Path) -> None:
    nested = tree(message("a", replies=[message("b", "a", rank=0), message("c", "a", rank=1)]))
    before = tree_record(nested)
    path = tmp_path / "rows.jsonl.gz"
    assert write_records(path, flat_messages(before), Spelling.HUB) == 3
    (after,) = read_trees(path)
    assert after == before
    assert [row.message_tree_id for row in read_messages(path)] == ["a", "a", "a"]


def test_a_tree_deeper_than_python_calls_may_nest_can_be_written() -> None:
    node = MessageRecord("m0", "deepest", "prompter")
    for depth in range(1, 3000):
        node = MessageRecord(f"m{depth}", "text", "prompter", replies=(node,))
    line = line_of(TreeRecord("m2999", node))
    assert line.count(b'"message_id"') == 3000
    assert sum(1 for _ in messages_of(TreeRecord("m2999", node))) == 3000


def test_what_is_no_number_is_not_written_though_a_text_may_say_so() -> None:
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON"):
            line_of(MessageRecord("a", "text", "prompter", extra={"score": wrong}))
    assert json.loads(line_of(MessageRecord("a", "NaN, -Infinity", "prompter")))["text"] == "NaN, -Infinity"


def test_votes_come_back_as_they_were(tmp_path: Path) -> None:
    said = [
        {"vote_id": "1", "kind": "labels", "message_id": "a", "voter": "p", "value": {"spam": 0, "quality": None}},
        {"vote_id": "2", "kind": "ranking", "parent_id": "a", "voter": None, "value": [["b"], ["c", "d"]], "more": 1},
        {"vote_id": "3", "kind": "reaction", "message_id": "a", "voter": "p", "value": "+1", "created_date": "2023"},
    ]
    read = list(read_votes(lines(tmp_path / "votes.jsonl", *said)))
    write_votes(tmp_path / "again.jsonl", read)
    assert [json.loads(line) for line in (tmp_path / "again.jsonl").read_text().splitlines()] == said


def test_records_of_a_file_are_written_in_the_spelling_in_which_each_was_read(tmp_path: Path) -> None:
    said = [as_columns(message("a", emojis={"+1": 1})), message("b", emojis={"+1": 1}), {"message_id": "c", "text": "",
            "role": "prompter"}]  # fmt: skip
    path = tmp_path / "again.jsonl"
    write_records(path, read_records(lines(tmp_path / "rows.jsonl", *said)))
    assert [json.loads(line) for line in path.read_text().splitlines()] == said
