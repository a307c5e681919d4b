"""What each of two processes does that `torchrun` starts: train, train until it is killed, and go on."""

import sys
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from espalier.train.processes import joined
from espalier.train.settings import read_settings
from espalier.train.sft import SftSettings, train
from espalier.train.watch import Watch

torch.set_num_threads(1)
file = Path(sys.argv[1])
told = Watch.step


def killed(watch: Watch, step: int, *given: Any, **more: Any) -> None:
    told(watch, step, *given, **more)
    if step == 5:
        raise SystemExit(9)


with joined():
    train(read_settings(SftSettings, file, [f"run.out={file.parent / 'undisturbed'}"]), Console())
    again = read_settings(SftSettings, file, [f"run.out={file.parent / 'again'}"])
    Watch.step = killed  # type: ignore[method-assign]
    try:
        train(again)
    except SystemExit:
        Watch.step = told  # type: ignore[method-assign]
        train(again)
