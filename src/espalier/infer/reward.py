"""Reward models in and out of directories: a language model with one output in the place of its output layer.

They are transformers' models for sequence classification with one label, so that other programs open them. Knows no
algorithm.
"""

from math import sqrt
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerBase

from espalier.infer.hub import from_where
from espalier.infer.load import UNREADABLE, device_of, load_tokenizer, make_room, quietly
from espalier.infer.unusable import BadModel

MEAN: Final = "reward_mean"
"""The key of config.json that holds the mean reward of the demonstrations, which is taken off every reward."""
PADDING: Final = "<|padding|>"


def begin_reward(
    name: str | Path, dtype: torch.dtype = torch.float32, attention: str = "sdpa", device: str = "auto"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A language model whose output layer is replaced by one output, drawn from torch's generator; a reward model as
    it is. Raises BadModel.
    """
    tokenizer = load_tokenizer(name)
    if tokenizer.pad_token is None or tokenizer.pad_token == tokenizer.eos_token:
        # Others look for the last token that is no padding: it has to be the end token.
        tokenizer.add_special_tokens({"pad_token": PADDING})
    model, missing = _classifier(name, dtype, attention)
    if any(each.startswith("score") for each in missing):
        head = model.score
        assert isinstance(head, nn.Linear), f"{head=}"
        nn.init.normal_(head.weight, std=1 / sqrt(head.in_features + 1))  # as Stiennon et al. 2020 begin
    with quietly():
        make_room(model, tokenizer)
    model.config.pad_token_id = tokenizer.pad_token_id
    nn.Module.to(model, device_of(device))
    return model, tokenizer


def load_reward(
    name: str | Path, dtype: torch.dtype = torch.float32, attention: str = "sdpa", device: str = "auto"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, float]:
    """A reward model, its tokenizer, and the mean that its rewards are told from. Raises BadModel."""
    tokenizer = load_tokenizer(name)
    model, missing = _classifier(name, dtype, attention)
    if any(each.startswith("score") for each in missing):
        raise BadModel(f"{name} is no reward model; make one of it with: espalier train reward")
    nn.Module.to(model, device_of(device))
    return model.eval(), tokenizer, float(getattr(model.config, MEAN, 0.0))


def finished(model: Any, mean: float) -> PreTrainedModel:
    """The model with what it learned put into its own weights, and the mean into its configuration."""
    whole: PreTrainedModel = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
    setattr(whole.config, MEAN, mean)
    return whole


def _classifier(name: str | Path, dtype: torch.dtype, attention: str) -> tuple[PreTrainedModel, set[str]]:
    """The model, and the names of weights that the directory does not have."""
    where = from_where(name)
    try:
        config = AutoConfig.from_pretrained(name, num_labels=1, **where)
        with quietly():
            model, told = AutoModelForSequenceClassification.from_pretrained(
                name, config=config, dtype=dtype, attn_implementation=attention, output_loading_info=True, **where
            )
    except UNREADABLE as error:
        first = str(error).strip().partition("\n")[0].rstrip(".")
        raise BadModel(f"{name} gives no reward model: {first}") from None
    if not isinstance(getattr(model, "score", None), nn.Linear):
        raise BadModel(f"{name} gives no reward model: {type(model).__name__} reads its scores elsewhere than we do")
    model.score.float()  # a reward in bfloat16 has steps of 1/64, and replies would tie that do not
    return model, set(told["missing_keys"])
