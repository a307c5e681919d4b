"""Originals from files, and which trees cannot be planted."""

import json
from pathlib import Path
from typing import Any

from espalier.domain.message import Role
from espalier.domain.tree import State
from espalier.replay.reading import read_originals, replayed_tree


def row(message_id: str, parent_id: str | None = None, **said: Any) -> dict[str, Any]:
    return {
        "message_id": message_id, "parent_id": parent_id, "message_tree_id": "t", "tree_state": "growing",
        "text": f"text of {message_id}", "role": "assistant" if parent_id else "prompter", "lang": "en", **said,
    }  # fmt: skip


def read(folder: Path, *rows: dict[str, Any]) -> Any:
    file = folder / "messages.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return read_originals(file)


def test_rows_of_the_hub_become_an_original(tmp_path: Path) -> None:
    labels = {"name": ["spam", "quality", "humor"], "value": [0.0, 0.75, 0.5], "count": [3, 2, 0]}
    found = read(
        tmp_path,
        row("t", review_result=True, review_count=3, labels=labels),
        row("a", "t", review_result=None, deleted=True, rank=1),
    )
    (tree,) = found.trees
    assert (tree.id, tree.lang, tree.state) == ("t", "en", State.GROWING)
    assert (tree.root.role, tree.root.accepted, tree.root.review_count) == (Role.PROMPTER, True, 3)
    assert tree.root.labels == {"spam": 0.0, "quality": 0.75}
    (reply,) = tree.root.replies
    assert (reply.role, reply.accepted, reply.deleted, reply.rank) == (Role.ASSISTANT, None, True, 1)


def test_what_cannot_be_planted_is_left_out_with_its_reason(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        row("t"),
        row("no-state", message_tree_id="no-state", tree_state=None),
        row("no-lang", message_tree_id="no-lang", lang=None),
        row("twin", message_tree_id="twin", text=" text of t\n"),
        row("elsewhere", message_tree_id="elsewhere", text="text of t", lang="de"),
        row("odd", message_tree_id="odd"),
        row("odd-reply", "odd", message_tree_id="odd", role="prompter"),
        row("orphan", "nobody", message_tree_id="lost"),
    )
    assert [tree.id for tree in found.trees] == ["t", "elsewhere"]
    assert found.left_out == {
        "no-state": "has no state of a tree, but None",
        "no-lang": "has no language, but None",
        "twin": "begins with the same prompt as t",
        "odd": "odd-reply has the role 'prompter' where the assistant speaks",
        "line 8": "replies to nobody, which is not in its tree; it is left out of the trees",
    }


def test_a_tree_is_read_as_the_api_shows_it_to_an_administrator() -> None:
    reply = {"text": "b", "role": "assistant", "review_result": False, "deleted": True, "rank": None, "replies": []}
    prompt = {
        "text": "a", "role": "prompter", "review_result": True, "deleted": False, "rank": None, "replies": [reply]
    }  # fmt: skip
    tree = replayed_tree({"id": "t", "lang": "en", "state": "ranking", "prompt": prompt})
    assert tree.state is State.RANKING
    assert [(each.text, each.accepted, each.deleted) for each in tree.root.walk()] == [
        ("a", True, False),
        ("b", False, True),
    ]
