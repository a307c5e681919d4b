"""A pass through a language model whose output layer is computed only where somebody asks.

Of 16,000 tokens and a small model the output layer is most of the work; prompts need none of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel


def logits_at(
    model: PreTrainedModel, input_ids: Tensor, position_ids: Tensor, at: Tensor, mask: Tensor | None = None
) -> Tensor:
    """What the model expects to follow at some places of the flattened rows: (places, vocabulary).

    input_ids, position_ids: (rows, width). Without a mask, and never with a cache, transformers sees from positions
    that begin anew where a conversation ends; with either of them it would not, and say nothing. mask: (rows, 1, width,
    width), what sees what, as the model's attention takes it.
    """
    head = model.get_output_embeddings()
    assert isinstance(head, nn.Module), f"{type(model).__name__} has no output layer"
    with _only(head, at):
        logits: Tensor = model(
            input_ids=input_ids, position_ids=position_ids, attention_mask=mask, use_cache=False
        ).logits
    return logits[0]


@contextmanager
def _only(head: nn.Module, at: Tensor) -> Iterator[None]:
    """The output layer sees the hidden states at these places, as one row.

    The model's own forward pass stays whole, with whatever it does to logits and whatever shards or adapts it.
    """

    def choose(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden: Tensor = given[0]  # (rows, width, features)
        return (hidden.flatten(0, 1)[at][None], *given[1:])

    hook = head.register_forward_pre_hook(choose)
    try:
        yield
    finally:
        hook.remove()
