"""Published trees go into a campaign and come out again as they were, on both databases."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection

from espalier.collect.doctor import examine
from espalier.collect.exports import export_trees
from espalier.collect.imports import ImportReport, finish_import, import_trees, in_batches
from espalier.collect.intake import Source
from espalier.dataset.read import read_trees
from espalier.dataset.records import MessageRecord, TreeRecord
from espalier.dataset.trees import messages_of
from espalier.domain.policy import CampaignPolicy
from espalier.domain.tree import State
from espalier.store.policies import keep_policy
from gardens import NOON

DATA = Path(os.environ.get("ESPALIER_DATA") or Path(__file__).parents[3] / "shared" / "data")
HUB = DATA / "oasst1" / "oasst1-en-validation.messages.jsonl.gz"
NATIVE = DATA / "oasst2" / "oasst2-selection.trees.jsonl.gz"
SPARSE = DATA / "open-assistant" / "en_100_tree.jsonl.gz"

AT_WORK = {State.INITIAL_PROMPT_REVIEW, State.GROWING, State.RANKING}

pytestmark = pytest.mark.real


@pytest.fixture
def campaign(db: Connection) -> Iterator[Connection]:
    """An empty campaign whose lottery draws nothing."""
    keep_policy(db, CampaignPolicy.from_mapping({"base": {"max_active_trees": 0}}), None, NOON)
    yield db
    assert [str(difference) for difference in examine(db, NOON)] == []


def bring(db: Connection, path: Path) -> ImportReport:
    report, source = ImportReport(), Source(path.name)
    for batch in in_batches(read_trees(path), 500):
        report.include(import_trees(db, batch, {}, source, None, NOON, Random(1)))
    report.include(finish_import(db, report, source, None, NOON, Random(1)))
    return report


def said(message: MessageRecord) -> dict[str, Any]:
    """All that a message says, without what is null."""
    names = (
        "parent_id", "user_id", "created_date", "text", "role", "lang", "review_count", "review_result", "deleted",
        "rank", "synthetic", "model_name", "emojis", "labels",
    )  # fmt: skip
    given = {**{name: getattr(message, name) for name in names}, **message.extra}
    return {name: value for name, value in given.items() if value is not None}


def told(tree: TreeRecord) -> dict[str, Any]:
    """All that a tree says; in which order replies are written says nothing."""
    return {
        "id": tree.message_tree_id,
        "state": tree.tree_state,
        "origin": tree.origin,
        "extra": tree.extra,
        "messages": {message.message_id: said(message) for message in messages_of(tree)},
    }


@pytest.mark.parametrize(
    ("path", "trees", "gaps", "closed_up", "moved"),
    [(HUB, 141, 3, 5, 0), (NATIVE, 378, 1, 5, 6), (SPARSE, 100, 0, 0, 0)],
    ids=["hub", "native", "sparse"],
)
def test_a_published_file_goes_through_a_campaign_unchanged(
    campaign: Connection, path: Path, trees: int, gaps: int, closed_up: int, moved: int
) -> None:
    """gaps: ranks missing among standing replies, which are told; closed_up: those and ranks of deleted replies."""
    report = bring(campaign, path)
    assert (report.trees, report.left_out) == (trees, 0)
    assert (len(report.findings.first), len(report.moved)) == (gaps, moved)
    moved_trees = {change.tree_id for change in report.moved}
    before = {tree.message_tree_id: told(tree) for tree in read_trees(path)}
    after = {tree.message_tree_id: told(tree) for tree in export_trees(campaign)}
    assert after.keys() == before.keys()
    for change in report.moved:
        assert before[change.tree_id]["state"] == change.before
        before[change.tree_id]["state"] = change.after
    for tree_id, was in before.items():
        _decide(was["messages"], after[tree_id]["messages"], active=was["state"] in AT_WORK or tree_id in moved_trees)
    regrouped = 0
    for tree_id, was in before.items():
        now = after[tree_id]
        if was != now:
            # Only ranks may differ, and only by being closed up.
            regrouped += _close_gaps(was["messages"], now["messages"])
        assert now == was
    assert regrouped == closed_up


def _decide(was: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]], *, active: bool) -> None:
    """Give what the file left undecided the result that its reviews ask for, where the tree is still at work."""
    for message_id, message in was.items():
        if active and "review_result" not in message and message["review_count"] >= 3:
            labels = message["labels"]
            score = 1 - sum(labels.get(name, {"value": 0})["value"] for name in ("spam", "lang_mismatch"))
            message["review_result"] = score > 0.6
            assert now[message_id]["review_result"] is (score > 0.6)


def _close_gaps(was: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> int:
    """Bring the ranks of the file to what they are without gaps and deleted replies; how many groups that changed."""
    changed = set()
    for message_id, message in was.items():
        if message.get("rank") != now[message_id].get("rank"):
            changed.add(message["parent_id"])
    for parent_id in changed:
        siblings = [each for each in was.values() if each.get("parent_id") == parent_id and "rank" in each]
        standing = sorted((each for each in siblings if not each["deleted"]), key=lambda each: each["rank"])
        for sibling in siblings:
            del sibling["rank"]
        for rank, sibling in enumerate(standing):
            sibling["rank"] = rank
    return len(changed)


def test_the_same_file_again_adds_nothing(campaign: Connection) -> None:
    bring(campaign, SPARSE)
    again = bring(campaign, SPARSE)
    assert (again.trees, again.people, again.known) == (0, 0, 100)
