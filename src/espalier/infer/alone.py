"""Replies one token after the other, each for itself: with a seed of their own, and with log-probabilities; and what
the model makes of texts that are there already.

What is computed for a reply depends on nothing but its request, so the same seed gives the same text whatever else goes
on; several replies take turns, token by token. Knows tokens; knows no text.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Final

import torch
from torch import Tensor
from transformers import DynamicCache

from espalier.infer.engine import Sampling, Tokens
from espalier.infer.places import Places
from espalier.infer.speech import Drawn

AT_ONCE: Final = 4  # replies
PIECE: Final = 256  # tokens of a prompt that are read in one turn


@dataclass(eq=False)
class _Reply:
    """One that is being made. left: tokens that the model has not read yet."""

    left: list[int]
    sampling: Sampling
    chance: torch.Generator
    likeliest: int | None
    outputs: "asyncio.Queue[Drawn | Exception | None]"
    loop: asyncio.AbstractEventLoop
    cache: DynamicCache = field(default_factory=DynamicCache)
    drawn: int = 0
    given_up: bool = False

    def tell(self, what: Drawn | Exception | None) -> None:
        self.loop.call_soon_threadsafe(self.outputs.put_nowait, what)


class Alone:
    """ends, turns, queue: as in batching."""

    def __init__(self, model: Any, ends: Collection[int], turns: Any, queue: int) -> None:
        self.places = Places(AT_ONCE, queue)
        self._model, self._ends, self._turns = model.eval(), frozenset(ends), turns
        self._comers: SimpleQueue[_Reply | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="alone", daemon=True)
        self._thread.start()

    async def tokens(
        self, prompt: Tokens, sampling: Sampling, seed: int | None, likeliest: int | None
    ) -> AsyncGenerator[Drawn, None]:
        """The tokens of a reply as they are drawn, its end token among them. likeliest: how many of them are told in
        each place; None tells no log-probabilities, which are in nats and at temperature 1. Who closes the generator
        before its end frees the place.
        """
        async with self.places.taken(1):
            chance = torch.Generator()
            if seed is None:
                chance.seed()
            else:
                chance.manual_seed(seed)
            loop = asyncio.get_running_loop()
            reply = _Reply(list(prompt), sampling, chance, likeliest, asyncio.Queue(), loop)
            self._comers.put(reply)
            try:
                while (drawn := await reply.outputs.get()) is not None:
                    if isinstance(drawn, Exception):
                        raise drawn
                    yield drawn
            finally:
                reply.given_up = True

    async def read(self, text: Tokens, likeliest: int) -> list[Drawn]:
        """Each token of a text, the first one, which stands after nothing, without a log-probability; and behind them
        the likeliest one that would follow. likeliest: how many are told in each place.
        """
        async with self.places.taken(1):
            given_up = Event()
            try:
                return await asyncio.to_thread(self._read, text, likeliest, given_up)
            finally:
                given_up.set()

    @torch.no_grad()
    def _read(self, text: Tokens, likeliest: int, given_up: Event) -> list[Drawn]:
        """A piece at a time, so that others have their turn between them."""
        cache, found = DynamicCache(), [Drawn(text[0])]
        for begin in range(0, len(text), PIECE):
            if given_up.is_set():
                break
            with self._turns:
                ids = torch.tensor([text[begin : begin + PIECE]], device=self._model.device)
                logits = self._model(input_ids=ids, past_key_values=cache, use_cache=True).logits[0].float().cpu()
            following = (*text, int(logits[-1].argmax()))[begin + 1 : begin + PIECE + 1]
            found += [
                Drawn(token, float(place[token]), likeliest_of(place, likeliest))
                for place, token in zip(logits.log_softmax(1), following, strict=True)
            ]
        return found

    def stop(self) -> None:
        """End what runs."""
        self._comers.put(None)
        self._thread.join(timeout=5.0)

    def _work(self) -> None:
        replies: list[_Reply] = []
        while True:
            while not replies or not self._comers.empty():
                comer = self._comers.get()
                if comer is None:
                    return
                replies.append(comer)
            replies = [reply for reply in replies if not reply.given_up and self._step(reply)]

    def _step(self, reply: _Reply) -> bool:
        """Read a piece of the prompt or draw a token; whether there is more to do."""
        try:
            with torch.no_grad(), self._turns:
                read, reply.left = reply.left[:PIECE], reply.left[PIECE:]
                ids = torch.tensor([read], device=self._model.device)
                out = self._model(input_ids=ids, past_key_values=reply.cache, use_cache=True, logits_to_keep=1)
            if reply.left:
                return True
            drawn = draw(out.logits[0, -1].float().cpu(), reply.sampling, reply.chance, reply.likeliest)
        except Exception as error:  # the others go on, and who asked is told
            reply.tell(error)
            return False
        reply.tell(drawn)
        reply.left, reply.drawn = [drawn.token], reply.drawn + 1
        if drawn.token in self._ends or reply.drawn >= reply.sampling.longest:
            reply.tell(None)
            return False
        return True


def draw(logits: Tensor, sampling: Sampling, chance: torch.Generator, likeliest: int | None) -> Drawn:
    """A token from the logits of one place, (vocabulary,). Of top_p those tokens stay that make up the share, the one
    that reaches it among them (Holtzman et al. 2020).
    """
    if not sampling.temperature:
        token = int(logits.argmax())
    else:
        order = torch.sort(logits / sampling.temperature, descending=True, stable=True)
        kept = order.values[: sampling.top_k or None].softmax(0)
        kept = kept[kept.cumsum(0) - kept < sampling.top_p] if sampling.top_p < 1 else kept
        token = int(order.indices[torch.multinomial(kept, 1, generator=chance)])
    if likeliest is None:
        return Drawn(token)
    log_probs = logits.log_softmax(0)
    return Drawn(token, float(log_probs[token]), likeliest_of(log_probs, likeliest))


def likeliest_of(log_probs: Tensor, many: int) -> tuple[tuple[int, float], ...]:
    """The likeliest tokens of one place, (vocabulary,), each with its log-probability, the likeliest first."""
    top = log_probs.topk(many)
    return tuple(zip(top.indices.tolist(), top.values.tolist(), strict=True))
