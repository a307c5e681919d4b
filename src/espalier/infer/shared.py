"""Several replies to one prompt in one row, so that the prompt is computed once, and what a reward model says of them.

A reply sees the prompt and itself and nothing of the others: values and gradients are those of rows of their own. Knows
tokens; does not know what is learned from them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Any, Final

import torch
from torch import Tensor, nn

from espalier.infer.attention import by_parts, sees_all_before
from espalier.infer.engine import Tokens
from espalier.infer.precision import computing

Answered = tuple[Tokens, Sequence[Tokens]]
"""A prompt and the replies to it."""
MOST_PADDING: Final = 0.2
"""The share of the widest row by which another one may be narrower and still go through the model with it."""
SHORT: Final = 32  # tokens that never matter
WITH_MASKS: Final = ("sdpa", "eager")
"""Implementations of attention that take a mask of what sees what."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Prompts with their replies, for one pass through a model.

    prompts: which of those that were laid out. places: (replies,), of each among all replies that were laid out; they
    stand prompt after prompt, those of one prompt in one pass. input_ids, position_ids: (rows, width); a reply's
    positions go on from its prompt, whatever stands between. before, targets: (reply tokens,), places in the flattened
    rows where a token of a reply is predicted, and that token. last: (replies,), the places at which the replies end.
    mask: (rows, 1, width, width), what sees what, as the model's attention takes it; None where a row holds one reply,
    which needs none. parts: what tells the model's attention of prompts and replies, where it goes by that.
    """

    prompts: tuple[int, ...]
    places: Tensor
    input_ids: Tensor
    position_ids: Tensor
    before: Tensor
    targets: Tensor
    last: Tensor
    mask: Tensor | None = None
    parts: dict[str, Any] = field(default_factory=dict)

    def inputs(self) -> dict[str, Any]:
        """What a model is called with. Never with a cache: it would not see where positions begin anew."""
        return {
            "input_ids": self.input_ids, "position_ids": self.position_ids, "attention_mask": self.mask,
            "use_cache": False, **self.parts,
        }  # fmt: skip


def can_share(model: Any) -> bool:
    """Whether this model's attention takes a mask; one that looks back over a window only does not take ours."""
    return model.config._attn_implementation in WITH_MASKS and sees_all_before(model)


def laid_out(given: Sequence[Answered], model: Any, tokens: int) -> Iterator[Rows]:
    """All prompts with their replies, in passes of at most so many tokens."""
    return (rows_of(given, prompts, model) for prompts in planned(given, model, tokens))


def planned(given: Sequence[Answered], model: Any, tokens: int) -> list[list[int]]:
    """Which prompts go through the model together, those of like length, in passes of at most so many tokens, padding
    counted; a prompt whose replies are more goes alone. Where the model cannot share a prompt each reply has a row.
    """
    share = can_share(model)
    widths = [len(prompt) + (sum if share else max)(map(len, replies)) for prompt, replies in given]
    heights = [1 if share else len(replies) for _, replies in given]
    passes: list[list[int]] = []
    height = 0
    for prompt in sorted(range(len(given)), key=lambda prompt: -widths[prompt]):
        height += heights[prompt]
        widest = widths[passes[-1][0]] if passes else 0
        padding = widest - widths[prompt]
        if not passes or height * widest > tokens or padding > max(SHORT, widest * MOST_PADDING):
            passes.append([])
            height = heights[prompt]
        passes[-1].append(prompt)
    return passes


