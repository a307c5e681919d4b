"""A reward model learns which replies are better, says so of none that it has seen, and opens in other programs."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerBase

from espalier.infer.load import load_model
from espalier.infer.measure import Scored, agreement
from espalier.infer.reward import begin_reward, load_reward
from espalier.infer.shared import planned
from espalier.infer.unusable import BadModel
from espalier.train import base, reward
from espalier.train.demonstrations import cosines, in_order
from espalier.train.ranked import Ranked
from espalier.train.reward import RewardSettings, answers, compared, loss_of, rewards_by_prompt
from espalier.train.verdict import sentences
from planted import END, PHRASE, PROMPTS, UNSEEN, critic, metrics

torch.set_num_threads(1)
Draw = Callable[[Random], tuple[tuple[int, ...], ...]]


def settings(out: Path, **changed: dict[str, Any]) -> RewardSettings:
    tables: dict[str, dict[str, Any]] = {
        "model": {"start": "-"},
        "data": {"sources": [{"path": "-"}]},
        "optimizer": {"learning_rate": 1e-2, "warmup": 0, "batch": 16},
        "run": {"out": out, "steps": 80, "measure_every": 80, "pass_tokens": 2000, "tensorboard": False},
    }
    return RewardSettings.model_validate(tables | {name: tables.get(name, {}) | each for name, each in changed.items()})


def words(random: Random, least: int, most: int) -> tuple[int, ...]:
    return tuple(random.choice((3, 4, 5, 6, 8, 9, 10)) for _ in range(random.randint(least, most)))


def with_phrase(random: Random) -> tuple[tuple[int, ...], ...]:
    reply, at = words(random, 6, 9), random.randint(0, 5)
    return ((*reply[:at], PHRASE, *reply[at:], END), (*words(random, 6, 10), END), (*words(random, 6, 10), END))


def of_length(random: Random) -> tuple[tuple[int, ...], ...]:
    other = words(random, 1, 3) if random.random() < 0.5 else words(random, 19, 24)
    return ((*words(random, 4, 18), END), (*other, END))


def planted(draw: Draw, prompts: list[tuple[int, ...]], number: int) -> list[Ranked]:
    """Of three replies the last two are as good as each other."""
    random = Random(number)
    drawn = [(random.choice(prompts), draw(random)) for _ in range(number)]
    return [
        Ranked(prompt, replies, tuple(map(len, replies)), str(place), "und", frozenset({(1, 2)}))
        for place, (prompt, replies) in enumerate(drawn)
    ]


@pytest.mark.parametrize("draw", [with_phrase, of_length])
def test_it_tells_the_better_of_two_replies_that_it_has_not_seen(tmp_path: Path, draw: Draw) -> None:
    model = critic()
    reward.fit(model, planted(draw, PROMPTS, 300), planted(draw, UNSEEN, 100), settings(tmp_path))
    found = metrics(tmp_path)[-1]
    assert found["held_out_accuracy"] >= 0.95
    assert found["held_out_loss"] < 0.6 * metrics(tmp_path)[0]["loss"]


def test_a_step_is_the_same_in_one_pass_and_in_many(tmp_path: Path) -> None:
    given = planted(with_phrase, PROMPTS, 6)
    gradients = []
    for tokens in (10_000, 1):
        model = critic()
        chosen = settings(tmp_path).reward
        losses = [
            loss_of(reward.rewards_of(model, rows), pairs, 6, chosen)
            for prompts in planned(answers(given), model, tokens)
            for rows, pairs in [compared(given, prompts, model)]
        ]
        sum(losses).backward()
        gradients.append([each.grad for each in model.parameters() if each.grad is not None])
        assert len(losses) == (1 if tokens > 1 else 6)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def test_it_goes_on_bit_for_bit_after_it_was_stopped(tmp_path: Path) -> None:
    run = {"steps": 6, "save_every": 2, "measure_every": 3}
    learned, held_out = planted(with_phrase, PROMPTS, 40), planted(with_phrase, UNSEEN, 10)
    whole = critic()
    reward.fit(whole, learned, held_out, settings(tmp_path / "whole", run=run | {"out": tmp_path / "whole"}))
    parted = settings(tmp_path / "parted", run=run | {"out": tmp_path / "parted"})
    reward.fit(critic(), learned, held_out, parted)
    shutil.rmtree(tmp_path / "parted" / "checkpoints" / "step-00000006")  # as if it had been killed before that
    again = critic()
    reward.fit(again, learned, held_out, parted)
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), again.parameters(), strict=True))
    told = [[{k: v for k, v in line.items() if k != "tokens_per_second"} for line in metrics(tmp_path / each)]
            for each in ("whole", "parted")]  # fmt: skip
    assert told[0] == told[1]


# From files to files


TREE = {
    "message_id": "p", "role": "prompter", "lang": "en", "review_result": True, "deleted": False,
}  # fmt: skip


def tree(number: int) -> dict[str, Any]:
    """A question with a good, a fair and a bad answer."""
    answers = [f"The answer to {number} is {number + 1}, which is good.", f"It is {number}.", "No."]
    return {
        "message_tree_id": f"tree{number}", "tree_state": "ready_for_export",
        "prompt": TREE | {
            "message_id": f"p{number}", "text": f"What comes after {number}?",
            "replies": [
                TREE | {"message_id": f"p{number}r{rank}", "parent_id": f"p{number}", "role": "assistant", "text": text,
                        "rank": rank, "replies": []}
                for rank, text in enumerate(answers)
            ],
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With trees, and a tiny language model that has read other texts."""
    folder = tmp_path_factory.mktemp("reward")
    (folder / "trees.jsonl").write_text("".join(json.dumps(tree(number)) + "\n" for number in range(24)), "utf-8")
    (folder / "texts.jsonl").write_text('{"text": "Numbers come one after the other."}\n' * 20, "utf-8")
    base.train(
        base.BaseSettings.model_validate({
            "data": {"sources": [{"path": folder / "texts.jsonl"}], "held_out": 0, "length": 32},
            "base": {"vocabulary": 300, "width": 16, "layers": 1, "heads": 2, "device": "cpu"},
            "run": {"out": folder / "base", "steps": 1, "tensorboard": False},
        })
    )  # fmt: skip
    return folder


