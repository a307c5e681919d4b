"""Agreement between reviewers is what its formulas and the reference libraries say."""

from collections import Counter
from itertools import combinations

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import friedmanchisquare, kendalltau

from espalier.dataset.agreement import (
    Level,
    alpha,
    kendall_w,
    mean_ranks,
    mean_tau_b,
    rankings,
    tau_b,
    units_of_means,
)

CHANCE = np.random.default_rng(0)
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
JUDGED = st.lists(st.lists(st.sampled_from(STEPS), min_size=1, max_size=5), min_size=2, max_size=30)
PLACES = st.integers(3, 6).flatmap(
    lambda things: st.lists(
        st.lists(st.integers(1, things), min_size=things, max_size=things), min_size=2, max_size=5
    )
)  # fmt: skip


def units(judged: list[list[float]]) -> Counter[tuple[float, ...]]:
    return Counter(tuple(sorted(each)) for each in judged)


def ballot(places: list[int]) -> list[list[str]]:
    return [[str(n) for n, at in enumerate(places) if at == place] for place in sorted(set(places))]


@given(JUDGED, st.sampled_from(list(Level)))
def test_alpha_is_that_of_the_reference_library(judged: list[list[float]], level: Level) -> None:
    paired = [each for each in judged if len(each) >= 2]
    found = alpha(units(judged), level, 0, CHANCE)
    assert found.units == len(paired)
    if len({value for each in paired for value in each}) < 2:
        assert found.estimate is None
        return
    table = np.array([[*each, *[np.nan] * (5 - len(each))] for each in judged]).T
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(krippendorff.alpha(table, level_of_measurement=level.value), abs=1e-9)


def test_drawing_kinds_of_units_is_drawing_units() -> None:
    judged = [[float(a), float(a if n % 4 else 1 - a)] for n in range(400) for a in [n % 2]]
    found = alpha(units(judged), Level.NOMINAL, 400, np.random.default_rng(1)).estimate
    chance = np.random.default_rng(2)
    drawn = []
    for _ in range(400):
        again = [judged[at] for at in chance.integers(0, len(judged), len(judged))]
        drawn.append(krippendorff.alpha(np.array(again).T, level_of_measurement="nominal"))
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, (2.5, 97.5))), abs=0.02)


def test_the_same_seed_gives_the_same_interval() -> None:
    judged = units([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]] * 10)
    one, other = (alpha(judged, Level.NOMINAL, 50, np.random.default_rng(7)) for _ in range(2))
    assert one == other


def test_answers_follow_from_mean_and_number() -> None:
    found, odd = units_of_means([2 / 3, 0.0, 0.333333, 0.4, 1.0], [3, 2, 3, 3, 0])
    assert found == {(0.0, 1.0, 1.0): 1, (0.0, 0.0): 1, (0.0, 0.0, 1.0): 1}
    assert odd == 1  # three answers have no mean of 0.4


@given(PLACES)
def test_concordance_without_ties_is_that_of_friedman(places: list[list[int]]) -> None:
    orders = [list(np.argsort(np.argsort(each, kind="stable")) + 1) for each in places]
    if len(orders) < 3:
        orders += orders[:1]
    w = kendall_w([mean_ranks(ballot(each)) for each in orders])
    statistic = friedmanchisquare(*np.array(orders).T).statistic  # χ² = m (k − 1) W
    assert w == pytest.approx(statistic / (len(orders) * (len(orders[0]) - 1)))


@given(PLACES)
def test_concordance_with_ties_is_that_of_friedman_with_ties(places: list[list[int]]) -> None:
    if len(places) < 3:
        places = [*places, places[0]]
    w = kendall_w([mean_ranks(ballot(each)) for each in places])
    if all(len(set(each)) == 1 for each in places):
        assert w is None
        return
    statistic = friedmanchisquare(*np.array(places).T).statistic
    assert w == pytest.approx(statistic / (len(places) * (len(places[0]) - 1)))


@given(PLACES)
def test_tau_is_that_of_the_reference_library(places: list[list[int]]) -> None:
    ranks = [mean_ranks(ballot(each)) for each in places]
    taus = []
    for one, other in combinations(range(len(places)), 2):
        expected = kendalltau(places[one], places[other]).statistic
        found = tau_b(ranks[one], ranks[other])
        if np.isnan(expected):
            assert found is None
        else:
            assert found == pytest.approx(expected)
            taus.append(expected)
    assert mean_tau_b(ranks) == (pytest.approx(np.mean(taus)) if taus else None)


def test_only_rankings_of_the_same_replies_are_compared() -> None:
    found = rankings(
        [[[["a"], ["b"]], [["b"], ["a"]], [["a"], ["b"], ["c"]]], [[["x"], ["y"]]], []], 0, CHANCE
    )  # fmt: skip
    assert (found.sets, found.ballots) == (1, 2)
    assert found.w is not None
    assert found.tau is not None
    assert (found.w.value, found.tau.value) == (0.0, -1.0)


def test_nobody_agrees_on_what_nobody_judged() -> None:
    assert alpha(Counter(), Level.ORDINAL, 10, CHANCE).estimate is None
    assert rankings([], 10, CHANCE).w is None
