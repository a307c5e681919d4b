"""What a tree could use, who may do it, and what never is offered."""

from dataclasses import fields

import pytest

from espalier.domain.arrival import is_late, refuse_stale
from espalier.domain.errors import Stale
from espalier.domain.lifecycle import Command
from espalier.domain.message import Role, SkipOf
from espalier.domain.policy import Policy
from espalier.domain.tree import State
from espalier.domain.work import ACT_OF, ACT_SKIPPED, Act, Kind, Reply, Task, Turn, done_by
from story import Story, small

# --- places to write ---


def test_an_accepted_prompt_wants_three_replies_and_its_replies_want_none_yet() -> None:
    story = Story()
    assert story.open(Act.REPLY) == {"p": 3}
    story.reply("p", "a")
    assert story.open(Act.REPLY) == {"p": 2}
    assert story.open(Act.LABEL) == {"a": 3}
    story.accept("a")
    assert story.open(Act.REPLY) == {"p": 2, "a": 1}
    assert story.open(Act.LABEL) == {}


@pytest.mark.parametrize("how", ["refused", "deleted"])
def test_a_lost_only_reply_leaves_its_place_free_again(how: str) -> None:
    story = Story(small(max_children_count=1, goal_tree_size=3))
    story.reply("p", "a")
    assert story.open(Act.REPLY) == {}
    story.refuse("a") if how == "refused" else story.delete("a")
    assert story.open(Act.REPLY) == {"p": 1}
    assert story.open(Act.LABEL) == {}


def test_a_refused_reply_is_not_extended() -> None:
    story = Story()
    story.reply("p", "a")
    story.refuse("a")
    assert story.open(Act.REPLY) == {"p": 3}


def test_a_late_reply_takes_no_place_and_is_never_reviewed_ranked_or_extended() -> None:
    story = Story(small())
    story.grow("p", "a", "b")
    story.reply("p", "c", late=True)
    assert story.open(Act.LABEL) == {}
    assert "c" not in story.open(Act.REPLY)
    story.grow("a", "aa")
    story.grow("b", "bb")
    assert story.open(Act.RANK) == {"p": 2}
    story.rank_all()
    assert story.state is State.READY_FOR_EXPORT
    assert story.ranks() == {"a": 0, "b": 1}


def test_the_deepest_messages_take_no_reply() -> None:
    story = Story(small(max_tree_depth=1, goal_tree_size=3))
    story.grow("p", "a")
    assert story.open(Act.REPLY) == {"p": 1}


def test_places_never_promise_more_messages_than_the_goal_leaves() -> None:
    story = Story(small(goal_tree_size=3))
    work = story.work[Act.REPLY, "p"]
    assert (work.needs, work.budget) == (2, 2)
    story.reply("p", "a")
    assert story.open(Act.REPLY) == {"p": 1}
    story.reply("p", "b")
    assert story.open(Act.REPLY) == {}
    story.refuse("b")
    assert story.open(Act.REPLY) == {"p": 1}


def test_a_prompter_message_with_few_replies_is_lonely() -> None:
    story = Story()
    assert not story.work[Act.REPLY, "p"].lonely
    story.grow("p", "a")
    assert story.work[Act.REPLY, "p"].lonely
    assert not story.work[Act.REPLY, "a"].lonely
    story.grow("p", "b")
    assert not story.work[Act.REPLY, "p"].lonely


def test_what_hangs_below_a_deleted_message_is_out_of_every_task() -> None:
    story = Story()
    story.grow("p", "a")
    story.reply("a", "aa")
    story.delete("a")
    assert {subject for _, subject in story.work} == {"p"}


