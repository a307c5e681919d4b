"""Replies scored together get what each gets in a pass of its own, in value and gradient."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedModel,
)

from espalier.infer.engine import Sample
from espalier.infer.score import by_token, mask_of, model_reward, passes, reply_log_probs, scores_at

SHARED = (2, 3, 4, 5, 6, 7, 8)
REPLIES = [(SHARED, (5, 6)), ((7,), (8, 9, 10, 1)), (SHARED, (1,)), ((4, 4), (2, 2, 1)), (SHARED, (9, 9, 1))]
SHAPE = {
    "vocab_size": 24, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "initializer_range": 0.3, "pad_token_id": 0,
}  # fmt: skip


def llama() -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SHAPE)).eval()


def gemma() -> PreTrainedModel:
    torch.manual_seed(0)
    return Gemma2ForCausalLM(Gemma2Config(**SHAPE, head_dim=16, final_logit_softcapping=3.0)).eval()


def with_adapter() -> PreTrainedModel:
    return get_peft_model(llama(), LoraConfig(r=2, init_lora_weights=False, target_modules="all-linear")).eval()


def alone(model: PreTrainedModel, prompt: tuple[int, ...], reply: tuple[int, ...]) -> Tensor:
    logits = model(torch.tensor([prompt + reply])).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits / 0.5, 1)[range(len(reply)), list(reply)]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21 with transformers 5.24
@pytest.mark.parametrize("make", [llama, gemma, with_adapter])
def test_log_probabilities_and_gradients_are_those_of_single_passes(make) -> None:  # type: ignore[no-untyped-def]
    model = make()
    trained = [each for each in model.parameters() if each.requires_grad]
    expected = [alone(model, *each) for each in REPLIES]
    wanted = torch.autograd.grad(sum((each**2).sum() for each in expected), trained)
    passed = passes(REPLIES, model, 30)
    assert len(passed) == 2
    got = torch.autograd.grad(sum((reply_log_probs(model, each, 0.5) ** 2).sum() for each in passed), trained)
    for one, other in zip(wanted, got, strict=True):
        assert (one - other).norm() <= 1e-5 * one.norm()
    table = by_token(passed, mask_of(REPLIES), lambda rows: reply_log_probs(model, rows, 0.5))
    for row, each in zip(table, expected, strict=True):
        assert torch.allclose(row[: len(each)], each, atol=1e-5)
        assert not row[len(each) :].any()


def test_a_reward_is_read_at_the_last_token_and_values_before_each() -> None:
    torch.manual_seed(0)
    model = LlamaForSequenceClassification(LlamaConfig(**SHAPE, num_labels=1, reward_mean=0.25)).eval()
    samples = [Sample(prompt, reply, True) for prompt, reply in REPLIES]
    values = by_token(passes(REPLIES, model, 16), mask_of(REPLIES), lambda rows: scores_at(model, rows, rows.before))
    for sample, reward, row in zip(samples, model_reward(model, 16)(samples), values, strict=True):
        whole = sample.prompt + sample.reply
        assert reward == pytest.approx(model(torch.tensor([whole])).logits.item() - 0.25, abs=1e-5)
        for place in range(len(sample.reply)):
            before = torch.tensor([whole[: len(sample.prompt) + place]])
            assert row[place].item() == pytest.approx(model(before).logits.item() - 0.25, abs=1e-5)
