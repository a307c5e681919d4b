"""`espalier train ppo` and `grpo`, as somebody types them."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from commands import Run
from espalier.infer.load import save_model
from espalier.infer.reward import begin_reward, finished, load_reward
from espalier.train.base import Base, learn_tokenizer, new_model
from oasst import lines, message, tree

torch.set_num_threads(1)
SETTINGS = """
[model]
start = "policy"
[data]
held_out = 0.2
length = 160
[[data.sources]]
path = "trees.jsonl"
[optimizer]
batch = 4
learning_rate = 1e-3
[rollouts]
reward = "reward"
judge = "reward"
longest = 80
measured = 4
shown = 2
[run]
steps = 2
out = "out"
tensorboard = false
"""


@pytest.fixture
def files(tmp_path: Path) -> None:
    trees = [
        tree(message(f"p{n}", text=f"How many apples are {n} and {n} of them in all?", review_result=True))
        for n in range(20)
    ]
    lines(tmp_path / "trees.jsonl", *trees)
    torch.manual_seed(0)
    tokenizer = learn_tokenizer(["How many apples are there of them in all?"], 280)
    shape = Base(width=32, layers=2, heads=2, vocabulary=280, positions=256)
    save_model(new_model(shape, len(tokenizer), tokenizer.eos_token_id), tokenizer, tmp_path / "policy")
    reward, reads = begin_reward(tmp_path / "policy")
    save_model(finished(reward, 0.5), reads, tmp_path / "reward")
    other = learn_tokenizer(["Wie viele Äpfel sind das zusammen?"], 280)
    save_model(finished(reward, 0.5), other, tmp_path / "other")
    (tmp_path / "ppo.toml").write_text(SETTINGS + "[ppo]\nreplies = 8\n")
    (tmp_path / "grpo.toml").write_text(SETTINGS + "[grpo]\nprompts = 2\ngroup = 4\n")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("name", ["ppo", "grpo"])
def test_a_policy_is_learned_and_others_open_it(run: Run, name: str) -> None:
    ran = run("train", name, f"{name}.toml", "--set", "run.seed=1")
    assert ran.code == 0, ran.err
    assert "out/model: the model" in ran.out
    before, after = (AutoModelForCausalLM.from_pretrained(each).state_dict() for each in ("policy", "out/model"))
    assert any(not torch.equal(each, after[key]) for key, each in before.items())
    assert AutoTokenizer.from_pretrained("out/model").chat_template
    told = [json.loads(line) for line in Path("out/metrics.jsonl").read_text().splitlines()]
    assert [each["step"] for each in told] == [0, 1, 2, 2]
    assert told[0]["held_out_reward"] == told[0]["held_out_judge"]  # here they are the same model
    shown = [json.loads(line) for line in Path("out/samples.jsonl").read_text().splitlines()]
    assert [each["step"] for each in shown] == [0, 0, 2, 2]
    assert all(each["prompt"].startswith("<|prompter|>How many apples are") for each in shown)
    assert "policy optimisation" in Path("out/model/README.md").read_text()


def parameters_said(run: Run, name: str) -> int:
    ran = run("train", name, f"{name}.toml", "--dry-run")
    assert ran.code == 0, ran.err
    return int(ran.out.split()[0].replace(",", ""))


@pytest.mark.usefixtures("files")
def test_a_dry_run_counts_the_critic_beside_the_policy(run: Run) -> None:
    policy = AutoModelForCausalLM.from_pretrained("policy").num_parameters()
    critic = load_reward("reward")[0].num_parameters()
    assert parameters_said(run, "grpo") == policy
    assert parameters_said(run, "ppo") == policy + critic
    assert not Path("out").exists()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ("rollouts.reward=", 2, "rollouts.reward is missing; it must be the directory of a reward model."),
        ("rollouts.server=http://localhost:9", 2, "rollouts.server needs a table [model.adapter]"),
        ("rollouts.reward=policy", 1, "policy is no reward model; make one of it with: espalier train reward."),
        ("rollouts.judge=other", 1, "other reads other tokens than policy writes; train it from the same model."),
        ("data.length=90", 1, "no prompt leaves room for a reply of 80 tokens in 90; raise data.length"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(run: Run, given: str, code: int, says: str) -> None:
    ran = run("train", "ppo", "ppo.toml", "--set", given)
    assert (ran.code, "Traceback" in ran.err) == (code, False)
    assert says in ran.err
