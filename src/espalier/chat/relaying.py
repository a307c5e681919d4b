"""Chat for programs: a request in OpenAI's shape goes on to the model that it names, and what comes goes back.

The person's limits, the safety filter and the figures of what it takes out are those of the pages. Nothing of what is
said is kept. Refusals are those of OpenAI's interface.
"""

import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from datetime import datetime
from typing import Any, Final

from espalier.chat.filtering import FIGURES
from espalier.chat.gathering import gathered
from espalier.chat.models import Served
from espalier.chat.scoring import NOBODY, Judges
from espalier.dataset.examples import USER
from espalier.infer.completions import ApiRefusal, ChatChunk, ChatCompletion, ChatRequest, ChunkChoice, Delta, Reply
from espalier.infer.remote import AsyncChatClient, Unreachable
from espalier.store import model_figures
from espalier.store.filter_hits import Side

LOOKED_AT_EVERY_S: Final = 0.5
"""Where there is a filter, nothing is passed back before it was looked at."""
FILTERED: Final = "content_filter"
AGAIN_S: Final = 5
NOT_THEIRS: Final = frozenset({401, 402, 403, 404})
"""Of the key and the address that the organiser has set."""

log = logging.getLogger(__name__)


class Relay:
    """write: the door's. clock: the time. Made and used in the event loop."""

    def __init__(
        self,
        models: Sequence[Served],
        write: Callable[..., Awaitable[Any]],
        clock: Callable[[], datetime],
        judges: Judges = NOBODY,
    ) -> None:
        self._write, self._clock, self._safety = write, clock, judges.safety
        self._models = {each.id: (each, AsyncChatClient(each.url, each.key)) for each in models}

    @property
    def models(self) -> list[str]:
        return [*self._models]

    def known(self, model: str) -> None:
        """Raises ApiRefusal where there is no such model."""
        if model not in self._models:
            there = ", ".join(self._models) or "none"
            raise ApiRefusal(404, f"There is no model {model!r}; there are: {there}.", "model_not_found", "model")

    async def complete(self, request: ChatRequest, body: bytes) -> ChatCompletion:
        """The whole answer. body: the request as it came. Raises ApiRefusal."""
        await self._look_at_words(request)
        served, client = self._models[request.model]
        with _told_as_ours():
            made = await client.complete(_passed_on(served, body))
        choices = []
        for choice in made.choices:
            if await self._takes_out(request.model, Side.WRITTEN, choice.message.content or ""):
                choice = choice.model_copy(update={"message": Reply(content=""), "finish_reason": FILTERED})
            choices.append(choice)
        return made.model_copy(update={"choices": choices, "model": request.model})

    async def stream(self, request: ChatRequest, body: bytes) -> AsyncGenerator[list[ChatChunk], None]:
        """The answer as it comes, with what comes at once together; whoever closes it has the model stop.

        Raises ApiRefusal.
        """
        await self._look_at_words(request)
        served, client = self._models[request.model]
        asked = _passed_on(served, body)
        coming = self._looked_at(request, client.stream(asked)) if self._safety else client.together(asked)
        with _told_as_ours():
            async with aclosing(coming) as together:
                async for chunks in together:
                    yield [
                        chunk.model_copy(update={"model": request.model})
                        for chunk in chunks if chunk.choices or request.usage_in_stream
                    ]  # fmt: skip

    async def close(self) -> None:
        for _, client in self._models.values():
            await client.__aexit__()

    async def _looked_at(
        self, request: ChatRequest, coming: AsyncGenerator[ChatChunk, None]
    ) -> AsyncGenerator[list[ChatChunk], None]:
        """What comes, but for replies that the filter takes out: those end there."""
        texts, ended = [""] * request.n, set[int]()
        async with aclosing(gathered(coming, LOOKED_AT_EVERY_S)) as together:
            async for chunks in together:
                passed = list[ChatChunk]()
                for number in {choice.index for chunk in chunks for choice in chunk.choices} - ended:
                    said = [c.delta.content or "" for chunk in chunks for c in chunk.choices if c.index == number]
                    seen, texts[number] = len(texts[number]), texts[number] + "".join(said)
                    if await self._takes_out(request.model, Side.WRITTEN, texts[number], seen):
                        ended.add(number)
                        over = ChunkChoice(index=number, delta=Delta(), finish_reason=FILTERED)
                        passed.append(chunks[0].model_copy(update={"choices": [over]}))
                for chunk in chunks:
                    left = [choice for choice in chunk.choices if choice.index not in ended]
                    if left or not chunk.choices:
                        passed.append(chunk.model_copy(update={"choices": left}))
                yield passed
                if len(ended) == request.n:
                    return

    async def _look_at_words(self, request: ChatRequest) -> None:
        words = next((turn.content for turn in reversed(request.turns) if turn.role == USER), "")
        if await self._takes_out(request.model, Side.SAID, words):
            raise ApiRefusal(400, "The safety filter took this out; put it in other words.", FILTERED, "messages")

    async def _takes_out(self, model: str, side: Side, text: str, seen: int = 0) -> bool:
        """Raises ApiRefusal where the filter does not answer: what is not looked at is not passed on."""
        if self._safety is None or not text:
            return False
        try:
            score = await self._safety.score(side, text, seen)
        except (ApiRefusal, Unreachable) as error:
            log.warning("the safety filter does not answer: %s", error)
            raise _away() from None
        if score is not None:
            await self._write(model_figures.note, self._clock().date(), model, {FIGURES[side]: 1.0})
        return score is not None


def _passed_on(served: Served, body: bytes) -> dict[str, Any]:
    return {**json.loads(body), "model": served.at_server}


@contextmanager
def _told_as_ours() -> Iterator[None]:
    """What a server refuses of the request is said as it is, with when to come again where it does not say so; not that
    it refuses the site, or is away.

    Raises ApiRefusal.
    """
    try:
        yield
    except ApiRefusal as refused:
        if refused.status not in NOT_THEIRS:
            if refused.status == 429 and refused.retry_after_s is None:
                refused.retry_after_s = AGAIN_S
            raise
        log.warning("a model's server refuses the site: %s", refused.message)
        raise _away() from None
    except Unreachable as error:
        log.warning("a model's server does not answer: %s", error)
        raise _away() from None


def _away() -> ApiRefusal:
    return ApiRefusal(503, "The model does not answer at the moment.", "model_away", retry_after_s=AGAIN_S)
