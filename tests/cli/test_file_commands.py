"""`espalier import` and `espalier export`: a file goes through a campaign unchanged, and faults are named."""

import gc
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from commands import Run
from espalier.cli.campaign import without_cycle_search
from espalier.cli.files import Courtesy
from espalier.domain.tree import State
from espalier.store import checkup
from espalier.store.session import Database
from oasst import lines, message, tree

EVERY_STATE = [word for state in State for word in ("--state", state)]


def read(path: Path) -> list[dict[str, Any]]:
    content = path.read_bytes()
    return [json.loads(line) for line in (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines()]


def below(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(each for reply in node["replies"] for each in below(reply))]


def said(trees: list[dict[str, Any]]) -> dict[str, Any]:
    """What each message of a file says, whatever the order of trees and siblings."""
    fields = ("parent_id", "user_id", "text", "role", "lang", "created_date", "deleted", "synthetic", "model_name",
              "review_result", "review_count", "rank", "labels")  # fmt: skip
    return {
        each["message_id"]: [given["tree_state"], *(each.get(name) for name in fields)]
        for given in trees
        for each in below(given["prompt"])
    }


def test_what_is_imported_comes_out_again_as_it_was(
    any_campaign: Database, run: Run, demo_files: tuple[Path, Path]
) -> None:
    trees, votes = demo_files
    taken = run("import", trees, "--votes", votes)
    assert taken.code == 0
    assert "Imported 63 trees with 341 messages" in taken.out
    out = Path("out.trees.jsonl.gz")
    written = run("export", *EVERY_STATE, "--votes", "out.votes.jsonl", out)
    assert written.out.startswith("out.trees.jsonl.gz: 63 trees with 341 messages.\n")
    found = read(out)
    for given in read(trees):
        if given["tree_state"] in (State.READY_FOR_SCORING, State.SCORING_FAILED):
            found_tree = next(each for each in found if each["message_tree_id"] == given["message_tree_id"])
            assert found_tree["tree_state"] == State.READY_FOR_EXPORT  # the rules go on where a file says it stopped
            given["tree_state"] = State.READY_FOR_EXPORT
            found.remove(found_tree)
        else:
            assert said([given]).items() <= said(found).items()
    kept = {vote["vote_id"]: vote["value"] for vote in read(Path("out.votes.jsonl"))}
    assert kept == {vote["vote_id"]: vote["value"] for vote in read(votes)}
    assert run("doctor").code == 0


def test_importing_again_adds_nothing(campaign: Database, run: Run, demo_files: tuple[Path, Path]) -> None:
    run("import", demo_files[0])
    again = run("import", demo_files[0])
    assert "Imported 0 trees with 0 messages" in again.out
    assert "63 trees were in the campaign already." in again.out
    with campaign.read() as db:
        assert checkup.tree_count(db) == 63


def test_stopped_between_two_batches_an_import_goes_on_when_it_is_run_again(
    campaign: Database, run: Run, demo_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(_: Courtesy, others: bool) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Courtesy, "__call__", ctrl_c)
        stopped = run("import", demo_files[0])
    assert stopped.code == 130
    assert stopped.err.endswith("Stopped; the same command goes on from here.\n")
    with campaign.read() as db:
        part = checkup.tree_count(db)
    assert 0 < part < 63
    assert f"Imported {part} trees" in stopped.out
    assert f"Imported {63 - part} trees" in run("import", demo_files[0]).out
    assert run("doctor").code == 0


def test_each_finding_is_named_with_its_place_and_counted(campaign: Database, run: Run) -> None:
    bad = tree(message("c", review_result=True, labels={}))
    file = lines(Path("some.trees.jsonl"), tree(message("a")), b'{"message_id": 7}\n', b"not json\n", bad)
    taken = run("import", file)
    assert taken.code == 0
    assert "some.trees.jsonl:3: $: is not JSON" in taken.err
    assert "some.trees.jsonl:4: $.prompt.labels: has no labels [no_labels]" in taken.err
    assert "Imported 2 trees with 2 messages" in taken.out
    assert "not_json" in taken.out


@pytest.mark.parametrize("flat", [False, True])
def test_a_fault_is_counted_once_and_what_follows_from_it_is_said(campaign: Database, run: Run, flat: bool) -> None:
    below = message("below", "wrong")
    wrong = message("wrong", "a", role="prompter", review_result=True)
    first, third = (message(name, "a", review_result=True, rank=rank) for name, rank in (("b", 0), ("d", 2)))
    root = message("a", review_result=True)
    of_tree = {"message_tree_id": "a", "tree_state": "ready_for_export"}
    rows = [{**each, **of_tree} for each in (root, first, third, wrong, below)]
    nested = [tree({**root, "replies": [first, third, {**wrong, "replies": [below]}]})]
    taken = run("import", lines(Path("some.jsonl"), *(rows if flat else nested)))
    assert taken.err.count("[rank_gap]") == taken.err.count("[wrong_role]") == 1
    assert "the ranks of the replies to a have gaps, which are closed" in taken.err
    assert "wrong is left out with 1 below it" in taken.err
    assert "2 messages could not be taken in." in taken.out
    assert "2 findings:" in taken.out
    assert sorted(taken.out.split()[-4:]) == ["1", "1", "rank_gap", "wrong_role"]


def test_a_rank_that_a_deleted_reply_had_leaves_no_gap(campaign: Database, run: Run) -> None:
    best, deleted = (message(name, "a", review_result=True, rank=rank) for name, rank in (("b", 0), ("c", 1)))
    root = message("a", review_result=True, replies=[best, {**deleted, "deleted": True}])
    assert "rank_gap" not in run("import", lines(Path("some.trees.jsonl"), tree(root))).err


def test_what_is_parked_to_be_ranked_again_has_no_gaps(campaign: Database, run: Run) -> None:
    replies = [message(name, "a", review_result=True, rank=rank) for rank, name in enumerate("bc")]
    file = lines(Path("some.trees.jsonl"), tree(message("a", review_result=True, replies=replies)))
    assert "rank_gap" not in run("import", file, "--as-backlog").err


def test_a_strict_import_takes_in_nothing_of_a_bad_file(campaign: Database, run: Run) -> None:
    file = lines(Path("some.trees.jsonl"), tree(message("a")), b"not json\n")
    refused = run("import", file, "--strict")
    assert refused.code == 1
    assert "some.trees.jsonl:2: $: is not JSON" in refused.err
    assert refused.err.endswith("Nothing was imported.\n")
    with campaign.read() as db:
        assert checkup.tree_count(db) == 0


def test_trees_that_the_rules_moved_on_are_named(campaign: Database, run: Run) -> None:
    file = lines(
        Path("some.jsonl"), tree(message("a", review_count=3, review_result=True), tree_state="scoring_failed")
    )
    assert "1 tree went on from scoring_failed to ready_for_export: a." in run("import", file).out


def test_what_can_be_ranked_is_parked_on_demand(campaign: Database, run: Run, demo_files: tuple[Path, Path]) -> None:
    run("import", demo_files[0], "--as-backlog")
    assert "growing.jsonl: 0 trees" in run("export", "--state", "growing", "growing.jsonl").out
    run("export", "--state", "backlog_ranking", "parked.jsonl")
    assert len(read(Path("parked.jsonl"))) > 30


def test_only_the_wanted_languages_are_written(campaign: Database, run: Run, demo_files: tuple[Path, Path]) -> None:
    run("import", demo_files[0])
    run("export", "--lang", "de", "--lang", "ko", "out.jsonl")
    assert {given["prompt"]["lang"] for given in read(Path("out.jsonl"))} == {"de", "ko"}


def test_messages_are_rows_by_the_name_of_the_file_or_the_format(
    campaign: Database, run: Run, demo_files: tuple[Path, Path]
) -> None:
    run("import", demo_files[0])
    run("export", "out.messages.jsonl", "--spelling", "hub")
    run("export", "other.jsonl.gz", "--format", "messages", "--spelling", "hub")
    rows = read(Path("out.messages.jsonl"))
    assert rows == read(Path("other.jsonl.gz"))
    assert all(row["message_tree_id"] and row["labels"].keys() == {"name", "value", "count"} for row in rows)


def test_people_are_hidden_under_a_key_and_alike_in_both_files(
    campaign: Database, run: Run, demo_files: tuple[Path, Path]
) -> None:
    trees, votes = demo_files
    run("import", trees, "--votes", votes)
    Path("key").write_text("correct horse battery staple")
    run("export", *EVERY_STATE, "--anonymise", "key", "--votes", "v.jsonl", "t.jsonl")
    people = {each["user_id"] for given in read(trees) for each in below(given["prompt"])} - {None}
    authors = {each["user_id"] for given in read(Path("t.jsonl")) for each in below(given["prompt"])} - {None}
    voters = {vote["voter"] for vote in read(Path("v.jsonl"))}
    assert len(authors) == len(people)
    assert voters & authors
    assert not people & (authors | voters)
    assert not any(person in Path("t.jsonl").read_text("utf-8") for person in people)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("export", "--state", "redy", "a.jsonl"), "did you mean ready_for_scoring or ready_for_export?"),
        (("export", "--state", "zzz", "a.jsonl"), "there are initial_prompt_review, "),
        (("export", "nowhere/a.jsonl"), "nowhere/a.jsonl cannot be written: there is no folder "),
        (("export", "."), ". is a folder; name a file in it."),
        (("export", "--anonymise", "nokey", "a.jsonl"), "The key file nokey cannot be read: No such file"),
        (("export", "--votes", "a.jsonl", "a.jsonl"), "give each a file of its own"),
        (("export", "--anonymise", "key", "key"), "key holds the key; give another name."),
        (("export", "--anonymise", "key", "--votes", "./key", "a.jsonl"), "key holds the key; give another name."),
        (("export", "var/espalier.db"), "var/espalier.db is a database; give another name."),
        (("export", "--votes", "var/espalier.db", "a.jsonl"), "var/espalier.db is a database; give another name."),
        (("dataset", "convert", "campaign:", "var/espalier.db"), "var/espalier.db is a database; give another name."),
        (("export", "--format", "mesages", "a.jsonl"), "'mesages' is no format; did you mean messages?"),
        (("export", "--spelling", "hug", "a.jsonl"), "'hug' is no spelling; did you mean hub?"),
        (("import", "nothing.jsonl"), "nothing.jsonl cannot be read: No such file or directory."),
        (("import", "."), ". is a folder; name a file in it."),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(
    campaign: Database, run: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = run(*arguments)
    assert refused.code in (1, 2)
    assert sentence in refused.err
    assert not Path("a.jsonl").exists()


def test_cycles_are_looked_for_again_after_a_command() -> None:
    with without_cycle_search():
        assert not gc.isenabled()
    assert gc.isenabled()
