"""Our side of `training.py`: the product's own loops, told which examples each step sees."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espalier.infer.load import load_model
from espalier.infer.reward import begin_reward, load_reward
from espalier.infer.score import model_reward
from espalier.infer.tokens import Encoded
from espalier.train import dpo, grpo, ppo, reward, rollout, sft
from espalier.train.batch import Weights
from espalier.train.goal import Goal
from espalier.train.learnable import Learnable
from espalier.train.options import (
    DpoSettings,
    Grpo,
    GrpoSettings,
    Ppo,
    PpoSettings,
    Reward,
    RewardSettings,
    Rollouts,
    SftSettings,
)
from espalier.train.ranked import Ranked
from espalier.train.settings import Data, Model, Optimizer, Run, Source
from espalier.train.sources import Line
from espalier.train.watch import Watch
from training_data import ASKED, LONGEST, REPLIED
from training_probe import CLOCKS, Probe, draw_alike, worth


class Side:
    """What a process is told: the examples of each step, and how they are learned."""

    def __init__(self, folder: Path, said: dict[str, Any]) -> None:
        self.folder, self.said = folder, said
        self.steps: list[list[Any]] = said["steps"]
        self.examples = [each for step in self.steps for each in step]
        self.pass_tokens: int = said["pass_tokens"]

    def settings(self, name: str, length: int = LONGEST) -> dict[str, Any]:
        """The tables that are alike for all."""
        rate, clip, steps = self.said["rate"], self.said["clip"], len(self.steps)
        return {
            "model": Model(start=str(self.folder / name), dtype=self.said["dtype"], device="cpu"),
            "data": Data(sources=(Source(path=Path("rows")),), length=length),
            "optimizer": Optimizer(
                learning_rate=rate, schedule="constant", warmup=0, batch=len(self.steps[0]), betas=(0.9, 0.999),
                epsilon=1e-8, clip=clip,
            ),
            "run": Run(
                out=self.folder / "ours", steps=steps, save_every=10**9, measure_every=10**9, tensorboard=False,
                pass_tokens=self.pass_tokens,
            ),
        }  # fmt: skip

    def model(self, name: str) -> Any:
        return load_model(self.folder / name, getattr(torch, self.said["dtype"]), device="cpu")[0]

    def probe(self, model: Any) -> Probe:
        return Probe(model, Path(self.said["gradient"]) if self.said["gradient"] else None)

    def in_order(self, *_: Any) -> Any:
        """Places of the examples of each step, as they come."""
        first = 0
        for step in self.steps:
            yield [*range(first, first + len(step))]
            first += len(step)


def learn_sft(side: Side) -> Probe:
    given = [
        Encoded(np.array(row["ids"], np.int32), np.zeros(len(row["ids"]), np.int8), np.array(row["trained"]))
        for row in side.examples
    ]
    lines = tuple(Line("", "", Path("rows"), "en", 1.0, ()) for _ in given)
    sft.lines_of_steps = side.in_order  # type: ignore[attr-defined]
    model = side.model("model")
    probe = side.probe(model)
    sft.fit(model, Learnable(tuple(given), lines), {}, Weights(), SftSettings(**side.settings("model")), {})
    return probe


def ranked(rows: Sequence[Any]) -> list[Ranked]:
    return [
        Ranked(tuple(row["prompt"]), tuple(map(tuple, row["replies"])), (1,) * len(row["replies"]), "", "en")
        for row in rows
    ]


def learn_reward(side: Side) -> Probe:
    """TRL has no cost of squares, so that ours is 0."""
    reward.lines_of_steps = side.in_order  # type: ignore[attr-defined]
    model, _ = begin_reward(side.folder / "reward", getattr(torch, side.said["dtype"]), device="cpu")
    settings = RewardSettings(**side.settings("reward"), reward=Reward(squares=0))
    probe = side.probe(model)
    reward.fit(model, ranked(side.examples), [], settings)
    return probe


def learn_dpo(side: Side) -> Probe:
    """What the reference says is worked out before the loop; TRL does so in it, and it counts as much."""
    dpo.lines_of_steps = side.in_order  # type: ignore[attr-defined]
    model = side.model("tuned")
    probe = side.probe(model)
    pairs = ranked(side.examples)
    begun = {name: now() for name, now in CLOCKS.items()}
    near = dpo.reference_log_probs(model, pairs, side.pass_tokens)
    probe.before = {name: now() - begun[name] for name, now in CLOCKS.items()}
    settings = DpoSettings(**side.settings("tuned"))
    dpo.fit(model, dpo.Pairs(pairs, near), dpo.Pairs([], near[:0]), settings)
    return probe


def rolling(side: Side) -> dict[str, Any]:
    """For PPO and GRPO: prompts in their order, replies by the same chance, none of them worth less for being cut."""

    def places(step: int, count: int, *_: Any) -> list[int]:
        return [*range(step * count, (step + 1) * count)]

    ppo.places_of = grpo.places_of = places  # type: ignore[attr-defined]
    rollout.worth = lambda samples, reward, _: torch.tensor(reward(samples))  # type: ignore[attr-defined]
    draw_alike()
    return side.settings("tuned", ASKED + REPLIED) | {"rollouts": Rollouts(longest=REPLIED)}


def learn_ppo(side: Side) -> Probe:
    """No token ends a reply but padding, which the model never writes: TRL's reward would stand behind the end."""
    dtype = getattr(torch, side.said["dtype"])
    tables = rolling(side)
    judge, tokenizer, _ = load_reward(side.folder / "reward", dtype, device="cpu")
    critic, _ = begin_reward(side.folder / "reward", dtype, device="cpu")
    policy = side.model("tuned")
    goal = Goal([*map(tuple, side.examples)], [tokenizer.pad_token_id], model_reward(judge, side.pass_tokens))
    probe = side.probe(policy)
    settings = PpoSettings(**tables, ppo=Ppo(replies=len(side.steps[0])))
    ppo.fit(policy, critic, goal, settings)
    return probe


def learn_grpo(side: Side) -> Probe:
    """DAPO's normaliser, as TRL has it."""
    tables = rolling(side)
    prompts = len(side.steps[0])
    tables["optimizer"] = tables["optimizer"].model_copy(update={"batch": prompts * side.said["group"]})
    policy = side.model("tuned")
    goal = Goal(
        [*map(tuple, side.examples)], [policy.config.eos_token_id],
        lambda samples: [worth(sample.reply) for sample in samples],
    )  # fmt: skip
    probe = side.probe(policy)
    chosen = Grpo(prompts=prompts, group=side.said["group"], normaliser="batch", kl=0.04)
    grpo.fit(policy, goal, GrpoSettings(**tables, grpo=chosen))
    return probe


LEARN: dict[str, Callable[[Side], Probe]] = {
    "sft": learn_sft, "reward": learn_reward, "dpo": learn_dpo, "ppo": learn_ppo, "grpo": learn_grpo,
}  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1])
    said = json.loads((folder / "said.json").read_text("utf-8"))
    torch.set_num_threads(said["threads"])
    Watch.saves = lambda watch, number: False  # type: ignore[method-assign]
    print(LEARN[said["algorithm"]](Side(folder, said)).told())


if __name__ == "__main__":
    main()
