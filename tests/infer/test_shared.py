"""Replies that share their prompt's computation have the rewards and the gradients of rows of their own."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers import (
    GPTNeoXConfig,
    GPTNeoXForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    MistralConfig,
    MistralForSequenceClassification,
    PreTrainedModel,
)

from espalier.infer.shared import Answered, can_share, laid_out, rewards_of

SHAPE = {"vocab_size": 24, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
GIVEN: list[Answered] = [
    ((3, 4, 5, 6), [(7, 8, 2), (9, 2), (10, 11, 12, 13, 2)]),
    ((3, 9), [(4, 2), (5, 6, 2)]),
    ((8,), [(2,)]),
]


def llama(attention: str) -> PreTrainedModel:
    config = LlamaConfig(**SHAPE, num_key_value_heads=2, num_labels=1, pad_token_id=0, attn_implementation=attention)
    return LlamaForSequenceClassification(config)


def neox(attention: str) -> PreTrainedModel:
    config = GPTNeoXConfig(**SHAPE, num_labels=1, pad_token_id=0, attn_implementation=attention)
    return GPTNeoXForSequenceClassification(config)


def windowed(attention: str) -> PreTrainedModel:
    config = MistralConfig(
        **SHAPE, num_key_value_heads=2, sliding_window=4, num_labels=1, pad_token_id=0, attn_implementation=attention
    )
    return MistralForSequenceClassification(config)


def rewards(model: PreTrainedModel, tokens: int) -> Tensor:
    found = torch.zeros(6)
    for rows in laid_out(GIVEN, model, tokens):
        found[rows.places] = rewards_of(model, rows)
    return found


@pytest.mark.parametrize("tokens", [1000, 14, 1], ids=["one pass", "a few", "each row alone"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("make", [llama, neox, windowed])
def test_a_shared_prompt_changes_neither_rewards_nor_gradients(
    make: Callable[[str], PreTrainedModel], attention: str, tokens: int
) -> None:
    torch.manual_seed(0)
    model = make(attention).eval()
    assert can_share(model) == (make is not windowed), "a mask of ours would undo the window"
    together = rewards(model, tokens)
    together.sin().sum().backward()
    shared = [each.grad.clone() for each in model.parameters() if each.grad is not None]
    model.zero_grad()
    alone = torch.stack(
        [model(torch.tensor([prompt + reply])).logits[0, 0] for prompt, replies in GIVEN for reply in replies]
    )
    alone.sin().sum().backward()
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    for one, other in zip(shared, (each.grad for each in model.parameters() if each.grad is not None), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_each_token_of_a_reply_has_the_probability_it_has_alone() -> None:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SHAPE, num_key_value_heads=2, attn_implementation="sdpa")).eval()
    (rows,) = laid_out(GIVEN, model, 1000)
    given = {"input_ids": rows.input_ids, "position_ids": rows.position_ids, "attention_mask": rows.mask}
    logs = model(**given, use_cache=False).logits.flatten(0, 1)[rows.before].log_softmax(1)
    found = logs.gather(1, rows.targets[:, None])[:, 0].tolist()
    answered = [(prompt, reply) for prompt, replies in GIVEN for reply in replies]
    for prompt, reply in (answered[place] for place in rows.places):
        alone = model(torch.tensor([prompt + reply])).logits[0, len(prompt) - 1 : -1].log_softmax(1)
        assert found[: len(reply)] == pytest.approx(alone[range(len(reply)), list(reply)].tolist(), abs=1e-5)
        del found[: len(reply)]
