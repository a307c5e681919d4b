"""The process that holds the models, over HTTP: OpenAI's chat interface, and scores on a route of their own.

Knows models by name and what is said over HTTP; knows no campaign and no people.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from time import time
from typing import Any, Final, TypeVar
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from espalier import __version__
from espalier.dataset.examples import Turn
from espalier.infer.batching import Broken
from espalier.infer.completions import (
    DONE,
    STREAMED,
    ApiRefusal,
    ChatChunk,
    ChatCompletion,
    ChatRequest,
    Choice,
    ChunkChoice,
    CompletionRequest,
    Delta,
    Logprobs,
    Model,
    ModelList,
    Reply,
    Scores,
    TextChoice,
    TextCompletion,
    TextLogprobs,
    Tokenized,
    TokenLogprob,
    Usage,
    event,
    no_model,
    read_chat,
    read_completion,
    read_score,
    read_tokenize,
)
from espalier.infer.engine import Sampling, Tokens
from espalier.infer.places import Full, Places
from espalier.infer.served import Piece, Served
from espalier.infer.unusable import BadTemplate
from espalier.infer.waiting import while_there

LARGEST_BODY: Final = 8 * 2**20
SIGN_OF_LIFE_S: Final = 5.0
"""So often a stream that waits says that it is there."""
log = logging.getLogger(__name__)
Told = TypeVar("Told")

Conversations = Sequence[Sequence[Turn]]
Rewards = Callable[[Conversations], list[float | None]]
Toxicities = Callable[[Conversations], list[float]]


@dataclass
class Serving:
    """What a process serves: models by name, and what judges replies."""

    models: Mapping[str, Served]
    rewards: Rewards | None = None
    toxicities: Toxicities | None = None
    began: int = field(default_factory=lambda: int(time()))

    def model(self, name: str) -> Served:
        """Raises ApiRefusal."""
        if name not in self.models:
            raise no_model(name)
        return self.models[name]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that was admitted."""

    request: ChatRequest
    model: Served
    prompt: Tokens
    sampling: Sampling
    id: str
    created: int

    async def pieces(self) -> AsyncGenerator[tuple[int, Piece], None]:
        """The pieces of all its replies as they come, each with the number of its reply."""
        queue: asyncio.Queue[tuple[int, Piece] | Exception] = asyncio.Queue()

        async def pump(number: int) -> None:
            try:
                async with aclosing(self.model.reply(self.request, self.prompt, self.sampling, number)) as reply:
                    async for piece in reply:
                        queue.put_nowait((number, piece))
            except Exception as error:  # is raised where the pieces are awaited
                queue.put_nowait(error)

        tasks = [asyncio.create_task(pump(number)) for number in range(self.request.n)]
        unfinished = self.request.n
        try:
            while unfinished:
                told = await queue.get()
                if isinstance(told, Exception):
                    raise told
                unfinished -= told[1].finish is not None
                yield told
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def usage(self, drawn: int) -> Usage:
        return Usage.of(len(self.prompt), drawn)


