"""What a run trains, made ready for it: the model that its settings name, with an adapter where they ask for one.

Knows models and settings; does not know what is learned.
"""

import random
import warnings

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from espalier.infer.load import load_model
from espalier.train.settings import Model, Run, Tuning


def begin(settings: Tuning) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model and tokenizer to train; chance and threads are as the settings have them. Raises BadModel."""
    settle(settings.run)
    model, tokenizer = load(settings.model, settings.model.start)
    return prepared(model, settings.model), tokenizer


def settle(run: Run) -> None:
    """Chance and threads as the settings have them, for this whole process: also what libraries draw by themselves."""
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    np.random.seed(run.seed % 2**32)
    random.seed(run.seed)


def load(chosen: Model, name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model by its name, in the numbers and on the device of the settings. Raises BadModel."""
    return load_model(name, getattr(torch, chosen.dtype), chosen.attention, chosen.device, chosen.chat == "own")


def prepared(model: PreTrainedModel, chosen: Model, task: str = "CAUSAL_LM") -> PreTrainedModel:
    """The model with an adapter, which is then all that is trained of it, and with recomputed activations.

    task: as peft names it; with SEQ_CLS the new head of a reward model is trained too.
    """
    model.config.use_cache = False
    if chosen.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if (adapter := chosen.adapter) is None:
        return model
    lora = LoraConfig(
        r=adapter.rank, lora_alpha=adapter.alpha, lora_dropout=adapter.dropout, task_type=task,
        target_modules=list(adapter.targets) or "all-linear",
    )  # fmt: skip
    with warnings.catch_warnings():
        # peft asks for a property under its old name
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        adapted: PreTrainedModel = get_peft_model(model, lora)  # type: ignore[assignment]  # it passes on what it has not
    return adapted
