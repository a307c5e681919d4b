"""How much of a graphics card training uses: a model of a billion parameters with random weights, in bfloat16.

    python benchmarks/cards.py [--only ARM ...] [--pass-tokens 16384] [--steps 12] [--layers 16]

Llama's shape: 16 layers of 2,048 features, 32 heads of which 8 have keys and values, 32,768 tokens. Published
conversations of up to 2,048 tokens, 64 a step, prompts masked; four replies of 150 tokens to prompts of 270, 16 prompts
a step; pairs of ranked replies, 32 a step; eight replies of 128 tokens at most to each of 16 prompts. The product's own
loops. The first steps warm up and do not count.

The use of a card (model FLOP utilisation) is what the model needs in any case, over what the card could: of a token
that is no padding 6 N + 12 · layers · width · length, N without embeddings and the output layer, of which 6 · width ·
vocabulary count where it is asked (Chowdhery et al. 2022, appendix B; here with the length of the token's own
conversation). What is computed again to save memory does not count. The last line is one JSON object.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

from espalier.dataset.convert import Kind
from espalier.infer.tokens import Encoded
from espalier.train import dpo, grpo, reward, sft
from espalier.train.base import learn_tokenizer
from espalier.train.batch import Weights
from espalier.train.goal import Goal, prompts_of
from espalier.train.learnable import Learnable, learnable
from espalier.train.options import (
    Dpo,
    DpoSettings,
    Grpo,
    GrpoSettings,
    Reward,
    RewardSettings,
    Rollouts,
    SftSettings,
)
from espalier.train.ranked import Ranked, rankings
from espalier.train.settings import Data, Model, Optimizer, Run, Source
from espalier.train.sources import Line, read_parts
from espalier.train.start import prepared
from espalier.train.watch import Watch
from training_data import FILE, comparisons, shuffled, texts
from training_probe import worth

VOCABULARY, WIDTH, LONGEST, WARMUP = 32_768, 2048, 2048, 3
PEAKS = {"H100": 989.4e12, "H200": 989.4e12, "A100": 312e12, "L40S": 362e12}
"""Dense bf16 operations a second, as the makers' data sheets have them."""


@dataclass(frozen=True)
class Arm:
    """unit: what is counted. model: how the model is kept and computed. pack: several conversations in a row."""

    algorithm: str
    unit: str
    model: dict[str, Any]
    pack: bool = False


MIXED: dict[str, Any] = {"compute": "bfloat16"}
ARMS = {
    "sft": Arm("sft", "tokens", MIXED),
    "sft, packed": Arm("sft", "tokens", MIXED, pack=True),
    "sft, packed, compiled": Arm("sft", "tokens", MIXED | {"compiled": True}, pack=True),
    "sft, packed, weights in bfloat16": Arm("sft", "tokens", {"dtype": "bfloat16"}, pack=True),
    "sft, packed, compiled, weights in bfloat16": Arm(
        "sft", "tokens", {"dtype": "bfloat16", "compiled": True}, pack=True
    ),
    "sft, weights in bfloat16": Arm("sft", "tokens", {"dtype": "bfloat16"}),
    "sft, activations again": Arm("sft", "tokens", MIXED | {"gradient_checkpointing": True}),
    "reward": Arm("reward", "pairs", MIXED),
    "reward, compiled": Arm("reward", "pairs", MIXED | {"compiled": True}),
    "dpo": Arm("dpo", "pairs", MIXED),
    "dpo, compiled": Arm("dpo", "pairs", MIXED | {"compiled": True}),
    "grpo": Arm("grpo", "samples", MIXED),
    "grpo, compiled": Arm("grpo", "samples", MIXED | {"compiled": True}),
}


