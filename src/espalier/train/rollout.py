"""What PPO and GRPO learn from: the prompts of a step, the policy's own replies to them, and what they are worth.

Knows engines, rewards and the policy as it was; does not know how one learns from it.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from espalier.infer.engine import Engine, Reward, Sample, Tokens
from espalier.infer.local import LocalEngine
from espalier.infer.score import by_token, mask_of, passes, reply_log_probs
from espalier.infer.shared import Rows
from espalier.train.batch import order
from espalier.train.goal import Goal
from espalier.train.objectives import kl_k1
from espalier.train.options import Rolling
from espalier.train.settings import BadSettings
from espalier.train.watch import Watch


def places_of(step: int, count: int, lines: int, seed: int) -> list[int]:
    """The places of the prompts of a step, counted from 0; each comes once an epoch, every time in another order."""
    drawn = range(step * count, (step + 1) * count)
    orders = {epoch: order([1.0] * lines, seed, epoch) for epoch in {place // lines for place in drawn}}
    return [int(orders[place // lines][place % lines]) for place in drawn]


def minibatches(places: int, epochs: int, size: int, seed: int) -> Iterator[list[int]]:
    """The places that each update sees: all of them in every epoch, each time in another order."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for some in torch.randperm(places, generator=generator).split(size):
            yield some.tolist()


def chance(*of: int) -> int:
    """A seed for one purpose: of the run's seed, the step, and what else there is to tell apart."""
    return int(np.random.SeedSequence([len(of), *of]).generate_state(1, np.uint64)[0] >> 1)


# Policies


class Policies:
    """Two policies, and what they say of the tokens of replies: π, which learns, and the reference, which is π as it is
    when this is made: a copy of it, or π without its adapter.
    """

    def __init__(self, policy: Any, temperature: float) -> None:
        self._adapted = hasattr(policy, "disable_adapter")
        self.policy = policy
        self._start = policy if self._adapted else deepcopy(policy).requires_grad_(False).eval()
        self._temperature = temperature

    def now(self, rows: Rows) -> Tensor:
        """log π, as it is at the moment."""
        return reply_log_probs(self.policy, rows, self._temperature)

    def reference(self, rows: Rows) -> Tensor:
        """log π_ref."""
        with self._start.disable_adapter() if self._adapted else nullcontext():
            return reply_log_probs(self._start, rows, self._temperature)


def without_dropout(model: nn.Module) -> None:
    """Switch dropout off for good: with it, π would differ from π_old before anything is learned."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name in ("attention_dropout", "dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


# Rollouts


def engine_of(policy: Any, goal: Goal, settings: Rolling) -> Engine:
    """What draws the replies: the policy in this process, or the server that the settings name. Raises BadSettings."""
    tokens, server = settings.run.pass_tokens, settings.rollouts.server
    if not server:
        return LocalEngine(policy, goal.ends, tokens)
    if settings.model.adapter is None:
        raise BadSettings("rollouts.server needs a table [model.adapter]: a running server takes adapters, not models.")
    from espalier.infer.vllm import VllmEngine

    return VllmEngine(server, policy, goal.ends, settings.run.out / "adapter")


@dataclass(frozen=True, slots=True)
class Rollout:
    """Samples, and what belongs to each of their tokens: (replies, time), 0 where the mask is.

    passed: the replies as they go through the policy. reference: log π_ref. rewards: (replies,).
    """

    samples: Sequence[Sample]
    passed: Sequence[Rows]
    mask: Tensor
    reference: Tensor
    rewards: Tensor

    @property
    def replies(self) -> list[tuple[Tokens, Tokens]]:
        return [(sample.prompt, sample.reply) for sample in self.samples]

    @property
    def tokens(self) -> int:
        return sum(len(sample.prompt) + len(sample.reply) for sample in self.samples)

    def figures(self, old: Tensor) -> dict[str, float]:
        """What is reported of any rollout. old: log π of the policy that drew it. kl, entropy: means over replies of
        the sums of k1 and of − log π over their tokens, in nats.
        """
        samples = self.samples
        return {
            "reward": float(self.rewards.mean()),
            "kl": float(kl_k1(old, self.reference).sum(1).mean()),
            "entropy": float(-old.sum(1).mean()),
            "reply_tokens": float(self.mask.sum(1).float().mean()),
            "finished": sum(sample.finished for sample in samples) / len(samples),
            "distinct": len({sample.reply for sample in samples}) / len(samples),
        }


def roll_out(
    engine: Engine, prompts: Sequence[Tokens], seed: int, reward: Reward, policies: Policies, settings: Rolling
) -> Rollout:
    """One reply to each prompt, what it is worth, and what the reference says of it."""
    samples = engine.generate(prompts, settings.rollouts.sampling, seed)
    replies = [(sample.prompt, sample.reply) for sample in samples]
    passed = passes(replies, policies.policy, settings.run.pass_tokens)
    mask = mask_of(replies, policies.policy.device)
    rewards = worth(samples, reward, settings.rollouts.unfinished).to(mask.device)
    return Rollout(samples, passed, mask, by_token(passed, mask, policies.reference), rewards)


def worth(samples: Sequence[Sample], reward: Reward, unfinished: float) -> Tensor:
    """The reward of each sample, (replies,); of one that was cut off it is `unfinished`."""
    told = [each if sample.finished else unfinished for sample, each in zip(samples, reward(samples), strict=True)]
    return torch.tensor(told, dtype=torch.float32)


def measure(watch: Watch, step: int, engine: Engine, goal: Goal, policies: Policies, settings: Rolling) -> None:
    """Tell how it stands with replies to held-out prompts, where there are any, and keep some of these replies.

    Chance is the same each time, so that what differs is the policy.
    """
    if not goal.held_out:
        return
    drawn = settings.rollouts
    prompts = [goal.held_out[place % len(goal.held_out)] for place in range(drawn.measured)]
    rollout = roll_out(engine, prompts, chance(settings.run.seed), goal.reward, policies, settings)
    figures = rollout.figures(by_token(rollout.passed, rollout.mask, policies.now))
    if goal.judge is not None:
        figures["judge"] = float(worth(rollout.samples, goal.judge, drawn.unfinished).mean())
    watch.measured(step, **{f"held_out_{name}": figure for name, figure in figures.items()})
    shown = zip(rollout.samples[: drawn.shown], rollout.rewards, strict=False)
    watch.sampled(step, [
        {"prompt": goal.decode(sample.prompt), "reply": goal.decode(sample.reply), "reward": float(reward)}
        for sample, reward in shown
    ])  # fmt: skip
