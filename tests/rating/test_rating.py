"""Ratings find what was planted, however battles are told, and say where nothing can be known."""

import math
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.rating.battles import Battles, Judged, battles_of, collapsed
from espalier.rating.bias import survived, verdicts
from espalier.rating.bradley_terry import SCALE, Unconnected, fit, fits, unbounded
from espalier.rating.elo import elo
from espalier.rating.intervals import drawn_again, middle, shares
from espalier.rating.matrix import win_rates

WON = st.sampled_from([0.0, 0.5, 1.0])
LISTS = st.lists(st.tuples(st.sampled_from(list(permutations("abcd", 2))), WON), min_size=12, max_size=60)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def planted(
    strengths: dict[str, float], questions: int, position: float = 0.0, length: float = 0.0, ties: float = 0.0
) -> Battles:
    """Each pair in both orders on each question. ties: so many of the verdicts are none."""
    random = np.random.default_rng(3)

    def judged() -> list[Judged]:
        rows = []
        for question, (one, other) in product(range(questions), permutations(strengths, 2)):
            characters = random.integers(50, 2000, 2)
            eta = strengths[one] - strengths[other] + position + length * math.log(characters[0] / characters[1])
            won = 0.5 if random.random() < ties else float(random.random() < sigmoid(eta))
            rows.append(Judged(str(question), one, other, won, characters=(int(characters[0]), int(characters[1]))))
        return rows

    return battles_of(judged())


def by_minorization(battles: Battles) -> list[float]:
    """Bradley and Terry's strengths by another road: Hunter's MM algorithm (2004), one model after the other."""
    count = len(battles.models)
    rates, met = win_rates(battles)
    wins = np.nansum(np.where(met > 0, rates * met, 0), axis=1)
    worth = np.ones(count)
    for _ in range(5_000):
        for each in range(count):
            worth[each] = wins[each] / sum(
                met[each, other] / (worth[each] + worth[other]) for other in range(count) if other != each
            )
        worth /= math.exp(np.log(worth).mean())
    return [1000 + SCALE * math.log(each) for each in worth]


def test_ratings_are_those_of_another_algorithm() -> None:
    battles = planted({"a": 0.0, "b": 0.5, "c": -1.0, "d": 1.5}, 20, ties=0.2)
    assert fit(battles).ratings[0] == pytest.approx(by_minorization(battles), abs=0.05)


def test_planted_strengths_position_and_length_are_found_again() -> None:
    strengths = {"a": -0.6, "b": 0.0, "c": 0.6}
    found = fit(planted(strengths, 2_000, position=0.7, length=0.5), position=True, length=True)
    assert found.position is not None
    assert found.length is not None
    assert found.ratings[0] == pytest.approx([1000 + SCALE * each for each in strengths.values()], abs=12)
    assert (found.position[0], found.length[0]) == pytest.approx((0.7, 0.5), abs=0.06)


@given(LISTS)
def test_who_stands_first_and_in_which_order_battles_come_changes_no_rating(
    rows: list[tuple[tuple[str, str], float]],
) -> None:
    told = [Judged(str(n), one, other, won) for n, ((one, other), won) in enumerate(rows)]
    turned = [Judged(row.question, row.second, row.first, 1 - row.won) for row in reversed(told)]
    try:
        found = fit(battles_of(told)).ratings
    except Unconnected:
        with pytest.raises(Unconnected):
            fit(battles_of(turned))
    else:
        assert fit(battles_of(turned)).ratings == pytest.approx(found, abs=0.01)


@given(LISTS, st.integers(0, 2**32 - 1))
def test_elo_gives_to_one_what_it_takes_from_the_other(rows: list[tuple[tuple[str, str], float]], seed: int) -> None:
    battles = battles_of(Judged("", one, other, won) for (one, other), won in rows)
    mean, _ = elo(battles, np.random.default_rng(seed), orders=3)
    assert mean.mean() == pytest.approx(1000)


