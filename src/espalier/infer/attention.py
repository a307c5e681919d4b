"""Attention where several replies follow one prompt: each part looks at what it may see, and nothing else is computed.

A mask would hide the other replies after they were computed; of four replies that is more than half of the work.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

Lengths = tuple[int, ...]
"""Of a row: the tokens of its prompt, of each reply, and of what fills it up."""


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    spans: Sequence[Lengths] | None = None,
    **said: Any,
) -> tuple[Tensor, None]:
    """What transformers' models call sdpa: that itself, but for rows of which `spans` tells the parts.

    query, key, value: (rows, heads, width, features); key and value may have fewer heads. spans: of each row. A model
    that does not hand them on has the mask, which says the same. Gives (rows, width, heads, features).
    """
    if spans is None:
        whole: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **said)
        return whole
    rows = zip(query.split(1), key.split(1), value.split(1), spans, strict=True)
    return torch.cat([_row(module, *row, said) for row in rows]), None


def _row(module: Any, query: Tensor, key: Tensor, value: Tensor, lengths: Lengths, said: dict[str, Any]) -> Tensor:
    (asked, *asking), (prompt, *keys), (worth, *values) = (each.split(lengths, 2) for each in (query, key, value))
    found = [sdpa_attention_forward(module, asked, prompt, worth, None, **said)[0]]
    for reply, its_keys, its_values in zip(asking[:-1], keys[:-1], values[:-1], strict=True):
        before, own = prompt.shape[2], reply.shape[2]
        sees = torch.ones(own, before + own, dtype=torch.bool, device=reply.device).tril(before)
        both = torch.cat([prompt, its_keys], 2), torch.cat([worth, its_values], 2)
        found.append(sdpa_attention_forward(module, reply, *both, sees[None, None], **said)[0])
    found.append(torch.zeros_like(asking[-1].transpose(1, 2)))  # what fills up the row looks at nothing
    return torch.cat(found, 1)


AttentionInterface.register("sdpa", attend)
