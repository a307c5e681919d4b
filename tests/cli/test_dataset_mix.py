"""`espalier dataset mix`, as somebody types it."""

from pathlib import Path

import pytest

from commands import Run
from espalier.dataset.examples import Chat
from espalier.dataset.findings import ignore
from espalier.dataset.lines import objects
from espalier.dataset.read import read_examples
from oasst import lines


def test_it_shows_what_there_was_and_what_comes(run: Run, demo_files: tuple[Path, Path]) -> None:
    trees, _ = demo_files
    run("dataset", "convert", trees, "chats.jsonl", "--as", "threads")
    run("dataset", "convert", trees, "best.jsonl", "--as", "best")
    ran = run(
        "dataset", "mix", "mixed.jsonl", "chats.jsonl", "best.jsonl", "--alpha", "0.5", "--weight", "best.jsonl=2"
    )
    assert ran.code == 0, ran.err
    before = sum(sum(1 for _ in objects(Path(name), ignore)) for name in ("chats.jsonl", "best.jsonl"))
    assert sum(1 for _ in objects(Path("mixed.jsonl"), ignore)) == before
    rows = [line.split() for line in ran.out.splitlines()]
    assert [row[1:] for row in rows if row[:1] == ["all"]] == [[str(before), "100.0%"] * 2 + ["1.00", "×"]] * 2
    (best,) = [row for row in rows if row[:1] == ["best.jsonl"]]
    assert float(best[5]) > 1


def test_a_language_with_little_held_out_gets_no_more(run: Run, demo_files: tuple[Path, Path]) -> None:
    trees, _ = demo_files
    ran = run("dataset", "mix", "mixed.jsonl", trees, "--alpha", "0", "--held-out", trees, "--floor", "de=0.5")
    assert "Not drawn more often than they come, for too little is held out to measure it" in ran.out
    assert "Below the floor for that reason: de." in ran.out
    assert not [row for row in map(str.split, ran.out.splitlines()) if row[-1:] == ["×"] and float(row[-2]) > 1]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--weight", "2"], "'2' is no weight; write a name and a number, as demo.trees.jsonl.gz=2."),
        (["--cap", "a=b"], "'a=b' is no cap"),
        (["--cap", "other=5"], "There is no source other; there are demo.trees.jsonl.gz."),
        (["--floor", "de=2"], "The floor of de is 2; it must be from 0 to 1."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    run: Run, demo_files: tuple[Path, Path], given: list[str], says: str
) -> None:
    ran = run("dataset", "mix", "mixed.jsonl", demo_files[0], *given)
    assert ran.code == 2
    assert says in ran.err
    assert not Path("mixed.jsonl").exists()


def test_a_mixture_is_a_table_where_its_name_says_so(run: Run, tmp_path: Path) -> None:
    chats = lines(tmp_path / "chats.jsonl", *({"messages": [{"role": "user", "content": said}]} for said in "abc"))
    assert run("dataset", "mix", "mixed.parquet", chats).code == 0
    assert [chat.turns[0].content for chat in read_examples(Path("mixed.parquet")) if isinstance(chat, Chat)] == [
        *"abc"
    ]
    broken = lines(tmp_path / "broken.jsonl", {"messages": []})
    ended = run("dataset", "mix", "other.parquet", broken)
    assert (ended.code, "$.messages: must hold at least one turn" in ended.err) == (2, True)
    assert not Path("other.parquet").exists()
