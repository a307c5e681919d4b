"""A model in this process, as evaluation asks it: conversations in, texts and their probabilities out.

Knows tokens; does not know what is evaluated.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import torch
from transformers import PreTrainedTokenizerBase

from espalier.dataset.examples import Turns
from espalier.dataset.stamp import checksum, files_in
from espalier.evaluate.model import Context, Likelihood
from espalier.evaluate.windows import Read, of_the_word, windows
from espalier.infer.engine import Sample, Sampling, Tokens
from espalier.infer.forward import logits_at
from espalier.infer.layout import plain
from espalier.infer.likelihood import log_probs
from espalier.infer.load import load_model, positions_of
from espalier.infer.local import LocalEngine
from espalier.infer.reward import load_reward
from espalier.infer.score import model_reward, passes
from espalier.infer.tokens import encode_reply, end_of, end_of_prompt, tokens_of
from espalier.infer.unusable import BadModel

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
        self.longest = positions_of(model) or LONGEST
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda each: each[1])
        self.tokenizer = hashlib.sha256(repr(vocabulary).encode()).hexdigest()[:16]

    def generate(self, prompts: Sequence[Context], sampling: Sampling, seed: int) -> list[str]:
        """Of what is too long the end stays: whole turns of a conversation, tokens of a text or of the last turn.

        Raises BadModel where a reply is to be as long as all that the model can read."""
        room = self.longest - sampling.longest
        if room < 1:
            raise BadModel(
                f"{self.name} has room for {self.longest:,} tokens, too few for a prompt and a reply of "
                f"{sampling.longest:,}; ask for shorter ones"
            )
        tokens = [
            self._text(each, room) if isinstance(each, str) else end_of_prompt(each, self.reads, room)
            for each in prompts
        ]
        ends = {end_of(self.reads), *({end} if isinstance(end := self.reads.eos_token_id, int) else ())}
        samples = LocalEngine(self.model, ends, PASS_TOKENS).generate(tokens, sampling, seed)
        return [str(self.reads.decode(list(each.reply), skip_special_tokens=True)) for each in samples]

    def reading(self) -> Self:
        """Weights are at hand."""
        return self

    def loglikelihood(self, asked: Sequence[tuple[Context, str]]) -> list[Likelihood]:
        """Of a context that is too long the end stays: whole turns of a conversation, tokens of a text or of the last
        turn. A text that is too long itself is told in windows, the whole of it.
        """
        return self._told([windows(*self._pair(context, text), self.longest) for context, text in asked])

    def loglikelihood_rolling(self, texts: Sequence[str]) -> list[Likelihood]:
        """In windows that do not overlap in what they predict, each as long as there is room for."""
        whole = [tuple(self.reads(text, add_special_tokens=False, verbose=False)["input_ids"]) for text in texts]
        return self._told([windows((self._first,), tokens, self.longest) for tokens in whole])

    @property
    def ordinary(self) -> list[int]:
        """The tokens that texts are made of: none that the chat format needs."""
        return sorted(set(self.reads.get_vocab().values()) - set(self.reads.all_special_ids))

    @property
    def _first(self) -> int:
        """What stands before a text that begins: the token that the model knows for it, or the end of another."""
        begin = self.reads.bos_token_id
        return begin if isinstance(begin, int) else end_of(self.reads)

    def _text(self, text: str, room: int) -> Tokens:
        return (tuple(self.reads(text, verbose=False)["input_ids"]) or (self._first,))[-room:]

    def _pair(self, context: Context, text: str) -> Read:
        if not isinstance(context, str):
            reply = tuple(plain([text], self.reads)[0])
            return end_of_prompt(context, self.reads, max(self.longest - len(reply), self.longest // 2)), reply
        stripped, text = of_the_word(context, text)
        before = tuple(self.reads(stripped, verbose=False)["input_ids"]) if stripped else ()
        whole = tuple(self.reads(stripped + text, verbose=False)["input_ids"])
        if not before:
            return (self._first,), whole[whole[:1] == (self._first,) :]
        return before, whole[len(before) :]

    @torch.no_grad()
    def _told(self, windows: Sequence[Sequence[Read]]) -> list[Likelihood]:
        """Of each text all of its windows together."""
        pairs = [(number, *pair) for number, each in enumerate(windows) for pair in each]
        log_p, tokens, greedy = [0.0] * len(windows), [0] * len(windows), [True] * len(windows)
        packed = passes([(before, text) for _, before, text in pairs], self.model, PASS_TOKENS) if pairs else ()
        for rows in packed:
            logits = logits_at(self.model, rows.before, **rows.inputs())
            chosen = log_probs(logits, rows.targets)
            likeliest = logits.argmax(1) == rows.targets
            which = rows.places.tolist()
            lengths = [len(pairs[place][2]) for place in which]
            for place, told, most in zip(which, chosen.split(lengths), likeliest.split(lengths), strict=True):
                owner = pairs[place][0]
                log_p[owner] += float(told.double().sum())
                tokens[owner] += len(told)
                greedy[owner] &= bool(most.all())
        return [Likelihood(*each) for each in zip(log_p, tokens, greedy, strict=True)]


class LocalJudge:
    """A reward model and its tokenizer."""

    def __init__(self, name: str, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
        self.name, self.reads = name, tokenizer
        self.longest = positions_of(model) or LONGEST
        self._reward = model_reward(model, PASS_TOKENS)

    def rewards(self, replies: Sequence[tuple[Turns, str]]) -> list[float]:
        """Of what is too long the first turns are left out; where the last one alone is too long its reply is cut, or
        its beginning."""
        return list(self._reward([self._sample(turns, text) for turns, text in replies])) if replies else []

    def _sample(self, turns: Turns, text: str) -> Sample:
        *said, end = encode_reply(text, self.reads)
        prompt = (
            tokens_of(turns, self.reads, self.longest - len(said) - 1)
            or tokens_of(turns, self.reads, self.longest - 1)
            or end_of_prompt(turns, self.reads, self.longest // 2)
        )
        reply = (*said[: self.longest - len(prompt) - 1], end)
        return Sample(prompt, reply, True)


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
