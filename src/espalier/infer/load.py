"""Models and tokenizers in and out of directories, with the tokens of our chat format in both.

Knows transformers; does not know what a model is for.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from espalier.dataset.format import END, JINJA, Role
from espalier.infer.hub import from_where
from espalier.infer.layout import layout_of
from espalier.infer.unusable import BadModel, BadTemplate

logging.disable_progress_bar()  # of transformers; ours is the run's own
UNREADABLE: Final = (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError)
"""What libraries raise of a directory that is no model: half of one, too."""
MULTIPLE: Final = 16
"""Rows of the embeddings are a multiple of it, as matrix units like them."""


def load_model(
    name: str | Path,
    dtype: torch.dtype = torch.float32,
    attention: str = "sdpa",
    device: str = "auto",
    own_chat: bool = False,
    in_four_bits: bool = False,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A language model and its tokenizer, from a directory or by its name on the hub. Raises BadModel.

    An adapter is put into the weights of the model that it belongs to. own_chat: it gets our chat format, whatever
    template its tokenizer has. in_four_bits: its linear layers are kept as NF4 with double quantisation, and computed
    in `dtype` (QLoRA, arXiv 2305.14314); they cannot be trained then.
    """
    tokenizer = load_tokenizer(name, own_chat)
    more: dict[str, Any] = (
        {"quantization_config": _four_bits(dtype), "device_map": {"": device_of(device)}} if in_four_bits else {}
    )
    try:
        whole: str | Path = name
        if is_adapter(name):
            from peft import PeftConfig, PeftModel  # a second of time, which only adapters cost

            whole = PeftConfig.from_pretrained(str(name)).base_model_name_or_path
        more |= from_where(whole)
        with quietly():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                whole, dtype=dtype, attn_implementation=attention, output_loading_info=True, **more
            )
        model: PreTrainedModel
        model, told = loaded  # as output_loading_info has it, which its types do not tell
        if told["missing_keys"]:  # transformers draws them, and the model would write noise
            raise BadModel(f"its weights lack {min(told['missing_keys'])}")
        make_room(model, tokenizer)
        if whole != name:
            with by_old_names():
                merged = PeftModel.from_pretrained(model, str(name)).merge_and_unload()
            model = merged.requires_grad_(not in_four_bits)
    except UNREADABLE as error:
        raise BadModel(f"{name} gives no language model: {_first_line(error)}") from None
    if in_four_bits:
        for module in model.modules():
            # On some processors bitsandbytes lays weights out anew when it is asked without training, and cannot train
            # afterwards: a held-out part would end the run.
            setattr(module, "support_avx512bf16_for_cpu", False)  # noqa: B010  # only its own modules have it
    else:
        nn.Module.to(model, device_of(device))  # whose own method loses its types
    return model, tokenizer


@contextmanager
def quietly() -> Iterator[None]:
    """Without transformers' reports of weights that are new or not wanted, where that is what was asked for or is said
    in our words."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


@contextmanager
def by_old_names() -> Iterator[None]:
    """Around what asks transformers for something under a name that it is about to drop: peft does, and we do where the
    new name is newer than the oldest version that we take."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* is deprecated and will be removed in v6", FutureWarning)
        yield


def is_adapter(name: str | Path) -> bool:
    """Whether a directory holds an adapter alone, as a run leaves it that trained one."""
    return (Path(name) / "adapter_config.json").is_file()


def _four_bits(dtype: torch.dtype) -> BitsAndBytesConfig:
    if find_spec("bitsandbytes") is None:
        raise BadModel("weights in four bits need bitsandbytes; install it with: pip install bitsandbytes")
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def load_tokenizer(name: str | Path, own_chat: bool = False) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, with a chat format: its template's, or ours where it has none. Raises BadModel."""
    where = from_where(name)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(name, **where)
    except UNREADABLE as error:
        raise BadModel(f"{name} gives no tokenizer: {_first_line(error)}") from None
    _prepare(tokenizer, own_chat)
    try:
        layout_of(tokenizer)
    except BadTemplate as wrong:
        raise BadModel(f"{name}: {wrong}") from None
    return tokenizer


def _prepare(tokenizer: PreTrainedTokenizerBase, own_chat: bool) -> None:
    """Give it an end token and one for padding where it lacks them, and our chat format where it has none."""
    if tokenizer.eos_token is None:
        tokenizer.add_special_tokens({"eos_token": END})
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if own_chat or tokenizer.chat_template is None:
        tokenizer.chat_template = JINJA
    if tokenizer.chat_template == JINJA:
        known = set(tokenizer.get_vocab())
        missing = [role.token for role in Role if role.token not in known]
        tokenizer.add_special_tokens({"extra_special_tokens": missing}, replace_extra_special_tokens=False)


def make_room(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Embeddings for tokens that are new; they begin as the mean of the old ones."""
    embeddings = model.get_input_embeddings()
    assert isinstance(embeddings, nn.Embedding), f"{type(embeddings)=}"
    if len(tokenizer) > embeddings.num_embeddings:
        model.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=MULTIPLE)


def save_model(
    model: Any, tokenizer: PreTrainedTokenizerBase, into: Path, weights: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Write both into a directory, as transformers reads them; of a model with an adapter the adapter alone.

    weights: all of them, where the model itself holds a part.
    """
    model.save_pretrained(into, state_dict=weights)
    tokenizer.save_pretrained(into)


def positions_of(model: Any) -> int | None:
    """Tokens that a model can read at once, where it says."""
    found = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return int(found) if found else None


def device_of(name: str) -> torch.device:
    """Where a model goes; `auto` is a GPU where there is one. Raises BadModel."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BadModel(f"{name!r} is no device; write cpu, cuda or cuda:0") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise BadModel(f"there is no device {name} on this machine; write auto or cpu")
    return device


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
