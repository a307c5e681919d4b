"""The best of n: several replies to a prompt, and the one that the reward likes most.

Needs no torch: any engine and any reward will do.
"""

from collections.abc import Sequence
from math import comb

from espalier.infer.engine import Engine, Reward, Sample, Sampling, Tokens

Rewarded = tuple[float, Sample]


def best_of(
    engine: Engine, reward: Reward, prompts: Sequence[Tokens], n: int, sampling: Sampling, seed: int
) -> list[list[Rewarded]]:
    """n replies to each prompt, the best first; of equal ones the one drawn first."""
    samples = engine.generate([prompt for prompt in prompts for _ in range(n)], sampling, seed)
    rewarded = list(zip(reward(samples), samples, strict=True))
    return [sorted(rewarded[begin : begin + n], key=lambda each: -each[0]) for begin in range(0, len(rewarded), n)]


def expected_best(rewards: Sequence[float], n: int, of: Sequence[float] | None = None) -> float:
    """The mean reward of the best of n, from N ≥ n replies to one prompt: Σ_i C(i − 1, n − 1) r_(i) / C(N, n), where
    r_(i) is the i-th smallest.

    That is the mean over all choices of n out of N, so one set of samples gives the whole curve without bias (Nakano et
    al. 2021, WebGPT, appendix I). of: what else is to be told of the reply that is chosen, such as another reward.
    """
    if not 1 <= n <= len(rewards):
        raise ValueError(f"the best of {n} out of {len(rewards)} samples")
    told = rewards if of is None else of
    order = sorted(range(len(rewards)), key=lambda place: rewards[place])
    weighted = (comb(number, n - 1) * told[place] for number, place in enumerate(order))
    return sum(weighted) / comb(len(rewards), n)
