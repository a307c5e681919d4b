"""A pass through a language model whose output layer is computed only where somebody asks.

Of 16,000 tokens and a small model the output layer is most of the work; prompts need none of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from espalier.infer.precision import computing


def logits_at(model: PreTrainedModel, at: Tensor, **rows: Any) -> Tensor:
    """What the model expects to follow at some places of the flattened rows: (places, vocabulary).

    rows: what the model is called with, `input_ids` and `position_ids` of (rows, width) among it. Without a mask, and
    never with a cache, transformers sees from positions that begin anew where a conversation ends; with either of them
    it would not, and say nothing.
    """
    head = model.get_output_embeddings()
    assert isinstance(head, nn.Module), f"{type(model).__name__} has no output layer"
    with _only(head, at), computing(model):
        logits: Tensor = model(**{"use_cache": False, **rows}).logits
    return logits.flatten(0, 1)  # a view also backwards, where [0] would fill a second tensor of that size


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
