"""A model that is served under a name: conversations in, replies out as they are made, many at a time.

Knows models and their chat formats; knows no HTTP.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from espalier.dataset.examples import ASSISTANT, SYSTEM, Turn
from espalier.dataset.format import Role, prompt_of
from espalier.infer.alone import Alone
from espalier.infer.batching import Batching
from espalier.infer.completions import ApiRefusal, Drawing, Finish, TextLogprobs, TokenLogprob, too_long
from espalier.infer.engine import Sampling, Tokens
from espalier.infer.layout import layout_of, plain
from espalier.infer.load import by_old_names, is_adapter, load_tokenizer, make_room, positions_of
from espalier.infer.places import Places
from espalier.infer.speech import Drawn, Speech
from espalier.infer.tokens import encode_prompt
from espalier.infer.unusable import BadModel

USUAL: Final = 512
"""Tokens of a reply whose request says nothing of them."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What is new of a reply. drawn: so many tokens, also of those that are held back or end it."""

    text: str
    tokens: list[TokenLogprob]
    drawn: int
    finish: Finish | None = None


class Served:
    """A model under a name. tokens: of the cache, for all prompts and replies that run. turns: held while any model of
    this process computes. queue: how many requests may wait.
    """

    def __init__(
        self, name: str, model: Any, tokenizer: PreTrainedTokenizerBase, turns: Any, tokens: int, queue: int
    ) -> None:
        self.name, self.tokenizer, self.layout = name, tokenizer, layout_of(tokenizer)
        ends = _ends(model, tokenizer)
        self._ends = frozenset(ends)
        self.alone = Alone(sharing_weights(model), ends, turns, queue)
        self.batching = Batching(model, ends, tokens, turns, queue)
        self.context = min(self.batching.longest, positions_of(model) or self.batching.longest)

    def prompt(self, turns: Iterable[Turn]) -> Tokens:
        """A conversation in tokens; a reply that is to be continued stands at its end, open. Raises BadTemplate."""
        given = list(turns)
        begun = given.pop().content if given[-1].role == ASSISTANT else None
        if given and given[0].role == SYSTEM and Role.SYSTEM not in self.layout.opening:
            self.layout.length(Role.SYSTEM, ())  # says what is wrong
        tokens = encode_prompt(prompt_of(given), self.tokenizer)
        return tokens if begun is None else (*tokens, *plain([begun], self.tokenizer)[0])

    def text(self, given: str | Sequence[int], special: bool = True) -> Tokens:
        """A text in tokens, as it is. special: with what the tokenizer puts around texts. Raises ApiRefusal where a
        token is none of the model's.
        """
        if isinstance(given, str):
            return tuple(
                self.tokenizer(given, verbose=False)["input_ids"] if special else plain([given], self.tokenizer)[0]
            )
        if (highest := max(given)) >= len(self.tokenizer):
            raise ApiRefusal(400, f"The model has no token {highest}.", "invalid_value", "prompt")
        return tuple(given)

    def lengths(self, turns: Iterable[Turn]) -> list[int]:
        """Tokens of each turn, with what stands around it. Raises BadTemplate."""
        given = prompt_of(turns)
        texts = plain([segment.text for segment in given], self.tokenizer)
        return [self.layout.length(segment.role, text) for segment, text in zip(given, texts, strict=True)]

    def sampling(self, request: Drawing, prompt: Tokens) -> Sampling:
        """How replies are drawn, within the room that the prompt leaves. Raises ApiRefusal."""
        room = self.context - len(prompt)
        if room < (request.longest or 1):
            raise too_long(len(prompt), self.context, request.longest)
        longest = request.longest or min(room, USUAL)
        return Sampling(longest, request.temperature, request.top_p, request.top_k)

    def places(self, request: Drawing) -> Places:
        """Where replies wait. A request with a seed must not depend on its company, and a batch tells no
        log-probabilities.
        """
        return self.batching.places if request.seed is None and request.likeliest is None else self.alone.places

    async def reply(
        self, request: Drawing, prompt: Tokens, sampling: Sampling, number: int = 0
    ) -> AsyncGenerator[Piece, None]:
        """One of the replies that a request wants, in pieces; the last one says why it ended. Who closes the generator
        before its end stops it.
        """
        speech = Speech(self.tokenizer, request.stop)
        if self.places(request) is self.batching.places:
            drawing = self.batching.tokens(prompt, sampling)
        else:
            seed = None if request.seed is None else request.seed + number
            drawing = self.alone.tokens(prompt, sampling, seed, request.likeliest)
        ended = False
        async with aclosing(drawing):
            async for drawn in drawing:
                if drawn.token in self._ends:
                    ended = True
                    break
                text, tokens = speech.add(drawn)
                if speech.stopped:
                    yield Piece(text, tokens, 1, "stop")
                    return
                yield Piece(text, tokens, 1)
        text, tokens = speech.end()
        yield Piece(text, tokens, int(ended), "stop" if ended else "length")

    async def read(self, text: Tokens, following: int, likeliest: int) -> tuple[str, TextLogprobs]:
        """What the model makes of each token of a text, and the text. following: whether the likeliest token behind it
        is told as well, 1, or not, 0.
        """
        drawn = (await self.alone.read(text, likeliest))[: len(text) + following]
        speech, told, begins = Speech(self.tokenizer, ()), "", list[int]()
        for each in drawn:
            begins.append(len(told))
            told += speech.add(Drawn(each.token))[0]
        # Of tokens that look alike, as parts of signs do, the likeliest stays.
        likely = [{self._word(token): log_p for token, log_p in reversed(each.likeliest)} for each in drawn]
        logprobs = TextLogprobs(
            tokens=[self._word(each.token) for each in drawn], token_logprobs=[each.log_prob for each in drawn],
            top_logprobs=[each if place else None for place, each in enumerate(likely)], text_offset=begins,
        )  # fmt: skip
        return told + speech.end()[0], logprobs

    def _word(self, token: int) -> str:
        return str(self.tokenizer.decode([token]))

    def stop(self) -> None:
        """End what runs."""
        self.batching.stop()
        self.alone.stop()


