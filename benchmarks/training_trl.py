"""TRL's side of `training.py`: its trainers with their defaults, but for what has to be equal.

Runs in an environment with trl, which is no dependency of ours: 1.16, and 1.12 for PPO.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from training_probe import Probe, draw_alike, worth

LONGEST, REPLIED = 1024, 48


class Side:
    """What a process is told: the examples of each step, and how they are learned."""

    def __init__(self, folder: Path, said: dict[str, Any]) -> None:
        self.folder, self.said = folder, said
        self.steps: list[list[Any]] = said["steps"]
        self.examples = [each for step in self.steps for each in step]
        self.tokenizer = AutoTokenizer.from_pretrained(folder / "tuned")

    def arguments(self) -> dict[str, Any]:
        """What has to be equal on both sides, and what keeps TRL from writing."""
        return {
            "output_dir": str(self.folder / "trl"), "learning_rate": self.said["rate"],
            "lr_scheduler_type": "constant", "warmup_steps": 0, "weight_decay": 0.0, "adam_beta1": 0.9,
            "adam_beta2": 0.999, "adam_epsilon": 1e-8, "gradient_checkpointing": False, "bf16": False,
            "report_to": "none", "save_strategy": "no", "use_cpu": True, "disable_tqdm": True,
        }  # fmt: skip

    def in_order(self) -> dict[str, Any]:
        """For trainers that follow transformers' own."""
        return self.arguments() | {
            "max_steps": len(self.steps), "max_grad_norm": self.said["clip"], "logging_steps": 1,
            "train_sampling_strategy": "sequential",
        }  # fmt: skip

    def model(self, name: str, kind: Any = AutoModelForCausalLM) -> Any:
        return kind.from_pretrained(self.folder / name, dtype=getattr(torch, self.said["dtype"]))

    def probe(self, model: Any) -> Probe:
        return Probe(model, Path(self.said["gradient"]) if self.said["gradient"] else None)

    def trained(self, trainer: Any, model: Any) -> Probe:
        (self.folder / "arguments.json").write_text(json.dumps(trainer.args.to_dict(), default=str), "utf-8")
        probe = self.probe(model)
        trainer.train()
        return probe


def learn_sft(side: Side) -> Probe:
    from trl import SFTConfig, SFTTrainer

    packing = side.said["variant"] == "packing"
    rows = side.said["all"] if packing else side.examples
    columns = {
        "input_ids": [row["ids"] for row in rows],
        "labels": [
            [token if learned else -100 for token, learned in zip(row["ids"], row["trained"], strict=True)]
            for row in rows
        ],
    }
    arguments = side.in_order() | {"per_device_train_batch_size": side.said["batch"], "packing": packing}
    model = side.model("model")
    trainer = SFTTrainer(
        model, SFTConfig(**arguments, max_length=LONGEST), train_dataset=Dataset.from_dict(columns),
        processing_class=side.tokenizer,
    )  # fmt: skip
    return side.trained(trainer, model)


def learn_reward(side: Side) -> Probe:
    from trl import RewardConfig, RewardTrainer

    pairs = [
        (row["prompt"] + row["replies"][better], row["prompt"] + row["replies"][worse])
        for row in side.examples
        for better in range(len(row["replies"]))
        for worse in range(better + 1, len(row["replies"]))
    ]
    columns = {"chosen_ids": [better for better, _ in pairs], "rejected_ids": [worse for _, worse in pairs]}
    size = side.said["batch"]  # of pairs that go through the model together
    arguments = side.in_order() | {
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": len(pairs) // len(side.steps) // size,
    }
    model = side.model("reward", AutoModelForSequenceClassification)
    trainer = RewardTrainer(
        model, RewardConfig(**arguments, max_length=LONGEST), train_dataset=Dataset.from_dict(columns),
        processing_class=side.tokenizer,
    )  # fmt: skip
    return side.trained(trainer, model)


