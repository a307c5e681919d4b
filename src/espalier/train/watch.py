"""What is seen of a training run as it goes on: a bar, a line of metrics a step, curves; and how it stops.

Knows what happened; decides nothing about the training.
"""

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final, Protocol, Self

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch import nn

from espalier.train.processes import rank, summed
from espalier.train.settings import Settings

METRICS: Final = "metrics.jsonl"
SAMPLES: Final = "samples.jsonl"
CURVES: Final = "tensorboard"
LATELY: Final = 20  # steps that the speed is told of
TO_GO_ON: Final = "the same command goes on from there"


def growing(out: Path) -> list[Path]:
    """The files that a watch only adds to."""
    return [out / METRICS, out / SAMPLES]


class Stopped(Exception):
    """The run ended before its end; the message says where, why, and how to go on."""


class Interrupted(Stopped):
    """Somebody stopped it; there is a checkpoint."""


class NotFinite(Stopped):
    """A loss or a gradient is no number."""


class OutOfMemory(Stopped):
    """What to change is in the message."""


class Curves(Protocol):
    """Somewhere that shows metrics as curves."""

    def add(self, step: int, metrics: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a whole run would take, as far as its first steps tell. parameters: all; trained: those of them that change.
    memory: bytes at most, of the GPU or, where there is none, of the process.
    """

    parameters: int
    trained: int
    steps: int
    tokens: float
    seconds: float
    memory: int
    device: str

    def times(self, runs: int) -> "Forecast":
        """Of so many runs like this, one after the other."""
        return replace(self, steps=runs * self.steps, tokens=runs * self.tokens, seconds=runs * self.seconds)


class Rehearsed(Stopped):
    """The first steps were tried, as `run.rehearse` asked."""

    def __init__(self, forecast: Forecast) -> None:
        super().__init__(f"Stopped after the first steps of {forecast.steps:,}, which were only to be tried.")
        self.forecast = forecast


class Watch:
    """Follows a run from `step` to `steps`. Metrics of a step are a line in `run.out`/metrics.jsonl and points of
    curves; whatever is measured on the held-out part has names of its own.

    model: what learns. console: where the bar is drawn; none where nobody looks. now: seconds, from any beginning.
    """

    def __init__(
        self,
        settings: Settings,
        step: int,
        steps: int,
        model: nn.Module,
        console: Console | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run, self._now, self._settings = settings.run, now, settings
        self._begun, self._steps, self._model = step, steps, model
        self._stopping = False
        self._lately: list[tuple[float, int]] = []
        self._open = ExitStack()
        self._bar = _bar(console)
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._run.out.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            files = [self._run.out / name if rank() == 0 else Path(os.devnull) for name in (METRICS, SAMPLES)]
            self._metrics, self._samples = (opened.enter_context(file.open("a", encoding="utf-8")) for file in files)
            self._curves = [opened.enter_context(closing(each)) for each in self._writers()]
            opened.enter_context(_asked_to_stop(self._ask))
            opened.enter_context(self._bar)
            self._open = opened.pop_all()
        self._task = self._bar.add_task("training", total=self._steps, completed=self._begun, said="")
        self._lately = [(self._now(), 0)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def step(self, step: int, tokens: int, **metrics: float) -> None:
        """A step was made with so many tokens; the speed is that of the last steps."""
        self._stopping = summed(self._stopping) > 0  # all processes stop where one was asked to
        self._lately = [*self._lately[-LATELY:], (self._now(), tokens)]
        seconds = self._lately[-1][0] - self._lately[0][0]
        speed = sum(each for _, each in self._lately[1:]) / seconds if seconds > 0 else 0.0
        self._write(step, {"tokens": tokens, **metrics, "tokens_per_second": round(speed, 1)})
        assert self._task is not None, "step within the watch's block"
        said = f"{speed:,.0f} tokens/s" + "".join(f", {name} {value:.4g}" for name, value in list(metrics.items())[:1])
        self._bar.update(self._task, completed=step, said=said)
        if self._run.rehearse and step - self._begun >= min(self._run.rehearse, self._steps):
            raise Rehearsed(self._forecast())

    def measured(self, step: int, **metrics: float) -> None:
        """Something was measured on the held-out part, or at the end."""
        self._write(step, metrics)

    def sampled(self, step: int, samples: Sequence[Mapping[str, object]]) -> None:
        """Samples of the model as it is after a step: a line each in samples.jsonl."""
        for sample in samples:
            self._samples.write(json.dumps({"step": step, **sample}, ensure_ascii=False) + "\n")
        self._samples.flush()

    def saves(self, step: int) -> bool:
        """Whether a checkpoint is due after this step."""
        return not self._run.rehearse and (self._stopping or step == self._steps or step % self._run.save_every == 0)

    def measures(self, step: int) -> bool:
        """Whether the held-out part is to be measured after this step."""
        return not self._run.rehearse and (step == self._steps or step % self._run.measure_every == 0)

    def stop_if_asked(self, step: int) -> None:
        """Raises Interrupted after Ctrl-C or SIGTERM, when the last checkpoint has been saved."""
        if self._stopping and step < self._steps:
            raise Interrupted(f"Stopped at step {step:,} of {self._steps:,} with a checkpoint; {TO_GO_ON}.")

    @contextmanager
    def careful(self, step: int, batch: object) -> Iterator[None]:
        """Around the passes of a step: where a gradient is no number the batch is saved, where memory ends it is said
        what to change. Raises NotFinite or OutOfMemory.
        """
        try:
            yield
        except FloatingPointError as wrong:
            file = self._run.out / f"not-finite-{step}.pt"
            torch.save(batch, file)
            raise NotFinite(
                f"Stopped before step {step:,}: {wrong}. Its batch is in {file}; a lower optimizer.learning_rate or "
                f"optimizer.clip may help, and so may float32."
            ) from None
        except (torch.OutOfMemoryError, MemoryError) as full:
            raise self._full(step, full) from None
        except RuntimeError as full:
            if "not enough memory" not in str(full) and "can't allocate memory" not in str(full):
                raise
            raise self._full(step, full) from None

    def _forecast(self) -> Forecast:
        """The first step also warms up, so where there are more it does not count."""
        counted = self._lately[1:] if len(self._lately) > 2 else self._lately
        mean = len(counted) - 1
        parameters = list(self._model.parameters())
        device = parameters[0].device
        return Forecast(
            parameters=sum(each.numel() for each in parameters),
            trained=sum(each.numel() for each in parameters if each.requires_grad),
            steps=self._steps,
            tokens=self._steps * sum(tokens for _, tokens in self._lately[1:]) / (len(self._lately) - 1),
            seconds=self._steps * (counted[-1][0] - counted[0][0]) / mean,
            memory=torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _peak(),
            device=str(device),
        )

    def _full(self, step: int, full: Exception) -> OutOfMemory:
        passes = self._run.pass_tokens
        ways = [f"a lower run.pass_tokens (now {passes:,}), which changes nothing but the time"]
        if (model := getattr(self._settings, "model", None)) is not None:
            ways += ["model.gradient_checkpointing = true"] if not model.gradient_checkpointing else []
            ways += ["a table [model.adapter]"] if model.adapter is None else []
            ways += ['model.compute = "bfloat16"'] if model.computed == "float32" else []
        first = str(full).strip().partition("\n")[0].rstrip(".")
        return OutOfMemory(f"Out of memory at step {step:,} ({first}). What helps: {'; '.join(ways)}.")

    def _write(self, step: int, metrics: Mapping[str, float]) -> None:
        self._metrics.write(json.dumps({"step": step, **metrics}) + "\n")
        self._metrics.flush()  # so that it survives the process, if not the machine: that is the checkpoint's part
        for curves in self._curves:
            curves.add(step, metrics)

    def _writers(self) -> Iterator[Curves]:
        if rank():
            return
        if self._run.tensorboard:
            yield TensorBoard(self._run.out / CURVES, self._begun)
        if self._run.wandb:
            yield WeightsAndBiases(self._settings)

    def _ask(self) -> None:
        self._stopping = True
        self._bar.console.print("Stopping after this step, with a checkpoint; once more stops at once.")


class TensorBoard:
    """Event files; what was written of later steps, before the run was taken up again, is no longer shown."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder), purge_step=step + 1)

    def add(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run on Weights & Biases, the same one when ours is taken up again."""

    def __init__(self, settings: Settings) -> None:
        import wandb

        out = settings.run.out
        self._run = wandb.init(
            project=settings.run.wandb, name=out.name, id=sha256(str(out.resolve()).encode()).hexdigest()[:16],
            resume="allow", dir=str(out), config=settings.as_json(),
        )  # fmt: skip

    def add(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self) -> None:
        self._run.finish()


def _peak() -> int:
    """The most memory that this process had, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _bar(console: Console | None) -> Progress:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    shown = console is not None and console.is_terminal
    return Progress(*columns, console=console or Console(quiet=True), transient=True, disable=not shown)


@contextmanager
def _asked_to_stop(ask: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM is told to `ask`, the second does what it always does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_signal(number: int, frame: FrameType | None) -> None:
        signal.signal(number, before[signal.Signals(number)])
        ask()

    for number in before:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
