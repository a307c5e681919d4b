"""A release is made again byte for byte, hides and leaves out whom it must, and a check names what is wrong with it."""

import gzip
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import datasets
import pytest

from espalier import demo
from espalier.dataset.about import About, CardFile
from espalier.dataset.card import write_card
from espalier.dataset.describe import describe
from espalier.dataset.parts import Wanted
from espalier.dataset.read import read_messages, read_trees, read_votes
from espalier.dataset.records import TreeRecord, VoteRecord
from espalier.dataset.release import NothingToRelease, Plan, ReleaseThere, Source, freeze
from espalier.dataset.split import Shares
from espalier.dataset.stamp import checksum, files_in, read_stamp, read_sums, write_stamp
from espalier.dataset.tombstones import Gone, is_tombstone, on_these
from espalier.dataset.trees import flat_messages, messages_of
from espalier.dataset.verify import verify
from espalier.safety.duplicates import near_duplicates

KEY = b"a key that nobody guesses"
PLAN = Plan("demo", licence="cc-by-4.0", split=Wanted(Shares({"validation": 0.2})), key=KEY)


def alike(threshold: float) -> partial[list[list[int]]]:
    return partial(near_duplicates, threshold=threshold)


@pytest.fixture(scope="module")
def given() -> tuple[list[TreeRecord], list[VoteRecord]]:
    """The demo's trees and votes."""
    with as_file(demo.TREES) as trees, as_file(demo.VOTES) as votes:
        return list(read_trees(trees)), list(read_votes(votes))


@pytest.fixture
def source(given: tuple[list[TreeRecord], list[VoteRecord]]) -> Source:
    trees, votes = given
    return Source(lambda: trees, lambda: votes, ("demo",), {"base": {}}, {"policy_version": 1})


@pytest.fixture
def release(tmp_path: Path, source: Source) -> Path:
    freeze(tmp_path / "demo", PLAN, source, alike)
    return tmp_path / "demo"


def faults(folder: Path) -> list[str]:
    return list(verify(folder, alike))


def test_the_same_again_gives_the_same_bytes_and_nothing_is_wrong_with_it(
    release: Path, tmp_path: Path, source: Source
) -> None:
    freeze(tmp_path / "again", PLAN, source, alike)
    first, second = (
        {name: path.read_bytes() for name, path in files_in(each).items()} for each in (release, tmp_path / "again")
    )
    assert first == second
    assert faults(release) == []
    assert not list(tmp_path.glob(".*"))  # no half release is left


def test_datasets_opens_the_folder_without_a_word_more_even_when_nobody_voted(
    given: tuple[list[TreeRecord], list[VoteRecord]], tmp_path: Path
) -> None:
    trees, _ = given

    def card(folder: Path, about: About, files: Sequence[CardFile]) -> None:
        write_card(folder / "README.md", describe(trees, with_topics=False), about, files)

    freeze(tmp_path / "unvoted", PLAN, Source(lambda: trees, list), alike, card)
    folder = str(tmp_path / "unvoted")
    datasets.disable_progress_bars()
    opened = datasets.load_dataset(folder, cache_dir=str(tmp_path / "cache"))
    assert opened.num_rows == {
        part: sum(1 for _ in read_messages(tmp_path / f"unvoted/data/{part}.trees.jsonl.gz"))
        for part in ("train", "validation")
    }
    assert datasets.get_dataset_config_names(folder) == ["messages"]


def test_its_files_hold_the_trees_the_rows_and_the_votes(release: Path, given: Any) -> None:
    trees, votes = given
    parts = {part: list(read_trees(release / f"data/{part}.trees.jsonl.gz")) for part in ("train", "validation")}
    assert sum(map(len, parts.values())) == len(trees)
    for part, found in parts.items():
        rows = [message for tree in found for message in flat_messages(tree)]
        table = list(read_messages(release / f"data/{part}.messages.parquet"))
        assert [row.message_id for row in rows] == [row.message_id for row in table]
        assert [(row.text, row.labels, row.rank) for row in rows] == [(row.text, row.labels, row.rank) for row in table]
    assert [vote.vote_id for vote in read_votes(release / "data/votes.jsonl.gz")] == [vote.vote_id for vote in votes]
    counts = read_stamp(release).said["counts"]
    assert counts["train"]["trees"] == len(parts["train"])
    assert sum(counts[part]["messages"] for part in parts) == sum(1 for tree in trees for _ in messages_of(tree))
    assert sum(counts["votes"].values()) == len(votes)
    assert read_sums(release)["release.json"] == checksum(release / "release.json")


