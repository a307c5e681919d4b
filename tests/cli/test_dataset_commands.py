"""`espalier dataset`, as somebody types it."""

import json
from pathlib import Path

import pytest

from commands import Run, run
from espalier.dataset.examples import Chat, Preference, Prompt, Ranking, Turn
from espalier.dataset.read import read_examples, read_trees, read_votes
from espalier.dataset.trees import messages_of
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


def test_rows_of_messages_are_chosen_by_their_place_where_trees_would_lose_their_prompts(
    run: Run, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "rows.jsonl"
    assert "2 lines." in run("dataset", "convert", source, target, "--as", "messages", "--where", "role=assistant").out
    assert [json.loads(line)["message_id"] for line in target.read_text("utf-8").splitlines()] == ["a0", "a1"]
    ran = run("dataset", "convert", source, target, "--where", "role=assistant", "--where", "depth>=1")
    assert "0 lines." in ran.out
    assert "does not fulfil role=assistant and depth>=1 goes with it" in ran.err


def test_rows_are_written_in_the_spelling_in_which_they_were_read(run: Run, tmp_path: Path) -> None:
    given = {
        **message("p", review_result=True), "message_tree_id": "p", "tree_state": "growing",
        "emojis": {"name": ["+1"], "count": [2]}, "labels": {"name": ["spam"], "value": [0.5], "count": [2]},
    }  # fmt: skip
    source, target = lines(tmp_path / "rows.jsonl", given), tmp_path / "again.jsonl"
    assert run("dataset", "convert", source, target, "--as", "messages").code == 0
    (written,) = target.read_text("utf-8").splitlines()
    assert [*json.loads(written).items()] == [*given.items()]  # in the same order
    run("dataset", "convert", source, target, "--as", "trees")
    assert json.loads(target.read_text("utf-8"))["prompt"]["emojis"] == {"+1": 2}


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


def test_examples_of_others_become_what_one_trains_on(run: Run, tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Because."}]
    file = tmp_path / "sharegpt.json"
    file.write_text(json.dumps([{"conversations": turns}, {"conversations": turns[:1]}]), "utf-8")
    ended = run("dataset", "convert", file, tmp_path / "prompts.parquet", "--as", "prompts")
    assert "2 lines of 2 examples." in ended.out
    assert list(read_examples(tmp_path / "prompts.parquet")) == [Prompt((Turn("user", "Why?"),))] * 2
    assert "1 line of" not in run("dataset", "convert", file, tmp_path / "pairs.jsonl", "--as", "pairs").out
    for options in (("--as", "trees"), ("--where", "quality>=0.6")):
        ended = run("dataset", "convert", file, tmp_path / "none.jsonl", *options)
        assert (ended.code, "sharegpt.json holds examples" in ended.err) == (2, True)
    assert not (tmp_path / "none.jsonl").exists()


def test_what_checks_found_can_be_asked_for_where_its_file_is_named(run: Run, source: Path, tmp_path: Path) -> None:
    scores = lines(
        tmp_path / "scores.jsonl", {"message_id": "a1", "toxicity": 0.9}, {"message_id": "a0", "toxicity": 0}
    )
    target = tmp_path / "chats.jsonl"
    asked = ("dataset", "convert", source, target, "--every", "toxicity_score<0.5", "--where", "toxicity_score!=0.9")
    ended = run(*asked)
    assert (ended.code, "name its file with --scores" in ended.err) == (2, True)
    assert "0 lines." in run(*asked, "--scores", scores).out  # nobody looked at the prompt
    assert "1 line." in run(*asked[:4], *asked[6:], "--scores", scores).out


def test_deleted_messages_are_there_on_request_and_the_spelling_is_chosen(run: Run, tmp_path: Path) -> None:
    file = lines(tmp_path / "t.jsonl", tree(message("p", review_result=True, deleted=True, emojis={"+1": 1})))
    target = tmp_path / "rows.jsonl"
    assert "0 lines." in run("dataset", "convert", file, target, "--as", "messages").out
    run("dataset", "convert", file, target, "--as", "messages", "--with-deleted", "--spelling", "hub")
    (row,) = map(json.loads, target.read_text("utf-8").splitlines())
    assert row["emojis"] == {"name": ["+1"], "count": [1]}


def test_votes_go_with_the_messages_that_are_kept(run: Run, demo_files: tuple[Path, Path], tmp_path: Path) -> None:
    trees, votes = demo_files
    target = tmp_path / "votes.parquet"
    run("dataset", "convert", trees, target, "--as", "votes", "--votes", votes, "--where", "lang=de")
    ids = {message.message_id for tree in read_trees(trees) for message in messages_of(tree) if message.lang == "de"}
    kept = list(read_votes(target))
    assert kept
    assert {vote.subject for vote in kept} <= ids
    assert run("dataset", "convert", votes, tmp_path / "chats.jsonl").code == 2
    run("dataset", "convert", votes, tmp_path / "all.parquet", "--as", "votes")
    assert list(read_votes(tmp_path / "all.parquet")) == list(read_votes(votes))


@pytest.mark.usefixtures("planted")
def test_a_campaign_is_read_like_a_file_with_its_own_votes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    run("export", "trees.jsonl.gz", "--votes", "votes.jsonl.gz")
    for kind, votes in (("threads", ()), ("pairs", ("--votes", "votes.jsonl.gz"))):
        run("dataset", "convert", "campaign:", "here.jsonl", "--as", kind)
        run("dataset", "convert", "trees.jsonl.gz", "there.jsonl", "--as", kind, *votes)
        assert Path("here.jsonl").read_text("utf-8") == Path("there.jsonl").read_text("utf-8")
    assert len(list(read_examples(Path("here.jsonl")))) > 5
    run("dataset", "convert", "campaign:all", "all.jsonl", "--as", "trees", "--with-refused")
    assert len(list(read_trees(Path("all.jsonl")))) > len(list(read_trees(Path("trees.jsonl.gz"))))
    assert run("dataset", "split", "campaign:", "--into", "parts").code == 0
    assert run("dataset", "mix", "mixed.jsonl", "campaign:", "--weight", "campaign:=2").code == 0
    assert len(list(read_trees(Path("mixed.jsonl")))) == len(list(read_trees(Path("trees.jsonl.gz"))))
    ended = run("dataset", "convert", "campaign:ready", "no.jsonl")
    assert (ended.code, "is no state of a tree" in ended.err) == (2, True)
    assert not list((tmp_path / "temporary").iterdir())


def test_where_there_is_no_campaign_a_sentence_says_so(run: Run) -> None:
    ended = run("dataset", "convert", "campaign:", "chats.jsonl")
    assert (ended.code, "There is no campaign at" in ended.err) == (1, True)
