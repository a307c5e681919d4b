"""What models say of replies: the log-probability of each token, the value before it, the reward of the whole.

A reply stands with its prompt in a row of its own beside others of like length, and the output layer is computed where
a reply's token is predicted and nowhere else. Knows tokens; knows no algorithm.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from espalier.infer.engine import Reward, Sample, Tokens
from espalier.infer.forward import logits_at
from espalier.infer.reward import MEAN

Replied = tuple[Tokens, Tokens]
"""A prompt and a reply to it."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Replies with their prompts, for one pass through a model.

    places: (replies,), of each among those that were packed. input_ids, position_ids: (replies, width), filled up
    behind the shorter ones: nothing looks ahead, so no mask is needed. before: (reply tokens,), places in the flattened
    rows where a token of a reply is predicted. targets: (reply tokens,), that token. last: (replies,), where each ends.
    """

    places: Tensor
    input_ids: Tensor
    position_ids: Tensor
    before: Tensor
    targets: Tensor
    last: Tensor


def packs(replies: Sequence[Replied], tokens: int, device: torch.device | str = "cpu") -> list[Pack]:
    """All replies, those of like length together, in passes of at most so many tokens, padding counted."""
    lengths = [len(prompt) + len(reply) for prompt, reply in replies]
    passes: list[list[int]] = []
    for place in sorted(range(len(replies)), key=lambda place: -lengths[place]):
        if not passes or (len(passes[-1]) + 1) * lengths[passes[-1][0]] > tokens:
            passes.append([])
        passes[-1].append(place)
    return [_pack(replies, places, device) for places in passes]


def _pack(replies: Sequence[Replied], places: Sequence[int], device: torch.device | str) -> Pack:
    width = max(len(replies[place][0]) + len(replies[place][1]) for place in places)
    rows: list[Tokens] = []
    before: list[int] = []
    targets: list[int] = []
    last: list[int] = []
    for number, place in enumerate(places):
        prompt, reply = replies[place]
        assert prompt, "the first token of all has nothing before it"
        begin = number * width + len(prompt) - 1
        before.extend(range(begin, begin + len(reply)))
        targets.extend(reply)
        last.append(begin + len(reply))
        rows.append(prompt + reply + (0,) * (width - len(prompt) - len(reply)))
    positions = [range(width)] * len(rows)
    return Pack(*(torch.tensor(each, device=device) for each in (places, rows, positions, before, targets, last)))


def reply_log_probs(model: Any, pack: Pack, temperature: float = 1.0) -> Tensor:
    """log π(y_t | x, y_<t) of each token of the replies, at a temperature, in float32: (reply tokens,)."""
    logits = logits_at(model, pack.input_ids, pack.position_ids, pack.before).float() / temperature
    chosen: Tensor = logits.gather(1, pack.targets[:, None])[:, 0] - logits.logsumexp(1)
    return chosen


def scores_at(model: Any, pack: Pack, at: Tensor) -> Tensor:
    """What a reward model says at these places, (places,), its mean taken off.

    At `last` it is the reward of the whole; of a critic, at `before`, the value before each token of a reply.
    """
    # transformers would tell a row's last score alone, so the two parts of the model are called one after the other.
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = plain.base_model(input_ids=pack.input_ids, position_ids=pack.position_ids, use_cache=False)
    scores: Tensor = plain.score(hidden.last_hidden_state.flatten(0, 1)[at])[:, 0].float()
    return scores - float(getattr(plain.config, MEAN, 0.0))


@torch.no_grad()
def by_token(packed: Sequence[Pack], mask: Tensor, ask: Callable[[Pack], Tensor]) -> Tensor:
    """What is asked of each token of the replies, (replies, time), 0 where the mask is. mask: of `mask_of`."""
    table = torch.zeros(mask.shape, device=mask.device)
    for pack in packed:
        part = torch.zeros((len(pack.places), mask.shape[1]), device=mask.device)
        part[mask[pack.places]] = ask(pack)
        table[pack.places] = part
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
        for pack in packs([(sample.prompt, sample.reply) for sample in samples], tokens, model.device):
            scores[pack.places] = scores_at(model, pack, pack.last)
        told: list[float] = scores.tolist()
        return told

    return reward
