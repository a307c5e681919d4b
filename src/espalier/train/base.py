"""A small language model from scratch, for machines without a hub: a byte-level BPE tokenizer and a decoder.

It is a tool for trying and testing: with some millions of parameters it learns how text looks, and little more.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from espalier.dataset.findings import Report, ignore
from espalier.dataset.format import END, JINJA, Role
from espalier.infer.layout import plain
from espalier.infer.load import device_of
from espalier.infer.tokens import ROLES, Encoded, end_of
from espalier.train.batch import Weights
from espalier.train.card import Made, inputs_of
from espalier.train.keeping import keep
from espalier.train.learnable import Learnable, notes_on
from espalier.train.options import Base, BaseSettings
from espalier.train.processes import joined
from espalier.train.sft import fit
from espalier.train.sources import Line, read_texts
from espalier.train.start import settle

DEVIATION: Final = 0.02  # of the first weights, as GPT-2 has it


def learn_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
    """A byte-level BPE tokenizer that can write every text, with the tokens of our chat format."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END, *(role.token for role in Role)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=END, pad_token=END, extra_special_tokens=[role.token for role in Role]
    )
    tokenizer.chat_template = JINJA
    return tokenizer


def new_model(shape: Base, tokens: int, end: int) -> PreTrainedModel:
    """A model with random weights, drawn from torch's generator. tokens: of the tokenizer. end: its end token."""
    common: dict[str, Any] = {
        "vocab_size": tokens, "hidden_size": shape.width, "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads, "max_position_embeddings": shape.positions,
        "initializer_range": DEVIATION, "bos_token_id": end, "eos_token_id": end, "pad_token_id": end,
        "tie_word_embeddings": False, "use_cache": False,
    }  # fmt: skip
    if shape.shape == "neox":
        return GPTNeoXForCausalLM(GPTNeoXConfig(**common, intermediate_size=4 * shape.width))
    return LlamaForCausalLM(LlamaConfig(**common, intermediate_size=8 * shape.width // 3))


def encode_texts(texts: Iterable[str], tokenizer: PreTrainedTokenizerBase, longest: int) -> Iterator[list[Encoded]]:
    """Of each text its pieces of at most so many tokens, with the end token after the last; all of it is learned."""
    end = end_of(tokenizer)
    for ids in plain(list(texts), tokenizer):
        whole = np.array([end, *ids, end], np.int32)  # the end token before a text, too: it is what a text follows
        pieces = [whole[begin : begin + longest] for begin in range(0, len(whole) - 1, longest)]
        yield [
            Encoded(piece, np.full(len(piece), ROLES.index(Role.ASSISTANT), np.int8), np.ones(len(piece), np.bool_))
            for piece in pieces
        ]


def train(settings: BaseSettings, console: Console | None = None, report: Report = ignore) -> Path:
    """Run it, or go on with it; the folder of the model. Raises BadSource, BadCheckpoint and Stopped."""
    with joined():
        return _train(settings, console, report)


def _train(settings: BaseSettings, console: Console | None, report: Report) -> Path:
    settle(settings.run)
    parts = read_texts(settings.data, report)
    inputs = inputs_of(settings)
    tokenizer = learn_tokenizer((str(line.example) for line in parts.learned), settings.base.vocabulary)
    model = new_model(settings.base, len(tokenizer), end_of(tokenizer))
    torch.nn.Module.to(model, device_of(settings.base.device))
    learned = learnable_texts(parts.learned, tokenizer, settings.data.length)
    held_out = learnable_texts(parts.held_out, tokenizer, settings.data.length)
    sides = {"held_out_loss": held_out.conversations}
    fit(model, learned, sides, Weights(), settings, inputs, settings.base.pack, console)
    notes = [
        "It is small and made from scratch, for trying and testing; do not expect sense of it.",
        *notes_on(learned),
    ]
    return keep(model, tokenizer, parts, Made("pre-training from scratch", settings, inputs, notes))


def learnable_texts(lines: Sequence[Line], tokenizer: PreTrainedTokenizerBase, longest: int) -> Learnable:
    """Texts in tokens; a long one in several pieces."""
    pieces = encode_texts((str(line.example) for line in lines), tokenizer, longest)
    each = [(piece, line) for line, of_text in zip(lines, pieces, strict=True) for piece in of_text]
    return Learnable(tuple(piece for piece, _ in each), tuple(line for _, line in each))