def make_app(serving: Serving) -> FastAPI:
    """The server of some models."""

    @asynccontextmanager
    async def ends_what_runs(_: FastAPI) -> AsyncIterator[None]:
        yield
        for model in serving.models.values():
            await asyncio.to_thread(model.stop)

    app = FastAPI(title="Espalier models", version=__version__, lifespan=ends_what_runs, docs_url=None, redoc_url=None)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        models = {
            name: {"running": sum(each.running for each in places), "waiting": sum(each.waiting for each in places)}
            for name, model in serving.models.items()
            for places in [(model.batching.places, model.alone.places)]
        }
        scores = [name for name in ("rewards", "toxicities") if getattr(serving, name)]
        return {"status": "ok", "models": models, "scores": scores}

    @app.get("/v1/models")
    async def models() -> ModelList:
        return ModelList(data=[_described(serving, model) for model in serving.models.values()])

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> Model:
        return _described(serving, serving.model(name))

    @app.post("/v1/chat/completions")
    async def chat(http: Request) -> Response:
        asked = _admitted(serving, read_chat(await _body(http)))
        if asked.request.stream:
            return StreamingResponse(_stream(asked), media_type="text/event-stream", headers=STREAMED)
        try:
            return _json(await while_there(http, _whole(asked)))
        except Exception as error:
            raise _failure(error) from None

    @app.post("/v1/completions")
    async def completions(http: Request) -> Response:
        asked = read_completion(await _body(http))
        model = serving.model(asked.model)
        prompt = model.text(asked.prompt)
        sampling = model.sampling(asked, prompt)
        _look(model.places(asked))
        try:
            return _json(await while_there(http, _text(asked, model, prompt, sampling)))
        except Exception as error:
            raise _failure(error) from None

    @app.post("/tokenize")
    async def tokenize(http: Request) -> Response:
        asked = read_tokenize(await _body(http))
        found = serving.model(asked.model)
        try:
            lengths = found.lengths(asked.turns) if asked.messages else None
            tokens = (
                found.prompt(asked.turns)
                if asked.messages
                else found.text(asked.prompt or "", asked.add_special_tokens)
            )
        except BadTemplate as wrong:
            raise ApiRefusal(400, f"{wrong}.", "invalid_value", "messages") from None
        return _json(Tokenized(
            count=len(tokens), max_model_len=found.context, tokens=list(tokens), message_tokens=lengths
        ))  # fmt: skip

    @app.post("/score")
    async def score(http: Request) -> Response:
        asked = read_score(await _body(http))
        if serving.rewards is None and serving.toxicities is None:
            raise ApiRefusal(404, "This server has neither a reward model nor a moderation model.", "model_not_found")
        conversations = [[message.turn for message in messages] for messages in asked.conversations]
        return _json(Scores(
            rewards=await _scored(serving.rewards, conversations),
            toxicities=await _scored(serving.toxicities, conversations),
        ))  # fmt: skip

    app.add_exception_handler(ApiRefusal, _refused)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Exception, _failed)
    return app


async def _scored(score: Callable[[Conversations], Told] | None, conversations: Conversations) -> Told | None:
    return None if score is None else await asyncio.to_thread(score, conversations)


def _described(serving: Serving, model: Served) -> Model:
    return Model(id=model.name, created=serving.began, max_model_len=model.context)


def _admitted(serving: Serving, request: ChatRequest) -> _Asked:
    """Whatever can be refused is refused before anything is answered. Raises ApiRefusal."""
    model = serving.model(request.model)
    try:
        prompt = model.prompt(request.turns)
    except BadTemplate as wrong:
        raise ApiRefusal(400, f"{wrong}.", "invalid_value", "messages") from None
    sampling = model.sampling(request, prompt)
    _look(model.places(request), request.n)
    return _Asked(request, model, prompt, sampling, f"chatcmpl-{uuid4().hex}", int(time()))


def _look(places: Places, comers: int = 1) -> None:
    """Raises ApiRefusal where they would find no room in the queue."""
    try:
        places.look(comers)
    except Full as full:
        raise ApiRefusal(503, f"The model is busy; {full}.", "queue_full", retry_after_s=full.retry_after_s) from None


async def _text(asked: CompletionRequest, model: Served, prompt: Tokens, sampling: Sampling) -> TextCompletion:
    """How a text goes on, or what the model makes of it."""
    drawn, finish = asked.max_tokens, "length"
    if asked.echo:
        text, logprobs = await model.read(prompt, asked.max_tokens, asked.logprobs or 0)
    else:
        text, drawn, tokens = "", 0, list[TokenLogprob]()
        async with aclosing(model.reply(asked, prompt, sampling)) as reply:
            async for piece in reply:
                text, drawn, finish = text + piece.text, drawn + piece.drawn, piece.finish or finish
                tokens += piece.tokens
        logprobs = _of_text(tokens)
    choice = TextChoice(text=text, logprobs=logprobs if asked.logprobs is not None else None, finish_reason=finish)
    return TextCompletion(
        id=f"cmpl-{uuid4().hex}", created=int(time()), model=asked.model, choices=[choice],
        usage=Usage.of(len(prompt), drawn),
    )  # fmt: skip