def learn_dpo(side: Side) -> Probe:
    from trl import DPOConfig, DPOTrainer

    class Given(DPOTrainer):  # type: ignore[misc]
        """Its examples are tokens already."""

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    columns = {
        "prompt_ids": [row["prompt"] for row in side.examples],
        "chosen_ids": [row["replies"][0] for row in side.examples],
        "rejected_ids": [row["replies"][1] for row in side.examples],
    }
    arguments = side.in_order() | {"per_device_train_batch_size": len(side.steps[0])}
    model = side.model("tuned")
    trainer = Given(
        model, side.model("tuned"), DPOConfig(**arguments, max_length=LONGEST),
        train_dataset=Dataset.from_dict(columns), processing_class=side.tokenizer,
    )  # fmt: skip
    return side.trained(trainer, model)


def learn_grpo(side: Side) -> Probe:
    from trl import GRPOConfig, GRPOTrainer

    def worths(completion_ids: list[list[int]], **_: Any) -> list[float]:
        return [worth(reply) for reply in completion_ids]

    draw_alike()
    group, size = side.said["group"], side.said["batch"]
    arguments = side.in_order() | {
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": len(side.steps[0]) * group // size,
        "num_generations": group, "max_completion_length": REPLIED, "beta": 0.04, "shuffle_dataset": False,
        "use_bias_correction_kl": False,
    }  # fmt: skip
    arguments.pop("train_sampling_strategy")
    model = side.model("tuned")
    columns = {"prompt": [side.tokenizer.decode(prompt) for prompt in side.examples]}
    trainer = GRPOTrainer(
        model, worths, GRPOConfig(**arguments), train_dataset=Dataset.from_dict(columns),
        processing_class=side.tokenizer,
    )  # fmt: skip
    return side.trained(trainer, model)


def learn_ppo(side: Side) -> Probe:
    from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer

    draw_alike()
    loader = ppo_trainer.DataLoader
    ppo_trainer.DataLoader = lambda *given, shuffle=False, **named: loader(*given, **named)  # prompts as they come
    side.tokenizer.padding_side = "left"
    size = len(side.steps[0])
    config = PPOConfig(
        **side.arguments(), per_device_train_batch_size=size, total_episodes=len(side.examples),
        response_length=REPLIED, temperature=1.0, num_sample_generations=0, logging_steps=1,
    )  # fmt: skip
    policy = side.model("tuned")
    prompts = Dataset.from_dict({"input_ids": side.examples})
    trainer = PPOTrainer(
        config, side.tokenizer, policy, side.model("tuned"),
        side.model("reward", AutoModelForSequenceClassification), prompts,
        side.model("reward", AutoModelForSequenceClassification), eval_dataset=prompts.select(range(size)),
    )  # fmt: skip
    return side.trained(trainer, policy)


LEARN: dict[str, Callable[[Side], Probe]] = {
    "sft": learn_sft, "reward": learn_reward, "dpo": learn_dpo, "ppo": learn_ppo, "grpo": learn_grpo,
}  # fmt: skip


def pack(folder: Path, said: dict[str, Any]) -> str:
    """Which conversations TRL's best-fit packing puts into the rows of each step, found by asking it."""
    from trl.data_utils import pack_dataset

    asked = Dataset.from_dict(
        {"input_ids": [row["ids"] for row in said["all"]],
         "place": [[at] * len(row["ids"]) for at, row in enumerate(said["all"])]}
    )  # fmt: skip
    packs = pack_dataset(asked, LONGEST, "bfd")["place"]
    return json.dumps([
        [place for each in packs[at : at + said["batch"]] for place in dict.fromkeys(each)]
        for at in range(0, len(packs), said["batch"])
    ])  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1])
    said = json.loads((folder / "said.json").read_text("utf-8"))
    torch.set_num_threads(said["threads"])
    if said["variant"] == "pack":
        print(pack(folder, said))
    else:
        print(LEARN[said["algorithm"]](Side(folder, said)).told())


if __name__ == "__main__":
    main()
