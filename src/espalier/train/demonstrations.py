"""Rankings without people: samples of a model, ordered by how much they are like what a person wrote.

Reinforcement Learning from supervised Alignment (Lins and Xu, EMNLP Findings 2025): K replies to a prompt, the cosine
of each one's embedding to the demonstration's, and all pairs that are far enough apart. Where the data is ranked the
demonstration is the reply that people ranked first.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity
from transformers import AutoModel, PreTrainedTokenizerBase

from espalier.dataset.examples import Ranking
from espalier.infer.engine import Sampling
from espalier.infer.hub import from_where
from espalier.infer.load import UNREADABLE, device_of, load_tokenizer
from espalier.infer.local import LocalEngine
from espalier.infer.measure import Agreement, Scored, agreement
from espalier.infer.tokens import end_of, tokens_of
from espalier.infer.unusable import BadModel
from espalier.train.objectives import rla_pairs
from espalier.train.options import Demonstrations
from espalier.train.ranked import Places, Ranked, rankings
from espalier.train.settings import Tuning
from espalier.train.sources import BadSource, Line, Parts, texts_of
from espalier.train.start import load

READ: Final = 512
"""Tokens of a text that are embedded at most."""
AT_ONCE: Final = 32
Embed = Callable[[Sequence[str]], Tensor]
"""Of each text a vector, (texts, features)."""


@dataclass(frozen=True, slots=True)
class Demonstrated:
    """Samples ranked by likeness; and of held-out human rankings, how likeness to the best reply agrees with people on
    the others. encoder: what told it, in words."""

    rankings: list[Ranked]
    likeness: Agreement
    encoder: str


def demonstrated(
    parts: Parts, tokenizer: PreTrainedTokenizerBase, chosen: Demonstrations, settings: Tuning
) -> Demonstrated:
    """Samples of each prompt, ranked; replies that came to no end, and prompts with fewer than two others, left out.

    tokenizer: of the reward model. Raises BadModel, and BadSource where no pair is left.
    """
    sampler, own = load(settings.model, chosen.sampler)
    sampler.eval()
    embed, encoder = _encoder(chosen, sampler, own, settings.model.device)
    length, seed = settings.data.length, settings.run.seed
    found: list[Ranked] = []
    for line, example, texts in _samples(parts.learned, sampler, own, chosen, length, seed):
        replies, left_out = in_order(texts, cosines(embed, texts, example.replies[0]), chosen.apart)
        if len(left_out) < len(replies) * (len(replies) - 1) // 2:
            compared = Ranking(example.prompt, replies)
            ranked = rankings([replace(line, example=compared, texts=texts_of(compared))], tokenizer, length)
            found += [replace(each, left_out=left_out) for each in ranked]
    if not found:
        raise BadSource(
            f"of the samples of {chosen.sampler} no two of a prompt are finished and {chosen.apart:g} apart; raise "
            "demonstrations.longest, lower demonstrations.apart, or name a model that ends its replies"
        )
    return Demonstrated(found, likeness_agreement(parts.held_out, embed, np.random.default_rng(seed)), encoder)


def _samples(
    lines: Sequence[Line],
    sampler: Any,
    tokenizer: PreTrainedTokenizerBase,
    chosen: Demonstrations,
    length: int,
    seed: int,
) -> Iterator[tuple[Line, Ranking, list[str]]]:
    """Of each prompt that leaves room the finished replies, where there are two or more."""
    asked = [
        (line, line.example, prompt)
        for line in lines
        if isinstance(line.example, Ranking)
        and (prompt := tokens_of(line.example.prompt, tokenizer, length - chosen.longest)) is not None
    ]
    sampling = Sampling(chosen.longest, chosen.temperature, chosen.top_p)
    prompts = [prompt for _, _, prompt in asked for _ in range(chosen.samples)]
    samples = iter(LocalEngine(sampler, [end_of(tokenizer)]).generate(prompts, sampling, seed))
    for line, example, _ in asked:
        drawn = [next(samples) for _ in range(chosen.samples)]
        texts = [str(tokenizer.decode(list(sample.reply[:-1]))).strip() for sample in drawn if sample.finished]
        if len(texts) >= 2:
            yield line, example, texts


def in_order(texts: Sequence[str], likeness: Tensor, apart: float) -> tuple[tuple[str, ...], Places]:
    """Texts by their likeness, the closest first, and the pairs of places that are too close to be compared."""
    order = torch.argsort(likeness, descending=True, stable=True).tolist()
    place_of = {text: place for place, text in enumerate(order)}
    kept = {(place_of[better], place_of[worse]) for better, worse in rla_pairs(likeness, apart).tolist()}
    left_out = frozenset(pair for pair in combinations(range(len(texts)), 2) if pair not in kept)
    return tuple(texts[text] for text in order), left_out


def cosines(embed: Embed, texts: Sequence[str], demonstration: str) -> Tensor:
    """How much each text is like the demonstration: the cosine of their vectors, (texts,)."""
    embedded = embed([demonstration, *texts])
    return cosine_similarity(embedded[1:], embedded[:1])


def likeness_agreement(lines: Sequence[Line], embed: Embed, random: np.random.Generator) -> Agreement:
    """How likeness to the best reply agrees with people on the other replies; the best is like itself, which says
    nothing."""
    scored = []
    for line in lines:
        if isinstance(example := line.example, Ranking):
            told = cosines(embed, example.replies[1:], example.replies[0]).tolist() if example.replies[1:] else []
            ties = frozenset((first - 1, second - 1) for first, second in example.ties if first)
            scored.append(Scored(line.unit, line.lang, tuple(told), tuple(map(len, example.replies[1:])), ties))
    return agreement(scored, random)


def _encoder(
    chosen: Demonstrations, sampler: Any, tokenizer: PreTrainedTokenizerBase, device: str
) -> tuple[Embed, str]:
    if not chosen.encoder:
        body = sampler.base_model
        return _averaged(body, tokenizer), f"averaged hidden states of {chosen.sampler}, for want of a sentence encoder"
    where = from_where(chosen.encoder)
    try:
        encoder = AutoModel.from_pretrained(chosen.encoder, **where)
    except UNREADABLE as error:
        first = str(error).strip().partition("\n")[0].rstrip(".")
        raise BadModel(f"{chosen.encoder} gives no encoder: {first}") from None
    torch.nn.Module.to(encoder, device_of(device))
    return _averaged(encoder.eval(), load_tokenizer(chosen.encoder)), f"the sentence encoder {chosen.encoder}"


def _averaged(model: Any, tokenizer: PreTrainedTokenizerBase) -> Embed:
    """The last hidden states of a text, averaged over its tokens."""

    @torch.no_grad()
    def embed(texts: Sequence[str]) -> Tensor:
        found = []
        for begin in range(0, len(texts), AT_ONCE):
            given = tokenizer(
                [text or " " for text in texts[begin : begin + AT_ONCE]],
                return_tensors="pt", padding=True, padding_side="right", truncation=True, max_length=READ,
            ).to(model.device)  # fmt: skip
            mask = given["attention_mask"]
            hidden = model(input_ids=given["input_ids"], attention_mask=mask).last_hidden_state.float()
            found.append((hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True))
        return torch.cat(found)

    return embed
