"""Several processes that train one model: each holds a part of all weights, and sees a part of every step.

torch's own `fully_shard` (FSDP2) over what `torchrun` or `accelerate launch` starts; alone nothing here does anything.
Knows processes; does not know what is learned.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

T = TypeVar("T")
P = TypeVar("P")
IDLE: Final = [0]
"""What a process does while others still work: a pass that counts for nothing."""
STARTED: Final = ("RANK", "WORLD_SIZE", "MASTER_ADDR")
"""What a launcher tells each process that it starts."""


def rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def processes() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def barrier() -> None:
    """Nobody goes on before all are here."""
    if distributed.is_initialized():
        distributed.barrier()


def is_alone_among_several() -> bool:
    """Whether a launcher started several processes, of which this one knows nothing."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized()


@contextmanager
def joined() -> Iterator[None]:
    """Around a run: the processes that a launcher started find each other."""
    if distributed.is_initialized() or not all(name in os.environ for name in STARTED):
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def sharded(model: nn.Module) -> nn.Module:
    """The model, each process with a part of its weights; where there is one process, as it is."""
    if processes() == 1:
        return model
    mesh = init_device_mesh(next(model.parameters()).device.type, (processes(),))
    for layer in _layers(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def _layers(model: nn.Module) -> list[nn.Module]:
    """The layers that a model says must stay whole, as transformers' models do."""
    names = set(getattr(model, "_no_split_modules", None) or ())
    return [each for each in model.modules() if type(each).__name__ in names]


def said_of(model: nn.Module) -> str:
    """How the run really is, for a launcher may start several processes that know nothing of each other."""
    weights = list(model.parameters())
    parts = sum(isinstance(each, DTensor) for each in weights)
    if processes() == 1:
        return "One process holds all weights."
    return f"{processes()} processes; {parts} of {len(weights)} weights are sharded over them."


def dealt(given: Sequence[T], plan: Callable[[Sequence[T]], Sequence[P]], idle: P) -> list[tuple[list[T], P]]:
    """What this process takes of a step: its part of what is given with each pass that `plan` makes of it.

    All have equally many passes, since all work at each layer together; who has fewer passes once more with `idle`.
    """
    parts = [list(given[place :: processes()]) or list(given[:1]) for place in range(processes())]
    plans = [plan(part) if place < len(given) else [] for place, part in enumerate(parts)]
    own, most = plans[rank()], max(map(len, plans))
    return [(parts[rank()], each) for each in (*own, *[idle] * (most - len(own)))]


def summed(value: float) -> float:
    """Over all processes."""
    if processes() == 1:
        return value
    total = torch.tensor(value, dtype=torch.float64, device=_device())
    distributed.all_reduce(total)
    return float(total)


def totals(values: Tensor) -> Tensor:
    """The same, summed over all processes."""
    if processes() == 1:
        return values
    there = values.to(_device())
    distributed.all_reduce(there)
    return there.to(values.device)


def whole(value: Tensor) -> Tensor:
    """A tensor of which each process may hold a part."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def whole_weights(model: nn.Module) -> dict[str, Any] | None:
    """All weights in the first process; None where nothing is sharded. Every process asks."""
    if processes() == 1:
        return None
    return get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))


def _device() -> torch.device:
    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")
