"""What reading promises of files that are not as they should be."""

import gzip
import json
from pathlib import Path

import pytest

from espalier.dataset import lines as file_lines
from espalier.dataset import read
from espalier.dataset.findings import BadFile, Code, Finding, Findings
from espalier.dataset.read import read_messages, read_records, read_trees, read_votes
from espalier.dataset.records import MessageRecord, TreeRecord
from espalier.dataset.trees import messages_of
from oasst import lines, message, tree


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.jsonl"


def ids(path: Path, findings: Findings | None = None) -> list[str]:
    return [record.message_id for record in read_messages(path, findings or Findings())]


def only(findings: Findings) -> Finding:
    assert len(findings.first) == 1, findings.first
    return findings.first[0]


def test_a_trees_file_and_a_messages_file_hold_the_same_messages(file: Path) -> None:
    nested = tree(message("a", replies=[message("b", "a"), message("c", "a")]))
    flat = [message(name, parent, message_tree_id="a") for name, parent in (("a", None), ("b", "a"), ("c", "a"))]
    assert ids(lines(file, nested)) == ids(lines(file, *flat)) == ["a", "b", "c"]


def test_a_compressed_file_is_known_by_its_content_and_not_by_its_name(file: Path) -> None:
    file.write_bytes(gzip.compress(json.dumps(message("a")).encode()))
    assert ids(file) == ["a"]


def test_a_plain_file_named_gz_is_read_as_it_is(tmp_path: Path) -> None:
    assert ids(lines(tmp_path / "some.jsonl.gz", message("a"))) == ["a"]


def test_byte_order_mark_empty_lines_and_windows_line_ends_mean_nothing(file: Path) -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(message("a")).encode() + b"\r\n\r\n\n  \n" + json.dumps(message("b")).encode()
    findings = Findings()
    assert ids(lines(file, raw), findings) == ["a", "b"]
    assert not findings.first


def test_an_empty_file_holds_nothing(file: Path) -> None:
    assert ids(lines(file)) == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"\xff\xfe not text\n", Code.NOT_UTF8),
        (b'{"message_id": "x", "te\n', Code.NOT_JSON),
        (b'{"message_id": "x", "text": "t", "role": "prompter", "rank": NaN}\n', Code.NOT_JSON),
        (b'{"message_id": "x", "text": "t", "role": "prompter", "score": -Infinity}\n', Code.NOT_JSON),
        (b"[" * 100_000 + b"\n", Code.TOO_DEEP),
        (b'{"message_id": "x", "more": ' + b"[" * 5000 + b"]" * 5000 + b"}\n", Code.TOO_DEEP),
        (b'{"message_id": "x", "text": "t", "role": "prompter", "n": ' + b"9" * 5000 + b"}\n", Code.NUMBER_TOO_LARGE),
        (b'{"message_id": "x", "text": "\\ud800", "role": "prompter"}\n', Code.LONE_SURROGATE),
        (b'{"message_id": "x", "text": "t", "role": "prompter", "\\uDfff": 1}\n', Code.LONE_SURROGATE),
        (b"[1, 2]\n", Code.UNKNOWN_RECORD),
        (b"null\n", Code.UNKNOWN_RECORD),
        (b'{"thread": []}\n', Code.UNKNOWN_RECORD),
        (b'{"message_id": "x", "role": "prompter"}\n', Code.MISSING_FIELD),
        (b'{"message_tree_id": "x"}\n', Code.MISSING_FIELD),
    ],
)
def test_a_bad_line_stops_nothing(file: Path, line: bytes, code: Code) -> None:
    findings = Findings()
    assert ids(lines(file, message("a"), line, message("b")), findings) == ["a", "b"]
    found = only(findings)
    assert (found.code, found.file, found.line, found.lost) == (code, str(file), 2, True)


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"message_id": 7}, "$.message_id"),
        ({"message_id": ""}, "$.message_id"),
        ({"message_id": "x" * 256}, "$.message_id"),
        ({"message_id": "a\0b"}, "$.message_id"),
        ({"text": ["t"]}, "$.text"),
        ({"role": None}, "$.role"),
        ({"user_id": 3}, "$.user_id"),
        ({"review_count": "3"}, "$.review_count"),
        ({"review_count": True}, "$.review_count"),
        ({"review_count": 2**31}, "$.review_count"),
        ({"rank": -1}, "$.rank"),
        ({"rank": 1.5}, "$.rank"),
        ({"deleted": 0}, "$.deleted"),
        ({"emojis": []}, "$.emojis"),
        ({"emojis": {"+1": "2"}}, "$.emojis.+1"),
        ({"emojis": {"name": ["+1"], "count": [2, 3]}}, "$.emojis.count"),
        ({"emojis": {"name": ["+1"], "count": [2], "who": ["me"]}}, "$.emojis.who"),
        ({"emojis": {"name": ["+1", "+1"], "count": [2, 3]}}, "$.emojis.name"),
        ({"labels": {"spam": 0.5}}, "$.labels.spam"),
        ({"labels": {"spam": {"value": 0.5}}}, "$.labels.spam.count"),
        ({"labels": {"spam": {"value": "0.5", "count": 1}}}, "$.labels.spam.value"),
        ({"labels": {"name": ["spam"], "value": [0.5], "count": [-1]}}, "$.labels.count[0]"),
        ({"labels": {"name": ["spam", 3], "value": [0.5, 0.5], "count": [1, 1]}}, "$.labels.name[1]"),
        ({"replies": {}}, "$.replies"),
        ({"replies": [message("b", "x", replies=[message("c", "b", text=None)])]}, "$.replies[0].replies[0].text"),
    ],
)
def test_a_wrong_value_is_found_with_its_path(file: Path, wrong: dict[str, object], path: str) -> None:
    findings = Findings()
    assert ids(lines(file, {**message("x"), **wrong}, message("y")), findings) == ["y"]
    assert (only(findings).path, only(findings).line, findings.lost) == (path, 1, 1)


