"""The best of n is the best, and its expected reward is the mean over all choices."""

from collections.abc import Sequence
from itertools import combinations
from statistics import mean

import pytest

from espalier.infer.best_of import best_of, expected_best
from espalier.infer.engine import Sample, Sampling, Tokens


class Counting:
    """An engine whose replies count on, whatever it is asked."""

    def generate(self, prompts: Sequence[Tokens], sampling: Sampling, seed: int) -> list[Sample]:
        return [Sample(prompt, (number,), True) for number, prompt in enumerate(prompts, seed)]


def test_each_prompt_has_its_replies_with_the_best_first() -> None:
    def even(samples: Sequence[Sample]) -> list[float]:
        return [float(sample.reply[0] % 2 == 0) for sample in samples]

    found = best_of(Counting(), even, [(7,), (8,)], 3, Sampling(1), seed=1)
    assert [[sample.reply[0] for _, sample in each] for each in found] == [[2, 1, 3], [4, 6, 5]]
    assert [{sample.prompt for _, sample in each} for each in found] == [{(7,)}, {(8,)}]


@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_the_expected_best_is_the_mean_over_all_choices(n: int) -> None:
    rewards = [0.3, -1.0, 2.0, 2.0, 0.1, -0.4]
    assert expected_best(rewards, n) == pytest.approx(mean(max(some) for some in combinations(rewards, n)))


def test_no_more_than_there_are_can_be_chosen_from() -> None:
    with pytest.raises(ValueError, match="the best of 3 out of 2 samples"):
        expected_best([1.0, 2.0], 3)
