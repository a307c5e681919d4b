"""Attention where several conversations, or replies to a prompt, stand in one row: each part looks at what it may see,
and nothing else is computed.

A mask would hide the other replies after they were computed. Of four that follow one prompt that is more than half of
the work; of eight that are written at once, in a batch of eight conversations, seven eighths.
"""

import inspect
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from espalier.infer.precision import computed_in

Lengths = tuple[int, ...]
"""Of a row: the tokens of its prompt and of each reply, or of each conversation; and of what fills it up."""


class Seen(NamedTuple):
    """What all parts of all rows look at, for one call. A part's last token sees all of that, the one before one less.

    begins: (parts + 1,), where each part begins in the flattened rows, and their end. keys: (seen tokens,), the places
    in the flattened rows that the parts look at, part after part; None where each looks at itself alone. key_begins:
    (parts + 1,), where those of each part begin. longest, farthest: the most tokens of a part, and that one looks at.
    """

    begins: Tensor
    keys: Tensor | None
    key_begins: Tensor
    longest: int
    farthest: int


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    spans: Sequence[Lengths] | None = None,
    apart: Sequence[Lengths] | None = None,
    seen: Seen | None = None,
    **said: Any,
) -> tuple[Tensor, None]:
    """What transformers' models call sdpa: that itself, but for rows whose parts are told, as `by_parts` does.

    query, key, value: (rows, heads, width, features); key and value may have fewer heads. A model that hands nothing
    on has a mask, which says so, too. Gives (rows, width, heads, features).

    A batch of transformers' says of its one row which conversations it is made of, and has all of them in one mask. An
    accelerator is quicker with that than with many small parts, and so is a processor where each has one new token.
    """
    if said.get("cache") is not None and said["max_length_q"] > 1 and query.device.type == "cpu":
        return _conversations(module, query, key, value, attention_mask, said), None
    if seen is not None:
        return _in_one_call(query, key, value, seen, said.get("scaling")), None
    parts, one = (spans, _row) if spans is not None else (apart, _apart)
    if parts is None:
        whole: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **said)
        return whole
    rows = zip(query.split(1), key.split(1), value.split(1), parts, strict=True)
    return torch.cat([one(module, *row, said) for row in rows]), None


def by_parts(
    model: Any, spans: Sequence[Lengths] | None = None, apart: Sequence[Lengths] | None = None
) -> dict[str, Any]:
    """What a model is called with, so that its attention goes by parts; nothing where it cannot.

    spans: of each row, a prompt and replies to it; apart: of each row, conversations.
    """
    rows = apart if spans is None else spans
    if rows is None or not goes_by_parts(model):
        return {}
    if _has_one_call(model):
        return {"seen": seen_by(rows, prompts=spans is not None, device=model.device)}
    return {"apart": apart} if spans is None else {"spans": spans}


def seen_by(rows: Sequence[Lengths], prompts: bool, device: torch.device) -> Seen:
    """prompts: whether the first part of each row is one, which all parts after it see."""
    parts, keys, begin = list[int](), list[range](), 0
    for lengths in rows:
        prompt = range(begin, begin + lengths[0])
        for number, length in enumerate(lengths):
            own = range(begin, begin := begin + length)
            if own:
                parts.append(length)
                keys.append(prompt if prompts and number else range(0))
                keys.append(own)
    seen = [len(before) + len(own) for before, own in zip(keys[::2], keys[1::2], strict=True)]

    def on_device(places: Sequence[int], dtype: torch.dtype) -> Tensor:
        return torch.tensor(places, dtype=dtype).to(device)

    return Seen(
        on_device([0, *accumulate(parts)], torch.int32),
        on_device([*chain(*keys)], torch.int64) if prompts else None,
        on_device([0, *accumulate(seen)], torch.int32),
        max(parts),
        max(seen),
    )


def _has_one_call(model: Any) -> bool:
    """Whether flash attention computes with this model's numbers, on its device: all parts at once."""
    config, dtype = model.config, computed_in(model)
    features = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return (
        model.device.type == "cuda"
        and dtype in (torch.bfloat16, torch.float16)
        and torch.cuda.get_device_capability(model.device) >= (8, 0)
        and features % 8 == 0
        and features <= 256
        and not getattr(config, "attention_dropout", 0.0)
    )


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


def _in_one_call(query: Tensor, key: Tensor, value: Tensor, seen: Seen, scaling: float | None) -> Tensor:
    rows, _, width, _ = query.shape
    query, key, value = (each.transpose(1, 2).flatten(0, 1).to(value.dtype) for each in (query, key, value))
    if seen.keys is not None:
        key, value = key.index_select(0, seen.keys), value.index_select(0, seen.keys)
    found = varlen_attn(
        query, key, value, seen.begins, seen.key_begins, seen.longest, seen.farthest,
        scale=scaling, window_size=(-1, 0), enable_gqa=True,
    )  # fmt: skip
    assert isinstance(found, Tensor), "it was asked for nothing else"
    rows_of_parts: Tensor = found.unflatten(0, (rows, width))
    return rows_of_parts


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
