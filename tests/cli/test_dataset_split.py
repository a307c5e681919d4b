"""`espalier dataset split`, as somebody types it."""

import json
from pathlib import Path

import pytest

from commands import Run
from espalier.dataset.read import read_trees


def ids(file: Path) -> set[str]:
    return {tree.message_tree_id for tree in read_trees(file)}


def test_it_writes_the_parts_and_says_what_each_has(run: Run, demo_files: tuple[Path, Path]) -> None:
    trees, _ = demo_files
    ran = run("dataset", "split", trees, "--into", "parts", "--share", "validation=0.2", "--share", "test=0.1")
    assert ran.code == 0
    parts = [ids(Path("parts", f"{part}.trees.jsonl.gz")) for part in ("train", "validation", "test")]
    assert set.union(*parts) == ids(trees)
    assert sum(map(len, parts)) == len(ids(trees))
    (all_trees,) = [line.split() for line in ran.out.splitlines() if line.startswith("all ")]
    assert all_trees[1:3] == [str(len(ids(trees))), str(len(parts[0]))]
    assert f"parts/test.trees.jsonl.gz: {len(parts[2])} tree" in ran.out


def test_an_earlier_split_goes_on_under_another_seed(run: Run, demo_files: tuple[Path, Path]) -> None:
    trees, _ = demo_files
    run("dataset", "split", trees, "--into", "first", "--share", "validation=0.3")
    run(
        "dataset", "split", trees, "--into", "second", "--share", "validation=0.3", "--seed", "b", "--previous", "first"
    )
    run("dataset", "split", trees, "--into", "third", "--share", "validation=0.3", "--seed", "b")
    first, second, third = (
        json.loads(Path(each, "split.json").read_bytes())["parts"] for each in ("first", "second", "third")
    )
    assert first == second != third


def test_by_author_nobody_stands_on_two_sides(run: Run, demo_files: tuple[Path, Path]) -> None:
    trees, _ = demo_files
    ran = run("dataset", "split", trees, "--into", "parts", "--share", "validation=0.3", "--by-author")
    assert "left out, so that nobody writes on two sides" in ran.out
    told = run("dataset", "split", trees, "--into", "plain", "--share", "validation=0.3")
    assert "wrote on both sides; --by-author keeps the sides apart" in told.out


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--share", "half"], "'half' is no share"),
        (["--share", ":a=1"], "':a=1' is no share"),
        (["--share", "train=0.5"], "Train gets what the others leave"),
        (["--previous", "none.json"], "none.json cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    run: Run, demo_files: tuple[Path, Path], given: list[str], says: str
) -> None:
    ran = run("dataset", "split", demo_files[0], "--into", "parts", *given)
    assert ran.code in (1, 2)
    assert says in ran.err
    assert not Path("parts").exists()


def test_where_nothing_can_be_read_nothing_is_written_and_the_command_ends_with_1(run: Run) -> None:
    picture = Path("picture.jsonl")
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    kept = Path("chats.jsonl")
    kept.write_text("kept\n")
    for words in (("split", picture, "--into", "parts"), ("convert", picture, kept), ("check", picture, "--into", "s")):
        ran = run("dataset", *words)
        assert ran.code == 1, words
        assert "picture.jsonl:1: $: the file is a picture" in ran.err
    assert kept.read_text() == "kept\n"
    assert not Path("parts").exists()
