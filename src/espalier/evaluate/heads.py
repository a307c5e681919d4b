"""The attention heads of a model: what each reads and writes, as its weights say, and where it looks in random text
that is repeated.

Knows the shapes of Llama and of GPT-NeoX; does not know what heads are compared for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from espalier.evaluate.model import Tell, nobody
from espalier.infer.unusable import BadModel

Real = NDArray[np.float64]
SEGMENT: Final = 25
SEQUENCES: Final = 50
AT_ONCE: Final = 10


class Place(NamedTuple):
    """Of a head, both from 0."""

    layer: int
    head: int

    def __str__(self) -> str:
        return f"{self.layer}.{self.head}"


@dataclass(frozen=True, slots=True)
class Head:
    """The weights of one head over the residual stream, without biases, the gain of the norm before it and the
    rotation of positions. Its score of a key x for a query y is yᵀ Wqᵀ Wk x, and it writes Wo Wv x.

    q, k, v: (head dimension, width); o: (width, head dimension). Queries that share keys and values have the same k, v.
    """

    q: Real
    k: Real
    v: Real
    o: Real


def heads_of(model: Any) -> dict[Place, Head]:
    """All heads, from the first layer on. Raises BadModel where the model is of another shape."""
    layers = getattr(model.base_model, "layers", ())
    found = {}
    for number, layer in enumerate(layers):
        for head, each in enumerate(_heads_in(layer)):
            found[Place(number, head)] = each
    if not found:
        raise BadModel(f"a model of the kind {model.config.model_type} is not among those whose heads are known; "
                       "Llama's and GPT-NeoX's are, and what is made alike")  # fmt: skip
    return found


def _heads_in(layer: Any) -> list[Head]:
    if (fused := getattr(getattr(layer, "attention", None), "query_key_value", None)) is not None:
        whole, out = _numbers(fused), _numbers(layer.attention.dense)
        size = int(layer.attention.head_size)
        # Each head's query, key and value stand together, head by head.
        parts = whole.reshape(-1, 3, size, whole.shape[1])
        return [Head(part[0], part[1], part[2], out[:, _of(head, size)]) for head, part in enumerate(parts)]
    attention = getattr(layer, "self_attn", None)
    if not all(hasattr(attention, name) for name in ("q_proj", "k_proj", "v_proj", "o_proj", "head_dim")):
        return []
    assert attention is not None
    q, k, v, out = (_numbers(getattr(attention, name)) for name in ("q_proj", "k_proj", "v_proj", "o_proj"))
    size = int(attention.head_dim)
    shared = len(q) // len(k)
    return [
        Head(q[_of(head, size)], k[_of(head // shared, size)], v[_of(head // shared, size)], out[:, _of(head, size)])
        for head in range(len(q) // size)
    ]


def _of(head: int, size: int) -> slice:
    return slice(head * size, (head + 1) * size)


def _numbers(linear: Any) -> Real:
    numbers: Real = linear.weight.detach().double().cpu().numpy()
    return numbers


@dataclass(frozen=True, slots=True)
class Looks:
    """Where heads look in each sequence, as shares of their attention: at the token before, and, in the second half,
    at what came after the same token in the first. Both (sequences, layers, heads).
    """

    before: Real
    after_same: Real


@torch.no_grad()
def looks(model: Any, words: Sequence[int], random: np.random.Generator, tell: Tell = nobody) -> Looks:
    """Over 50 random segments of 25 tokens, each said twice; the first token is left out, as many heads rest on it.

    words: tokens that are drawn from. Leaves the model with attention that is computed plainly.
    """
    model.set_attn_implementation("eager")  # no other tells where heads look
    segments = random.choice(np.array(words, np.int64), (SEQUENCES, SEGMENT))
    tokens = torch.from_numpy(np.tile(segments, 2)).to(model.device)
    before, after_same = [], []
    for begin in range(0, SEQUENCES, AT_ONCE):
        told = model(tokens[begin : begin + AT_ONCE], output_attentions=True, use_cache=False).attentions
        attention = torch.stack([each.double().cpu() for each in told], 1)[..., 1:, 1:]
        # (sequences, layers, heads, query, key)
        shares = attention / attention.sum(-1, keepdim=True).clamp_min(1e-12)
        before.append(shares.diagonal(-1, -2, -1).mean(-1).numpy())
        after_same.append(shares.diagonal(1 - SEGMENT, -2, -1).mean(-1).numpy())
        tell(begin + AT_ONCE, SEQUENCES)
    return Looks(np.concatenate(before), np.concatenate(after_same))
