"""The figures of a recipe: of each model, of what each step changed, and of the best of n replies beside them.

Every one has its interval in trees drawn again, and a change is measured on the same prompts and conversations before
and after. Knows what was measured; knows no page.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from espalier.dataset.contributors import Estimate
from espalier.infer.best_of import expected_best
from espalier.infer.measure import Numbers, mean, ratio
from espalier.recipe.measures import Cost, Measured, Reply
from espalier.recipe.plan import Plan
from espalier.train.reward import AGREEMENT

Figures = Mapping[str, Estimate]
LOSS, BITS, REWARD, JUDGE, UNPRICED, KL = "loss", "bits a byte", "reward", "judge", "unpriced", "KL"
TOKENS, FINISHED, DISTINCT = "tokens", "finished", "distinct"
ACCURACY, LONGER, GAIN, MATCHED, TAU = "accuracy", "longer reply", "above longer", "of like length", "tau"
CHANGED: Final = (LOSS, BITS, REWARD, JUDGE, UNPRICED, TOKENS, FINISHED)
"""What is told as a change too."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best of n replies of the model `step`, by the reward that is learned from. bound: of its KL from that model,
    log n − (n − 1) / n. gains: above one reply of the model.
    """

    n: int
    bound: float
    figures: Figures
    gains: Figures


@dataclass(frozen=True, slots=True)
class Table:
    """models: by step. changes: by step, from the model that it began with. judges: of each reward model, how it agrees
    with people on rankings that it did not see. best: of n = 1, 2, 4 and so on.
    """

    models: Mapping[str, Figures]
    changes: Mapping[str, Figures]
    judges: Mapping[str, Figures]
    pairs: Mapping[str, int]
    best: Sequence[Best]


def table_of(plan: Plan, measured: Mapping[str, Measured]) -> Table:
    """All figures."""
    began = {step.name: step.start for step in plan.policies if step.start}
    judges, pairs = {}, {}
    for step in plan.steps.values():
        if not step.algorithm.writes:
            agreed = json.loads((step.folder / AGREEMENT).read_text("utf-8"))
            pairs[step.name] = int(agreed["all"]["pairs"])
            judges[step.name] = _agreed(agreed)
    name = plan.recipe.measure.best_from
    return Table(
        {name: _of(each) for name, each in measured.items()},
        {name: _between(measured[name], measured[start]) for name, start in began.items()},
        judges,
        pairs,
        _best(measured[name].replies, plan.recipe.measure.best_of) if name else (),
    )


def _agreed(said: Mapping[str, Mapping[str, object]]) -> Figures:
    found = {
        ACCURACY: said["all"]["accuracy"], LONGER: said["all"]["longer"], GAIN: said["gain"],
        MATCHED: said["matched"]["accuracy"], TAU: said["tau"],
    }  # fmt: skip
    return {name: Estimate(**each) for name, each in found.items() if isinstance(each, Mapping)}


def _of(given: Measured) -> Figures:
    replies = given.replies
    trees = np.array([reply.tree for reply in replies], np.str_)
    found: dict[str, Estimate | None] = {
        LOSS: _ratio(given.costs, lambda cost: cost.nats, lambda cost: cost.tokens),
        BITS: _ratio(given.costs, lambda cost: cost.nats / log(2), lambda cost: cost.bytes),
    }
    for name, costs in given.others.items():
        found[f"{LOSS} {name}"] = _ratio(costs, lambda cost: cost.nats, lambda cost: cost.tokens)
    for name, of in OF_REPLIES.items():
        values = [of(reply) for reply in replies]
        if all(value is not None for value in values):
            found[name] = mean(np.array(values, np.float64), trees, _chance())
    found[DISTINCT] = Estimate(len({reply.text for reply in replies}) / max(1, len(replies)))
    return {name: each for name, each in found.items() if each is not None}


OF_REPLIES: Final[Mapping[str, Callable[[Reply], float | None]]] = {
    REWARD: lambda reply: reply.reward,
    JUDGE: lambda reply: reply.judge,
    UNPRICED: lambda reply: reply.unpriced,
    KL: lambda reply: reply.kl,
    TOKENS: lambda reply: float(reply.tokens),
    FINISHED: lambda reply: float(reply.finished),
}


def _between(after: Measured, before: Measured) -> Figures:
    """By how much each figure grew."""
    found: dict[str, Estimate | None] = {}
    if both := _both(after.costs, before.costs):
        found[LOSS] = _ratio(both, lambda cost: cost.nats, lambda cost: cost.tokens)
        found[BITS] = _ratio(both, lambda cost: cost.nats / log(2), lambda cost: cost.bytes)
    for name, costs in after.others.items():
        if both := _both(costs, before.others.get(name, ())):
            found[f"{LOSS} {name}"] = _ratio(both, lambda cost: cost.nats, lambda cost: cost.tokens)
    for name in CHANGED:
        if of := OF_REPLIES.get(name):
            now, trees = _by_prompt(after.replies, of)
            then, _ = _by_prompt(before.replies, of)
            if len(now) == len(then):
                found[name] = mean(now - then, trees, _chance())
    return {name: each for name, each in found.items() if each is not None}


def _both(after: Sequence[Cost], before: Sequence[Cost]) -> list[Cost]:
    """What the same conversations cost more; nothing where they are not the same."""
    if [(cost.tree, cost.tokens) for cost in after] != [(cost.tree, cost.tokens) for cost in before]:
        return []
    return [
        Cost(one.tree, one.nats - other.nats, one.tokens, one.bytes) for one, other in zip(after, before, strict=True)
    ]


def _by_prompt(replies: Sequence[Reply], of: Callable[[Reply], float | None]) -> tuple[Numbers, NDArray[np.str_]]:
    """The mean over the replies to each prompt, and its tree; nothing where it is not known of each."""
    values: dict[int, list[float]] = {}
    trees: dict[int, str] = {}
    for reply in replies:
        value = of(reply)
        if value is None:
            return np.array([], np.float64), np.array([], np.str_)
        values.setdefault(reply.prompt, []).append(value)
        trees[reply.prompt] = reply.tree
    return (
        np.array([sum(values[place]) / len(values[place]) for place in sorted(values)], np.float64),
        np.array([trees[place] for place in sorted(values)], np.str_),
    )


def _best(replies: Sequence[Reply], most: int) -> list[Best]:
    """Of all prompts the mean of the best of n, for n a power of 2."""
    by_prompt: dict[int, list[Reply]] = {}
    for reply in replies:
        by_prompt.setdefault(reply.prompt, []).append(reply)
    if not replies or any(reply.reward is None for reply in replies):
        return []
    trees = np.array([each[0].tree for each in by_prompt.values()], np.str_)
    found = []
    for n in [2**power for power in range(most.bit_length()) if 2**power <= most]:
        figures: dict[str, Estimate] = {}
        gains: dict[str, Estimate] = {}
        for name in (REWARD, JUDGE):
            told = [[OF_REPLIES[name](reply) for reply in each] for each in by_prompt.values()]
            known = [[value for value in each if value is not None] for each in told]
            if any(len(one) != len(all_) for one, all_ in zip(known, told, strict=True)):
                continue
            best = np.array([
                expected_best([reply.reward or 0.0 for reply in each], n, values)
                for each, values in zip(by_prompt.values(), known, strict=True)
            ])  # fmt: skip
            one = np.array([sum(values) / len(values) for values in known])
            for into, values in ((figures, best), (gains, best - one)):
                if (estimate := mean(values, trees, _chance())) is not None:
                    into[name] = estimate
        found.append(Best(n, log(n) - (n - 1) / n, figures, gains))
    return found


def beside(best: Sequence[Best], kl: float) -> Best | None:
    """The best of n whose KL is surely no more than this one, with the largest n that was drawn."""
    return max((each for each in best if each.bound <= kl), key=lambda each: each.n, default=None)


def _ratio(costs: Sequence[Cost], over: Callable[[Cost], float], under: Callable[[Cost], float]) -> Estimate | None:
    trees = np.array([cost.tree for cost in costs], np.str_)
    above, below = (np.array([of(cost) for cost in costs], np.float64) for of in (over, under))
    return ratio(above, below, trees, _chance())


def _chance() -> np.random.Generator:
    """The same for every figure: trees are then drawn alike for all that is compared."""
    return np.random.default_rng(0)
