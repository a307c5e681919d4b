"""Layers that are compiled where many tokens go through them at once, and stay as they are written where replies grow
by a token a pass: there each pass would be a new thing to compile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

from espalier.infer.unusable import BadModel

NAME: Final = "compiled_layers"


def compile_layers(model: Any) -> None:
    """One layer is compiled for all of them, when it is first asked, and what an adapter adds to it with it; a copy of
    the model is not compiled. Raises BadModel.
    """
    if model.device.type == "cpu":
        raise BadModel(
            "model.compiled is true, which is for graphics cards, but this model is on the processor; leave it out"
        )
    kinds = model._no_split_modules or ()
    layers = [module for module in model.modules() if type(module).__name__ in kinds]
    if not layers:
        raise BadModel(
            f"model.compiled is true, but {type(model).__name__} does not say what its layers are; leave it out"
        )
    for layer in layers:
        layer.compile(dynamic=True)
    setattr(model, NAME, True)


@contextmanager
def as_written(model: Any) -> Iterator[None]:
    """Around passes that are not to be compiled."""
    if not getattr(model, NAME, False):
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
