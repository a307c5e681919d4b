"""Published files of every kind are read, and what is made of them is as much as a count of the raw lines gives."""

import gzip
import json
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest

from espalier import dataset
from espalier.dataset.findings import Code, Findings

pytestmark = pytest.mark.real
HUB = "oasst1/oasst1-en-validation.messages.jsonl.gz"
NATIVE = "oasst2/oasst2-selection.trees.jsonl.gz"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Any]:
    """What `datasets` makes of a file, with no word about its columns."""
    cache = str(tmp_path_factory.mktemp("cache"))
    datasets.disable_progress_bars()
    return lambda path, kind: datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=cache)


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        (HUB, dataset.TreeRecord, 141),
        (NATIVE, dataset.TreeRecord, 378),
        ("open-assistant/en_100_tree.jsonl.gz", dataset.TreeRecord, 100),
        ("oasst1/oasst1-validation-top-threads.jsonl.gz", dataset.Chat, 695),
        ("vicuna-bench/question.jsonl", dataset.Prompt, 80),
        ("mt-bench/question.jsonl", dataset.Prompt, 80),
        ("arena-hard/question.jsonl.gz", dataset.Prompt, 500),
    ],
)
def test_a_published_file_is_known_by_its_content(real_data: Path, name: str, kind: type, count: int) -> None:
    findings = Findings()
    found = list(dataset.load(real_data / name, findings))
    assert {type(each) for each in found} == {kind}
    assert len(found) == count
    assert findings.lost == findings.counts[Code.ORPHAN] == (name == HUB)


def test_of_the_validation_split_as_much_is_made_as_its_raw_rows_allow(
    real_data: Path, tmp_path: Path, opened: Callable[[Path, str], Any]
) -> None:
    """Counted from the JSON alone: accepted messages below accepted ones, and the replies with a rank among them, of
    which two say the same."""
    with gzip.open(real_data / HUB, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    below = defaultdict(list)
    for row in rows:
        if row["review_result"] is True and not row["deleted"]:
            below[row["parent_id"]].append(row)
    reached = list(below[None])
    for row in reached:
        reached += below[row["message_id"]]
    asked = [row for row in reached if row["role"] == "prompter"]
    ranked = [
        sorted(
            (reply for reply in below[row["message_id"]] if reply["rank"] is not None), key=lambda each: each["rank"]
        )
        for row in asked
    ]
    ranked = [replies for replies in ranked if len(replies) >= 2]
    answered = [row for row in below[None] if below[row["message_id"]]]

    def differ(pair: tuple[Any, Any]) -> bool:
        return pair[0]["text"] != pair[1]["text"]

    trees = list(dataset.load(real_data / HUB, Findings()))
    made: dict[str, Any] = {
        "chats": dataset.chats(trees), "best": dataset.chats(trees, best=True), "prompts": dataset.prompts(trees),
        "rankings": dataset.rankings(trees), "all": dataset.pairs(trees),
        "adjacent": dataset.pairs(trees, which="adjacent"), "first": dataset.pairs(trees, which="best"),
    }  # fmt: skip
    counted = {
        "chats": 669, "best": len(answered), "prompts": len(asked), "rankings": len(ranked),
        "all": sum(differ(pair) for each in ranked for pair in combinations(each, 2)),
        "adjacent": sum(differ(pair) for each in ranked for pair in pairwise(each)),
        "first": sum(differ((each[0], other)) for each in ranked for other in each[1:]),
    }  # fmt: skip
    found = {}
    for name, things in made.items():
        dataset.save(tmp_path / f"{name}.parquet", things)
        found[name] = opened(tmp_path / f"{name}.parquet", "parquet")
    assert {name: len(each) for name, each in found.items()} == counted
    assert sorted(each["replies"] for each in found["rankings"]) == sorted(
        [reply["text"] for reply in replies] for replies in ranked
    )
    told = {(pair["chosen"][0]["content"], pair["rejected"][0]["content"]) for pair in found["first"]}
    assert told == {(best["text"], other["text"]) for best, *others in ranked for other in others
                    if differ((best, other))}  # fmt: skip


@pytest.mark.parametrize("name", [HUB, NATIVE])
def test_messages_and_trees_are_opened_by_the_libraries_that_people_have(
    real_data: Path, tmp_path: Path, name: str, opened: Callable[[Path, str], Any]
) -> None:
    trees = list(dataset.load_trees(real_data / name, Findings()))
    rows = list(dataset.messages(trees))
    dataset.save(tmp_path / "messages.parquet", rows)
    dataset.save(tmp_path / "trees.parquet", trees)
    dataset.save(tmp_path / "messages.jsonl.gz", dataset.load_messages(tmp_path / "messages.parquet"))
    for file in ("messages.parquet", "messages.jsonl.gz"):
        found = opened(tmp_path / file, "parquet" if file.endswith("parquet") else "json")
        assert found["message_id"][:] == [row.message_id for row in rows]
        assert found["rank"][:] == [row.rank for row in rows]
    nodes = pq.read_table(tmp_path / "trees.parquet")["messages"].combine_chunks().flatten()
    assert nodes.field("text").to_pylist() == [row.text for row in rows]
    assert list(dataset.load_trees(tmp_path / "trees.parquet", Findings())) == trees
