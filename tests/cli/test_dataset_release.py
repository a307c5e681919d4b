"""`espalier dataset release` and `verify`, as somebody types them."""

import json
from pathlib import Path

from commands import Run
from espalier.dataset.read import read_trees
from espalier.dataset.stamp import files_in
from espalier.dataset.trees import messages_of
from espalier.store.session import Database
from oasst import lines, message, tree


def test_a_campaign_is_released_checked_and_released_again_from_its_backup_with_the_same_bytes(
    run: Run, planted: Database, tmp_path: Path
) -> None:
    made = run("dataset", "release", "demo-1", "--into", tmp_path / "one")
    assert made.code == 0, made.err
    folder = tmp_path / "one" / "demo-1"
    assert run("dataset", "verify", folder).code == 0
    said = json.loads((folder / "release.json").read_text("utf-8"))
    assert said["people"] == "keyed hashes"
    assert said["policy"]
    assert said["licence"] == {"name": "cc-by-4.0", "url": "https://creativecommons.org/licenses/by/4.0/"}
    trees = [tree for file in sorted(folder.glob("data/*.trees.jsonl.gz")) for tree in read_trees(file)]
    assert {tree.tree_state for tree in trees} == {"ready_for_export"}
    assert all(len(message.user_id or "0" * 64) == 64 for tree in trees for message in messages_of(tree))
    assert "<h1>Espalier: demo-1</h1>" in (folder / "report.html").read_text("utf-8")
    assert "is a release" not in run("dataset", "release", "demo-1", "--into", tmp_path / "one").out

    assert run("backup", tmp_path / "campaign.db").code == 0
    key = Path("var") / "anonymise.key"
    planted.close()
    assert run("restore", "--force", tmp_path / "campaign.db").code == 0
    assert run("dataset", "release", "demo-1", "--into", tmp_path / "two", "--key", key).code == 0
    again = tmp_path / "two" / "demo-1"
    first, second = ({name: path.read_bytes() for name, path in files_in(each).items()} for each in (folder, again))
    assert first == second

    (again / "README.md").write_text("Other words.")
    found = run("dataset", "verify", again)
    assert found.code == 1
    assert "README.md" in found.err


def test_files_are_released_and_what_cannot_be_is_said_in_a_sentence(
    run: Run, demo_files: tuple[Path, Path], tmp_path: Path
) -> None:
    trees, votes = demo_files
    given = ("--from", trees, "--votes", votes, "--into", tmp_path, "--no-report")
    made = run(
        "dataset", "release", "half", *given, "--share", "test=0.5", "--date", "2025-01-31", "--licence", "cc0-1.0"
    )
    assert made.code == 0, made.err
    said = json.loads((tmp_path / "half" / "release.json").read_text("utf-8"))
    assert (said["date"], said["licence"]["name"], said["people"]) == ("2025-01-31", "cc0-1.0", "as they came")
    assert run("dataset", "verify", tmp_path / "half").code == 0
    for options, says in (
        (("half",), "There is"), (("x", "--date", "soon"), "is no date"), (("x", "--where", "qualty>1"), "no field"),
        (("x", "--where", "near_duplicate!=true"), "asks what a check found"),
        (("a/b",), "small letters"), (("..",), "small letters"), (("A B",), "small letters"),
        (("x", "--where", "length>=1000000"), "No tree is left"), (("x", "--state", "growing"), "--where chooses"),
    ):  # fmt: skip
        refused = run("dataset", "release", *options, *given)
        assert refused.code
        assert says in refused.err
    assert not (tmp_path / "x").exists()
    assert run("dataset", "verify", tmp_path).code == 1


def test_what_is_wrong_with_the_files_and_the_licence_is_said_as_they_are_released(run: Run, tmp_path: Path) -> None:
    given = lines(tmp_path / "given.jsonl", tree(message("a", review_result=True)), b"half a line\n")
    made = run("dataset", "release", "x", "--from", given, "--no-report", "--licence", "Apache 2")
    assert made.code == 0
    assert "given.jsonl:2: $: is not JSON" in made.err
    assert "1 record was lost" in made.err
    assert "Apache 2 is no licence that hubs know; they know apache-2.0." in made.err
    assert "licence" not in run("dataset", "release", "y", "--from", given, "--no-report", "--licence", "CC BY 4.0").err
