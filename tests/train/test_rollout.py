"""What is learned from: prompts in their turn, replies with the probabilities they were drawn with, and their worth."""

from pathlib import Path

import pytest
import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

import planted
from espalier.dataset.examples import Turn
from espalier.infer.engine import Sample
from espalier.infer.local import LocalEngine
from espalier.infer.score import by_token, passes
from espalier.infer.tokens import tokens_of
from espalier.train.base import learn_tokenizer
from espalier.train.goal import Rolling
from espalier.train.rollout import (
    Policies,
    chance,
    minibatches,
    places_of,
    roll_out,
    without_dropout,
    worth,
)


def test_before_anything_is_learned_policy_old_policy_and_reference_are_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    policy = GPTNeoXForCausalLM(GPTNeoXConfig(
        vocab_size=12, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        hidden_dropout=0.5, attention_dropout=0.5,
    ))  # fmt: skip
    without_dropout(policy)
    policy.train()
    settings = Rolling.model_validate(planted.tables(tmp_path, rollouts={"temperature": 0.7, "longest": 9}))
    policies = Policies(policy, 0.7)
    engine = LocalEngine(policy, [planted.END])
    rollout = roll_out(engine, planted.PROMPTS[:9], 5, planted.holds_phrase, policies, settings)
    old = by_token(rollout.passed, rollout.mask, policies.now)
    new = by_token(passes(rollout.replies, policy, 64), rollout.mask, policies.now)
    ratio = torch.exp(new - old)[rollout.mask]
    assert ratio.tolist() == pytest.approx([1.0] * len(ratio), abs=1e-5)
    assert torch.allclose(rollout.reference, old, atol=1e-5)
    with torch.no_grad():
        policy.get_output_embeddings().weight.mul_(2)
    now, reference = (by_token(rollout.passed, rollout.mask, each) for each in (policies.now, policies.reference))
    assert not torch.allclose(now, new, atol=1e-2)
    assert torch.allclose(reference, new, atol=1e-5)


def test_a_reply_that_was_cut_off_is_worth_what_is_set_for_it() -> None:
    samples = [Sample((2,), (7, 1), True), Sample((2,), (7, 7), False)]
    assert worth(samples, planted.holds_phrase, -1.0).tolist() == [1.0, -1.0]


def test_every_prompt_has_its_turn_once_an_epoch_in_an_order_of_its_own() -> None:
    drawn = [place for step in range(15) for place in places_of(step, 4, 10, seed=3)]
    epochs = [drawn[begin : begin + 10] for begin in range(0, 60, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 6


def test_every_update_of_an_epoch_sees_other_replies() -> None:
    seen = list(minibatches(10, 2, 4, seed=1))
    assert [len(each) for each in seen] == [4, 4, 2, 4, 4, 2]
    first, second = ([place for some in seen[begin : begin + 3] for place in some] for begin in (0, 3))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert seen != list(minibatches(10, 2, 4, seed=2))


def test_seeds_differ_from_step_to_step_and_run_to_run() -> None:
    assert (
        len({chance(run, step) for run in range(10) for step in range(10)} | {chance(run) for run in range(10)}) == 110
    )


def test_of_a_prompt_that_is_too_long_the_last_turns_stay() -> None:
    tokenizer = learn_tokenizer(["a few words"], 260)
    turns = (Turn("system", "s"), Turn("user", "one"), Turn("assistant", "two"), Turn("user", "three"))

    def length(*kept: int) -> int:
        return len(tokens_of(tuple(turns[place] for place in kept), tokenizer, 999) or ())

    assert tokens_of(turns, tokenizer, 999) == tokens_of(turns, tokenizer, length(0, 1, 2, 3))
    assert tokens_of(turns, tokenizer, length(0, 1, 2, 3) - 1) == tokens_of((turns[0], turns[3]), tokenizer, 999)
    assert tokens_of(turns, tokenizer, length(0, 3) - 1) is None
