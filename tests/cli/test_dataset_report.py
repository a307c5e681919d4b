"""`espalier dataset report` and `espalier dataset diff`, as somebody types them."""

import json
import sys
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard

from commands import Run
from espalier.dataset.read import read_messages, read_votes
from espalier.dataset.records import VoteKind


def test_it_writes_the_page_and_the_card_with_the_counts_of_the_files(run: Run, demo_files: tuple[Path, Path]) -> None:
    trees, votes = demo_files
    ran = run(
        "dataset", "report", trees, "--votes", votes, "--into", "described", "--name", "Ours", "--licence", "cc-by-4.0",
        "--resamples", "20",
    )  # fmt: skip
    assert ran.code == 0
    messages = sum(1 for _ in read_messages(trees))
    assert f"{messages} messages in " in ran.out
    page = Path("described", "report.html").read_text("utf-8")
    rankings = sum(vote.kind == VoteKind.RANKING for vote in read_votes(votes))
    assert f"<dt>messages</dt><dd>{messages:,}</dd>" in page
    assert f"<dt>rankings</dt><dd>{rankings:,}</dd>" in page
    assert "Kendall&#39;s W" in page
    card = DatasetCard.load(Path("described", "README.md"))
    assert (card.data.to_dict()["license"], card.data.to_dict()["pretty_name"]) == ("cc-by-4.0", "Ours")


def test_a_part_is_described_as_a_part(run: Run, demo_files: tuple[Path, Path]) -> None:
    german = sum(message.lang == "de" for message in read_messages(demo_files[0]))
    trees, votes = demo_files
    ran = run(
        "dataset",
        "report",
        trees,
        "--votes",
        votes,
        "--into",
        "x",
        "--where",
        "lang=de",
        "--no-topics",
        "--resamples",
        0,
    )
    assert f"{german} messages in " in ran.out
    assert "lang=de" in Path("x", "report.html").read_text("utf-8")
    assert "votes left out: on messages that are not in these files" in ran.out
    nothing = run("dataset", "report", demo_files[0], "--into", "y", "--where", "lang=xx", "--no-topics")
    assert (nothing.code, nothing.out) == (1, "")
    assert "There is no message to describe." in nothing.err
    assert not Path("y").exists()


def test_without_the_package_that_draws_it_says_which_one(
    run: Run, demo_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    ran = run("dataset", "report", demo_files[0], "--into", "x", "--no-topics", "--resamples", 0)
    assert ran.code == 1
    assert 'pip install "espalier[data]"' in ran.err
    assert not list(Path("x").glob("*"))


def test_diff_ends_with_one_when_something_changed(run: Run, demo_files: tuple[Path, Path]) -> None:
    trees, _ = demo_files
    same = run("dataset", "diff", trees, trees)
    assert (same.code, same.out.startswith("No difference; ")) == (0, True)
    run("dataset", "convert", trees, "part.trees.jsonl.gz", "--as", "trees", "--where", "lang!=de", "--with-refused")
    changed = run("dataset", "diff", trees, "part.trees.jsonl.gz")
    assert changed.code == 1
    gone = {message.message_id for message in read_messages(trees)} - {
        message.message_id for message in read_messages(Path("part.trees.jsonl.gz"))
    }
    assert f"{len(gone)} messages removed: " in changed.out
    assert "added" not in changed.out


@pytest.mark.parametrize(
    "changed",
    [
        {"created_date": "2020-01-01T00:00:00+00:00"},
        {"synthetic": True},
        {"emojis": {"+1": 99}},
        {"detoxify": {"toxicity": 1}},
    ],
)
def test_diff_knows_a_difference_in_any_field_but_the_author(
    run: Run, demo_files: tuple[Path, Path], changed: dict[str, object]
) -> None:
    """People stand behind other ids in each export, so that theirs say nothing."""
    trees, _ = demo_files
    run("dataset", "convert", trees, "rows.jsonl", "--as", "messages")
    rows = [json.loads(line) for line in Path("rows.jsonl").read_text("utf-8").splitlines()]
    rows[0] |= {"user_id": "somebody else"}
    Path("author.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert run("dataset", "diff", "rows.jsonl", "author.jsonl").out.startswith("No difference; ")
    Path("other.jsonl").write_text("\n".join(map(json.dumps, [rows[0] | changed, *rows[1:]])), "utf-8")
    told = run("dataset", "diff", "rows.jsonl", "other.jsonl")
    assert (told.code, f"further fields: {rows[0]['message_id']}" in told.out) == (1, True)
