"""The demo trees: what ships is what the texts say, and the votes explain every figure in it."""

import gzip
import importlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from espalier import demo
from espalier.dataset.read import read_trees, read_votes
from espalier.domain.ranking import Candidate, consensus
from espalier.domain.tree import State
from espalier.domain.work import open_work

TEXTS = Path(__file__).parents[1] / "scripts" / "demo"
sys.path.insert(0, str(TEXTS))
build = importlib.import_module("build")
markup = importlib.import_module("markup")

Node = Mapping[str, Any]


def lines(packed: bytes) -> list[Node]:
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]


TREES = lines(demo.TREES.read_bytes())
VOTES = lines(demo.VOTES.read_bytes())


def below(node: Node) -> Iterator[Node]:
    yield node
    for reply in node["replies"]:
        yield from below(reply)


MESSAGES = {node["message_id"]: node for tree in TREES for node in below(tree["prompt"])}


def votes(kind: str) -> list[Node]:
    return [vote for vote in VOTES if vote["kind"] == kind]


def stands(node: Node) -> bool:
    return node["review_result"] is True and not node["deleted"]


def test_the_texts_give_the_files_that_ship_byte_for_byte() -> None:
    built = build.build()
    assert gzip.decompress(demo.TREES.read_bytes()) == built["demo.trees.jsonl.gz"]
    assert gzip.decompress(demo.VOTES.read_bytes()) == built["demo.votes.jsonl.gz"]


@pytest.mark.parametrize("file", [demo.TREES, demo.VOTES], ids=["trees", "votes"])
def test_a_file_that_ships_carries_neither_name_nor_time(file: Any) -> None:
    flags_and_time = file.read_bytes()[3:8]
    assert flags_and_time == bytes(5)


def test_there_are_trees_of_every_state_in_many_languages() -> None:
    assert len(TREES) >= 40
    assert {tree["tree_state"] for tree in TREES} == set(State)
    by_lang = Counter(tree["prompt"]["lang"] for tree in TREES)
    assert {"en", "de", "es", "ko", "ar", "ja"} <= {lang for lang, count in by_lang.items() if count >= 5}


def test_finished_trees_are_conversations_of_some_length() -> None:
    for tree in TREES:
        if tree["tree_state"] == State.READY_FOR_EXPORT:
            assert 8 <= sum(map(stands, below(tree["prompt"]))) <= 13


def test_there_is_something_of_everything() -> None:
    texts = "\n".join(node["text"] for node in MESSAGES.values())
    assert all(sign in texts for sign in ("```python", "```sql", "$$", "| --- |", "**"))
    assert max(len(node["text"]) for node in MESSAGES.values()) > 8000
    assert any(node["deleted"] for node in MESSAGES.values())
    assert any(node["synthetic"] and node["model_name"] and not node["user_id"] for node in MESSAGES.values())
    assert any(node["labels"].get("toxicity", {"value": 0})["value"] > 0.8 for node in MESSAGES.values())
    assert any(len(group) > 1 for vote in votes("ranking") for group in vote["value"])
    assert any(not vote["value"] for vote in votes("ranking"))
    assert any(value is None for vote in votes("labels") for value in vote["value"].values())
    assert {node["review_result"] for node in MESSAGES.values()} == {True, False, None}


def test_every_record_can_be_read(tmp_path: Path) -> None:
    found: list[object] = []
    for name, file in (("trees.jsonl.gz", demo.TREES), ("votes.jsonl.gz", demo.VOTES)):
        (tmp_path / name).write_bytes(file.read_bytes())
    trees = list(read_trees(tmp_path / "trees.jsonl.gz", found.append, strict=False))
    assert [tree.message_tree_id for tree in trees] == [tree["message_tree_id"] for tree in TREES]
    assert len(list(read_votes(tmp_path / "votes.jsonl.gz", found.append))) == len(VOTES)
    # What no reviewer has seen yet has no labels, and refused replies leave their places free: both are worth a remark.
    assert {str(finding).rpartition("[")[2] for finding in found} <= {"no_labels]", "overfull_parent]"}


