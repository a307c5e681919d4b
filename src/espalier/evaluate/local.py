"""A model in this process, as evaluation asks it: conversations in, texts and their probabilities out.

Knows tokens; does not know what is evaluated.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from transformers import PreTrainedTokenizerBase

from espalier.dataset.examples import Turns
from espalier.dataset.stamp import checksum, files_in
from espalier.evaluate.model import Context, Likelihood
from espalier.infer.engine import Sample, Sampling, Tokens
from espalier.infer.forward import logits_at
from espalier.infer.layout import plain
from espalier.infer.load import BadModel, load_model
from espalier.infer.local import LocalEngine
from espalier.infer.reward import load_reward
from espalier.infer.score import Replied, model_reward, passes
from espalier.infer.tokens import encode_reply, end_of, tokens_of

PASS_TOKENS: Final = 8_192
LONGEST: Final = 2_048
"""Tokens that are read at once where a model does not say how many it can."""


class LocalModel:
    """A language model and its tokenizer. longest: tokens of a prompt with its reply."""

    def __init__(
        self, name: str, source: str, model: Any, tokenizer: PreTrainedTokenizerBase, identity: str = ""
    ) -> None:
        self.name, self.source, self.identity = name, source, identity
        self.model, self.reads = model.eval(), tokenizer
        self.longest = int(getattr(model.config, "max_position_embeddings", None) or LONGEST)
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda each: each[1])
        self.tokenizer = hashlib.sha256(repr(vocabulary).encode()).hexdigest()[:16]

    def generate(self, prompts: Sequence[Turns], sampling: Sampling, seed: int) -> list[str]:
        """Raises BadModel where even the last turn of a prompt leaves no room for a reply."""
        tokens = [self._prompt(turns, self.longest - sampling.longest) for turns in prompts]
        samples = LocalEngine(self.model, [end_of(self.reads)], PASS_TOKENS).generate(tokens, sampling, seed)
        return [str(self.reads.decode(list(each.reply), skip_special_tokens=True)) for each in samples]

    def loglikelihood(self, asked: Sequence[tuple[Context, str]]) -> list[Likelihood]:
        """Of a context that is too long the end stays: whole turns of a conversation, tokens of a text."""
        return self._told([self._pair(context, text) for context, text in asked])

    def loglikelihood_rolling(self, texts: Sequence[str]) -> list[Likelihood]:
        """In windows that do not overlap in what they predict, each token but the first after as many as there is room
        for."""
        pairs, owners = list[Replied](), list[int]()
        for number, text in enumerate(texts):
            tokens = tuple(self.reads(text, add_special_tokens=False, verbose=False)["input_ids"])
            for begin in range(0, len(tokens), self.longest - 1):
                end = min(begin + self.longest - 1, len(tokens))
                seen = tokens[max(0, end - self.longest) : begin]
                pairs.append((seen or (self._first,), tokens[begin:end]))
                owners.append(number)
        found = [Likelihood(0.0, 0, True) for _ in texts]
        for owner, each in zip(owners, self._told(pairs), strict=True):
            sofar = found[owner]
            found[owner] = Likelihood(
                sofar.log_p + each.log_p, sofar.tokens + each.tokens, sofar.greedy and each.greedy
            )
        return found

    @property
    def _first(self) -> int:
        """What stands before a text that begins: the token that the model knows for it, or the end of another."""
        begin = self.reads.bos_token_id
        return begin if isinstance(begin, int) else end_of(self.reads)

    def _prompt(self, turns: Turns, room: int) -> Tokens:
        tokens = tokens_of(turns, self.reads, room)
        if not tokens:
            raise BadModel(f"{self.name} has room for {self.longest:,} tokens, too few for a prompt and a reply to it")
        return tokens

    def _pair(self, context: Context, text: str) -> Replied:
        if not isinstance(context, str):
            reply = tuple(plain([text], self.reads)[0])[: self.longest // 2]
            return self._prompt(context, self.longest - len(reply)), reply
        # Blanks at the end of a context belong to the word that follows, as tokenizers have it.
        stripped = context.rstrip()
        text = context[len(stripped) :] + text
        before = tuple(self.reads(stripped, verbose=False)["input_ids"]) if stripped else ()
        whole = tuple(self.reads(stripped + text, verbose=False)["input_ids"])
        continued = whole[len(before) :][-(self.longest - 1) :]
        if not before:
            return (self._first,), continued[continued[:1] == (self._first,) :]
        return before[-(self.longest - len(continued)) :], continued

    @torch.no_grad()
    def _told(self, pairs: Sequence[Replied]) -> list[Likelihood]:
        there = [place for place, (_, text) in enumerate(pairs) if text]
        found = [Likelihood(0.0, 0, True) for _ in pairs]
        for rows in passes([pairs[place] for place in there], self.model, PASS_TOKENS) if there else ():
            logits = logits_at(self.model, rows.input_ids, rows.position_ids, rows.before, rows.mask).float()
            chosen = logits.gather(1, rows.targets[:, None])[:, 0] - logits.logsumexp(1)
            likeliest = logits.argmax(1) == rows.targets
            places = [there[place] for place in rows.places.tolist()]
            lengths = [len(pairs[place][1]) for place in places]
            for place, log_p, greedy in zip(places, chosen.split(lengths), likeliest.split(lengths), strict=True):
                found[place] = Likelihood(float(log_p.double().sum()), len(log_p), bool(greedy.all()))
        return found


class LocalJudge:
    """A reward model and its tokenizer."""

    def __init__(self, name: str, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
        self.name, self.reads = name, tokenizer
        self.longest = int(getattr(model.config, "max_position_embeddings", None) or LONGEST)
        self._reward = model_reward(model, PASS_TOKENS)

    def rewards(self, replies: Sequence[tuple[Turns, str]]) -> list[float]:
        """Of what is too long the first turns are left out; where the last one alone is too long its reply is cut."""
        return list(self._reward([self._sample(turns, text) for turns, text in replies])) if replies else []

    def _sample(self, turns: Turns, text: str) -> Sample:
        *said, end = encode_reply(text, self.reads)
        prompt = tokens_of(turns, self.reads, self.longest - len(said) - 1) or tokens_of(
            turns, self.reads, self.longest - 1
        )
        if not prompt:
            raise BadModel(f"{self.name} has room for {self.longest:,} tokens, too few for a prompt and a reply to it")
        reply = (*said[: self.longest - len(prompt) - 1], end)
        return Sample(prompt, reply, (0.0,) * len(reply), True)


def open_local(name: str, place: str, device: str = "auto", dtype: str = "float32") -> LocalModel:
    """From a directory or by its name on the hub. Raises BadModel."""
    model, tokenizer = load_model(place, getattr(torch, dtype), device=device)
    return LocalModel(name, place, model, tokenizer, identity_of(place))


def open_local_judge(name: str, place: str, device: str = "auto", dtype: str = "float32") -> LocalJudge:
    """From a directory or by its name on the hub. Raises BadModel."""
    model, tokenizer, _ = load_reward(place, getattr(torch, dtype), device=device)
    return LocalJudge(name, model, tokenizer)


def identity_of(place: str) -> str:
    """The checksum of all that a directory holds; of a model on the hub its name."""
    if not Path(place).is_dir():
        return place
    sums = [f"{name} {checksum(path)}" for name, path in files_in(Path(place)).items()]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()
