"""Settings of a run are checked as a whole, and each fault is told with its place and what would be right."""

import sys
from pathlib import Path
from typing import ClassVar

import pytest

from espalier.train.settings import BadSettings, Section, Tuning, read_settings, setting

FILE = """
[model]
start = "base"
[model.adapter]
rank = 4
[[data.sources]]
path = "trees.jsonl.gz"
[optimizer]
batch = 8
[run]
out = "here"
"""


class Game(Section):
    beta: float = setting("How hard it is.", "a number above 0", 0.1, gt=0)


class Playing(Tuning):
    usual: ClassVar = {"optimizer": {"learning_rate": 0.5, "batch": 3}}
    game: Game = Game()


def written(folder: Path, text: str = FILE) -> Path:
    file = folder / "run.toml"
    file.write_text(text)
    return file


def test_what_a_file_leaves_open_is_what_the_algorithm_usually_takes(tmp_path: Path) -> None:
    read = read_settings(Playing, written(tmp_path), ["run.seed=7", "game.beta=2", "data.split_seed=other"])
    assert (read.optimizer.batch, read.optimizer.learning_rate, read.optimizer.clip) == (8, 0.5, 1.0)
    assert (read.run.seed, read.game.beta, read.data.split_seed) == (7, 2.0, "other")
    assert read.model.adapter is not None
    assert read.model.adapter.rank == 4
    without = read_settings(Playing, written(tmp_path, FILE.replace("[optimizer]\nbatch = 8\n", "")))
    assert without.optimizer.batch == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FILE + "sed = 1", "run.sed is no setting; did you mean run.seed?"),
        (FILE + "seed = -1", "run.seed is -1, but must be a whole number from 0."),
        (FILE + "threads = 1.5", "run.threads is 1.5, but must be a whole number from 1."),
        (FILE + "[optimiser]", "optimiser is no setting; did you mean optimizer?"),
        (FILE + "[model.adaptor]", "model.adaptor is no setting; did you mean model.adapter?"),
        (FILE + "[dpo]", "dpo is no setting; there are data, optimizer, run, model, game."),
        (FILE + "[game]\nbeta = inf", "game.beta is inf, but must be a number above 0."),
        (FILE + "[game]\nbeta = 'x'", "game.beta is 'x', but must be a number above 0."),
        (FILE.replace("rank", "rang"), "model.adapter.rang is no setting; did you mean model.adapter.rank?"),
        (FILE.replace("rank = 4", "rank = 0"), "model.adapter.rank is 0, but must be a whole number from 1."),
        (FILE.replace("path", "pth"), "data.sources[0].pth is no setting; did you mean data.sources[0].path?"),
        (FILE.replace('path = "trees.jsonl.gz"', ""), "data.sources[0].path is missing; it must be a path."),
        (FILE.replace('out = "here"', ""), "run.out is missing; it must be a path."),
        (FILE.replace('[run]\nout = "here"', ""), "run is missing; it must be a table [run]."),
        ("run = 3" + FILE.replace('[run]\nout = "here"', ""), "run is 3, but must be a table [run]."),
        ("[run", "is not valid TOML"),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_would_be_right(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(BadSettings) as refused:
        read_settings(Playing, file)
    assert str(refused.value).startswith(str(file))
    assert said in str(refused.value)


def test_weights_and_biases_is_asked_for_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(BadSettings, match=r"run\.wandb: there is no wandb here; install it with pip install wandb"):
        read_settings(Playing, written(tmp_path, FILE + "wandb = 'trees'"))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    wrong = FILE.replace("path =", "weihgt = 2\npath =") + "sed = 1\nseed = -1\n[game]\nbeta = 0"
    with pytest.raises(BadSettings) as refused:
        read_settings(Playing, written(tmp_path, wrong))
    told = str(refused.value).splitlines()
    assert [line.split(": ", 1)[1].split(" is ")[0] for line in told] == [
        "data.sources[0].weihgt", "run.sed", "run.seed", "game.beta",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [("seed", "write a key and a value"), ("run.sed=1", "did you mean run.seed?"), ("run.out.x=1", "out is no table")],
)
def test_a_change_that_changes_nothing_is_refused(tmp_path: Path, change: str, said: str) -> None:
    with pytest.raises(BadSettings, match=said.replace("?", r"\?")):
        read_settings(Playing, written(tmp_path), [change])


def test_only_what_the_weights_depend_on_differs(tmp_path: Path) -> None:
    file = written(tmp_path)
    earlier = read_settings(Playing, file).as_json()
    assert read_settings(Playing, file, ["run.keep=9", "run.out=elsewhere"]).differences(earlier) == []
    changed = read_settings(Playing, file, ["run.seed=9", "model.adapter.rank=8"])
    assert changed.differences(earlier) == ["model.adapter.rank", "run.seed"]