def test_roles_alternate_and_replies_come_after_what_they_answer() -> None:
    for tree in TREES:
        assert tree["message_tree_id"] == tree["prompt"]["message_id"]
        assert tree["prompt"]["role"] == "prompter"
        assert tree["prompt"]["parent_id"] is None
    for node in MESSAGES.values():
        for reply in node["replies"]:
            assert reply["parent_id"] == node["message_id"]
            assert {reply["role"], node["role"]} == {"prompter", "assistant"}
            assert datetime.fromisoformat(reply["created_date"]) > datetime.fromisoformat(node["created_date"])


def test_every_id_is_there_once() -> None:
    assert len(MESSAGES) == sum(1 for tree in TREES for _ in below(tree["prompt"]))
    assert len({vote["vote_id"] for vote in VOTES}) == len(VOTES)
    assert len({node["text"] for node in MESSAGES.values()}) == len(MESSAGES)


def test_nobody_replies_twice_or_to_themselves() -> None:
    for node in MESSAGES.values():
        writers = [reply["user_id"] for reply in node["replies"] if reply["user_id"]]
        assert len(set(writers)) == len(writers)
        assert node["user_id"] not in writers


def test_nobody_judges_their_own_or_twice() -> None:
    done = Counter((vote["voter"], vote["kind"], subject(vote), reaction(vote)) for vote in VOTES)
    assert max(done.values()) == 1
    for vote in VOTES:
        judged = [MESSAGES[subject(vote)]]
        if vote["kind"] == "ranking":
            judged = judged[0]["replies"]
        assert vote["voter"] not in {node["user_id"] for node in judged}


def subject(vote: Node) -> str:
    found: str = vote["parent_id"] if vote["kind"] == "ranking" else vote["message_id"]
    return found


def reaction(vote: Node) -> str | None:
    return vote["value"] if vote["kind"] == "reaction" else None


def test_the_votes_explain_every_mean_and_count() -> None:
    answers: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    reviews: Counter[str] = Counter()
    for vote in votes("labels"):
        reviews[vote["message_id"]] += 1
        for name, value in vote["value"].items():
            if value is not None:
                answers[vote["message_id"]][name].append(value)
    for message_id, node in MESSAGES.items():
        assert node["review_count"] == reviews[message_id]
        assert node["labels"].keys() == answers[message_id].keys()
        for name, given in answers[message_id].items():
            assert node["labels"][name]["count"] == len(given)
            assert isclose(node["labels"][name]["value"], sum(given) / len(given))


def test_the_votes_explain_every_reaction() -> None:
    reactions = Counter((vote["message_id"], vote["value"]) for vote in votes("reaction"))
    counted = {
        (message_id, emoji): count
        for message_id, node in MESSAGES.items()
        for emoji, count in node["emojis"].items()
        if not emoji.startswith("_skip_")
    }
    assert counted == reactions


def test_three_reviews_decide_and_fewer_do_not() -> None:
    for node in MESSAGES.values():
        if node["review_count"] < 3:
            assert node["review_result"] is None
        else:
            wrong = node["labels"]["spam"]["value"] + node["labels"]["lang_mismatch"]["value"]
            assert node["review_result"] is (1 - wrong > 0.6)


def test_the_ranks_are_the_consensus_of_the_ballots() -> None:
    ballots = defaultdict(list)
    for vote in votes("ranking"):
        ballots[vote["parent_id"]].append((tuple(map(tuple, vote["value"])), 1))
    for tree in TREES:
        finished = tree["tree_state"] == State.READY_FOR_EXPORT
        for node in below(tree["prompt"]):
            candidates = [
                Candidate(reply["message_id"], datetime.fromisoformat(reply["created_date"]))
                for reply in node["replies"]
                if stands(reply)
            ]
            ranks = {reply["message_id"]: reply["rank"] for reply in node["replies"] if reply["rank"] is not None}
            assert ranks == (consensus(candidates, ballots[node["message_id"]]) if finished else {})
            if finished and node["role"] == "prompter" and len(candidates) > 1:
                assert len(ballots[node["message_id"]]) == 3