def test_a_number_too_large_for_any_double_is_found_in_fields_of_unknown_meaning_too(file: Path) -> None:
    line = b'{"message_id": "x", "text": "t", "role": "prompter", "detoxify": {"toxicity": [1e999]}}\n'
    findings = Findings()
    assert ids(lines(file, line), findings) == []
    assert only(findings).path == "$.detoxify"


@pytest.mark.parametrize(
    ("spelled", "path"),
    [
        ('"x": ' + "[" * 500 + "1" + "]" * 500, "$.x"),
        ('"x": ' + '{"a":' * 200 + "1" + "}" * 200, "$.x"),
        ('"labels": {"spam": {"value": 0, "count": 1, "x": 1e999}}', "$.labels.spam"),
        ('"labels": {"spam": {"value": 0, "count": 1, "x": ' + "[" * 500 + "]" * 500 + "}}", "$.labels.spam"),
        ('"labels": {"name": ["spam"], "value": [0], "count": [1], "x": [1e999]}', "$.labels.x"),
    ],
)
def test_what_could_not_be_written_again_is_not_read(file: Path, spelled: str, path: str) -> None:
    line = '{"message_id": "x", "text": "t", "role": "prompter", ' + spelled + "}\n"
    findings = Findings()
    assert ids(lines(file, line.encode()), findings) == []
    assert only(findings).path == path


def test_strict_reading_stops_at_the_first_bad_line_and_says_which(file: Path) -> None:
    lines(file, message("a"), b"nonsense\n", message("b"))
    reader = read_records(file, strict=True)
    assert isinstance(next(reader), MessageRecord)
    with pytest.raises(BadFile, match=r"some\.jsonl:2: .*not JSON"):
        next(reader)


def test_strict_reading_does_not_mind_a_fault_of_the_structure(file: Path) -> None:
    lines(file, message("a", "nobody"))
    assert len(list(read_records(file, strict=True))) == 1


