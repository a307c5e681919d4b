"""A run that was killed goes on as if nothing had been; what cannot be gone on from says why."""

import json
import os
import random
from errno import ENOSPC
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from torch import nn

from espalier.train.checkpoint import SAID, BadCheckpoint, Checkpoints, Weights, appearing, checkpoints_in
from espalier.train.settings import Data, Model, Run, Source, Tuning

torch.set_num_threads(1)


def settings(out: Path, seed: int = 0, keep: int = 2) -> Tuning:
    return Tuning(
        model=Model(start="small"),
        data=Data(sources=(Source(path=Path("trees.jsonl")),)),
        run=Run(out=out, seed=seed, keep=keep),
    )


class Small:
    """A run that draws from every generator at each step, with a weight that is frozen."""

    def __init__(self, chosen: Tuning, inputs: dict[str, str] | None = None) -> None:
        torch.manual_seed(chosen.run.seed)
        np.random.seed(0)
        random.seed(0)
        self.model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        self.model[0].bias.requires_grad_(False)
        self.optimizer = torch.optim.AdamW([each for each in self.model.parameters() if each.requires_grad])
        self.schedule = torch.optim.lr_scheduler.ExponentialLR(self.optimizer, 0.9)
        self.lines = chosen.run.out / "metrics.jsonl"
        self.lines.parent.mkdir(exist_ok=True)
        parts: dict[str, Any] = {
            "model": Weights(self.model), "optimizer": self.optimizer, "schedule": self.schedule
        }  # fmt: skip
        self.checkpoints = Checkpoints(chosen, parts, [self.lines], inputs or {})

    def step(self, number: int) -> None:
        given = torch.rand(2, 3) + float(np.random.normal()) + random.gauss()
        loss = self.model(given).square().mean()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()
        with self.lines.open("a") as file:
            file.write(json.dumps([number, loss.item()]) + "\n")

    def weights(self) -> list[float]:
        return [value for each in self.model.parameters() for value in each.flatten().tolist()]


def test_what_goes_on_from_a_checkpoint_ends_as_what_was_never_disturbed(tmp_path: Path) -> None:
    undisturbed = Small(settings(tmp_path / "one"))
    for number in range(7):
        undisturbed.step(number)

    broken = Small(settings(tmp_path / "two"))
    assert broken.checkpoints.resume() == {"step": 0}
    for number in range(4):
        broken.step(number)
        if number == 2:
            broken.checkpoints.save(3, epoch=1, next=[5, 2])
    again = Small(settings(tmp_path / "two"))  # as if killed after a step that no checkpoint holds
    place = again.checkpoints.resume()
    assert place == {"step": 3, "epoch": 1, "next": [5, 2]}
    for number in range(place["step"], 7):
        again.step(number)

    assert again.weights() == undisturbed.weights()
    assert again.lines.read_text() == undisturbed.lines.read_text()


def test_the_last_ones_are_kept_and_half_ones_are_none(tmp_path: Path) -> None:
    run = Small(settings(tmp_path))
    for step in (1, 2, 3):
        run.checkpoints.save(step)
    (run.checkpoints.folder / ".step-00000004").mkdir()
    assert [each.name for each in checkpoints_in(run.checkpoints.folder)] == ["step-00000002", "step-00000003"]
    assert run.checkpoints.save(4).name == "step-00000004"
    assert run.checkpoints.resume()["step"] == 4


def test_frozen_weights_are_not_kept(tmp_path: Path) -> None:
    run = Small(settings(tmp_path))
    kept = torch.load(run.checkpoints.save(1) / "model.0.pt", weights_only=True)
    assert sorted(kept) == ["0.weight", "2.bias", "2.weight"]


def test_a_run_of_other_settings_data_or_model_does_not_go_on(tmp_path: Path) -> None:
    run = Small(settings(tmp_path), {"trees.jsonl": "a"})
    newest = run.checkpoints.save(1)
    assert Small(settings(tmp_path, keep=5), {"trees.jsonl": "a"}).checkpoints.resume()["step"] == 1
    with pytest.raises(BadCheckpoint, match=r"made with another run\.seed"):
        Small(settings(tmp_path, seed=1)).checkpoints.resume()
    with pytest.raises(BadCheckpoint, match=r"trees\.jsonl changed since"):
        Small(settings(tmp_path), {"trees.jsonl": "b"}).checkpoints.resume()
    other = Small(settings(tmp_path), {"trees.jsonl": "a"})
    other.model[0].bias.requires_grad_(True)
    with pytest.raises(BadCheckpoint, match=r"other weights are trained: 0\.bias"):
        other.checkpoints.resume()
    (newest / SAID).write_text("{")
    with pytest.raises(BadCheckpoint, match="goes on from the one before"):
        run.checkpoints.resume()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    run = Small(settings(tmp_path))
    file = run.checkpoints.save(1) / "optimizer.0.pt"
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(BadCheckpoint, match=r"optimizer\.0\.pt cannot be taken up"):
        run.checkpoints.resume()


def test_a_full_disk_is_told_as_one_whoever_met_it_and_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with appearing(target) as folder:
        (folder / "weights").write_text("before")

    def write_half() -> None:
        with appearing(target) as folder:
            (folder / "weights").write_text("half")
            raise SafetensorError(f"Error while serializing: I/O error: {os.strerror(ENOSPC)} (os error 28)")

    with pytest.raises(OSError, match=f"{os.strerror(ENOSPC)}.*model"):
        write_half()
    assert [(path.name, (path / "weights").read_text()) for path in tmp_path.iterdir()] == [("model", "before")]
