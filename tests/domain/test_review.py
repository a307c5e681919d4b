"""When reviews accept a message, and what its labels come to."""

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.domain.lifecycle import Command
from espalier.domain.message import Baseline, Message, Review, Role, offered_labels
from espalier.domain.policy import Policy
from espalier.domain.review import label_means, required_reviews, score, verdict
from espalier.domain.tree import State
from story import Story

NOW = datetime(2023, 4, 12, tzinfo=UTC)
Labels = dict[str, float | None]


def message(*reviews: Labels, parent: str | None = "p", baseline: Baseline | None = None) -> Message:
    given_by = tuple(Review(number, f"r{number}", NOW, labels) for number, labels in enumerate(reviews))
    role = Role.ASSISTANT if parent else Role.PROMPTER
    return Message("m", parent, role, "anna", NOW, "en", "Hm.", 1, reviews=given_by, baseline=baseline)


def spam(*values: float, lang: tuple[float, ...] = (0, 0, 0)) -> tuple[Labels, ...]:
    return tuple({"spam": value, "lang_mismatch": other} for value, other in zip(values, lang, strict=True))


@pytest.mark.parametrize(
    ("reviews", "is_accepted"),
    [
        pytest.param(spam(0, 0, 0), True, id="all clean: 1"),
        pytest.param(spam(1, 0, 0), True, id="one spam: 0.667"),
        pytest.param(spam(0, 0, 0, lang=(1, 0, 0)), True, id="one wrong language: 0.667"),
        pytest.param(spam(1, 0, 0, lang=(0, 1, 0)), False, id="one of each in two reviews: 0.333"),
        pytest.param(spam(1, 0, 0, lang=(1, 0, 0)), False, id="one of each in one review: 0.333"),
        pytest.param(spam(1, 1, 0), False, id="two spam"),
        pytest.param(spam(0.4, 0.4, 0.4), False, id="0.6 is not above 0.6"),
        pytest.param(spam(0.39, 0.39, 0.39), True, id="0.61 is"),
        pytest.param(({"spam": 1}, {"spam": 0}, {"spam": 0, "lang_mismatch": 0}), True, id="no answer is no mismatch"),
    ],
)
def test_three_reviews_decide_a_reply(reviews: tuple[Labels, ...], is_accepted: bool) -> None:
    assert verdict(message(*reviews), Policy()) is is_accepted
    assert verdict(message(*reviews[:2]), Policy()) is None


def test_a_refused_prompt_aborts_its_tree() -> None:
    story = Story(state=State.INITIAL_PROMPT_REVIEW)
    for person, value in (("ben", 1), ("cai", 1), ("dora", 0)):
        assert story.state is State.INITIAL_PROMPT_REVIEW
        story.review("p", person, spam=value)
    assert story.accepted("p") is False
    assert story.state is State.ABORTED_LOW_GRADE
    assert story.work == {}


def test_an_accepted_prompt_waits_for_the_lottery_and_grows_when_drawn() -> None:
    story = Story(state=State.INITIAL_PROMPT_REVIEW)
    story.accept("p")
    assert story.state is State.PROMPT_LOTTERY_WAITING
    assert story.work == {}
    story.order(Command.DRAW)
    assert story.state is State.GROWING
    assert story.tree.won_lottery
    shape = story.tree.shape
    assert (shape.goal_tree_size, shape.max_tree_depth, shape.max_children_count) == (12, 3, 3)


def test_late_reviews_may_turn_a_refusal() -> None:
    story = Story()
    story.reply("p", "a")
    for person, value in (("ben", 1), ("cai", 1), ("dora", 0), ("emil", 0), ("fay", 0)):
        story.review("a", person, spam=value)
    assert story.accepted("a") is False
    story.review("a", "gus")
    assert story.accepted("a") is True


def test_late_reviews_never_turn_an_acceptance() -> None:
    story = Story()
    story.grow("p", "a")
    for person in ("ben", "cai", "dora", "emil"):
        story.review("a", person, spam=1)
    assert score(story.tree.messages["a"], Policy()) < 0.5
    assert story.accepted("a") is True


def test_cannot_judge_counts_as_a_review_and_in_no_mean() -> None:
    judged = message({"spam": 0, "quality": None}, {"spam": 0, "quality": 0.5}, {"spam": 0, "lang_mismatch": None})
    assert verdict(judged, Policy()) is True
    assert label_means(judged) == {"spam": (0, 3), "quality": (0.5, 1)}


def test_a_mismatch_that_few_answer_is_spread_over_all_reviews() -> None:
    assert score(message({"spam": 0, "lang_mismatch": 1}, {"spam": 0}, {"spam": 0}), Policy()) == pytest.approx(2 / 3)


