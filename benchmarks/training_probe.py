"""A training loop seen from outside: the loss and the time of each step of the optimiser, whoever wrote the loop.

Knows torch, and neither our loops nor TRL's; both sides of `training.py` are looked at with it.
"""

import json
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class Probe:
    """Losses are what goes backward between two steps of the optimiser; times are those at which a step ends.

    model: whose gradient at the first step is kept, where there is a file for it: the second side to come compares.
    """

    def __init__(self, model: nn.Module, gradient: Path | None = None) -> None:
        self.losses: list[float] = []
        self.times: dict[str, list[float]] = {name: [] for name in CLOCKS}
        self.before: dict[str, float] = dict.fromkeys(CLOCKS, 0.0)  # seconds of work that was done before the loop
        self.gradient_apart: float | None = None
        self._loss = 0.0
        backward = Tensor.backward

        def seen(tensor: Tensor, *arguments: Any, **named: Any) -> None:
            self._loss += float(tensor.detach())
            backward(tensor, *arguments, **named)

        def stepped(*_: Any) -> None:
            for name, now in CLOCKS.items():
                self.times[name].append(now())
            self.losses.append(self._loss)
            self._loss = 0.0

        def compared(*_: Any) -> None:
            if gradient and not self.losses:
                self.gradient_apart = apart(model, gradient)

        Tensor.backward = seen  # type: ignore[method-assign]
        register_optimizer_step_pre_hook(compared)
        register_optimizer_step_post_hook(stepped)

    def told(self) -> str:
        return json.dumps(
            {"losses": self.losses, "times": self.times, "before": self.before, "memory": peak_memory(),
             "gradient_apart": self.gradient_apart}
        )  # fmt: skip


def apart(model: nn.Module, file: Path) -> float | None:
    """How far this gradient is from the one in the file, as a share of its norm; where there is no file it is kept."""
    here = {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
    if not file.exists():
        torch.save(here, file)
        return None
    there = torch.load(file)
    assert here.keys() == there.keys(), here.keys() ^ there.keys()
    squares = sum(float((here[name] - there[name]).double().square().sum()) for name in here)
    return float((squares / sum(float(each.double().square().sum()) for each in there.values())) ** 0.5)


def peak_memory() -> float:
    """Of this process alone, in MB. (What `getrusage` says counts the process that started it, too.)"""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def draw_alike() -> None:
    """Replies are drawn by the same chance on both sides, so that they learn from the same ones."""
    from transformers import GenerationMixin

    generate, number = GenerationMixin.generate, count()

    def seeded(model: Any, *arguments: Any, **named: Any) -> Any:
        torch.manual_seed(next(number))
        return generate(model, *arguments, **named)

    GenerationMixin.generate = seeded  # type: ignore[method-assign]


def worth(reply: Sequence[int]) -> float:
    """What GRPO learns here: not to say the same again. The share of different tokens."""
    return len(set(reply)) / len(reply)