def test_people_are_hidden_and_what_was_deleted_leaves_its_place_alone(release: Path, given: Any) -> None:
    trees, votes = given
    people = {message.user_id for tree in trees for message in messages_of(tree)} | {vote.voter for vote in votes}
    said = b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in files_in(release).values()
    )
    assert not [person for person in people - {None} if person.encode() in said]
    deleted = {message.message_id for tree in trees for message in messages_of(tree) if message.deleted}
    found = [
        message for tree in read_trees(release / "data/train.trees.jsonl.gz") for message in messages_of(tree)
    ]  # fmt: skip
    assert {message.message_id for message in found if is_tombstone(message)} == deleted & {
        message.message_id for message in found
    }


def test_who_is_gone_leaves_tombstones_and_no_votes(tmp_path: Path, source: Source, given: Any) -> None:
    trees, votes = given
    person = max((vote.voter for vote in votes), key=[vote.voter for vote in votes].count)
    theirs = {message.message_id for tree in trees for message in messages_of(tree) if message.user_id == person}
    assert theirs
    plan = replace(PLAN, key=None, gone=Gone(frozenset({person})))
    said = freeze(tmp_path / "demo", plan, source, alike)
    assert said["people"] == "as they came"
    found = [message for part in ("train", "validation")
             for message in read_messages(tmp_path / f"demo/data/{part}.messages.parquet")]  # fmt: skip
    assert len(found) == sum(1 for tree in trees for _ in messages_of(tree))
    assert theirs <= {message.message_id for message in found if is_tombstone(message)}
    assert not [vote for vote in read_votes(tmp_path / "demo/data/votes.jsonl.gz") if vote.voter == person]
    assert person.encode() not in (tmp_path / "demo/release.json").read_bytes()
    assert faults(tmp_path / "demo") == []


def test_what_is_filtered_out_takes_its_votes_along(tmp_path: Path, source: Source) -> None:
    plan = replace(PLAN, where=("lang=en", "state=ready_for_export", "accepted=true"))
    said = freeze(tmp_path / "demo", plan, source, alike)
    assert said["filters"]["where"] == list(plan.where)
    assert set(said["counts"]["train"]["langs"]) == {"en"}
    assert set(said["counts"]["train"]["states"]) == {"ready_for_export"}
    assert faults(tmp_path / "demo") == []  # no vote speaks of what is not there


def test_a_ranking_loses_the_replies_that_are_not_released() -> None:
    vote = VoteRecord("1", "ranking", parent_id="p", value=[["a", "b"], ["c"], ["d"]])
    (left,) = on_these([vote], {"p", "a", "d"})
    assert left.value == [["a"], ["d"]]
    assert list(on_these([vote], {"p", "a"})) == []
    assert list(on_these([vote], {"a", "b", "c", "d"})) == []


def test_it_bears_the_day_of_its_youngest_message_or_the_one_that_is_given(
    release: Path, tmp_path: Path, source: Source, given: Any
) -> None:
    trees, votes = given
    dates = [message.created_date for tree in trees for message in messages_of(tree)]
    dates += [vote.created_date for vote in votes]
    assert read_stamp(release).said["date"] == max(each for each in dates if each)[:10]
    said = freeze(tmp_path / "dated", replace(PLAN, made=date(2020, 2, 2)), source, alike)
    assert said["date"] == "2020-02-02"


def test_a_release_goes_on_from_the_split_of_the_one_before(release: Path, tmp_path: Path, source: Source) -> None:
    parts = json.loads((release / "split.json").read_bytes())["parts"]
    wanted = Wanted(Shares({"validation": 0.2}, seed="other"), previous=parts)
    freeze(tmp_path / "next", replace(PLAN, split=wanted), source, alike)
    assert json.loads((tmp_path / "next/split.json").read_bytes())["parts"] == parts
    assert faults(tmp_path / "next") == []


def test_by_author_nobody_stands_on_two_sides(tmp_path: Path, source: Source) -> None:
    plan = replace(PLAN, split=Wanted(Shares({"validation": 0.2}), by_author=True))
    said = freeze(tmp_path / "demo", plan, source, alike)
    assert said["left_out"]["messages_cut_by_author"] > 0
    assert faults(tmp_path / "demo") == []


def test_a_release_is_never_changed(release: Path, source: Source) -> None:
    with pytest.raises(ReleaseThere, match="a release is never changed"):
        freeze(release, PLAN, source, alike)


