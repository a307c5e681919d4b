"""What the measures say of scores whose answers are known."""

import math

import numpy as np
import pytest

from espalier.infer.measure import (
    Agreement,
    Scored,
    agreement,
    auc,
    bits_per_byte,
    calibration,
    mean,
    pairs_of,
    perplexity,
    ranks,
    ratio,
)


def measured(*scored: Scored, seed: int = 0) -> Agreement:
    return agreement(scored, np.random.default_rng(seed))


def scored(*scores: float, tree: str = "a", lang: str = "en", lengths: tuple[int, ...] = (), **more: object) -> Scored:
    ties = frozenset(more.get("ties", ()))  # type: ignore[call-overload]
    return Scored(tree, lang, scores, lengths or (100,) * len(scores), ties)


@pytest.mark.parametrize(
    ("prompts", "top", "tau", "spearman"),
    [([(3, 2, 1), (0.5, 0.7)], 0.5, 0.0, 0.0), ([(2, 3, 1), (1, 4, 2, 3)], 0.5, 0.0, 0.05), ([(1, 1)], 0.5, 0.0, 0.0)],
)
def test_agreement_of_the_predecessors_cases(
    prompts: list[tuple[float, ...]], top: float, tau: float, spearman: float
) -> None:
    """The last is a tie, which is half right and says nothing of the order."""
    found = measured(*(scored(*scores) for scores in prompts))
    assert found.top is not None
    assert found.tau is not None
    assert found.spearman is not None
    assert (found.top.value, found.tau.value) == pytest.approx((top, tau), abs=1e-12)
    assert found.spearman.value == pytest.approx(spearman, abs=1e-12)


def test_pairs_that_people_left_undecided_are_in_no_figure() -> None:
    assert len(pairs_of([scored(1, 2, 3, ties={(0, 1)})])) == 2
    found = measured(scored(5, 9, ties={(0, 1)}))
    assert (found.all.pairs, found.all.accuracy, found.top, found.tau) == (0, None, None, None)
    assert measured().calibration is None


def test_the_rule_of_the_longer_reply_stands_beside_on_the_same_pairs() -> None:
    trees = [
        scored(
            2, 1, tree=str(number), lengths=(100, 90) if number % 4 == 0 else (100, 300) if number % 2 else (300, 100)
        )
        for number in range(40)
    ]
    found = measured(*trees)
    assert found.all.accuracy is not None
    assert found.all.longer is not None
    assert found.gain is not None
    assert (found.all.accuracy.value, found.all.longer.value, found.gain.value) == (1.0, 0.5, 0.5)
    assert found.gain.low is not None
    assert 0.25 < found.gain.low < 0.5, "the interval is that of the difference"
    assert found.matched.pairs == 0, "exactly 10 % apart is not less than 10 %"
    assert [each.pairs for each in found.by_length] == [20, 0, 0, 10, 10]


def test_the_interval_is_as_wide_as_the_trees_are_few() -> None:
    """Ten replies of each of 50 trees that all say the same are no more than 50 observations."""
    wins = np.repeat(np.arange(50) % 2, 10).astype(float)
    random = np.random.default_rng(0)
    clustered = mean(wins, np.repeat(np.arange(50).astype(str), 10), random)
    alone = mean(wins, np.arange(500).astype(str), random)
    assert clustered is not None and clustered.low is not None and clustered.high is not None  # noqa: PT018
    assert alone is not None and alone.low is not None and alone.high is not None  # noqa: PT018
    assert (clustered.high - clustered.low) / (alone.high - alone.low) == pytest.approx(math.sqrt(10), rel=0.1)
    assert clustered.high - clustered.low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(50), rel=0.1)
    few = mean(wins[:90], np.repeat(np.arange(9).astype(str), 10), random)
    assert few is not None and few.low is None, "of nine trees there is none"  # noqa: PT018


def test_scores_that_are_log_odds_are_calibrated_and_doubled_ones_are_not() -> None:
    random = np.random.default_rng(1)
    odds = random.normal(0, 2, 20_000)
    first_is_better = random.random(20_000) < 1 / (1 + np.exp(-odds))
    better = np.where(first_is_better, odds, 0)
    worse = np.where(first_is_better, 0, odds)
    right = calibration(pairs_of(scored(b, w) for b, w in zip(better, worse, strict=True)), random)
    sure = calibration(pairs_of(scored(4 * b, 4 * w) for b, w in zip(better, worse, strict=True)), random)
    assert right.error < 0.015
    assert sure.error > 0.1
    assert right.brier is not None
    assert sure.brier is not None
    assert right.brier.value < sure.brier.value
    assert sum(count for count, _, _ in right.bins) == 20_000


def test_languages_with_few_pairs_are_shown_but_neither_averaged_nor_called_the_worst() -> None:
    good = [scored(2, 1, tree=f"en{number}") for number in range(40)]
    fair = [scored(2, 1 if number % 2 else 3, tree=f"de{number}", lang="de") for number in range(30)]
    bad = [scored(1, 2, tree=f"sk{number}", lang="sk") for number in range(5)]
    found = measured(*good, *fair, *bad)
    assert {lang: group.pairs for lang, group in found.by_lang.items()} == {"en": 40, "de": 30, "sk": 5}
    assert (found.macro, found.worst) == (0.75, "de")


def test_area_under_the_curve_with_ties() -> None:
    assert auc(np.array([0.0, 1, 1, 2]), np.array([False, False, True, True])) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert auc(np.array([1.0, 2]), np.array([True, True])) is None
    assert ranks(np.array([3.0, 1, 3, 2])).tolist() == [3.5, 1, 3.5, 2]


def test_what_text_costs() -> None:
    assert perplexity(10 * math.log(7), 10) == pytest.approx(7)
    assert bits_per_byte(8 * math.log(2), 4) == pytest.approx(2)
    by_tree = ratio(np.array([2.0, 6]), np.array([1.0, 3]), np.array(["a", "b"]), np.random.default_rng(0))
    assert by_tree is not None
    assert by_tree.value == 2, "a mean over tokens, not over trees"
