"""The models that a process serves, opened from directories: language models, adapters on them, and a reward model.

Knows directories and transformers; knows no HTTP.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final

import torch
from transformers import PreTrainedTokenizerBase

from espalier.dataset.examples import ASSISTANT, Turn
from espalier.dataset.format import prompt_of
from espalier.infer.engine import Reward, Sample
from espalier.infer.load import load_model, positions_of
from espalier.infer.reward import load_reward
from espalier.infer.score import model_reward
from espalier.infer.served import Served, adapted
from espalier.infer.server import Conversations, Rewards, Toxicities
from espalier.infer.tokens import encode_prompt, encode_reply
from espalier.infer.unusable import BadModel

SCORED_AT_ONCE: Final = 8192  # tokens


@dataclass(frozen=True, slots=True)
class Bounds:
    """device, dtype: as torch names them. threads: of torch; more than the machine has to spare make it many times
    slower. tokens: of each model's cache. queue: how many requests to a model may wait.
    """

    device: str = "auto"
    dtype: str = "float32"
    threads: int = 1
    tokens: int = 8192
    queue: int = 64


@dataclass
class Opened:
    """Models under their names, each of which computes in its turn."""

    bounds: Bounds
    turns: AbstractContextManager[bool] = field(default_factory=Lock)
    models: dict[str, Served] = field(default_factory=dict)

    def __post_init__(self) -> None:
        torch.set_num_threads(self.bounds.threads)

    def add(self, name: str, folder: str, adapters: Mapping[str, Path]) -> None:
        """A model, and adapters on it as models of their own. Raises BadModel."""
        model, tokenizer = load_model(folder, getattr(torch, self.bounds.dtype), device=self.bounds.device)
        # Adapters first: what is served has hooks, which a copy would have too.
        over = {each: adapted(model, tokenizer, place) for each, place in adapters.items()}
        for each, (served, reads) in {name: (model, tokenizer), **over}.items():
            if each in self.models:
                raise BadModel(f"two models are called {each!r}; give one of them another name, as NAME=DIR")
            self.models[each] = Served(each, served, reads, self.turns, self.bounds.tokens, self.bounds.queue)

    def reward(self, folder: str) -> Rewards:
        """What a reward model says of replies. Raises BadModel."""
        model, tokenizer, _ = load_reward(folder, getattr(torch, self.bounds.dtype), device=self.bounds.device)
        score = model_reward(model, SCORED_AT_ONCE)
        longest = positions_of(model) or SCORED_AT_ONCE

        def rewards(conversations: Conversations) -> list[float | None]:
            return _rewards(conversations, tokenizer, score, longest, self.turns)

        return rewards


def toxicities(score: Callable[[str], float]) -> Toxicities:
    """What a moderation model says of the last message of each conversation."""
    return lambda conversations: [score(turns[-1].content) for turns in conversations]


def _rewards(
    conversations: Sequence[Sequence[Turn]], tokenizer: PreTrainedTokenizerBase, score: Reward, longest: int, turns: Any
) -> list[float | None]:
    """Null where no reply stands at the end, or where the conversation is too long for the model."""
    samples: dict[int, Sample] = {}
    for place, said in enumerate(conversations):
        if len(said) > 1 and said[-1].role == ASSISTANT:
            prompt = encode_prompt(prompt_of(said[:-1]), tokenizer)
            reply = encode_reply(said[-1].content, tokenizer)
            if len(prompt) + len(reply) <= longest:
                samples[place] = Sample(prompt, reply, True)
    with turns:
        told = dict(zip(samples, score([*samples.values()]), strict=True)) if samples else {}
    return [told.get(place) for place in range(len(conversations))]
