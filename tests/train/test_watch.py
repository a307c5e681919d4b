"""What is seen of a run: its metrics, its end by hand, and why it cannot go on."""

import json
import os
import signal
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from espalier.train.optimizer import optimizer_of, step
from espalier.train.settings import Adapter, Data, Model, Optimizer, Run, Source, Tuning
from espalier.train.watch import METRICS, Interrupted, NotFinite, OutOfMemory, Rehearsed, Watch, growing

torch.set_num_threads(1)
MODEL = nn.Linear(3, 2)


def settings(out: Path, model: dict[str, Any] | None = None, **run: Any) -> Tuning:
    return Tuning(
        model=Model(start="small", **(model or {})),
        data=Data(sources=(Source(path=Path("trees.jsonl")),)),
        run=Run(out=out, **{"tensorboard": False, **run}),
    )


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_step_is_a_line_with_the_speed_of_the_last_ones(tmp_path: Path) -> None:
    times = iter([0.0, 2.0, 3.0])
    with Watch(settings(tmp_path, save_every=2, measure_every=3), 0, 5, MODEL, now=lambda: next(times)) as watch:
        watch.step(1, 100, loss=2.5)
        watch.step(2, 200, loss=2.0)
        watch.measured(2, held_out_loss=2.25)
        watch.sampled(2, [{"prompt": "a", "reply": "ä"}])
        assert [step for step in range(1, 6) if watch.saves(step)] == [2, 4, 5]
        assert [step for step in range(1, 6) if watch.measures(step)] == [3, 5]
    metrics, samples = growing(tmp_path)
    assert lines(metrics) == [
        {"step": 1, "tokens": 100, "loss": 2.5, "tokens_per_second": 50.0},
        {"step": 2, "tokens": 200, "loss": 2.0, "tokens_per_second": 100.0},
        {"step": 2, "held_out_loss": 2.25},
    ]
    assert lines(samples) == [{"step": 2, "prompt": "a", "reply": "ä"}]


def test_tensorboard_shows_the_curves_of_a_run_that_was_taken_up_again(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for begin, end, loss in ((0, 3, 1.0), (2, 4, 0.5)):
        with Watch(settings(tmp_path, tensorboard=True), begin, 4, MODEL) as watch:
            for number in range(begin + 1, end + 1):
                watch.step(number, 10, loss=loss)
    read = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(each.step, each.value) for each in read.Scalars("loss")] == [(1, 1.0), (2, 1.0), (3, 0.5), (4, 0.5)]


def test_weights_and_biases_shows_a_run_that_was_taken_up_again_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wandb:
        """As much of its package as is used."""

        __spec__ = ModuleSpec("wandb", None)
        runs: ClassVar[dict[str, list[Any]]] = {}

        @classmethod
        def init(cls, id: str, **_: Any) -> "Wandb":
            cls.told = cls.runs.setdefault(id, [])
            return cls()

        def log(self, metrics: dict[str, float], step: int) -> None:
            self.told.append((step, metrics["loss"]))

        def finish(self) -> None:
            self.told.append("finished")

    monkeypatch.setitem(sys.modules, "wandb", Wandb)
    for begin, end in ((0, 2), (2, 3)):
        with Watch(settings(tmp_path, wandb="trees"), begin, 3, MODEL) as watch:
            for number in range(begin + 1, end + 1):
                watch.step(number, 10, loss=1.0)
    assert [*Wandb.runs.values()] == [[(1, 1.0), (2, 1.0), "finished", (3, 1.0), "finished"]]


def test_a_rehearsal_tells_what_the_whole_would_take_and_keeps_nothing(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1).requires_grad_(False))
    times = iter([0.0, 9.0, 10.0, 12.0])
    chosen = settings(tmp_path, rehearse=3, save_every=1, measure_every=1)
    with Watch(chosen, 0, 100, model, now=lambda: next(times)) as watch:
        for number in (1, 2):
            watch.step(number, 50, loss=1.0)
            assert not watch.saves(number)
            assert not watch.measures(number)
        with pytest.raises(Rehearsed) as tried:
            watch.step(3, 50, loss=1.0)
    told = tried.value.forecast
    assert (told.parameters, told.trained, told.steps, told.device) == (11, 8, 100, "cpu")
    assert (told.tokens, told.seconds) == (5_000, 150)  # the first step also warms up
    assert told.memory > 2**20


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_stop_saves_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Watch(settings(tmp_path), 0, 50, MODEL) as watch:
        watch.stop_if_asked(6)
        assert not watch.saves(7)
        os.kill(os.getpid(), number)
        assert watch.saves(7)
        assert signal.getsignal(number) is before  # a second one is not caught
        with pytest.raises(Interrupted, match="Stopped at step 7 of 50 with a checkpoint; the same command goes on"):
            watch.stop_if_asked(7)
        watch.stop_if_asked(50)  # it has come to its end
    assert signal.getsignal(number) is before


def test_a_gradient_that_is_no_number_moves_no_weight_and_leaves_its_batch(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    weights = model.weight.detach().clone()
    optimizer, schedule = optimizer_of(model, Optimizer(), 10)
    batch = torch.tensor([1.0, float("inf")])
    model(batch).square().sum().backward()
    with (
        pytest.raises(NotFinite, match=r"before step 4: the norm of the gradient is (nan|inf)\. Its batch is") as said,
        Watch(settings(tmp_path), 3, 10, MODEL) as watch,
        watch.careful(4, {"ids": batch}),
    ):
        step(model, optimizer, schedule, 1.0)
    assert torch.equal(model.weight, weights)
    assert torch.equal(torch.load(tmp_path / "not-finite-4.pt", weights_only=True)["ids"], batch)
    assert "learning_rate" in str(said.value)
    assert not lines(tmp_path / METRICS)


def test_out_of_memory_says_what_to_change_that_is_not_so_already(tmp_path: Path) -> None:
    with (
        pytest.raises(OutOfMemory, match=r"a lower run\.pass_tokens") as said,
        Watch(settings(tmp_path), 0, 1, MODEL) as watch,
        watch.careful(1, None),
    ):
        torch.empty(2**60)
    assert "model.adapter" in str(said.value)
    small = settings(tmp_path, {"adapter": Adapter(), "dtype": "bfloat16", "gradient_checkpointing": True})
    with pytest.raises(OutOfMemory) as said, Watch(small, 0, 1, MODEL) as watch, watch.careful(1, None):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    assert str(said.value).count(";") == 0
    with (
        pytest.raises(RuntimeError, match="something else"),
        Watch(small, 0, 1, MODEL) as watch,
        watch.careful(1, None),
    ):
        raise RuntimeError("something else")


def test_only_matrices_decay_and_the_schedule_ends_where_the_run_does() -> None:
    model = nn.Linear(2, 1)
    chosen = Optimizer(learning_rate=1.0, weight_decay=0.1, warmup=2, schedule="linear", clip=0)
    optimizer, schedule = optimizer_of(model, chosen, 6)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    rates = []
    for _ in range(6):
        rates.append(schedule.get_last_lr()[0])
        model(torch.ones(2)).sum().backward()
        assert step(model, optimizer, schedule, 0) == pytest.approx(3**0.5)
    assert rates == [0.0, 0.5, 1.0, 0.75, 0.5, 0.25]
    assert schedule.get_last_lr()[0] == 0
