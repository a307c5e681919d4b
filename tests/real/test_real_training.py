"""Training on published trees: what is learned of them, what is refused, and that something is learned."""

import gzip
import json
from pathlib import Path

import pytest
import torch

from espalier.dataset.convert import Kind
from espalier.train import base, sft
from espalier.train.seen import keep_seen, measurable, seen_in
from espalier.train.settings import Data, Model, Optimizer, Run, Source, Tuning
from espalier.train.sources import BadSource, read_parts, read_texts

pytestmark = pytest.mark.real
torch.set_num_threads(1)
TEXTS = "oasst1/oasst1-en-train.texts.jsonl.gz"
TREES = "oasst1/oasst1-en-validation.messages.jsonl.gz"


def metrics(out: Path, name: str) -> list[float]:
    said = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [each[name] for each in said if name in each]


def test_texts_of_one_release_that_stand_in_another_are_not_measured_on(real_data: Path, tmp_path: Path) -> None:
    texts = read_texts(Data(sources=(Source(path=real_data / TEXTS),), held_out=0))
    keep_seen(tmp_path, seen_in(texts.learned))
    trees = real_data / "oasst2" / "oasst2-selection.trees.jsonl.gz"
    settings = Tuning(
        model=Model(start=str(tmp_path)),
        data=Data(sources=(Source(path=trees),), held_out=0.5),
        run=Run(out=tmp_path / "out"),
    )
    parts = read_parts(settings.data, Kind.PROMPTS)
    with pytest.raises(BadSource, match=f"has learned .* held out of {trees}"):
        measurable(parts, settings)
    left = measurable(
        parts, settings.model_copy(update={"data": settings.data.model_copy(update={"overlap": "learn"})})
    )
    assert 50 < len(parts.held_out) - len(left.held_out) < 300
    assert len(left.learned) + len(left.held_out) == len(parts.learned) + len(parts.held_out)


def test_a_tiny_model_learns_from_texts_and_then_from_trees(real_data: Path, tmp_path: Path) -> None:
    with gzip.open(real_data / TEXTS, "rt", encoding="utf-8") as file:
        (tmp_path / "texts.jsonl").write_text("".join(line for line, _ in zip(file, range(1500), strict=False)))
    made = base.train(
        base.BaseSettings(
            data=Data(sources=(Source(path=tmp_path / "texts.jsonl"),), length=128),
            base=base.Base(vocabulary=512, width=48, layers=2, heads=2),
            optimizer=Optimizer(learning_rate=3e-3, batch=16, warmup=5),
            run=Run(out=tmp_path / "base", steps=40, tensorboard=False),
        )
    )
    settings = sft.SftSettings(
        model=Model(start=str(made)),
        data=Data(sources=(Source(path=real_data / TREES, threads="best"),), length=256, held_out=0.1),
        optimizer=Optimizer(learning_rate=3e-3, batch=8, warmup=5),
        run=Run(out=tmp_path / "sft", steps=15, tensorboard=False),
    )
    sft.train(settings)
    for run in ("base", "sft"):
        loss = metrics(tmp_path / run, "held_out_loss")
        assert loss[-1] < loss[0] - 0.1, run
    samples = [json.loads(line) for line in (tmp_path / "sft" / "samples.jsonl").read_text().splitlines()]
    assert [each["step"] for each in samples] == [0] * 4 + [15] * 4
