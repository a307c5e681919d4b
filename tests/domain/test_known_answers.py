"""Known answers, agreement with them, and how far a share of agreement is to be trusted."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.domain.errors import Invalid
from espalier.domain.gold import Agreement, compare, known_answers, wilson_interval
from espalier.domain.message import Role


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({}, "answers.spam"),
        ({"quality": 0.5}, "answers.spam"),
        ({"spam": 0.5}, "answers.spam"),
        ({"spam": 0, "quality": 0.6}, "answers.quality"),
        ({"spam": 0, "pii": 0.25}, "answers.pii"),
        ({"spam": 0, "beauty": 1}, "answers.beauty"),
        ({"spam": 0, "helpfulness": 1}, "answers.helpfulness"),
        ({"spam": float("nan")}, "answers.spam"),
    ],
)
def test_known_answers_are_answers_that_a_review_could_give(answers: dict[str, float], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        known_answers(Role.PROMPTER, answers)
    assert refused.value.field == field
    assert known_answers(Role.ASSISTANT, {"spam": 0, "helpfulness": 1}) == {"spam": 0.0, "helpfulness": 1.0}


def test_yes_and_no_agree_exactly_and_five_points_within_one_step() -> None:
    known = {"spam": 0.0, "pii": 1.0, "quality": 0.5}
    assert compare(known, {"spam": 0.0, "pii": 1.0, "quality": 0.75}) == Agreement(3, 3)
    assert compare(known, {"spam": 1.0, "pii": 0.0, "quality": 1.0}) == Agreement(0, 3)
    assert compare(known, {"spam": 0.0, "quality": 0.25, "humor": 1.0}) == Agreement(2, 2)


def test_what_was_left_out_or_could_not_be_judged_says_nothing() -> None:
    assert compare({"spam": 0.0, "quality": 0.5}, {"spam": 0.0, "quality": None}) == Agreement(1, 1)
    assert compare({}, {"spam": 1.0}) == Agreement(0, 0)


def test_the_interval_is_the_published_one() -> None:
    """Wilson (1927) as in Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for agreed, asked, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611),
                                     (1, 29, 0.0061, 0.1718)):  # fmt: skip
        assert wilson_interval(agreed, asked) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 10_000).flatmap(lambda asked: st.tuples(st.integers(0, asked), st.just(asked))))
def test_the_ends_of_the_interval_are_where_the_share_found_is_just_so_far_away(numbers: tuple[int, int]) -> None:
    agreed, asked = numbers
    low, high = wilson_interval(agreed, asked, 2.0)
    assert 0 <= low <= agreed / asked + 1e-12
    assert agreed / asked - 1e-12 <= high <= 1
    for end in (low, high):
        if 1e-9 < end < 1 - 1e-9:
            assert abs(agreed / asked - end) == pytest.approx(2 * sqrt(end * (1 - end) / asked), rel=1e-6)
