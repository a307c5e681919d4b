"""`espalier train base`, `sft` and `preview`: from trees to a model, as somebody types it."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from commands import Ran, Run
from espalier.train.watch import Watch
from oasst import lines, message, tree

torch.set_num_threads(1)
BASE = """
[base]
width = 32
layers = 2
heads = 2
vocabulary = 300
[data]
held_out = 0.2
length = 64
[[data.sources]]
path = "trees.jsonl"
[optimizer]
batch = 8
warmup = 2
[run]
out = "base"
steps = 12
tensorboard = false
"""
SFT = """
[model]
start = "base/model"
[data]
held_out = 0.2
length = 64
[[data.sources]]
path = "trees.jsonl"
[optimizer]
batch = 8
learning_rate = 3e-3
warmup = 2
[run]
out = "sft"
steps = 8
save_every = 3
tensorboard = false
"""

SIDES = ("learned", "learned, with tags", "held out", "held out, with tags")


@pytest.fixture
def files(tmp_path: Path) -> None:
    trees = []
    for n in range(80):
        replies = [message(f"a{n}", f"p{n}", text=f"That makes {2 * n}, as you can count.", review_result=True)]
        asked, lang = f"How many apples are {n} and {n} of them in all?", "de" if n % 2 else "en"
        trees.append(tree(message(f"p{n}", lang=lang, text=asked, review_result=True, replies=replies)))
    lines(tmp_path / "trees.jsonl", *trees)
    (tmp_path / "base.toml").write_text(BASE)
    (tmp_path / "sft.toml").write_text(SFT)


def metrics(run: str, name: str) -> list[float]:
    said = [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]
    return [each[name] for each in said if name in each]


def well(ran: Ran) -> Ran:
    assert ran.code == 0, ran.err
    return ran


def weights(model: str) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = AutoModelForCausalLM.from_pretrained(model).state_dict()
    return found


@pytest.mark.usefixtures("files")
def test_from_trees_to_a_model_that_others_open(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    well(run("train", "base", "base.toml"))
    shown = well(run("train", "preview", "sft.toml", "--examples", "1")).out
    assert "⟦That makes" in shown
    assert "<|prompter|>How many apples" in shown

    assert "sft/model: the model" in well(run("train", "sft", "sft.toml")).out
    for name in ("base", "sft"):
        loss = metrics(name, "held_out_loss")
        assert loss[-1] < loss[0] - 0.1, name
    tokenizer = AutoTokenizer.from_pretrained("sft/model")
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "?"}], tokenize=False, add_generation_prompt=True
    )
    assert asked == "<|prompter|>?<|endoftext|><|assistant|>"
    card = Path("sft/model/README.md").read_text()
    assert "Made by supervised fine-tuning" in card
    sequences, tokens, learned = next(row for row in shown.splitlines() if row.startswith("learned ")).split()[1:4]
    assert f"It had {sequences} sequences to learn from, with {tokens} tokens, {learned} of them to be learned." in card

    told = Watch.step

    def killed(watch: Watch, step: int, *given: Any, **more: Any) -> None:
        told(watch, step, *given, **more)
        if step == 5:
            raise SystemExit(9)

    again = ("train", "sft", "sft.toml", "--set", "run.out=again")
    with monkeypatch.context() as patched:
        patched.setattr(Watch, "step", killed)
        assert run(*again).code == 9
    well(run(*again))
    undisturbed = weights("sft/model")
    assert all(torch.equal(each, undisturbed[name]) for name, each in weights("again/model").items())
    assert metrics("again", "loss") == metrics("sft", "loss")


@pytest.mark.usefixtures("files")
def test_a_model_is_not_measured_on_what_it_has_learned(run: Run) -> None:
    well(run("train", "base", "base.toml", "--set", "run.steps=1"))
    other = ("train", "sft", "sft.toml", "--set", "data.split_seed=other", "--set", "run.steps=1")
    refused = run(*other)
    assert refused.code == 1
    assert "base/model has learned 'How many apples are" in refused.err
    assert "which is held out of trees.jsonl" in refused.err
    well(run(*other, "--set", "data.overlap=learn"))


@pytest.mark.usefixtures("files")
def test_groups_tags_and_a_curriculum_go_on_after_a_kill_too(run: Run, tmp_path: Path) -> None:
    well(run("train", "base", "base.toml", "--set", "run.steps=1"))
    more = """
[robust]
rate = 0.5
by = ["language"]
[curriculum]
key = "turns"
"""
    (tmp_path / "sft.toml").write_text(SFT.replace("[optimizer]", "langs = ['en', 'de']\n[optimizer]") + more)
    tags = ("--set", 'data.tags=["language"]', "--set", "data.alpha=0.5")
    shown = well(run("train", "preview", "sft.toml", *tags, "--examples", "20")).out
    assert 0 < shown.count("<|system|>language: ") < 20  # as a step sees them, a share without
    longest = {side: int(row.split()[-2]) for side in SIDES for row in shown.splitlines() if row.startswith(f"{side} ")}
    assert longest["learned, with tags"] >= max(int(tokens) for tokens in re.findall(r"── (\d+) tokens", shown))
    assert longest["held out, with tags"] > longest["held out"]
    well(run("train", "sft", "sft.toml", *tags))
    assert metrics("sft", "held_out_loss with tags")
    assert len(metrics("sft", "loss de")) == len(metrics("sft", "loss en")) == 8
    well(run("train", "sft", "sft.toml", *tags, "--set", "run.out=again", "--set", "run.save_every=1"))
    last = sorted(Path("again/checkpoints").iterdir())[-1]
    shutil.rmtree(last)
    well(run("train", "sft", "sft.toml", *tags, "--set", "run.out=again"))
    undisturbed = weights("sft/model")
    assert all(torch.equal(each, undisturbed[name]) for name, each in weights("again/model").items())


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        (["--set", "sft.promt_weight=1"], 2, "sft.promt_weight is no setting; did you mean sft.prompt_weight?"),
        (["--set", "model.start=./nothing"], 1, "there is no directory ./nothing"),
        (["--set", "data.held_out=0.9"], 2, "data.held_out is 0.9, but must be"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(run: Run, given: list[str], code: int, says: str) -> None:
    ran = run("train", "sft", "sft.toml", *given)
    assert ran.code == code
    assert says in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.usefixtures("files")
def test_of_several_processes_one_says_what_is_lost(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    well(run("train", "base", "base.toml", "--set", "run.steps=1"))
    with Path("trees.jsonl").open("a") as file:
        file.write("{not JSON\n")
    for rank, said in (("0", 1), ("1", 0)):
        monkeypatch.setenv("RANK", rank)
        assert well(run("train", "preview", "sft.toml")).err.count("1 record was lost") == said


def test_without_a_source_there_is_nothing_to_learn(run: Run, tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(BASE)
    assert "there is no file trees.jsonl" in run("train", "base", "base.toml").err
    lines(tmp_path / "trees.jsonl", {"vote_id": "v", "kind": "labels", "message_id": "m"})
    assert "holds votes" in run("train", "base", "base.toml").err
