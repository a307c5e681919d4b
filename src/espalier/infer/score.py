"""What models say of replies: the log-probability of each token, the value before it, the reward of the whole.

Replies to one prompt share its computation where that saves any, and the output layer is computed where a reply's token
is predicted and nowhere else. Knows tokens; knows no algorithm.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from espalier.infer.engine import Reward, Sample, Tokens
from espalier.infer.forward import logits_at
from espalier.infer.likelihood import log_probs
from espalier.infer.reward import MEAN
from espalier.infer.shared import Rows, laid_out, outputs_at

Replied = tuple[Tokens, Tokens]
"""A prompt and a reply to it."""


def passes(replies: Sequence[Replied], model: Any, tokens: int) -> list[Rows]:
    """Replies in rows, in passes of at most so many tokens, padding counted; their places are those in `replies`."""
    by_prompt: dict[Tokens, list[int]] = {}
    for place, (prompt, _) in enumerate(replies):
        by_prompt.setdefault(prompt, []).append(place)
    width = model.config.get_text_config().hidden_size
    groups = [
        group
        for prompt, places in by_prompt.items()
        for group in _groups(len(prompt), places, [len(replies[place][1]) for place in places], width)
    ]
    given = [(replies[group[0]][0], [replies[place][1] for place in group]) for group in groups]
    order = torch.tensor([place for group in groups for place in group], device=model.device)
    return [replace(rows, places=order[rows.places]) for rows in laid_out(given, model, tokens)]


def _groups(prompt: int, places: list[int], lengths: Sequence[int], width: int) -> list[list[int]]:
    """The replies to a prompt as one row, or as a row each where that is less work.

    A layer takes some 24 width² operations for each token, and 4 width for each pair of tokens of its row.
    """

    def work(tokens: int) -> int:
        return tokens * (6 * width + tokens)

    alone = sum(work(prompt + length) for length in lengths)
    return [places] if work(prompt + sum(lengths)) < alone else [[place] for place in places]


def reply_log_probs(model: Any, rows: Rows, temperature: float = 1.0) -> Tensor:
    """log π(y_t | x, y_<t) of each token of the replies, at a temperature, in float32: (reply tokens,)."""
    return log_probs(logits_at(model, rows.before, **rows.inputs()), rows.targets, temperature)


def scores_at(model: Any, rows: Rows, at: Tensor) -> Tensor:
    """What a reward model says at places of the rows, (places,), its mean taken off.

    At `last` it is the reward of the whole; of a critic, at `before`, the value before each token of a reply.
    """
    return outputs_at(model, rows, at) - float(getattr(model.config, MEAN, 0.0))


@torch.no_grad()
def by_token(passed: Sequence[Rows], mask: Tensor, ask: Callable[[Rows], Tensor]) -> Tensor:
    """What is asked of each token of the replies, (replies, time), 0 where the mask is. mask: of `mask_of`."""
    table = torch.zeros(mask.shape, device=mask.device)
    for rows in passed:
        part = torch.zeros((len(rows.places), mask.shape[1]), device=mask.device)
        part[mask[rows.places]] = ask(rows)
        table[rows.places] = part
    return table


def mask_of(replies: Sequence[Replied], device: torch.device | str = "cpu") -> Tensor:
    """Where replies have tokens, (replies, time), bool."""
    lengths = torch.tensor([len(reply) for _, reply in replies], device=device)
    return torch.arange(int(lengths.max()), device=device) < lengths[:, None]


def model_reward(model: Any, tokens: int) -> Reward:
    """A reward model as a reward, with so many tokens at once."""

    @torch.no_grad()
    def reward(samples: Sequence[Sample]) -> list[float]:
        scores = torch.zeros(len(samples), device=model.device)
        for rows in passes([(sample.prompt, sample.reply) for sample in samples], model, tokens):
            scores[rows.places] = scores_at(model, rows, rows.last)
        told: list[float] = scores.tolist()
        return told

    return reward
