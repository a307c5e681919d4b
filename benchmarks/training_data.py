"""The models and examples that both sides of `training.py` learn from, made once.

    python benchmarks/training_data.py FOLDER

The published English conversations in `../shared/data`, or where ESPALIER_DATA points. Two models of 15 million
parameters with 16,384 tokens: one as it begins, and one that has learned conversations for some steps, so that it has
something to say; and a reward model.
"""

import gzip
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from espalier.dataset.convert import Kind
from espalier.infer.reward import PADDING, begin_reward
from espalier.infer.tokens import Encoded
from espalier.train import sft
from espalier.train.base import Base, learn_tokenizer, new_model
from espalier.train.batch import Weights
from espalier.train.goal import prompts_of
from espalier.train.learnable import Learnable, learnable
from espalier.train.ranked import rankings
from espalier.train.settings import Data, Model, Optimizer, Run, Source
from espalier.train.sources import Line, read_parts

DATA = Path(os.environ.get("ESPALIER_DATA") or Path(__file__).parents[2] / "shared" / "data")
FILE = DATA / "oasst1" / "oasst1-en-validation.messages.jsonl.gz"
LONGEST, LEARNED_BEFORE = 1024, 60
REPLIES, PROMPT, REPLY = 4, 270, 150  # of the reward model, in tokens
ASKED, REPLIED = 64, 48  # tokens of PPO's and GRPO's prompts at most, and of their replies


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder = Path(sys.argv[1])
    tokenizer = learn_tokenizer(texts(), 16_383)
    tokenizer.add_special_tokens({"pad_token": PADDING})
    model = new_model(Base(width=256, layers=8, heads=8, positions=LONGEST), len(tokenizer), tokenizer.eos_token_id)
    model.config.pad_token_id = tokenizer.pad_token_id
    for name in ("model", "tuned", "reward"):
        tokenizer.save_pretrained(folder / name)
    model.save_pretrained(folder / "model")
    data = Data(sources=(Source(path=FILE),), held_out=0, length=LONGEST)
    found = shuffled(learnable(read_parts(data, Kind.THREADS).learned, tokenizer, data).conversations)
    write(folder / "sft.json", [{"ids": each.ids.tolist(), "trained": each.trained.tolist()} for each in found])
    tune(model, found[-8 * LEARNED_BEFORE :], folder)
    model.save_pretrained(folder / "tuned")
    judge, _ = begin_reward(folder / "tuned", device="cpu")
    judge.save_pretrained(folder / "reward")
    write(folder / "reward.json", comparisons(found, tokenizer.eos_token_id))
    ranked = rankings(read_parts(data, Kind.RANKED).learned, tokenizer, LONGEST)
    whole = [each for each in ranked if len(each.prompt) + max(map(len, each.replies)) < LONGEST]
    write(
        folder / "dpo.json",
        [{"prompt": each.prompt, "replies": [each.replies[0], each.replies[-1]]} for each in shuffled(whole)],
    )
    asked = prompts_of(read_parts(data, Kind.PROMPTS).learned, tokenizer, ASKED)
    write(folder / "prompts.json", [each for each in shuffled(asked) if as_text(each, tokenizer)])
    parameters = sum(each.numel() for each in model.parameters()) / 1e6
    print(f"{parameters:.1f} M parameters, {len(tokenizer):,} tokens, {len(found):,} conversations, {len(whole)} pairs")


def texts() -> Iterator[str]:
    with gzip.open(DATA / "oasst1" / "oasst1-en-train.texts.jsonl.gz", "rt", encoding="utf-8") as opened:
        yield from (json.loads(line)["text"] for line in opened)


def shuffled(given: Sequence[Any]) -> list[Any]:
    return [given[at] for at in torch.randperm(len(given), generator=torch.Generator().manual_seed(0)).tolist()]


def write(file: Path, rows: list[Any]) -> None:
    file.write_text(json.dumps(rows), "utf-8")


def comparisons(found: Sequence[Encoded], end: int) -> list[dict[str, Any]]:
    """Real text in prompts and replies of the lengths that the comparison is defined for."""
    stream = [token for each in found for token in each.ids.tolist()]
    size = PROMPT + REPLIES * REPLY
    return [
        {
            "prompt": stream[at : at + PROMPT],
            "replies": [
                [*stream[begin : begin + REPLY - 1], end] for begin in range(at + PROMPT, at + size, REPLY)
            ],
        }
        for at in range(0, len(stream) - size, size)
    ]  # fmt: skip


def as_text(prompt: Sequence[int], tokenizer: Any) -> bool:
    """Whether it comes back as it was: TRL's GRPO takes texts."""
    return tuple(tokenizer(tokenizer.decode(list(prompt)))["input_ids"]) == tuple(prompt)


def tune(model: Any, given: Sequence[Encoded], folder: Path) -> None:
    lines = tuple(Line("", "", FILE, "en", 1.0, ()) for _ in given)
    settings = sft.SftSettings(
        model=Model(start="tuned"),
        data=Data(sources=(Source(path=FILE),), length=LONGEST),
        optimizer=Optimizer(learning_rate=1e-3, schedule="constant", batch=8),
        run=Run(out=folder / "tuning", steps=LEARNED_BEFORE, save_every=10**9, measure_every=10**9, tensorboard=False),
    )
    sft.fit(model, Learnable(tuple(given), lines), {}, Weights(), settings, {})


if __name__ == "__main__":
    main()
