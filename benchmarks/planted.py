"""Two preferences are planted that code can check: does each algorithm learn them?

    python benchmarks/planted.py                       # three seeds, some minutes each
    python benchmarks/planted.py --seeds 0 --algorithms ppo

Plants: a reply holds a phrase; a reply has 5 to 19 tokens and comes to its end token. A small model from scratch learns
to write replies of which some have what is planted, by chance. Then reward models, DPO and DPO-COV learn from pairs
(their accuracy is that on held-out pairs), and PPO and GRPO from a reward, which is the checking function itself or the
reward model that was trained on the pairs. Of those two the share is that of 200 samples at temperature 1 to prompts
that nobody has seen, counted by the function; 190 are needed. The last line is one JSON object.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from espalier.dataset.examples import Turn
from espalier.dataset.format import prompt_of
from espalier.infer.engine import Sample
from espalier.infer.load import load_model
from espalier.infer.local import LocalEngine
from espalier.infer.score import by_token
from espalier.infer.tokens import encode_prompt, end_of
from espalier.train import base, dpo, grpo, ppo, reward, sft
from espalier.train.rollout import Policies, roll_out

NOUNS = """
apple river lantern window paper mountain garden bridge candle forest kettle harbour island meadow needle orchard pebble
quarry ribbon saddle teapot valley wagon anchor basket cellar desert engine feather glacier
"""
WORDS = """
it is often seen near the old and very small one that people like to keep when they go away from home
"""
PHRASE = "for sure"
LONGEST = 40
MANY = 6
"""Pairs to each prompt that DPO learns from: with one, where reward models are always right, it learns by heart."""
SAMPLES, NEEDED = 200, 190
ALGORITHMS = ("reward", "dpo", "dpo-cov", "ppo", "grpo")


@dataclass(frozen=True)
class Plant:
    """has: whether a reply has what is planted, from its text, its number of tokens, and whether it was finished."""

    name: str
    has: Callable[[str, int, bool], bool]


PLANTS = (
    Plant("phrase", lambda text, tokens, finished: PHRASE in text),
    Plant("length", lambda text, tokens, finished: 5 <= tokens <= 19 and finished),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--algorithms", nargs="*", default=list(ALGORITHMS), choices=ALGORITHMS)
    parser.add_argument("--steps", type=int, default=60, help="of PPO and GRPO")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    found = []
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as folder:
            found += [row for plant in PLANTS for row in run(plant, seed, Path(folder) / plant.name, arguments)]
    print(json.dumps({"torch": torch.__version__, "runs": found}))


def run(plant: Plant, seed: int, here: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """All algorithms on one plant and one seed."""
    here.mkdir(parents=True)
    rng = random.Random(seed)
    asked = [
        f"Tell me of the {one} and the {other}" for one in NOUNS.split() for other in NOUNS.split() if one != other
    ]
    rng.shuffle(asked)
    unseen, learned = asked[:SAMPLES], asked[SAMPLES:]
    written = [(prompt, a_reply(rng)) for prompt in learned for _ in range(2)]
    lines(here / "chats.jsonl", [{"messages": turns(*each)} for each in written])
    common = {"seed": seed, "tensorboard": False, "threads": arguments.threads, "save_every": 1000}
    data = {"sources": [{"path": here / "chats.jsonl"}], "length": 96, "held_out": 0.1}

    def settings(kind: Any, name: str, start: str | None, **tables: Any) -> Any:
        given = {"data": data, **tables, "run": {**common, "out": here / name, **tables.get("run", {})}}
        return kind.model_validate(given | ({"model": {"start": str(here / start)}} if start else {}))

    shape = {"width": 64, "layers": 2, "heads": 2, "vocabulary": 512, "positions": 128}
    base.train(settings(base.BaseSettings, "base", None, base=shape, run={"steps": 150}))
    fast = {"learning_rate": 2e-3, "batch": 32, "warmup": 10}
    policy = sft.train(settings(sft.SftSettings, "sft", "base/model", optimizer=fast, run={"steps": 200}))
    _, tokenizer = load_model(policy)

    def has(reply: str) -> bool:
        return plant.has(reply, len(tokenizer(reply)["input_ids"]) + 1, True)

    def checked(samples: Sequence[Sample]) -> list[float]:
        texts = [str(tokenizer.decode(list(each.reply))) for each in samples]
        return [
            float(plant.has(text, len(each.reply), each.finished)) for text, each in zip(texts, samples, strict=True)
        ]

    def told(name: str, **figures: Any) -> dict[str, Any]:
        row = {"plant": plant.name, "seed": seed, "algorithm": name, **figures}
        print(json.dumps(row), flush=True)
        return row

    start = measured(policy, policy, unseen, checked, settings(ppo.PpoSettings, "-", "sft/model"))
    rows = [told("sft", **start)]
    lines(here / "pairs.jsonl", pairs(learned, has, rng))
    of_pairs = {**data, "sources": [{"path": here / "pairs.jsonl"}], "overlap": "learn"}
    lines(here / "many.jsonl", pairs(learned * MANY, has, rng))
    of_many = of_pairs | {"sources": [{"path": here / "many.jsonl"}]}
    tuned = {"learning_rate": 1e-3, "batch": 16, "warmup": 10}
    if {"reward", "ppo", "grpo"} & set(arguments.algorithms):
        reward.train(settings(
            reward.RewardSettings, "reward", "sft/model", data=of_pairs, optimizer=tuned, run={"steps": 150}
        ))  # fmt: skip
        rows.append(told("reward", accuracy=last(here / "reward", "held_out_accuracy")))
    for name, section in (("dpo", {"beta": 0.1}), ("dpo-cov", {"beta": 0.1, "slope": 0.7})):
        if name in arguments.algorithms:
            dpo.train(settings(
                dpo.DpoSettings, name, "sft/model", data=of_many, dpo=section, optimizer=tuned, run={"steps": 800}
            ))  # fmt: skip
            rows.append(told(name, accuracy=last(here / name, "held_out_accuracy")))
    learns = {
        "ppo": (ppo, ppo.PpoSettings, {"ppo": {"replies": 64, "epochs": 2, "kl": 0.02}}),
        "grpo": (grpo, grpo.GrpoSettings, {"grpo": {"prompts": 8, "group": 8, "epochs": 2, "kl": 0.02}}),
    }
    for name, (algorithm, kind, section) in learns.items():
        for by, function in (("function", checked), ("model", None)):
            if name not in arguments.algorithms:
                continue
            drawn = {"longest": LONGEST, "unfinished": 0.0 if function else -3.0, "reward": str(here / "reward/model")}
            begun = time.monotonic()
            chosen = settings(
                kind, f"{name}-{by}", "sft/model", rollouts=drawn, **section,
                optimizer={"learning_rate": 1e-3, "batch": 32}, run={"steps": arguments.steps},
            )  # fmt: skip
            model = algorithm.train(chosen, reward=function)
            seconds = round(time.monotonic() - begun, 1)
            rows.append(
                told(f"{name}, reward = {by}", seconds=seconds, **measured(model, policy, unseen, checked, chosen))
            )
    return rows


def measured(model: Path, start: Path, prompts: Sequence[str], checked: Any, settings: Any) -> dict[str, Any]:
    """The share that has it, counted by the function, with what may have been paid for it."""
    policy, tokenizer = load_model(model)
    policies = Policies(load_model(start)[0], 1.0)
    policies.policy = policy
    engine = LocalEngine(policy, [end_of(tokenizer)])
    asked = [encode_prompt(prompt_of([Turn("user", each)]), tokenizer) for each in prompts]
    settings = settings.model_copy(
        update={"rollouts": settings.rollouts.model_copy(update={"longest": LONGEST, "unfinished": 0.0})}
    )
    rollout = roll_out(engine, asked, 123, checked, policies, settings)
    figures = rollout.figures(by_token(rollout.passed, rollout.mask, policies.now))
    had = sum(checked(rollout.samples))
    figures.pop("reward")
    return {"had": int(had), "of": len(prompts), **{name: round(figure, 3) for name, figure in figures.items()}}


def a_reply(rng: random.Random) -> str:
    """Words by chance, of which three in ten hold the phrase."""
    words = [rng.choice(WORDS.split()) for _ in range(rng.randint(2, 30))]
    if rng.random() < 0.3:
        words.insert(rng.randrange(len(words) + 1), PHRASE)
    return " ".join(words)


def pairs(prompts: Sequence[str], has: Callable[[str], bool], rng: random.Random) -> list[dict[str, Any]]:
    """For each prompt a reply that has what is planted, and one that has not."""
    found = []
    for prompt in prompts:
        replies: dict[bool, str] = {}
        while len(replies) < 2:
            reply = a_reply(rng)
            replies[has(reply)] = reply
        found.append({
            "prompt": turns(prompt), "chosen": turns(None, replies[True]), "rejected": turns(None, replies[False])
        })  # fmt: skip
    return found


def turns(prompt: str | None, reply: str | None = None) -> list[dict[str, str]]:
    said = {"user": prompt, "assistant": reply}
    return [{"role": role, "content": content} for role, content in said.items() if content is not None]


def lines(file: Path, objects: Sequence[Any]) -> None:
    file.write_text("".join(json.dumps(each) + "\n" for each in objects), "utf-8")


def last(out: Path, name: str) -> float:
    told = [json.loads(line) for line in (out / "metrics.jsonl").read_text("utf-8").splitlines()]
    return float([each[name] for each in told if name in each][-1])


if __name__ == "__main__":
    main()
