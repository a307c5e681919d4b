"""A language of a dozen tokens, models that have not learned it, and preferences that code can check."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedModel

from espalier.infer.engine import Reward, Sample, Sampling
from espalier.infer.local import LocalEngine

END, PHRASE, LONGEST = 1, 7, 20
PROMPTS = [(2, first, second) for first in range(3, 9) for second in range(3, 9)]
UNSEEN = [(2, first, second) for first in (9, 10, 11) for second in range(3, 12)]
SHAPE: dict[str, Any] = {
    "vocab_size": 12, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "pad_token_id": 0,
}  # fmt: skip


def policy() -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SHAPE))


def critic() -> PreTrainedModel:
    torch.manual_seed(1)
    return LlamaForSequenceClassification(LlamaConfig(**SHAPE, num_labels=1))


def holds_phrase(samples: Sequence[Sample]) -> list[float]:
    return [float(PHRASE in sample.reply) for sample in samples]


def has_length(samples: Sequence[Sample]) -> list[float]:
    return [float(5 <= len(sample.reply) <= 19 and sample.finished) for sample in samples]


def tables(out: Path, **changed: dict[str, Any]) -> dict[str, Any]:
    """Settings for a run whose models and prompts are handed to it."""
    given: dict[str, dict[str, Any]] = {
        "model": {"start": "-"},
        "data": {"sources": [{"path": "-"}]},
        "run": {"out": out, "steps": 16, "tensorboard": False},
        "rollouts": {"longest": LONGEST, "unfinished": 0.0, "measured": 50},
    }
    return given | {name: given.get(name, {}) | table for name, table in changed.items()}


def share(model: PreTrainedModel, has: Reward) -> float:
    """Of 200 replies to prompts that were not learned on, those that have it."""
    prompts = [UNSEEN[place % len(UNSEEN)] for place in range(200)]
    return sum(has(LocalEngine(model, [END]).generate(prompts, Sampling(LONGEST), seed=99))) / 200


def metrics(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text("utf-8").splitlines()]