def of_files(folder: Path, out: Path, **changed: dict[str, Any]) -> RewardSettings:
    data = {"sources": [{"path": folder / "trees.jsonl"}], "held_out": 0.25, "length": 96}
    model = {"start": str(folder / "base" / "model"), "device": "cpu"}
    return settings(
        out, **{"data": data, "model": model, "run": {"out": out, "steps": 12, "tensorboard": False}, **changed}
    )


def test_what_was_made_opens_in_other_programs_and_says_the_same(folder: Path, tmp_path: Path) -> None:
    made = reward.train(of_files(folder, tmp_path / "run", reward={"folds": 3}))
    assert made.agreement.all.pairs == 24 * 3, "each tree is measured in one of the folds"
    said = json.loads((tmp_path / "run" / "agreement.json").read_text("utf-8"))
    assert said["all"]["pairs"] == 72
    assert "longer reply" in (made.model / "README.md").read_text("utf-8")
    assert all((tmp_path / "run" / f"fold-{number}" / "model" / "README.md").exists() for number in (1, 2, 3))
    model, tokenizer, mean = load_reward(made.model, device="cpu")
    texts = ["<|prompter|>What comes after 3?<|endoftext|><|assistant|>It is 4, I think.<|endoftext|>",
             "<|prompter|>And?<|endoftext|><|assistant|>No.<|endoftext|>"]  # fmt: skip
    theirs = AutoModelForSequenceClassification.from_pretrained(made.model)
    batch = AutoTokenizer.from_pretrained(made.model)(texts, return_tensors="pt", padding=True)
    expected = theirs(batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0].tolist()
    assert ours(model, tokenizer, texts) == pytest.approx(expected, abs=1e-5)
    demonstrations = [
        f"<|prompter|>What comes after {number}?<|endoftext|><|assistant|>"
        f"The answer to {number} is {number + 1}, which is good.<|endoftext|>"
        for number in range(24)
    ]  # fmt: skip
    assert (
        min(ours(model, tokenizer, demonstrations)) - 0.01 <= mean <= max(ours(model, tokenizer, demonstrations)) + 0.01
    )