def test_the_kind_of_a_task_follows_the_role() -> None:
    story = Story()
    assert story.work[Act.REPLY, "p"].kind is Kind.ASSISTANT_REPLY
    story.reply("p", "a")
    assert story.work[Act.LABEL, "a"].kind is Kind.LABEL_ASSISTANT_REPLY
    story.accept("a")
    assert story.work[Act.REPLY, "a"].kind is Kind.PROMPTER_REPLY
    story.reply("a", "aa")
    assert story.work[Act.LABEL, "aa"].kind is Kind.LABEL_PROMPTER_REPLY
    prompt = Story(state=State.INITIAL_PROMPT_REVIEW)
    assert [work.kind for work in prompt.work.values()] == [Kind.LABEL_INITIAL_PROMPT]


# --- places to rank ---


@pytest.mark.parametrize("rank_prompter_replies", [False, True])
def test_replies_of_prompters_are_ranked_when_the_policy_says_so(rank_prompter_replies: bool) -> None:
    story = Story(small(num_prompter_replies=2, goal_tree_size=4, rank_prompter_replies=rank_prompter_replies))
    story.grow("p", "a")
    story.grow("a", "x", "y")
    assert story.state is (State.RANKING if rank_prompter_replies else State.READY_FOR_EXPORT)
    assert story.open(Act.RANK) == ({"a": 2} if rank_prompter_replies else {})
    if rank_prompter_replies:
        assert story.work[Act.RANK, "a"].kind is Kind.RANK_PROMPTER_REPLIES


def test_a_ballot_on_which_nothing_is_acceptable_counts_towards_the_rankings_wanted() -> None:
    story = Story(small(max_tree_depth=1, goal_tree_size=3))
    story.grow("p", "a", "b")
    story.rank("p", "", "rita")
    assert story.open(Act.RANK) == {"p": 1}
    story.rank("p", "", "sven")
    assert story.state is State.READY_FOR_EXPORT
    assert story.ranks() == {}


@pytest.mark.parametrize("state", [State.ABORTED_LOW_GRADE, State.HALTED_BY_MODERATOR, State.PROMPT_LOTTERY_WAITING])
def test_a_tree_that_is_not_at_work_wants_nothing(state: State) -> None:
    assert Story(state=state).work == {}


# --- who may ---


def test_nobody_does_twice_what_they_did_or_skipped_or_judges_their_own() -> None:
    story = Story(author="anna")
    story.reply("p", "a", "ben")
    story.review("a", "cai")
    story.skip("p", "dora")
    story.skip("a", "emil", "cannot_judge", SkipOf.LABELING)
    story.rank("p", "a", "fay")
    assert done_by(story.tree) == {
        ("anna", Act.LABEL, "p"),
        ("ben", Act.LABEL, "a"),
        ("ben", Act.REPLY, "p"),
        ("ben", Act.RANK, "p"),
        ("cai", Act.LABEL, "a"),
        ("dora", Act.REPLY, "p"),
        ("emil", Act.LABEL, "a"),
        ("fay", Act.RANK, "p"),
    }


def test_one_may_answer_ones_own_prompt_and_continue_ones_own_reply() -> None:
    story = Story(author="anna")
    story.reply("p", "a", "ben")
    story.accept("a")
    done = done_by(story.tree)
    assert ("anna", Act.REPLY, "p") not in done
    assert ("ben", Act.REPLY, "a") not in done


def test_whose_reply_was_refused_is_not_asked_for_another_one_there() -> None:
    story = Story()
    story.reply("p", "a", "ben")
    story.refuse("a")
    assert ("ben", Act.REPLY, "p") in done_by(story.tree)
    assert ("ben", Act.RANK, "p") not in done_by(story.tree)  # the set to be ranked does not hold it


def test_who_closed_the_account_did_nothing() -> None:
    story = Story()
    story.skip("p", None)
    assert {person for person, _, _ in done_by(story.tree)} == {"anna"}


def test_each_kind_of_task_is_one_act_and_each_act_has_its_skip() -> None:
    assert set(ACT_OF) == set(Kind) - {Kind.INITIAL_PROMPT}
    assert set(ACT_SKIPPED.values()) == set(Act)


