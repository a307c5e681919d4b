"""Checkpoints of a training run: saved whole or not at all, pruned, and gone on from bit for bit.

A checkpoint is a folder named for its step. It is written under another name, brought to the disk and then renamed, so
that SIGKILL at any moment leaves the one before or the new one, and never half of one.
"""

import json
import os
import pickle
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from errno import ENOSPC
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn

from espalier.train.processes import barrier, processes, rank
from espalier.train.settings import Settings

FOLDER: Final = "checkpoints"
SAID: Final = "checkpoint.json"
CHANCE: Final = "random"
BLOCK: Final = 4096
"""Bytes; where fewer are left, a disk is full."""


class BadCheckpoint(ValueError):
    """A checkpoint from which the run cannot go on, why, and what to do."""


class Stateful(Protocol):
    """What torch calls so: an optimiser, a schedule, a controller of ours."""

    def state_dict(self) -> Mapping[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> object: ...


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of a model that are trained; the frozen ones are those of the model that it started from."""

    model: nn.Module

    def state_dict(self) -> dict[str, Any]:
        return {name: each.detach() for name, each in self.model.named_parameters() if each.requires_grad}

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        trained = {name: each for name, each in self.model.named_parameters() if each.requires_grad}
        if trained.keys() != state_dict.keys():
            raise ValueError(f"other weights are trained: {sorted(trained.keys() ^ state_dict.keys())[0]}")
        for name, each in trained.items():
            each.copy_(state_dict[name])


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Those of one run, in a folder of `run.out`.

    parts: all that changes as the run goes on, by name. growing: files that the run only adds to; they are cut back to
    what they held at the checkpoint. inputs: the checksum of each file that is read, by name.
    """

    settings: Settings
    parts: Mapping[str, Stateful]
    growing: Sequence[Path] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.settings.run.out / FOLDER

    def save(self, step: int, **place: Any) -> Path:
        """Keep the state after `step` steps; `place` is where the run stands in its data, as values of JSON.

        Every process calls it: each keeps its own part of what is sharded, and its own chance.
        """
        target = self.folder / f"step-{step:08}"
        if target.exists():
            return target
        said = {
            "step": step,
            "place": place,
            "processes": processes(),
            "settings": self.settings.as_json(),
            "inputs": dict(self.inputs),
            "growing": {file.name: _length(file) for file in self.growing},
        }
        for file in self.growing:
            if file.exists():
                _to_disk(file)
        with appearing(target) as folder:
            for name, part in self.parts.items():
                torch.save(dict(part.state_dict()), folder / _file(name))
            torch.save(_chance(), folder / _file(CHANCE))
            if rank() == 0:
                (folder / SAID).write_text(json.dumps(said, indent=1), "utf-8")
        if rank() == 0:
            for old in checkpoints_in(self.folder)[: -self.settings.run.keep]:
                _delete(old)
        return target

    def resume(self) -> dict[str, Any]:
        """Take up the last state that was kept; the step and the place that were saved with it.

        Nothing is taken up, and the step is 0, where the run has no checkpoint yet. Raises BadCheckpoint.
        """
        there = checkpoints_in(self.folder)
        if not there:
            self._cut({})
            return {"step": 0}
        newest = there[-1]
        said = _said(newest)
        if changed := self.settings.differences(said["settings"]):
            raise BadCheckpoint(
                f"{newest} was made with another {', '.join(changed)}; set that as it was, or take another run.out."
            )
        if changed := [name for name, digest in self.inputs.items() if said["inputs"].get(name) != digest]:
            raise BadCheckpoint(f"{', '.join(changed)} changed since {newest} was made; take another run.out.")
        if said["processes"] != processes():
            raise BadCheckpoint(f"{newest} was made by {said['processes']} processes; go on with as many.")
        for name, part in self.parts.items():
            state = _read(newest / _file(name))
            try:
                part.load_state_dict(state)
            except (ValueError, KeyError, RuntimeError) as wrong:
                raise _unreadable(newest / _file(name), wrong) from None
        _set_chance(_read(newest / _file(CHANCE)))
        self._cut(said["growing"])
        return {"step": said["step"], **said["place"]}

    def _cut(self, lengths: Mapping[str, int]) -> None:
        for file in self.growing:
            if rank() == 0 and file.exists():
                os.truncate(file, lengths.get(file.name, 0))


def checkpoints_in(folder: Path) -> list[Path]:
    """The whole checkpoints of a folder, the newest last."""
    return sorted(folder.glob("step-*"))


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A folder to write into, which has the name `target` only once all in it is on the disk; it may replace another.

    Where there are several processes, all of them come in and write before the first renames it. Raises OSError, also
    where torch or safetensors found no room and say it in their own ways.
    """
    unfinished = target.with_name(f".{target.name}")
    if rank() == 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
    barrier()
    try:
        yield unfinished
    except (OSError, RuntimeError, SafetensorError) as wrong:
        full = os.strerror(ENOSPC) in str(wrong) or shutil.disk_usage(unfinished).free < BLOCK
        shutil.rmtree(unfinished, ignore_errors=True)
        if full:
            raise OSError(ENOSPC, os.strerror(ENOSPC), str(target)) from None
        raise
    barrier()
    if rank() == 0:
        for path in (*unfinished.rglob("*"), unfinished):
            _to_disk(path)
        if target.exists():
            _delete(target)
        unfinished.rename(target)
        _to_disk(target.parent)
    barrier()


def _to_disk(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _delete(folder: Path) -> None:
    """First it is no checkpoint any more, then it is deleted piece by piece."""
    gone = folder.with_name(f".gone-{folder.name}")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    shutil.rmtree(gone)


def _said(checkpoint: Path) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads((checkpoint / SAID).read_text("utf-8"))
    except (OSError, ValueError) as wrong:
        raise _unreadable(checkpoint / SAID, wrong) from None
    return said


def _read(file: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as wrong:
        raise _unreadable(file, wrong) from None
    return state


def _unreadable(file: Path, wrong: Exception) -> BadCheckpoint:
    why = str(wrong).strip().partition("\n")[0].rstrip(".")
    return BadCheckpoint(
        f"{file} cannot be taken up ({why}); delete {file.parent}, and the run goes on from the one before."
    )


# Chance


def _chance() -> dict[str, Any]:
    """The states of all generators that a run may draw from, in types that are read without running code."""
    numpy = np.random.get_state()
    assert isinstance(numpy, tuple)
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": (numpy[0], torch.from_numpy(numpy[1].astype(np.int64)), *numpy[2:]),
        "python": random.getstate(),
    }


def _set_chance(state: Mapping[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    random.setstate(state["python"])


def _file(part: str) -> str:
    return f"{part}.{rank()}.pt"


def _length(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