def adapted(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> tuple[Any, Any]:
    """A model with an adapter on it, and its tokenizer; the weights below are those of the model, once in memory.
    Raises BadModel.
    """
    if not is_adapter(folder):
        raise BadModel(f"{folder} holds no adapter; one is a directory with an adapter_config.json")
    if (folder / "tokenizer_config.json").is_file():
        tokenizer = load_tokenizer(folder)
    from peft import PeftModel  # a second of time, which only adapters cost

    below = sharing_weights(model)
    make_room(below, tokenizer)
    try:
        with by_old_names():
            whole = PeftModel.from_pretrained(below, str(folder))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        told = str(error).strip().partition("\n")[0].rstrip(".")
        raise BadModel(f"the adapter {folder} does not fit the model: {told}") from None
    return whole.eval().get_base_model(), tokenizer


def sharing_weights(model: Any) -> Any:
    """The same model once more, with a configuration of its own and the same tensors."""
    tensors: dict[int, torch.Tensor] = {id(each): each for each in (*model.parameters(), *model.buffers())}
    return deepcopy(model, dict(tensors))


def _ends(model: Any, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """What ends a reply: the end of a turn, what the model's directory names, and another's turn that begins."""
    layout = layout_of(tokenizer)
    named = getattr(model.generation_config, "eos_token_id", None)
    begun = {layout.opening[role][:1] for role in (Role.SYSTEM, Role.PROMPTER) if role in layout.opening}
    special = {*tokenizer.all_special_ids}
    others = {tokens[0] for tokens in begun if tokens and tokens[0] in special}
    return {layout.end, *others, *([named] if isinstance(named, int) else named or [])}
