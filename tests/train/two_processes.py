"""What each of two processes does that `torchrun` starts: train, train until it is killed, and go on; of each file."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch.distributed.tensor import DTensor
from torch.optim import AdamW

from espalier.train import dpo, reward, sft
from espalier.train import optimizer as optimizing
from espalier.train.processes import joined
from espalier.train.settings import Settings, read_settings
from espalier.train.watch import Watch

torch.set_num_threads(1)
ALGORITHMS: dict[str, tuple[type[Settings], Callable[..., object]]] = {
    "sft": (sft.SftSettings, sft.train),
    "reward": (reward.RewardSettings, reward.train),
    "dpo": (dpo.DpoSettings, dpo.train),
}
told = Watch.step
stepped = optimizing.step


def killed(watch: Watch, step: int, *given: Any, **more: Any) -> None:
    told(watch, step, *given, **more)
    if step == 5:
        raise SystemExit(9)


def seen(model: Any, optimizer: AdamW, *given: Any) -> float:
    norm = stepped(model, optimizer, *given)
    averages = [each for state in optimizer.state.values() for name, each in state.items() if name != "step"]
    assert averages, "Adam keeps averages"
    assert all(isinstance(each, DTensor) for each in averages), "each process keeps those of its own part"
    assert optimizer.defaults["fused"], "torch's own step in one go"
    return norm


def learn(file: Path) -> None:
    """As the settings of this file have it, once undisturbed and once over a kill."""
    kind, train = ALGORITHMS[file.stem]
    runs = file.with_suffix("")
    optimizing.step = seen
    train(read_settings(kind, file, [f"run.out={runs / 'undisturbed'}"]), Console())
    optimizing.step = stepped
    again = read_settings(kind, file, [f"run.out={runs / 'again'}"])
    Watch.step = killed  # type: ignore[method-assign]
    try:
        train(again)
    except SystemExit:
        Watch.step = told  # type: ignore[method-assign]
        train(again)


with joined():
    for each in sys.argv[1:]:
        learn(Path(each))