HAS_WORK = {State.INITIAL_PROMPT_REVIEW, State.GROWING, State.RANKING}


def test_a_tree_offers_work_in_the_states_that_ask_for_it_and_in_no_other() -> None:
    for sheet in markup.sheets(sorted(TEXTS.glob("*.txt"))):
        tree = build.tree_of(sheet)
        assert bool(open_work(tree, markup.POLICY)) == (tree.state in HAS_WORK), sheet.name


def test_a_prompt_that_waits_was_accepted_and_one_that_was_dropped_was_not() -> None:
    results = {State.PROMPT_LOTTERY_WAITING: True, State.ABORTED_LOW_GRADE: False, State.INITIAL_PROMPT_REVIEW: None}
    for tree in TREES:
        if tree["tree_state"] in results:
            assert tree["prompt"]["review_result"] is results[tree["tree_state"]]
            assert not tree["prompt"]["replies"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("§ . q=1\nHello", "xx.txt:1: a message before the first tree"),
        ("§§ one growing\n", "xx.txt:1: a tree needs a name, a state and a date"),
        ("§§ one blooming 2025-01-01T00:00\n", "xx.txt:1: a tree needs a name, a state and a date"),
        ("§§ one growing 2025-01-01T00:00\nHello", "xx.txt:2: text that belongs to no message"),
        ("§§ one growing 2025-01-01T00:00\n§ . q=1\nHello\n§ a.a q=1\nHi", "xx.txt:4: a.a replies to a, which has not"),
        ("§§ one growing 2025-01-01T00:00\n§ . q=1\nHello\n§ . q=1\nHi", "xx.txt:4: a second message ."),
        ("§§ one growing 2025-01-01T00:00\n§ . q=1 smile\nHello", "xx.txt:2: smile: neither an option nor a reaction"),
        ("§§ one growing 2025-01-01T00:00\n§ . q=2\nHello", "xx.txt:2: q=2: must be between 0 and 1"),
        ("§§ one growing 2025-01-01T00:00\n§ . +1\nHello", "xx.txt:2: q= is missing"),
        ("§§ one growing 2025-01-01T00:00\n§ . q=1\n", "xx.txt:2: a message without a text"),
        ("§§ one growing 2025-01-01T00:00\n§ . q=1 fail=1\nHello", "xx.txt:2: helpfulness and failing the task"),
    ],
)
def test_a_fault_in_the_texts_is_named_with_file_and_line(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "xx.txt").write_text(text, encoding="utf-8")
    with pytest.raises(markup.Wrong) as wrong:
        build.build(tmp_path)
    assert str(wrong.value).startswith(fault)


@pytest.mark.parametrize(
    ("state", "messages", "fault"),
    [
        ("ready_for_export", "§ . q=0 spam=3\nBuy!", "comes after a prompt was accepted, and this one was not"),
        ("ready_for_export", "§ . q=1\nHello\n§ a q=1 r=2\nHi", "is not in ready_for_export but in growing"),
        (
            "prompt_lottery_waiting",
            "§ . q=1 r=2\nHello",
            "is not in prompt_lottery_waiting but in initial_prompt_review",
        ),
        ("aborted_low_grade", "§ . q=1\nHello", "is not in aborted_low_grade but in prompt_lottery_waiting"),
        ("growing", "§ . q=1\nHello\n§ a q=1 spam=3\nBuy!\n§ a.a q=1\nNo.", "was not accepted and has a reply"),
        ("growing", "§ . q=1\nHello\n§ a q=1\nHi\n§ a.a q=1\nSo?\n§ a.b q=1\nAnd?", "has 2 replies that stand"),
    ],
)
def test_a_tree_cannot_claim_what_the_rules_deny(tmp_path: Path, state: str, messages: str, fault: str) -> None:
    (tmp_path / "en.txt").write_text(f"§§ one {state} 2025-01-01T00:00\n{messages}\n", encoding="utf-8")
    with pytest.raises(markup.Wrong, match=fault):
        build.build(tmp_path)