def test_elo_of_two_battles_is_what_the_formula_says() -> None:
    battles = battles_of([Judged("1", "a", "b", 1.0), Judged("2", "b", "a", 0.5)])
    win_first = 16 - 32 * (1 / (1 + 10 ** (-32 / 400)) - 0.5)
    draw_first = 16.0
    mean, _ = elo(battles, np.random.default_rng(0), orders=4_000)
    assert mean[0] - 1000 == pytest.approx((win_first + draw_first) / 2, abs=0.1)


def test_a_question_asked_twice_makes_no_interval_narrower() -> None:
    """Verdicts on one question come and go together: the same ones once more tell nothing new."""
    battles = planted({"a": 0.0, "b": 0.4, "c": 0.8}, 60)
    everything = np.concatenate([np.arange(len(battles))] * 3)
    weights = drawn_again(battles, np.random.default_rng(0), 500)
    once, thrice = (middle(fits(each, weights).ratings) for each in (battles, battles.only(everything)))
    assert thrice[0] == pytest.approx(once[0], abs=0.1)
    assert thrice[1] == pytest.approx(once[1], abs=0.1)


def test_nineteen_of_twenty_intervals_hold_what_was_planted() -> None:
    random, held = np.random.default_rng(1), 0
    for _ in range(200):
        won = (random.random(80) < sigmoid(0.8)).astype(float)
        battles = battles_of(Judged(str(n), "a", "b", each) for n, each in enumerate(won))
        low, high = middle(fits(battles, drawn_again(battles, random, 400)).ratings)
        held += bool(low[0] <= 1000 + SCALE * 0.4 <= high[0])
    assert 180 <= held <= 198


def test_a_model_that_won_everything_is_named_and_leaves_the_others_where_they_are() -> None:
    others = [("b", "c", 1.0), ("c", "b", 1.0), ("b", "c", 0.5)]
    with_it = battles_of(
        Judged(str(n), *each) for n, each in enumerate([*others, ("a", "b", 1.0), ("c", "a", 0.0), ("a", "c", 1.0)])
    )
    assert unbounded(with_it).tolist() == [True, False, False]
    found = fit(with_it).ratings[0]
    assert found[1:] == pytest.approx([1000, 1000], abs=0.2)
    assert 1500 < found[0] < 4000


def test_models_that_no_battle_joins_are_not_rated_beside_each_other() -> None:
    with pytest.raises(Unconnected, match="no chain of battles joins a and c"):
        fit(battles_of([Judged("1", "a", "b", 1.0), Judged("1", "c", "d", 1.0)]))


def test_a_win_counts_only_if_it_survives_the_swap() -> None:
    def told(question: str, one_way: float, other_way: float) -> list[Judged]:
        return [Judged(question, "a", "b", one_way), Judged(question, "b", "a", other_way)]

    rows = [*told("both", 1, 0), *told("first", 1, 1), *told("tied", 0.5, 0.5), *told("half", 0.5, 1)]
    rows += [Judged("once", "a", "b", 1), Judged("both", "a", "b", 1, round="another judge")]
    both_ways = battles_of(rows)
    assert collapsed(both_ways).won.tolist() == [1.0, 0.5, 0.5, 0.5]
    _, same = survived(both_ways)
    assert same.ravel().tolist() == [1, 0, 1, 0]
    assert verdicts(both_ways).sum(axis=0).tolist() == [6, 1, 3]


def test_the_matrix_says_from_both_sides_who_won() -> None:
    battles = battles_of([Judged("1", "a", "b", 1), Judged("2", "b", "a", 0.5), Judged("3", "b", "c", 0)])
    rates, met = win_rates(battles)
    assert met.tolist() == [[0, 2, 0], [2, 0, 1], [0, 1, 0]]
    assert (rates[0, 1], rates[1, 0], rates[2, 1]) == (0.75, 0.25, 1)
    assert math.isnan(rates[0, 2])


def test_shares_of_resamples_are_means_over_battles_not_over_questions() -> None:
    battles = battles_of([*[Judged("1", "a", "b", 1)] * 3, Judged("2", "a", "b", 0)])
    assert shares(battles, verdicts(battles), np.array([[1.0, 1], [0, 2]])).tolist() == [[0.75, 0.25, 0], [0, 1, 0]]