def rows_of(given: Sequence[Answered], prompts: Sequence[int], model: Any) -> Rows:
    """The rows of one pass. prompts: of all that are given."""
    share = can_share(model)
    firsts = [0, *accumulate(len(replies) for _, replies in given)]
    rows: list[tuple[Tokens, Sequence[Tokens]]] = []
    for each in prompts:
        prompt, replies = given[each]
        assert prompt, "the first token of all has nothing before it"
        rows += [(prompt, replies)] if share else [(prompt, [reply]) for reply in replies]
    width = max(len(prompt) + sum(map(len, replies)) for prompt, replies in rows)
    ids, positions, segments = (torch.zeros(len(rows), width, dtype=torch.long) for _ in range(3))
    before: list[int] = []
    last: list[int] = []
    for row, (prompt, replies) in enumerate(rows):
        at = len(prompt)
        ids[row] = torch.tensor([*prompt, *chain(*replies), *[0] * (width - at - sum(map(len, replies)))])
        positions[row, :at] = torch.arange(at)
        for number, reply in enumerate(replies, 1):
            end = at + len(reply)
            positions[row, at:end] = torch.arange(len(prompt), len(prompt) + len(reply))
            segments[row, at:end] = number
            # The first token of each is predicted where the prompt ends, the others where the one before stands.
            before += (row * width + len(prompt) - 1, *range(row * width + at, row * width + end - 1))
            last.append(row * width + end - 1)
            at = end
        segments[row, at:] = -1  # padding sees what it likes, and nothing sees it
        positions[row, at:] = torch.arange(at, width)
    several = any(len(replies) > 1 for _, replies in rows)
    lengths = [(len(prompt), *map(len, replies)) for prompt, replies in rows]
    spans = tuple((*each, width - sum(each)) for each in lengths) if several else None
    return Rows(
        prompts=tuple(prompts),
        places=torch.tensor(
            list(chain(*(range(firsts[each], firsts[each + 1]) for each in prompts))), device=model.device
        ),
        input_ids=ids.to(model.device),
        position_ids=positions.to(model.device),
        before=torch.tensor(before, device=model.device),
        targets=torch.tensor(list(chain(*(chain(*replies) for _, replies in rows))), device=model.device),
        last=torch.tensor(last, device=model.device),
        mask=_mask(segments.to(model.device), model) if several else None,
        parts=by_parts(model, spans=spans),
    )


def _mask(segments: Tensor, model: Any) -> Tensor:
    """A token sees what is before it in the prompt and in its own reply. segments: (rows, width), 0 for the prompt."""
    width = segments.shape[1]
    here, there = segments[:, :, None], segments[:, None, :]  # who looks, at whom
    sees = ((there == 0) | (here == there)) & torch.ones(width, width, dtype=torch.bool, device=segments.device).tril()
    sees = sees[:, None]  # (rows, heads, width, width)
    if model.config._attn_implementation == "sdpa":
        return sees
    # Eager attention adds the mask; a boolean one it would take for zeros and ones, and say nothing.
    least = torch.finfo(model.dtype).min
    return torch.zeros(sees.shape, dtype=model.dtype, device=sees.device).masked_fill(~sees, least)


def rewards_of(model: Any, rows: Rows) -> Tensor:
    """What a model with one output says where each reply ends, (replies,), in float32."""
    return outputs_at(model, rows, rows.last)


def outputs_at(model: Any, rows: Rows, at: Tensor) -> Tensor:
    """What a model with one output says at places of the flattened rows, (places,), in float32.

    The model's own forward pass stays whole, whatever shards or adapts it; what goes into its head is brought to the
    head's precision, and what comes out is kept on the way.
    """
    head = model.score
    assert isinstance(head, nn.Module), f"{type(model).__name__} has no head named score"
    precise = next(head.parameters()).dtype
    unmixed = torch.autocast(model.device.type, enabled=False)
    said: list[Tensor] = []

    def begin(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        unmixed.__enter__()
        return (given[0].to(precise), *given[1:])

    def end(_: nn.Module, __: Any, output: Tensor) -> None:
        unmixed.__exit__(None, None, None)
        said.append(output)

    hooks = head.register_forward_pre_hook(begin), head.register_forward_hook(end)
    try:
        with computing(model):
            model(**rows.inputs())
    finally:
        for hook in hooks:
            hook.remove()
    return said[0].flatten(0, 1)[at, 0].float()