class Bench:
    """Data and settings that all arms share."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.arguments, self.folder = arguments, folder
        tokenizer = learn_tokenizer(texts(), VOCABULARY - 1)
        data = Data(sources=(Source(path=FILE),), held_out=0, length=LONGEST)
        self.end = int(tokenizer.eos_token_id)
        self.conversations = shuffled(learnable(read_parts(data, Kind.THREADS).learned, tokenizer, data).conversations)
        self.compared = [
            Ranked(tuple(row["prompt"]), tuple(map(tuple, row["replies"])), (1,) * len(row["replies"]), "", "en")
            for row in comparisons(self.conversations, self.end)
        ]
        ranked = shuffled(rankings(read_parts(data, Kind.RANKED).learned, tokenizer, LONGEST))
        self.pairs = [Ranked(each.prompt, (each.replies[0], each.replies[-1]), (1, 1), "", "en") for each in ranked]
        self.prompts = prompts_of(read_parts(data, Kind.PROMPTS).learned, tokenizer, 256)

    def settings(self, arm: Arm, batch: int) -> dict[str, Any]:
        return {
            "model": Model(start="none", **arm.model),
            "data": Data(sources=(Source(path=Path("none")),), length=LONGEST),
            "optimizer": Optimizer(learning_rate=1e-6, schedule="constant", warmup=0, batch=batch),
            "run": Run(
                out=self.folder / "run", steps=self.arguments.steps, save_every=10**9, measure_every=10**9,
                tensorboard=False, pass_tokens=self.arguments.pass_tokens,
            ),
        }  # fmt: skip

    def model(self, arm: Arm, made: Any = LlamaForCausalLM) -> Any:
        """Made where it is trained."""
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=4 * WIDTH,
            num_hidden_layers=self.arguments.layers, num_attention_heads=32, num_key_value_heads=8,
            max_position_embeddings=LONGEST, eos_token_id=self.end, pad_token_id=0, num_labels=1,
            attn_implementation="sdpa",
        )  # fmt: skip
        chosen = Model(start="none", **arm.model)
        with torch.device(self.arguments.device):
            model = made(config).to(getattr(torch, chosen.dtype))
        return prepared(model, chosen)

    def sft(self, arm: Arm) -> tuple[Any, float]:
        model, many = self.model(arm), 64 * self.arguments.steps
        given = (self.conversations * -(-many // len(self.conversations)))[:many]
        lines = tuple(Line("", "", FILE, "en", 1.0, ()) for _ in given)
        settings = SftSettings(**self.settings(arm, 64))
        sft.fit(model, Learnable(tuple(given), lines), {}, Weights(), settings, {}, pack=arm.pack)
        return model, sum(map(len, given)) / self.arguments.steps

    def reward(self, arm: Arm) -> tuple[Any, float]:
        model = self.model(arm, LlamaForSequenceClassification)
        reward.fit(model, self.compared, [], RewardSettings(**self.settings(arm, 16), reward=Reward()))
        return model, 16 * 6

    def dpo(self, arm: Arm) -> tuple[Any, float]:
        model = self.model(arm)
        near = dpo.reference_log_probs(model, self.pairs, self.arguments.pass_tokens)
        settings = DpoSettings(**self.settings(arm, 32), dpo=Dpo())
        dpo.fit(model, dpo.Pairs(self.pairs, near), dpo.Pairs([], near[:0]), settings)
        return model, 32

    def grpo(self, arm: Arm) -> tuple[Any, float]:
        model = self.model(arm)
        goal = Goal(self.prompts, [self.end], lambda samples: [worth(sample.reply) for sample in samples])
        settings = GrpoSettings(
            **self.settings(arm, 128), rollouts=Rollouts(longest=128), grpo=Grpo(prompts=16, group=8)
        )
        grpo.fit(model, goal, settings)
        return model, 128


def operations(model: Any, given: Sequence[Encoded]) -> float:
    """What conversations need of a model, forwards and backwards."""
    head = model.get_output_embeddings().weight.numel()
    inner = sum(each.numel() for each in model.parameters() if each.ndim > 1) - 2 * head
    layers, width = model.config.num_hidden_layers, model.config.hidden_size
    return sum(
        len(each) * (6 * inner + 12 * layers * width * len(each)) + 6 * head * Weights().counted(each)
        for each in given
    )  # fmt: skip


def measured(bench: Bench, name: str) -> dict[str, float]:
    """An arm, and what it told: the median of its steps."""
    arm, ends = ARMS[name], list[float]()
    hook = register_optimizer_step_post_hook(lambda *_: ends.append(time.perf_counter()))
    cuda = bench.arguments.device.startswith("cuda")
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    learn: Callable[[Arm], tuple[Any, float]] = getattr(bench, arm.algorithm)
    model, work = learn(arm)
    hook.remove()
    spans = [end - begin for begin, end in zip(ends[WARMUP - 1 :], ends[WARMUP:], strict=False)]
    told = {
        f"{arm.unit}_s": work * len(spans) / sum(spans), "step_s": statistics.median(spans),
        "memory_gb": torch.cuda.max_memory_allocated() / 1e9 if cuda else 0.0,
    }  # fmt: skip
    if arm.algorithm == "sft":
        many = 64 * bench.arguments.steps
        given = (bench.conversations * -(-many // len(bench.conversations)))[:many]
        told["tflop_s"] = operations(model, given) / bench.arguments.steps * len(spans) / sum(spans) / 1e12
        told["utilisation"] = told["tflop_s"] * 1e12 / bench.arguments.peak
    print(name, json.dumps({key: round(value, 3) for key, value in told.items()}), flush=True)
    del model
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[*ARMS], choices=[*ARMS], metavar="ARM")
    parser.add_argument("--pass-tokens", type=int, default=16_384)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--peak", type=float, help="of the card, in operations a second; known of H100, H200, A100")
    arguments = parser.parse_args()
    cuda = arguments.device.startswith("cuda")
    card = torch.cuda.get_device_name() if cuda else os.uname().machine
    arguments.peak = arguments.peak or next((peak for name, peak in PEAKS.items() if name in card), float("nan"))
    print(f"{card}, torch {torch.__version__}, {arguments.pass_tokens:,} tokens at once")
    Watch.saves = lambda watch, number: False  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as made:
        bench = Bench(arguments, Path(made))
        print(f"{sum(map(len, bench.conversations)) / len(bench.conversations):.0f} tokens a conversation")
        results = {name: measured(bench, name) for name in arguments.only}
    print(json.dumps({name: {key: round(each, 3) for key, each in told.items()} for name, told in results.items()}))


if __name__ == "__main__":
    main()
