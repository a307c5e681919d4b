"""Who sees what of a message, as values."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from espalier.domain.message import Role
from espalier.domain.sight import (
    BlindMessage,
    BlindNode,
    OwnMessage,
    PublicMessage,
    PublicNode,
    StaffMessage,
    Viewer,
    could_judge,
    may_see,
    nested,
    seen,
)
from espalier.domain.tree import State
from espalier.domain.work import Act

PROMPT = StaffMessage(
    id="t",
    tree_id="t",
    parent_id=None,
    role=Role.PROMPTER,
    lang="en",
    text="Why?",
    depth=0,
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
    edited=False,
    deleted=False,
    removed=False,
    tombstone=False,
    tree_state=State.GROWING,
    origin=None,
    late=False,
    review_result=True,
    review_count=3,
    rank=None,
    labels={},
    emojis={},
    dismissed_flags=0,
    dismissed_skips=0,
    author="ada",
    author_name="Ada",
    synthetic=False,
    model_name=None,
)
REPLY = replace(PROMPT, id="r", parent_id="t", role=Role.ASSISTANT, depth=1, author="ben")
BEN, CLEO = Viewer(person_id="ben"), Viewer(person_id="cleo")
RANKED = Viewer(person_id="cleo", done=frozenset({(Act.RANK, "t")}))
REVIEWED = Viewer(person_id="cleo", done=frozenset({(Act.LABEL, "r")}))
HOLDS_REVIEW = Viewer(person_id="cleo", in_hand=frozenset({(Act.LABEL, "r")}))
HOLDS_RANKING = Viewer(person_id="cleo", in_hand=frozenset({(Act.RANK, "t")}))


@pytest.mark.parametrize("state", sorted(set(State) - {State.READY_FOR_EXPORT, State.RANKING}), ids=str)
def test_a_reply_in_an_unfinished_tree_may_still_be_ranked_by_anybody_else(state: State) -> None:
    reply = replace(REPLY, tree_state=state)
    assert [could_judge(reply, viewer) for viewer in (BEN, CLEO, RANKED, REVIEWED)] == [False, True, True, True]


def test_in_the_ranking_who_has_ranked_is_done_and_others_are_not() -> None:
    reply = replace(REPLY, tree_state=State.RANKING)
    assert [could_judge(reply, viewer) for viewer in (BEN, CLEO, RANKED, REVIEWED)] == [False, True, False, True]


def test_a_finished_tree_is_open_but_for_whom_holds_a_task() -> None:
    reply = replace(REPLY, tree_state=State.READY_FOR_EXPORT)
    assert not any(could_judge(reply, viewer) for viewer in (BEN, CLEO, RANKED))
    assert all(could_judge(reply, viewer) for viewer in (HOLDS_REVIEW, HOLDS_RANKING))


def test_nobody_judges_what_came_too_late() -> None:
    assert not could_judge(replace(REPLY, late=True, review_result=None), CLEO)


def test_nobody_judges_what_was_purged_so_staff_see_that_it_was() -> None:
    purged = replace(REPLY, tombstone=True, removed=True, deleted=True, text="", author=None, review_result=None)
    assert not could_judge(purged, CLEO)
    shown = seen(purged, Viewer(person_id="cleo", moderates=True))
    assert isinstance(shown, StaffMessage)
    assert shown.tombstone


def test_a_prompt_is_judged_until_it_is_decided() -> None:
    assert could_judge(replace(PROMPT, review_result=None), CLEO)
    assert not could_judge(PROMPT, CLEO)
    assert not could_judge(replace(PROMPT, review_result=None), Viewer(person_id="ada"))


def test_each_person_gets_the_widest_value_that_is_theirs() -> None:
    moderator = Viewer(person_id="cleo", moderates=True)
    chief = Viewer(person_id="cleo", moderates=True, administers=True)
    open_reply = replace(REPLY, tree_state=State.READY_FOR_EXPORT)
    assert [type(seen(REPLY, viewer)) for viewer in (BEN, CLEO, moderator, chief)] == [
        OwnMessage, BlindMessage, BlindMessage, StaffMessage,
    ]  # fmt: skip
    assert [type(seen(open_reply, viewer)) for viewer in (BEN, CLEO, moderator, chief)] == [
        OwnMessage, PublicMessage, StaffMessage, StaffMessage,
    ]  # fmt: skip


def test_what_was_removed_is_there_for_its_author_and_staff() -> None:
    removed = replace(REPLY, removed=True)
    assert may_see(removed, BEN)
    assert may_see(removed, Viewer(person_id="cleo", moderates=True))
    assert not may_see(removed, CLEO)
    assert not may_see(replace(removed, author=None), CLEO)


def test_a_tree_is_nested_by_arrival_and_open_ranks_come_first() -> None:
    replies = [replace(REPLY, id=name, rank=rank) for name, rank in (("a", None), ("b", 1), ("c", 0))]
    blind = nested([PROMPT, *replies], CLEO)
    assert isinstance(blind, PublicNode)
    assert [reply.id for reply in blind.replies] == ["a", "b", "c"]
    assert all(isinstance(reply, BlindNode) for reply in blind.replies)
    finished = [replace(each, tree_state=State.READY_FOR_EXPORT) for each in (PROMPT, *replies)]
    shown = nested(finished, CLEO)
    assert shown is not None
    assert [reply.id for reply in shown.replies] == ["c", "b", "a"]


def test_what_stands_below_something_hidden_is_not_shown_in_the_tree() -> None:
    hidden = replace(REPLY, removed=True, deleted=True)
    below = replace(REPLY, id="b", parent_id="r", author="cleo", removed=True)
    tree = nested([PROMPT, hidden, below], CLEO)
    assert tree is not None
    assert tree.replies == ()
    assert nested([replace(PROMPT, removed=True)], CLEO) is None
