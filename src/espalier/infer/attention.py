"""Attention where several conversations, or replies to a prompt, stand in one row: each part looks at what it may see,
and nothing else is computed.

A mask would hide the other replies after they were computed. Of four that follow one prompt that is more than half of
the work; of eight that are written at once, in a batch of eight conversations, seven eighths.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

Lengths = tuple[int, ...]
"""Of a row: the tokens of its prompt and of each reply, or of each conversation; and of what fills it up."""


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    spans: Sequence[Lengths] | None = None,
    apart: Sequence[Lengths] | None = None,
    **said: Any,
) -> tuple[Tensor, None]:
    """What transformers' models call sdpa: that itself, but for rows of which `spans` or `apart` tells the parts.

    query, key, value: (rows, heads, width, features); key and value may have fewer heads. spans: of each row, a prompt
    and replies to it; apart: of each row, conversations. A model that does not hand them on has a mask, which says so,
    too. Gives (rows, width, heads, features).

    A batch of transformers' says of its one row which conversations it is made of, and has all of them in one mask. An
    accelerator is quicker with that than with many small parts, and so is a processor where each has one new token.
    """
    if said.get("cache") is not None and said["max_length_q"] > 1 and query.device.type == "cpu":
        return _conversations(module, query, key, value, attention_mask, said), None
    parts, one = (spans, _row) if spans is not None else (apart, _apart)
    if parts is None:
        whole: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **said)
        return whole
    rows = zip(query.split(1), key.split(1), value.split(1), parts, strict=True)
    return torch.cat([one(module, *row, said) for row in rows]), None


def goes_by_parts(model: Any) -> bool:
    """Whether attention is ours, and whole, and the model hands on to it what else it is called with."""
    bare = model.get_base_model() if hasattr(model, "get_base_model") else model  # without its adapter
    called = inspect.signature(type(bare).forward).parameters.values()
    hands_on = any(each.kind is each.VAR_KEYWORD for each in called)
    return model.config._attn_implementation == "sdpa" and hands_on and sees_all_before(model)


def sees_all_before(model: Any) -> bool:
    """Whether each token looks back at all others, and not over a window only."""
    config = model.config
    kinds = set(getattr(config, "layer_types", None) or ("full_attention",))
    windowed = getattr(config, "sliding_window", None) is not None and getattr(config, "use_sliding_window", True)
    return kinds == {"full_attention"} and not windowed


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


def _apart(module: Any, query: Tensor, key: Tensor, value: Tensor, lengths: Lengths, said: dict[str, Any]) -> Tensor:
    *rows, (rest, _, _) = zip(*(each.split(lengths, 2) for each in (query, key, value)), strict=True)
    found = [sdpa_attention_forward(module, asked, seen, worth, None, **said)[0] for asked, seen, worth in rows]
    return torch.cat([*found, torch.zeros_like(rest.transpose(1, 2))], 1)


def _conversations(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, said: dict[str, Any]
) -> Tensor:  # fmt: skip
    """query, key, value: (1, heads, new tokens, features). mask: (1, 1, new tokens, seen tokens), added to scores."""
    assert mask is not None, "a batch says with a mask what may be seen, where it computes with sdpa"
    key, value = said.pop("cache").update(key, value, module.layer_idx, said)
    new, seen = (said[name].diff().tolist() for name in ("cu_seq_lens_q", "cu_seq_lens_k"))
    rows, keys, values = query.split(new, 2), key.split(seen, 2), value.split(seen, 2)
    masks = [below.split(seen, 3)[number] for number, below in enumerate(mask.split(new, 2))]
    parts = zip(rows, keys, values, masks, strict=True)
    return torch.cat([sdpa_attention_forward(module, *part, **said)[0] for part in parts], 1)


AttentionInterface.register("sdpa", attend)
# On graphics cards cuDNN's attention plans anew for each length that it has not seen, for longer than it then computes;
# conversations have all lengths.
torch.backends.cuda.enable_cudnn_sdp(False)
