"""Replies by a local model are what the model gives, drawn as likely as it says."""

import math
from collections import Counter

import pytest
import torch
from transformers import (
    GenerationConfig,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from espalier.infer.engine import Sampling
from espalier.infer.local import LocalEngine

END = 1
PROMPTS = [(2, 3, 4), (5,), (6, 7, 8, 9, 10, 11), (3, 3)]


def llama() -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=24, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=2, initializer_range=0.3,
        )
    )  # fmt: skip


def neox() -> PreTrainedModel:
    torch.manual_seed(0)
    return GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=24, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            initializer_range=0.3, hidden_dropout=0.5, attention_dropout=0.5,
        )
    )  # fmt: skip


@pytest.mark.parametrize("make", [llama, neox])
def test_a_reply_ends_at_its_end_token_or_at_its_longest(make) -> None:  # type: ignore[no-untyped-def]
    for sample in LocalEngine(make(), [END], tokens=20).generate(PROMPTS * 4, Sampling(8, temperature=0.7), seed=3):
        assert sample.finished == (sample.reply[-1] == END)
        assert END not in sample.reply[:-1]
        assert sample.finished or len(sample.reply) == 8


def test_padding_and_batches_change_no_reply() -> None:
    model = llama()
    greedy = Sampling(6, temperature=0)
    together = LocalEngine(model, [END]).generate(PROMPTS, greedy, seed=0)
    alone = [LocalEngine(model, [END]).generate([prompt], greedy, seed=0)[0] for prompt in PROMPTS]
    assert [sample.reply for sample in together] == [sample.reply for sample in alone]
    assert [sample.prompt for sample in together] == PROMPTS


def test_a_seed_gives_the_same_replies_and_leaves_the_random_state_outside_alone() -> None:
    engine = LocalEngine(neox(), [END])
    before = torch.get_rng_state()
    one, same, other = (engine.generate(PROMPTS, Sampling(8), seed) for seed in (1, 1, 2))
    assert one == same != other
    assert torch.equal(torch.get_rng_state(), before)


def test_replies_are_drawn_from_the_policy_and_not_by_the_habits_of_its_directory() -> None:
    model = llama()
    model.generation_config = GenerationConfig(do_sample=True, top_k=1, repetition_penalty=5.0)
    habits = model.generation_config
    drawn = LocalEngine(model, [END], tokens=1000).generate([(2, 3, 4)] * 2000, Sampling(1), seed=0)
    counts = Counter(sample.reply[0] for sample in drawn)
    shares = model.eval()(torch.tensor([[2, 3, 4]])).logits[0, -1].softmax(0).tolist()
    for token, share in enumerate(shares):
        assert abs(counts[token] / 2000 - share) < 5 * math.sqrt(share * (1 - share) / 2000) + 1e-3
    assert model.generation_config is habits
