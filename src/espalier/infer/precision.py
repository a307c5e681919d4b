"""Mixed precision: products are computed in other numbers than weights, gradients and averages are kept in.

A step of a small learning rate is lost in a weight that is kept in bfloat16, of which only eight binary places count:
whatever is smaller than a 256th of the weight changes nothing (Micikevicius et al. 2018, section 3.1).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

NAME: Final = "computed_in"


def compute_in(model: Any, dtype: torch.dtype) -> None:
    """From now on, wherever this model is asked `computing`; copies of it, too.

    So is the sum that layers add to, which autocast alone would keep as the embeddings are: most of what a graphics
    card moves around its products.
    """
    setattr(model, NAME, dtype)
    model.get_input_embeddings().register_forward_hook(lambda _, __, found: found.to(dtype))


def computed_in(model: Any) -> torch.dtype:
    """The numbers of this model's products."""
    dtype: torch.dtype = getattr(model, NAME, model.dtype)
    return dtype


@contextmanager
def computing(model: Any) -> Iterator[None]:
    """Around a pass through the model."""
    dtype = getattr(model, NAME, None)
    if dtype is None:
        yield
        return
    with torch.autocast(model.device.type, dtype):
        yield
