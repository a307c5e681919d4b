"""What is wrong with a file is said in a sentence with file and line, and all that is sound in it is there."""

import gzip
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commands import Run
from espalier.dataset import lines as file_lines
from espalier.dataset.read import read_messages
from oasst import message

FINE: Final = {
    "lang": "en",
    "labels": {"spam": {"value": 0.0, "count": 1}, "lang_mismatch": {"value": 0.0, "count": 1}},
}


def row(name: str, parent: str | None = None, **more: Any) -> dict[str, Any]:
    return message(name, parent, **{**FINE, **more})


def raw(*rows: object) -> bytes:
    return b"".join(each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in rows)


def between(*rows: object) -> bytes:
    """The rows between a sound one and another."""
    return raw(row("a"), *rows, row("b"))


def packed(count: int) -> bytes:
    return gzip.compress(raw(*(row(f"m{number:04}", text=f"text {number * 7919}") for number in range(count))), mtime=0)


def broken(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


def table(*rows: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), file)
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as into:
        into.writestr("trees.jsonl", between())
    return file.getvalue()


nested = {"message_tree_id": "t", "tree_state": "growing", "prompt": row("t", replies=[row("u", "elsewhere")])}
AB: Final = ["a", "b"]
CASES: Final[dict[str, tuple[bytes, str, list[str]]]] = {
    # the bytes
    "not utf-8": (between(b'{"text": "caf\xe9"}\n'), "2: $: byte 14 of the line is not UTF-8", AB),
    "utf-16": (between().decode().encode("utf-16"), "1: $: the file is UTF-16; save it as UTF-8", []),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(500), "1: $: the file is a picture", []),
    "a zip archive": (archive(), "1: $: the file is a ZIP archive; unpack it first", []),
    "a web page": (b"<!DOCTYPE html>\n<title>404</title>\n", "1: $: the file is a web page", []),
    "a git lfs pointer": (b"version https://git-lfs.github.com/spec/v1\n",
                          "1: $: the file is a pointer of Git LFS", []),
    "gzip checksum": (broken(gzip.compress(between(), mtime=0), -6), "3: $: the compressed file ends or breaks", AB),
    "a line too long": (between(row("long", text="x" * 5000)), "2: $: is longer than 2,000 bytes", AB),
    # the JSON
    "half a line": (between(b'{"message_id": "x", "te\n'), "2: $: is not JSON: Unterminated string", AB),
    "two on a line": (between(b'{"message_id": "x"} {"message_id": "y"}\n'), "2: $: is not JSON: Extra data", AB),
    "python, not json": (between(b"{'message_id': 'x', 'text': None}\n"), "2: $: is not JSON: Expecting property", AB),
    "comma separated": (b"message_id,text,role\na,A,prompter\n", "1: $: is not JSON: Expecting value", []),
    "nan": (between(b'{"message_id": "x", "rank": NaN}\n'), "2: $: holds NaN, which JSON does not know", AB),
    "too large a number": (between(raw(row("x", score=7)).replace(b": 7", b": 1e999")),
                           "2: $.score: holds a number", AB),
    "too deep": (between(b"[" * 50_000 + b"\n"), "2: $: is nested too deeply", AB),
    "half a surrogate": (between(b'{"message_id": "x", "text": "\\ud83d"}\n'), "2: $: holds half of a surrogate", AB),
    "no object": (between(b'"a text"\n'), "2: $: is not an object", AB),
    "a list that ends early": (b"[\n" + raw(row("a")).strip() + b",\n" + raw(row("b"))[:30],
                               "3: $: is not JSON", ["a"]),
    # the record
    "another format": (between({"messages": []}), "2: $: is neither a message (no message_id) nor a tree", AB),
    "a missing field": (between({"message_id": "x", "role": "prompter"}), "2: $.text: is missing", AB),
    "a wrong type": (between(row("x", rank="first")), "2: $.rank: must be a whole number from 0", AB),
    "a label without count": (between(row("x", labels={"spam": {"value": 0}})),
                              "2: $.labels.spam.count: is missing", AB),
    # the structure, of which nothing is lost that has a place
    "the same id twice": (between(row("a")), "2: $.message_id: a is the id of an earlier message", AB),
    "an orphan": (between(row("x", "nobody")), "2: $.parent_id: replies to nobody, which is not in its tree", AB),
    "a cycle": (between(row("x", "y"), row("y", "x")), "2: $.parent_id: its parents lead back to itself", AB),
    "an unknown role": (between(row("x", role="narrator")), "2: $.role: there is no role 'narrator'", ["a", "x", "b"]),
    "a state of no tree": (between(row("x", message_tree_id="x", tree_state="ripe")),
                           "2: $.tree_state: there is no state 'ripe'", ["a", "x", "b"]),
    "a label of nobody": (between(row("x", labels={"shiny": {"value": 0, "count": 1}})),
                          "2: $.labels.shiny: there is no label 'shiny'", ["a", "x", "b"]),
    "a label beyond 1": (between(row("x", labels={"spam": {"value": 5, "count": 1}})),
                         "2: $.labels.spam.value: is 5, not from 0 to 1", ["a", "x", "b"]),
    "a date that is none": (between(row("x", created_date="30 February")),
                            "2: $.created_date: '30 February' is not a date in ISO 8601", ["a", "x", "b"]),
    "a nul character": (between(row("x", text="a\0b")), "2: $.text: holds a NUL character", ["a", "x", "b"]),
    "no text": (between(row("x", text=" ")), "2: $.text: is empty, though the message is not", ["a", "x", "b"]),
    "another parent": (between(nested), "2: $.prompt.replies[0].parent_id: stands below t but names elsewhere",
                       ["a", "t", "u", "b"]),
    # tables
    "half a table": (table(row("a"), row("b"))[:-30], "1: $: is no whole Parquet file", []),
    "a table of other things": (table({"x": 1}, {"x": 2}), "2: $: is neither a message (no message_id) nor a tree", []),
    "a row without text": (table(row("a"), row("x", text=None), row("b")), "2: $.text: must not be null", AB),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_a_sentence_with_its_place_and_spoils_nothing_else(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    content, says, ids = CASES[case]
    monkeypatch.setattr(file_lines, "LONGEST_LINE", 2000 if case == "a line too long" else 2**20)
    (tmp_path / "given").write_bytes(content)
    ended = run("dataset", "convert", "given", "rows.jsonl", "--as", "messages", "--with-refused", "--with-deleted")
    assert f"given:{says}" in ended.err
    assert "Traceback" not in ended.err
    target = tmp_path / "rows.jsonl"
    assert (ended.code, target.exists()) == ((0, True) if ids else (1, False))
    assert [each.message_id for each in (read_messages(target) if ids else ())] == ids


@pytest.mark.parametrize(("content", "says"), [(b"", "given is empty."), (None, "given is a folder")])
def test_what_is_no_file_to_read_ends_the_command(run: Run, tmp_path: Path, content: bytes | None, says: str) -> None:
    given = tmp_path / "given"
    if content is None:
        given.mkdir()
    else:
        given.write_bytes(content)
    ended = run("dataset", "convert", "given", "rows.jsonl")
    assert (ended.code, says in ended.err) == (1, True)
    assert not (tmp_path / "rows.jsonl").exists()


def test_a_stream_is_not_half_read(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "given")
    ended = run("dataset", "convert", "given", "rows.jsonl")
    assert (ended.code, "given is a stream" in ended.err) == (1, True)


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_of_a_packed_file_that_ends_early_the_beginning_is_there(run: Run, tmp_path: Path, cut: float) -> None:
    content = packed(3000)
    (tmp_path / "given").write_bytes(content[: int(len(content) * cut)])
    ended = run("dataset", "convert", "given", "rows.jsonl", "--as", "messages", "--with-refused")
    found = [each.message_id for each in read_messages(tmp_path / "rows.jsonl")]
    assert 0 < len(found) < 3000
    assert found == [f"m{number:04}" for number in range(len(found))]
    assert f"given:{len(found) + 1}: $: the compressed file ends or breaks here, the rest is lost" in ended.err


def test_what_was_not_printed_is_counted_at_the_end(run: Run, tmp_path: Path) -> None:
    (tmp_path / "given").write_bytes(raw(row("a"), *[b"no line of JSON\n"] * 7))
    ended = run("dataset", "convert", "given", "rows.jsonl", "--as", "messages")
    assert ended.err.count("is not JSON") == 5
    assert "7 findings; 7 records were lost." in ended.err
    assert "7  not_json, of which 5 are shown" in ended.err


def test_of_a_sound_file_nothing_is_summed_up(run: Run, tmp_path: Path) -> None:
    (tmp_path / "given").write_bytes(raw(row("a"), row("b")))
    assert run("dataset", "convert", "given", "rows.jsonl", "--as", "messages").err == ""