def test_what_was_read_before_a_truncated_end_is_kept(file: Path) -> None:
    packed = gzip.compress(b"".join(json.dumps(message(f"m{i}")).encode() + b"\n" for i in range(2000)))
    file.write_bytes(packed[: len(packed) // 2])
    findings = Findings()
    found = ids(file, findings)
    assert 0 < len(found) < 2000
    assert found == [f"m{i}" for i in range(len(found))]
    assert only(findings).code is Code.BROKEN_GZIP


def test_damage_inside_a_compressed_file_is_found(file: Path) -> None:
    packed = bytearray(gzip.compress(json.dumps(message("a")).encode(), mtime=0))
    packed[-6] ^= 0xFF  # the checksum
    file.write_bytes(packed)
    findings = Findings()
    ids(file, findings)
    assert only(findings).code is Code.BROKEN_GZIP


def test_a_compressed_file_that_breaks_at_its_beginning_breaks_in_line_one(file: Path) -> None:
    file.write_bytes(gzip.compress(b"")[:8] + b"broken")
    findings = Findings()
    assert ids(file, findings) == []
    assert (only(findings).code, only(findings).line) == (Code.BROKEN_GZIP, 1)


def test_a_line_without_end_does_not_fill_the_memory(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lines, "LONGEST_LINE", 500)
    long = json.dumps(message("long", text="x" * 2000)).encode() + b"\n"
    findings = Findings()
    assert ids(lines(file, message("a"), long, message("b")), findings) == ["a", "b"]
    assert (only(findings).code, only(findings).line) == (Code.TOO_LONG, 2)


def test_findings_are_all_counted_but_not_all_kept(file: Path) -> None:
    findings = Findings()
    ids(lines(file, *[b"nonsense\n"] * 3000), findings)
    assert findings.lost == findings.counts[Code.NOT_JSON] == 3000
    assert len(findings.first) == 1000


def test_flat_rows_become_trees_also_when_they_are_mixed(file: Path) -> None:
    rows = [message(name, parent, message_tree_id=name[0]) for name, parent in (
        ("a", None), ("b", None), ("a2", "a1"), ("b1", "b"), ("a1", "a"),
    )]  # fmt: skip
    rows[2]["role"] = "prompter"
    made = {
        found.message_tree_id: [m.message_id for m in messages_of(found)] for found in read_trees(lines(file, *rows))
    }
    assert made == {"b": ["b", "b1"], "a": ["a", "a1", "a2"]}


@pytest.mark.parametrize("kept", [0, 1, 3, 100])
def test_rows_that_wait_long_are_kept_small_and_come_back_as_they_were(
    file: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    rows = [message(f"t{i}", message_tree_id=f"t{i}", detoxify={"toxicity": 0.1}, user_id="ann") for i in range(5)]
    rows += [
        message(f"r{i}", f"t{i}", message_tree_id=f"t{i}", emojis={"name": ["+1"], "count": [i]}) for i in range(5)
    ]
    expected = list(read_trees(lines(file, *rows)))
    monkeypatch.setattr(read, "MOST_ROWS_AS_THEY_ARE", kept)
    found = list(read_trees(file))
    assert found == expected
    assert [m.line for each in found for m in messages_of(each)] == [1, 6, 2, 7, 3, 8, 4, 9, 5, 10]


def test_flat_rows_without_a_tree_id_are_put_together_by_their_parents(file: Path) -> None:
    rows = [message("c", "b", role="prompter"), message("b", "a"), message("z"), message("a"), message("y", "z")]
    made = [[m.message_id for m in messages_of(found)] for found in read_trees(lines(file, *rows))]
    assert sorted(made) == [["a", "b", "c"], ["z", "y"]]


def test_a_row_that_stands_in_no_tree_is_lost_once_and_for_its_own_fault(file: Path) -> None:
    rows = [
        message("a", message_tree_id="a"),
        message("orphan", "nobody", message_tree_id="a"),
        message("below", "orphan", message_tree_id="a", role="prompter"),
        message("x", "y", message_tree_id="a"),
        message("y", "x", message_tree_id="a", role="prompter"),
        message("a", message_tree_id="a"),
    ]
    findings = Findings()
    (found,) = read_trees(lines(file, *rows), findings)
    assert [m.message_id for m in messages_of(found)] == ["a"]
    assert sorted((finding.line, finding.code) for finding in findings.first if finding.lost) == [
        (2, Code.ORPHAN), (3, Code.IN_NO_TREE), (4, Code.CYCLE), (5, Code.CYCLE), (6, Code.DUPLICATE_ID)
    ]  # fmt: skip
    assert findings.lost == findings.counts.total() - findings.counts[Code.NO_LABELS] == 5


def test_a_tree_whose_rows_partly_cannot_be_read_is_still_given(file: Path) -> None:
    bad = message("b", "a", message_tree_id="a", rank="first")
    (found,) = read_trees(lines(file, message("a", message_tree_id="a"), bad))
    assert [m.message_id for m in messages_of(found)] == ["a"]


def test_a_deep_flat_conversation_becomes_a_tree(file: Path) -> None:
    rows = [message("m0")]
    for depth in range(1, 3000):
        rows.append(message(f"m{depth}", f"m{depth - 1}", role="assistant" if depth % 2 else "prompter"))
    (found,) = read_trees(lines(file, *rows))
    assert sum(1 for _ in messages_of(found)) == 3000


VOTE = {"vote_id": "v", "kind": "labels", "message_id": "m", "voter": "p", "value": {"spam": 0, "quality": None}}


def test_votes_of_every_kind_are_read(file: Path) -> None:
    ranking = {"vote_id": "r", "kind": "ranking", "parent_id": "m", "value": [["a"], ["b", "c"]], "weight": 2}
    reaction = {"vote_id": "e", "kind": "reaction", "message_id": "m", "value": "+1"}
    votes = list(read_votes(lines(file, VOTE, ranking, reaction)))
    assert [(vote.kind, vote.subject) for vote in votes] == [("labels", "m"), ("ranking", "m"), ("reaction", "m")]
    assert votes[1].extra == {"weight": 2}


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"kind": "applause"}, "$.kind"),
        ({"message_id": None}, "$.message_id"),
        ({"value": {"spam": 1.5}}, "$.value.spam"),
        ({"value": None}, "$.value"),
        ({"kind": "ranking", "parent_id": "m", "value": [["a"], ["a"]]}, "$.value[1]"),
        ({"kind": "ranking", "parent_id": "m", "value": [[]]}, "$.value[0]"),
        ({"kind": "ranking", "parent_id": "m", "value": [[1]]}, "$.value"),
        ({"kind": "reaction", "value": 3}, "$.value"),
        ({"vote_id": None}, "$.vote_id"),
    ],
)
def test_a_vote_that_cannot_be_is_found(file: Path, wrong: dict[str, object], path: str) -> None:
    findings = Findings()
    assert list(read_votes(lines(file, {**VOTE, **wrong}), findings)) == []
    assert only(findings).path == path


def test_a_line_with_both_ids_is_a_message(file: Path) -> None:
    (found,) = read_records(lines(file, message("a", message_tree_id="a")))
    assert isinstance(found, MessageRecord)
    (found,) = read_records(lines(file, tree(message("a"))))
    assert isinstance(found, TreeRecord)