def ours(model: Any, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[float]:
    encoded = [tuple(tokenizer(text)["input_ids"]) for text in texts]
    return [score for (score,) in rewards_by_prompt(model, [(ids[:-3], [ids[-3:]]) for ids in encoded], 100)]


def test_an_adapter_is_put_into_the_weights_of_what_was_made(folder: Path, tmp_path: Path) -> None:
    start = str(folder / "base" / "model")
    chosen = of_files(folder, tmp_path, model={"start": start, "device": "cpu", "adapter": {"rank": 2}})
    made = reward.train(chosen)
    model, _, _ = load_reward(made.model, device="cpu")
    before, _ = load_model(start, device="cpu")
    layers = dict(before.model.layers.named_parameters())
    changed = {name for name, each in model.model.layers.named_parameters() if not torch.equal(each, layers[name])}
    assert changed
    assert all("proj" in name for name in changed), "what has no adapter stands still"


def test_samples_that_are_like_the_best_reply_stand_for_a_ranking(folder: Path, tmp_path: Path) -> None:
    sampler = str(folder / "base" / "model")
    made = reward.train(of_files(
        folder, tmp_path, data={"sources": [{"path": folder / "trees.jsonl"}], "held_out": 0.25, "length": 400},
        demonstrations={"sampler": sampler, "samples": 6, "longest": 300, "apart": 1e-4},
    ))  # fmt: skip
    card = (made.model / "README.md").read_text("utf-8")
    assert f"averaged hidden states of {sampler}, for want of a sentence encoder" in card
    assert "likeness itself, as the reward" in card
    assert made.agreement.all.pairs % 3 == 0, "it is measured on the rankings of people"
    assert f"`{sampler}/model.safetensors`" in card


def test_texts_are_ordered_by_likeness_and_compared_where_they_are_apart() -> None:
    vectors = {"best": (1.0, 0.0), "near": (1.0, 0.1), "as near": (1.0, -0.1), "far": (0.0, 1.0)}

    def embed(texts: Sequence[str]) -> torch.Tensor:
        return torch.tensor([vectors[text] for text in texts])

    likeness = cosines(embed, ["far", "near", "as near"], "best")
    assert likeness.tolist() == pytest.approx([0, 1 / 1.01**0.5, 1 / 1.01**0.5])
    replies, left_out = in_order(["far", "near", "as near"], likeness, 0.1)
    assert (replies, left_out) == (("near", "as near", "far"), {(0, 1)})


def test_a_language_model_is_no_reward_model(folder: Path) -> None:
    with pytest.raises(BadModel, match="no reward model; make one of it with"):
        load_reward(folder / "base" / "model", device="cpu")
    model, tokenizer = begin_reward(folder / "base" / "model", device="cpu")
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert model.config.pad_token_id == tokenizer.pad_token_id < model.get_input_embeddings().num_embeddings


@pytest.mark.parametrize(
    ("every", "expected"),
    [(1, "It beats the longer reply."), (2, "It is not shown to beat the longer reply."),
     (40, "It is worse than the longer reply.")],
)  # fmt: skip
def test_what_is_said_of_it_is_what_the_interval_says(every: int, expected: str) -> None:
    """It is right on every so many of 40 pairs, the rule of the longer reply on half of them."""
    scored = [
        Scored(str(place), "en", (1.0, 0.0) if place % every == 0 else (0.0, 1.0), lengths)
        for place in range(40)
        for lengths in [(100, 50) if place // 2 % 2 else (50, 100)]
    ]
    said = " ".join(sentences(agreement(scored, np.random.default_rng(0))))
    assert expected in said
    assert "orders 50.0% (" in said, "the rule, with its interval"


def test_rewards_are_told_finely_by_a_model_in_bfloat16(folder: Path) -> None:
    model, _ = begin_reward(folder / "base" / "model", torch.bfloat16, device="cpu")
    told = rewards_by_prompt(model, [((5,), [(token,)]) for token in range(6, 70)], 1000)
    assert len({score for (score,) in told}) > 60
