"""Two processes, each with a part of all weights, learn what one learns, and go on after they were killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from espalier.train import dpo, reward, sft
from espalier.train.base import Base, learn_tokenizer, new_model
from espalier.train.processes import dealt
from espalier.train.settings import BadSettings, read_settings
from espalier.train.start import settle
from oasst import lines, message, tree

ALGORITHMS = ("sft", "reward", "dpo")
SETTINGS = """
[model]
start = "{0}/start"
[data]
held_out = 0.2
length = 64
[[data.sources]]
path = "{0}/trees.jsonl"
[optimizer]
batch = 7
learning_rate = 3e-3
warmup = 2
clip = 0.5
[run]
out = "{0}/{1}/alone"
steps = 8
save_every = 3
pass_tokens = 96
tensorboard = false
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trees, a model to start from, and settings for each algorithm."""
    folder = tmp_path_factory.mktemp("processes")
    texts = [f"How many apples are {n} and {n} of them? " for n in range(30)]
    trees = [
        tree(message(f"p{n}", text=text * (1 + n % 3), review_result=True, replies=[
            message(f"a{n}", f"p{n}", text=f"That makes {2 * n}." * (1 + n % 4), review_result=True, rank=0),
            message(f"b{n}", f"p{n}", text="Many.", review_result=True, rank=1),
        ]))
        for n, text in enumerate(texts)
    ]  # fmt: skip
    lines(folder / "trees.jsonl", *trees)
    torch.manual_seed(0)
    tokenizer = learn_tokenizer(texts, 300)
    new_model(Base(width=32, layers=2, heads=2), len(tokenizer), 0).save_pretrained(folder / "start")
    tokenizer.save_pretrained(folder / "start")
    for algorithm in ALGORITHMS:
        (folder / f"{algorithm}.toml").write_text(SETTINGS.format(folder, algorithm))
    return folder


@pytest.fixture(scope="module")
def learned(folder: Path) -> Path:
    """The folder, when two processes have learned in all ways."""
    order = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    files = [str(folder / f"{algorithm}.toml") for algorithm in ALGORITHMS]
    done = subprocess.run(
        [*order, str(Path(__file__).with_name("two_processes.py")), *files],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2 processes; 21 of 21 weights are sharded over them.") == len(ALGORITHMS)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_two_processes_learn_what_one_learns_and_go_on_bit_for_bit(learned: Path, algorithm: str) -> None:
    file, runs = learned / f"{algorithm}.toml", learned / algorithm
    undisturbed, again = (load_file(runs / run / "model" / "model.safetensors") for run in ("undisturbed", "again"))
    assert all(torch.equal(each, undisturbed[name]) for name, each in again.items())
    match algorithm:
        case "sft":
            model = sft.train(read_settings(sft.SftSettings, file))
        case "dpo":
            model = dpo.train(read_settings(dpo.DpoSettings, file))
        case _:
            model = reward.train(read_settings(reward.RewardSettings, file)).model
    alone = load_file(model / "model.safetensors")
    for name, each in alone.items():
        torch.testing.assert_close(undisturbed[name], each, rtol=0, atol=1e-6)
    told = [(runs / run / "metrics.jsonl").read_text().splitlines() for run in ("undisturbed", "alone")]
    losses = [[said["loss"] for line in each if "loss" in (said := json.loads(line))] for each in told]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_an_algorithm_for_one_process_refuses_to_be_several(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadSettings, match="runs in one process"):
        settle(read_settings(sft.SftSettings, folder / "sft.toml").run)


def test_alone_a_process_takes_all_of_a_step() -> None:
    assert dealt([3, 1, 2], lambda part: [[each] for each in part], [0]) == [([3, 1, 2], [each]) for each in (3, 1, 2)]