def _of_text(tokens: Sequence[TokenLogprob]) -> TextLogprobs:
    """The log-probabilities of what was drawn, as this route tells them."""
    ends = list(accumulate((len(each.token) for each in tokens), initial=0))
    return TextLogprobs(
        tokens=[each.token for each in tokens], token_logprobs=[each.logprob for each in tokens],
        top_logprobs=[{other.token: other.logprob for other in reversed(each.top_logprobs)} for each in tokens],
        text_offset=ends[:-1],
    )  # fmt: skip


async def _whole(asked: _Asked) -> ChatCompletion:
    texts = [""] * asked.request.n
    tokens: list[list[TokenLogprob]] = [[] for _ in texts]
    finishes: list[str | None] = [None] * len(texts)
    drawn = 0
    async with aclosing(asked.pieces()) as pieces:
        async for number, piece in pieces:
            texts[number] += piece.text
            tokens[number] += piece.tokens
            finishes[number] = piece.finish
            drawn += piece.drawn
    choices = [
        Choice(
            index=number, message=Reply(content=text), finish_reason=finishes[number],
            logprobs=Logprobs(content=tokens[number]) if asked.request.logprobs else None,
        )
        for number, text in enumerate(texts)
    ]  # fmt: skip
    return ChatCompletion(
        id=asked.id, created=asked.created, model=asked.request.model, choices=choices, usage=asked.usage(drawn)
    )


async def _stream(asked: _Asked) -> AsyncGenerator[bytes, None]:
    def chunk(*choices: ChunkChoice, usage: Usage | None = None) -> bytes:
        return event(ChatChunk(
            id=asked.id, created=asked.created, model=asked.request.model, choices=[*choices], usage=usage
        ))  # fmt: skip

    drawn = 0
    try:
        for number in range(asked.request.n):
            yield chunk(ChunkChoice(index=number, delta=Delta(role="assistant", content="")))
        async with aclosing(asked.pieces()) as pieces:
            following = asyncio.ensure_future(anext(pieces))
            try:
                while True:
                    if not (await asyncio.wait([following], timeout=SIGN_OF_LIFE_S))[0]:
                        yield b": waiting\n\n"
                        continue
                    try:
                        number, piece = following.result()
                    except StopAsyncIteration:
                        break
                    drawn += piece.drawn
                    following = asyncio.ensure_future(anext(pieces))
                    if piece.text or piece.tokens:
                        logprobs = Logprobs(content=piece.tokens) if asked.request.logprobs else None
                        yield chunk(ChunkChoice(index=number, delta=Delta(content=piece.text), logprobs=logprobs))
                    if piece.finish:
                        yield chunk(ChunkChoice(index=number, delta=Delta(), finish_reason=piece.finish))
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
        if asked.request.usage_in_stream:
            yield chunk(usage=asked.usage(drawn))
    except Exception as error:  # the status is sent already, so the stream says it
        yield event(_failure(error))
    yield DONE


async def _body(http: Request) -> bytes:
    """Raises ApiRefusal."""
    read = b""
    async for piece in http.stream():
        read += piece
        if len(read) > LARGEST_BODY:
            raise ApiRefusal(413, f"The body is larger than {LARGEST_BODY:,} bytes.")
    return read


def _json(said: BaseModel) -> Response:
    return Response(said.model_dump_json(), media_type="application/json")


def _answer(refusal: ApiRefusal) -> Response:
    return JSONResponse(refusal.body(), refusal.status, refusal.headers())


def _failure(error: Exception) -> ApiRefusal:
    if isinstance(error, ApiRefusal):
        return error
    log.error("a request failed", exc_info=error)
    if isinstance(error, Broken):
        return ApiRefusal(503, "The model broke off; try again.", "model_failed", retry_after_s=1)
    return ApiRefusal(500, "The server failed; its log says why.")


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiRefusal)
    return _answer(error)


async def _no_route(http: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(ApiRefusal(error.status_code, f"{http.method} {http.url.path}: {error.detail}."))


async def _failed(_: Request, error: Exception) -> Response:
    return _answer(_failure(error))