def test_what_a_volunteer_is_handed_names_no_author_origin_or_rank() -> None:
    assert {field.name for field in fields(Turn)} == {"handle", "role", "text", "lang"}
    assert {field.name for field in fields(Reply)} == {"handle", "text"}
    assert {field.name for field in fields(Task)} & {"author", "origin", "rank", "synthetic", "model_name"} == set()
    assert Role.PROMPTER.other is Role.ASSISTANT


# --- late ---


def late(story: Story, act: Act, subject: str, *, held: bool = False, others: int = 0, in_tree: int = 0) -> bool:
    return is_late(story.tree, story.policy, act, subject, held=held, others=others, others_in_tree=in_tree)


def test_what_comes_on_an_expired_lease_counts_while_its_place_is_free() -> None:
    story = Story(small(max_children_count=1, goal_tree_size=3, num_reviews_reply=3))
    assert not late(story, Act.REPLY, "p")
    assert late(story, Act.REPLY, "p", others=1)
    assert not late(story, Act.REPLY, "p", held=True, others=1)
    story.reply("p", "a")
    assert late(story, Act.REPLY, "p")
    assert not late(story, Act.LABEL, "a", others=2)
    assert late(story, Act.LABEL, "a", others=3)


def test_a_reply_is_late_when_leases_elsewhere_in_the_tree_take_all_that_the_goal_leaves() -> None:
    story = Story(Policy(goal_tree_size=4, min_goal_tree_size=1))
    story.grow("p", "a")
    assert not late(story, Act.REPLY, "a", in_tree=1)
    assert late(story, Act.REPLY, "a", in_tree=2)


def test_a_lease_that_runs_keeps_its_place_though_a_late_review_turned_a_refusal() -> None:
    story = Story(small(max_children_count=1, goal_tree_size=3, num_reviews_reply=3))
    story.reply("p", "a")
    story.refuse("a")
    assert story.open(Act.REPLY) == {"p": 1}
    for number in range(6):
        story.review("a", f"late {number}")
    assert story.accepted("a") is True
    assert story.open(Act.REPLY) == {"a": 1}
    assert not late(story, Act.REPLY, "p", held=True)
    assert late(story, Act.REPLY, "p", held=False)


def test_a_review_in_time_is_in_time_though_late_ones_have_filled_its_place() -> None:
    story = Story(small(max_tree_depth=1, goal_tree_size=3, num_reviews_reply=1))
    story.reply("p", "a")
    story.review("a", "late one")
    assert not late(story, Act.LABEL, "a", held=True)
    assert late(story, Act.LABEL, "a", held=False)
    story = Story(Policy(num_reviews_initial_prompt=1), State.INITIAL_PROMPT_REVIEW)
    assert not late(story, Act.LABEL, "p", held=True)
    story.review("p", "late one")
    assert story.state is State.PROMPT_LOTTERY_WAITING
    assert late(story, Act.LABEL, "p", held=True)


def test_what_comes_after_the_tree_has_moved_on_is_late() -> None:
    story = Story(small(max_tree_depth=1, goal_tree_size=3))
    story.grow("p", "a", "b")
    assert story.state is State.RANKING
    assert late(story, Act.REPLY, "p", held=True)
    assert late(story, Act.LABEL, "a", held=True)
    assert not late(story, Act.RANK, "p")
    story.rank_all()
    assert late(story, Act.RANK, "p", held=True)
    refuse_stale(story.tree, "p")


def test_what_comes_for_a_stopped_tree_or_a_removed_message_is_refused_with_its_text() -> None:
    story = Story()
    story.grow("p", "a")
    story.delete("a")
    refuse_stale(story.tree, "p", "My reply.")
    for subject in ("a", "gone for ever"):
        with pytest.raises(Stale) as refusal:
            refuse_stale(story.tree, subject, "My reply.")
        assert refusal.value.text == "My reply."
    story.order(Command.HALT)
    with pytest.raises(Stale):
        refuse_stale(story.tree, "p", "My reply.")
