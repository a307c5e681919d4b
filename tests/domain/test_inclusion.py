"""How evenly work is spread: known curves, and what holds of any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.domain.inclusion import inclusion, lorenz

COUNTS = st.lists(st.integers(0, 1000), max_size=60)


def test_equal_shares_are_perfectly_even() -> None:
    found = inclusion([5, 5, 5, 5])
    assert (found.people, found.gini, found.effective) == (4, 0, 4)
    assert (found.top_1, found.top_10, found.top_tenth) == (0.25, 1, 0.25)


def test_one_who_does_nearly_all_is_nearly_alone() -> None:
    found = inclusion([1, 1, 98])
    assert found.gini == pytest.approx((1 * -2 + 98 * 2) / (3 * 100))
    assert found.effective == pytest.approx(100**2 / (1 + 1 + 98**2))
    assert found.top_1 == 0.98


def test_nobody_did_anything() -> None:
    found = inclusion([0, 0])
    assert (found.people, found.gini, found.top_10) == (0, None, None)


@given(COUNTS)
def test_gini_is_the_mean_difference_of_two_people_by_twice_the_mean(counts: list[int]) -> None:
    worked = [count for count in counts if count]
    found = inclusion(counts)
    if worked:
        differences = sum(abs(one - other) for one in worked for other in worked)
        assert found.gini == pytest.approx(differences / (2 * len(worked) * sum(worked)))


@given(COUNTS.filter(any))
def test_measures_stay_in_their_ranges_and_do_not_depend_on_scale_or_order(counts: list[int]) -> None:
    found = inclusion(counts)
    assert found.gini is not None
    assert found.effective is not None
    assert found.top_1 is not None
    assert found.top_10 is not None
    assert 0 <= found.gini < 1
    assert 1 <= found.effective <= found.people + 1e-9
    assert 0 < found.top_1 <= found.top_10 <= 1
    other = inclusion([3 * count for count in reversed(counts)])
    assert (other.gini, other.effective) == (pytest.approx(found.gini), pytest.approx(found.effective))


def test_the_curve_of_even_shares_is_a_straight_line() -> None:
    assert lorenz([3, 3, 3, 3], steps=4) == [(0, 0), (0.25, 0.25), (0.5, 0.5), (0.75, 0.75), (1, 1)]


def test_the_curve_starts_with_who_did_least_and_leaves_out_who_did_nothing() -> None:
    assert lorenz([6, 0, 1, 0, 1], steps=3) == [(0, 0), (1 / 3, 0.125), (2 / 3, 0.25), (1, 1)]
    assert lorenz([0, 0]) == []


def test_a_few_people_give_no_more_points_than_they_are() -> None:
    assert lorenz([1, 2]) == [(0, 0), (0.5, 1 / 3), (1, 1)]
