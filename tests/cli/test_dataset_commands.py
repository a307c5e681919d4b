"""`espalier dataset`, as somebody types it."""

import json
from pathlib import Path

import pytest

from commands import Run, run
from espalier.dataset.examples import Chat, Preference, Prompt, Ranking
from espalier.dataset.read import read_examples, read_trees
from oasst import lines, message, tree

__all__ = ["run"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """One tree with two ranked answers, of which the worse is liked less, and one that was refused."""
    fine, poor = ({"quality": {"value": value, "count": 3}} for value in (0.9, 0.2))
    answers = [
        message("a0", "p", review_result=True, rank=0, labels=fine),
        message("a1", "p", review_result=True, rank=1, labels=poor),
        message("a2", "p", review_result=False),
    ]
    prompt = message("p", review_result=True, labels=fine)
    return lines(tmp_path / "trees.jsonl", tree({**prompt, "replies": answers}))


def test_trees_become_what_one_trains_on(run: Run, source: Path, tmp_path: Path) -> None:
    made = {}
    for kind in ("threads", "best", "ranked", "pairs", "prompts"):
        target = tmp_path / f"{kind}.jsonl.gz"
        assert run("dataset", "convert", source, target, "--as", kind).code == 0
        made[kind] = list(read_examples(target))
    assert [len(found) for found in made.values()] == [2, 1, 1, 1, 1]
    assert [type(found[0]) for found in made.values()] == [Chat, Chat, Ranking, Preference, Prompt]


def test_trees_and_messages_keep_only_what_was_accepted(run: Run, source: Path, tmp_path: Path) -> None:
    run("dataset", "convert", source, tmp_path / "trees2.jsonl", "--as", "trees")
    (kept,) = read_trees(tmp_path / "trees2.jsonl")
    assert [reply.message_id for reply in kept.prompt.replies] == ["a0", "a1"]
    run("dataset", "convert", source, tmp_path / "messages.jsonl", "--as", "messages", "--with-refused")
    rows = [json.loads(line) for line in (tmp_path / "messages.jsonl").read_text("utf-8").splitlines()]
    assert [row["message_id"] for row in rows] == ["p", "a0", "a1", "a2"]


def test_conditions_choose_messages_and_whole_threads(run: Run, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "chats.jsonl"
    assert "1 line." in run("dataset", "convert", source, target, "--where", "quality>=0.6").out
    assert "0 lines." in run("dataset", "convert", source, target, "--every", "quality>=0.95").out
    assert "1 line." in run("dataset", "convert", source, target, "--top", 1).out


def test_votes_tell_what_is_tied(run: Run, source: Path, tmp_path: Path) -> None:
    ballots = [[["a0"], ["a1"]], [["a1"], ["a0"]]]
    votes = lines(
        tmp_path / "votes.jsonl",
        *({"vote_id": f"v{n}", "kind": "ranking", "parent_id": "p", "value": value} for n, value in enumerate(ballots)),
    )
    assert (
        "0 lines." in run("dataset", "convert", source, tmp_path / "pairs.jsonl", "--as", "pairs", "--votes", votes).out
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--where", "qualty>=0.6"), "there is no field qualty"), (("--as", "tables"), "tables"),
        (("--pairs", "some"), "some"), (("--every", "quality"), "write a field"),
    ],
)  # fmt: skip
def test_a_word_that_is_not_known_names_those_that_are(
    run: Run, source: Path, tmp_path: Path, options: tuple[str, str], says: str
) -> None:
    ended = run("dataset", "convert", source, tmp_path / "out.jsonl", *options)
    assert ended.code == 2
    assert says in ended.err
    assert not (tmp_path / "out.jsonl").exists()


def test_a_file_is_not_written_over_itself(run: Run, source: Path) -> None:
    assert run("dataset", "convert", source, source).code == 2
    assert source.read_text("utf-8")
