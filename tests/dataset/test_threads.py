"""What trees teach: threads, ranked lists and pairs."""

from dataclasses import replace
from typing import Any

import pytest

from espalier.dataset import threads
from espalier.dataset.records import MessageRecord, TreeRecord, VoteRecord


def said(name: str, *replies: MessageRecord, rank: int | None = None, **more: Any) -> MessageRecord:
    """A message; its role follows from its name, `p` or `a`."""
    role = "prompter" if name.startswith("p") else "assistant"
    return MessageRecord(
        name, f"This is {name}.", role, rank=rank, replies=replies, **{"review_result": True, "lang": "en", **more}
    )


def tree(prompt: MessageRecord) -> TreeRecord:
    made = threads.pruned(TreeRecord(prompt.message_id, prompt))
    assert made is not None
    return made


def names(path: threads.Thread) -> str:
    return " ".join(message.message_id for message in path)


def all_threads(prompt: MessageRecord, top: int | None = None) -> list[str]:
    return [names(path) for path in threads.threads(tree(prompt), top)]


def test_what_was_deleted_or_refused_goes_with_all_below_it() -> None:
    prompt = said(
        "p", said("a1", said("p2"), deleted=True), said("a2", review_result=False), said("a3", review_result=None),
        said("a4"),
    )  # fmt: skip
    assert all_threads(prompt) == ["p a4"]
    kept = threads.pruned(TreeRecord("p", prompt), threads.is_there)
    assert kept is not None
    assert [names(path) for path in threads.threads(kept)] == ["p a2", "p a3", "p a4"]


@pytest.mark.parametrize("prompt", [said("p", deleted=True), said("p", review_result=None), said("p", parent_id="x")])
def test_of_a_tree_without_its_prompt_nothing_is_left(prompt: MessageRecord) -> None:
    assert threads.pruned(TreeRecord("p", prompt)) is None


def test_a_thread_ends_on_an_answer_and_is_told_once() -> None:
    prompt = said("p", said("a1", said("p2"), said("p3")), said("a2", said("p4", said("a5"))))
    assert all_threads(prompt) == ["p a1", "p a2 p4 a5"]


def test_no_thread_is_the_beginning_of_another() -> None:
    assert all_threads(said("p", said("a1", said("p2"), said("p3", said("a4"))))) == ["p a1 p3 a4"]
    assert all_threads(said("p")) == []


def test_only_the_best_ranked_are_followed_where_that_is_wanted() -> None:
    prompt = said("p", said("a0", rank=0), said("a2", rank=2), said("a1", said("p2", said("a3")), rank=1), said("a4"))
    assert all_threads(prompt, 1) == ["p a0"]
    assert all_threads(prompt, 2) == ["p a0", "p a1 p2 a3"]
    assert all_threads(said("p", said("a1"), said("a2")), 2) == []
    assert all_threads(said("p", said("a1", said("p2", said("a3")), said("p3", said("a4")))), 1) == [
        "p a1 p2 a3",
        "p a1 p3 a4",
    ]


def test_the_best_path_goes_by_rank_and_else_by_date() -> None:
    early, late = "2023-01-01T00:00:00+00:00", "2023-02-01T00:00:00+00:00"
    prompt = said(
        "p", said("a1", rank=1), said("a0", said("p3", created_date=late), said("p2", created_date=early), rank=0)
    )
    assert names(threads.best_path(tree(prompt))) == "p a0 p2"
    undated = said("p", said("a2", created_date=late), said("a1", created_date=early), said("a3"))
    assert names(threads.best_path(tree(undated))) == "p a1"


def test_a_list_holds_the_ranked_replies_of_a_prompter_in_their_order() -> None:
    prompt = said("p", said("a1", rank=1), said("a9"), said("a0", said("p2", rank=0), said("p3", rank=1), rank=0))
    (found,) = threads.ranked_lists(tree(prompt))
    assert (names(found.thread), [reply.message_id for reply in found.replies]) == ("p", ["a0", "a1"])


def test_pairs_are_all_or_neighbours_or_the_best_against_the_rest() -> None:
    (found,) = threads.ranked_lists(tree(said("p", *(said(f"a{rank}", rank=rank) for rank in range(3)))))
    made = {
        which: [(pair.chosen.message_id, pair.rejected.message_id) for pair in threads.pairs(found, which)]
        for which in ("all", "adjacent", "best")
    }
    assert made == {
        "all": [("a0", "a1"), ("a0", "a2"), ("a1", "a2")],
        "adjacent": [("a0", "a1"), ("a1", "a2")],
        "best": [("a0", "a1"), ("a0", "a2")],
    }


def test_what_the_votes_leave_undecided_is_a_tie_and_no_pair() -> None:
    prompt = said("p", *(said(f"a{rank}", rank=rank) for rank in range(3)))
    ballots: list[Any] = [[["a0", "a1"], ["a2"]], [["a1"], ["a0"]], [["a0"], ["a1"], ["gone"]], []]
    votes = {"p": [VoteRecord(f"v{n}", "ranking", parent_id="p", value=ballot) for n, ballot in enumerate(ballots)]}
    (found,) = threads.ranked_lists(tree(prompt), votes)
    assert found.ties == {(0, 1)}
    assert [(pair.chosen.message_id, pair.rejected.message_id) for pair in threads.pairs(found)] == [
        ("a0", "a2"), ("a1", "a2"),
    ]  # fmt: skip


def test_replies_that_say_the_same_are_no_pair() -> None:
    prompt = said("p", *(replace(said(f"a{rank}", rank=rank), text=text) for rank, text in enumerate("xyx")))
    (found,) = threads.ranked_lists(tree(prompt))
    assert [(pair.chosen.message_id, pair.rejected.message_id) for pair in threads.pairs(found)] == [
        ("a0", "a1"), ("a1", "a2"),
    ]  # fmt: skip


def test_prompts_are_all_threads_that_await_an_answer() -> None:
    prompt = said("p", said("a1", said("p2"), said("p3", said("a4"))))
    assert [names(path) for path in threads.prompts(tree(prompt))] == ["p", "p a1 p2", "p a1 p3"]