def test_where_nothing_is_left_nothing_is_made(tmp_path: Path, source: Source) -> None:
    with pytest.raises(NothingToRelease):
        freeze(tmp_path / "demo", replace(PLAN, where=("lang=xx",)), source, alike)
    assert list(tmp_path.iterdir()) == []


def test_what_breaks_in_the_middle_leaves_nothing(tmp_path: Path, source: Source) -> None:
    def broken(folder: Path, about: object, files: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        freeze(tmp_path / "demo", PLAN, source, alike, broken)
    assert list(tmp_path.iterdir()) == []


# What a check finds: each change to a sound release, and what it says of it.


def _append(name: str) -> Callable[[Path], None]:
    def change(release: Path) -> None:
        with (release / name).open("ab") as file:
            file.write(b" ")

    return change


def _swap(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    """Other bytes of the same length in a packed file, stamped anew as who wants to deceive would do."""

    def change(release: Path) -> None:
        path = release / name
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert old in text
        text = text.replace(old, new, 1)
        path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
        restamp(release)

    return change


def restamp(release: Path) -> None:
    said = dict(read_stamp(release).said)
    del said["files"]
    (release / "release.json").unlink()
    (release / "SHA256SUMS").unlink()
    write_stamp(release, said, {})


def _twice(release: Path) -> None:
    path = release / "data/train.trees.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join([*lines, lines[0]]), mtime=0))
    restamp(release)


def _moved(release: Path) -> None:
    path = release / "split.json"
    said = json.loads(path.read_bytes())
    tree_id = next(tree_id for tree_id, part in said["parts"].items() if part == "train")
    said["parts"][tree_id] = "validation"
    path.write_text(json.dumps(said))
    restamp(release)


def _miscounted(release: Path) -> None:
    said = dict(read_stamp(release).said)
    said["counts"]["train"]["trees"] += 1
    (release / "release.json").write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_append("data/train.messages.parquet"), "train.messages.parquet has .* bytes; it had"),
        (lambda release: (release / "data/votes.parquet").unlink(), "votes.parquet is not there"),
        (lambda release: (release / "extra.txt").write_text("?"), "extra.txt is no part of the release"),
        (lambda release: (release / "release.json").unlink(), "release.json cannot be read: No such file"),
        (lambda release: (release / "release.json").write_text("{}"), "has the format None; this program knows 1"),
        (lambda release: (release / "SHA256SUMS").write_text("no"), "SHA256SUMS:1: must be a checksum"),
        (lambda release: (release / "SHA256SUMS").write_text(""), "SHA256SUMS has no line for split.json"),
        (lambda release: (release / "split.json").write_text("{}"), "the field shares_by_lang is missing"),
        (_swap("data/train.trees.jsonl.gz", b'"text":"', b'"text":"!'), "where .* of the tree .* belongs"),
        (_swap("data/train.trees.jsonl.gz", b'"lang":"en"', b'"lang":"de"'), "is not what the trees say"),
        (_swap("data/train.trees.jsonl.gz", b'"user_id":"', b'"user_id":"x'), "is not hidden behind a keyed hash"),
        (
            _swap("data/train.trees.jsonl.gz", b'"deleted":true', b'"text":"still","deleted":true'),
            "is deleted, but its text or author is still there",
        ),
        (_swap("data/train.trees.jsonl.gz", b"{", b"["), "train.trees.jsonl.gz:1: .* is not JSON"),
        (_swap("data/votes.jsonl.gz", b'"message_id":"', b'"message_id":"x'), "speaks of x.*, which is not in"),
        (_swap("data/votes.jsonl.gz", b'"voter":"', b'"voter":"x'), "The voter|the voter of .* is not hidden"),
        (_swap("data/votes.jsonl.gz", b'"spam":0', b'"spam":1'), "votes.parquet does not say of the vote"),
        (_twice, "stands in train already"),
        (_moved, "stands in train, but .*split.json has it in validation"),
        (_moved, "split.json has the tree .* in validation; its seed and shares say train"),
        (_miscounted, r"says counts.train.trees = \d+; the files hold \d+"),
        (_miscounted, "SHA256SUMS has another checksum for release.json than that file has"),
    ],
)
def test_a_check_names_what_is_wrong(release: Path, change: Callable[[Path], Any], says: str) -> None:
    change(release)
    found = faults(release)
    assert found
    assert any(re.search(says, fault) for fault in found), found
    assert all(fault.endswith(".") for fault in found)