def test_a_vote_that_came_too_late_to_count_changes_nothing() -> None:
    story = Story()
    story.reply("p", "a")
    story.refuse("a")
    story.order(Command.HALT)
    story.review("a", "late one")
    assert story.tree.messages["a"].review_count == 3
    assert score(story.tree.messages["a"], Policy()) == 0
    assert not story.tree.messages["a"].reviews[-1].counted


def test_imported_means_stand_for_as_many_reviews_as_the_file_says() -> None:
    known = Baseline(review_count=2, labels={"spam": (0.5, 2), "humor": (0.25, 1)})
    both = message({"spam": 0, "humor": 1}, baseline=known)
    assert both.review_count == 3
    assert label_means(both) == {"spam": (pytest.approx(1 / 3), 3), "humor": (0.625, 2)}
    assert verdict(both, Policy()) is True
    assert verdict(message(baseline=known), Policy()) is None


def test_an_imported_label_with_more_answers_than_reviews_stays_a_mean() -> None:
    known = Baseline(review_count=0, labels={"spam": (0.0, 4), "lang_mismatch": (0.5, 4)})
    assert score(message(baseline=known), Policy()) == 0.5
    assert score(message({"spam": 0, "lang_mismatch": 1}, baseline=known), Policy()) == pytest.approx(0.4)


def test_a_prompt_and_a_reply_have_limits_of_their_own() -> None:
    policy = Policy(num_reviews_initial_prompt=1, num_reviews_reply=2, acceptance_threshold_initial_prompt=-1)
    assert (required_reviews(message(parent=None), policy), required_reviews(message(), policy)) == (1, 2)
    assert verdict(message({"spam": 1}, parent=None), policy) is True
    assert verdict(message({"spam": 1}, {"spam": 1}), policy) is False


@given(
    st.lists(st.fixed_dictionaries({}, optional={"spam": st.floats(0, 1), "lang_mismatch": st.floats(0, 1)})),
    st.randoms(),
)
def test_a_decision_does_not_depend_on_the_order_of_reviews(reviews: list[Labels], rng: Random) -> None:
    shuffled = rng.sample(reviews, len(reviews))
    assert score(message(*reviews), Policy()) == score(message(*shuffled), Policy())
    assert verdict(message(*reviews), Policy()) == verdict(message(*shuffled), Policy())
    assert -1 <= score(message(*reviews), Policy()) <= 1


def weighed(*reviews: tuple[float, float]) -> Message:
    """Reviews that say how much of spam a message is, each with the weight of its reviewer."""
    given_by = tuple(
        Review(number, f"r{number}", NOW, {"spam": value}, weight=weight)
        for number, (value, weight) in enumerate(reviews)
    )
    return replace(message(), reviews=given_by)


def test_who_answers_by_habit_counts_for_less_where_the_policy_wants_it() -> None:
    judged = weighed((1, 0.0), (1, 0.1), (0, 1.0))
    assert verdict(judged, Policy()) is False
    assert verdict(judged, Policy(least_reviewer_weight=0.1)) is True
    assert score(judged, Policy(least_reviewer_weight=0.1)) == pytest.approx(1 - 0.2 / 1.2)
    assert score(judged, Policy(least_reviewer_weight=0.5)) == pytest.approx(0.5)
    assert verdict(weighed((0, 0.0), (0, 0.0)), Policy(least_reviewer_weight=0.1)) is None, "as many reviews are needed"


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6), st.floats(0.05, 1), st.randoms())
def test_weights_change_nothing_by_default_and_never_lead_out_of_what_was_said(
    reviews: list[tuple[float, float]], least: float, rng: Random
) -> None:
    in_full = weighed(*((value, 1.0) for value, _ in reviews))
    assert score(weighed(*reviews), Policy()) == score(in_full, Policy())
    policy = Policy(least_reviewer_weight=least)
    value = score(weighed(*reviews), policy)
    said = [value for value, _ in reviews]
    assert 1 - max(said) - 1e-9 <= value <= 1 - min(said) + 1e-9
    assert value == score(weighed(*rng.sample(reviews, len(reviews))), policy)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=8), st.floats(-1, 1))
def test_a_higher_threshold_never_accepts_more(values: list[float], threshold: float) -> None:
    judged = message(*({"spam": value} for value in values))
    if verdict(judged, Policy(acceptance_threshold_reply=threshold)):
        assert verdict(judged, Policy(acceptance_threshold_reply=-1))
    else:
        assert not verdict(judged, Policy(acceptance_threshold_reply=1))


def test_a_review_asks_what_its_mode_and_the_role_call_for() -> None:
    def names(role: Role, full: bool) -> set[str]:
        return {label.name for label in offered_labels(role, full=full)}

    assert names(Role.PROMPTER, False) == names(Role.ASSISTANT, False) == {"spam", "lang_mismatch", "quality"}
    assert names(Role.ASSISTANT, True) - names(Role.PROMPTER, True) == {"fails_task", "helpfulness"}
    assert "political_content" not in names(Role.ASSISTANT, True)
