"""What a run trains, made ready for it: the model that its settings name, with an adapter where they ask for one.

Knows models and settings; does not know what is learned.
"""

import random
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from espalier.dataset.format import Role
from espalier.infer.compiled import compile_layers
from espalier.infer.load import by_old_names, load_model
from espalier.infer.precision import compute_in
from espalier.infer.unusable import BadModel
from espalier.train.processes import is_alone_among_several
from espalier.train.settings import BadSettings, Model, Run, Tuning, Weight


def begin(settings: Tuning) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model and tokenizer to train; chance and threads are as the settings have them. Raises BadModel."""
    settle(settings.run)
    model, tokenizer = load(settings.model, settings.model.start, settings.model.dtype)
    return prepared(model, settings.model, "CAUSAL_LM", role_tokens(tokenizer)), tokenizer


def role_tokens(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The tokens of our chat format: a model from elsewhere has not learned them, so an adapter has to."""
    known = tokenizer.get_vocab()
    return sorted(known[role.token] for role in Role if role.token in known)


def settle(run: Run) -> None:
    """Chance and threads as the settings have them, for this whole process: also what libraries draw by themselves.

    Raises BadSettings in one of several processes that did not join.
    """
    if is_alone_among_several():
        raise BadSettings("This algorithm runs in one process; start it without torchrun or accelerate launch.")
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    np.random.seed(run.seed % 2**32)
    random.seed(run.seed)


def load(chosen: Model, name: str, numbers: Weight | None = None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model by its name, on the device of the settings. numbers: of its weights; by default those that are computed
    in, for a model that is only read. Raises BadModel.
    """
    in_four_bits = chosen.adapter is not None and chosen.adapter.quantise == "nf4"
    dtype = getattr(torch, numbers or chosen.computed)
    return load_model(name, dtype, chosen.attention, chosen.device, chosen.chat == "own", in_four_bits)


def prepared(
    model: PreTrainedModel, chosen: Model, task: str = "CAUSAL_LM", tokens: Sequence[int] = ()
) -> PreTrainedModel:
    """The model with an adapter, which is then all that is trained of it, in mixed precision, with recomputed
    activations and compiled layers.

    task: as peft names it; with SEQ_CLS the new head of a reward model is trained too. tokens: whose embeddings the
    adapter learns beside its matrices. Raises BadModel and BadSettings.
    """
    model.config.use_cache = False
    if chosen.compute != "same":
        compute_in(model, getattr(torch, chosen.compute))
    if chosen.gradient_checkpointing:
        with by_old_names():
            model.gradient_checkpointing_enable({"use_reentrant": False})
    if chosen.compiled:
        compile_layers(model)
    if (adapter := chosen.adapter) is None:
        return model
    if adapter.quantise == "nf4" and not getattr(model, "is_loaded_in_4bit", False):
        raise BadModel('model.adapter.quantise is "nf4", which reward models and critics are not kept in; leave it out')
    from peft import LoraConfig, get_peft_model  # a second of time, which only adapters cost

    lora = LoraConfig(
        r=adapter.rank, lora_alpha=adapter.alpha, lora_dropout=adapter.dropout, task_type=task,
        target_modules=list(adapter.targets) or "all-linear", trainable_token_indices=list(tokens) or None,
    )  # fmt: skip
    try:
        with by_old_names():
            adapted: PreTrainedModel = get_peft_model(model, lora)  # type: ignore[assignment]  # it passes on all else
    except ValueError:
        there = {name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
        raise BadSettings(
            f"model.adapter.targets is {', '.join(adapter.targets)}, but {chosen.start} has the linear layers "
            f"{', '.join(sorted(there))}."
        ) from None
    return adapted
