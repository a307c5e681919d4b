"""A server that speaks OpenAI's chat interface and says what a test wants, on a real port."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse


@dataclass
class ModelServer:
    """url: where it listens. asked: the requests, in order. words: of each reply, said one after the other; in_turn: of
    the next replies, before those. pause_s: before each word. held_at: before this word, or a reply that is not
    streamed, it waits until it is let go. busy: so many requests are refused as too many, for busy_s. lost: after so
    many it hangs up before any word. breaks_after: words, then it hangs up; where it says why, with one more word and
    an error at once. gone: how many readers hung up before the end. context: tokens; a token is a word. owner: of the
    model, as the server says it; `llamacpp` tells the context, and what is too long for it, in its own way. refuses:
    with which status.
    """

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    words: tuple[str, ...] = ("Blue ", "light ", "is ", "scattered.")
    in_turn: list[tuple[str, ...]] = field(default_factory=list)
    pause_s: float = 0.0
    held_at: int | None = None
    busy: int = 0
    busy_s: int = 0
    lost: int = 0
    breaks_after: int | None = None
    says_why: bool = False
    gone: int = 0
    context: int | None = None
    counts_tokens: bool = False
    owner: str = "stub"
    refuses: int | None = None

    @property
    def is_llama_cpp(self) -> bool:
        return self.owner == "llamacpp"


@contextmanager
def model_server() -> Iterator[ModelServer]:
    says = ModelServer()
    server = uvicorn.Server(uvicorn.Config(_app(says), log_config=None, ws="none", timeout_graceful_shutdown=2))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        says.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        thread = Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            yield says
        finally:
            server.should_exit = True
            thread.join()


def _app(says: ModelServer) -> FastAPI:
    app = FastAPI()

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        told = {"meta": {"n_ctx": says.context}} if says.is_llama_cpp else {"max_model_len": says.context}
        return {"data": [{"id": "stub", "owned_by": says.owner, **told}]}

    @app.post("/tokenize", response_model=None)
    async def tokenize(http: Request) -> Response | dict[str, Any]:
        if says.is_llama_cpp:  # it reads a `content`, and nothing else
            return {"tokens": []}
        if not says.counts_tokens:
            return JSONResponse({"error": {"message": "no such route"}}, 404)
        counts = [_words(message) for message in (await http.json())["messages"]]
        return {"count": sum(counts) + 1, "message_tokens": counts}

    @app.post("/v1/chat/completions")
    async def chat(http: Request) -> Response:
        says.asked.append(await http.json())
        if says.refuses:
            return JSONResponse({"error": {"message": "refused"}}, says.refuses)
        messages = says.asked[-1]["messages"]
        if says.is_llama_cpp and says.context and (many := sum(map(_words, messages))) > says.context:
            more = {"type": "exceed_context_size_error", "n_prompt_tokens": many, "n_ctx": says.context}
            return JSONResponse({"error": {"code": 400, "message": "exceeds the context", **more}}, 400)
        if says.busy:
            says.busy -= 1
            return JSONResponse({"error": {"message": "too many"}}, 503, {"Retry-After": str(says.busy_s)})
        if says.lost:
            says.lost -= 1
            return StreamingResponse(iter(()), media_type="text/event-stream")
        if not says.asked[-1].get("stream"):
            while says.held_at is not None:
                await asyncio.sleep(0.01)
                if await http.is_disconnected():
                    says.gone += 1
                    break
            begun = messages[-1]["content"] if says.is_llama_cpp and messages[-1]["role"] == "assistant" else ""
            reply = {"role": "assistant", "content": begun + "".join(says.words)}
            choice = {"index": 0, "message": reply, "finish_reason": "stop"}
            signed = {"system_fingerprint": "b11549-1a2b3c4"} if says.is_llama_cpp else {}
            return JSONResponse({"id": "1", "created": 0, "model": "stub", "choices": [choice], **signed})
        words = says.in_turn.pop(0) if says.in_turn else says.words
        if says.is_llama_cpp and (many := says.asked[-1].get("n", 1)) > 1:
            return StreamingResponse(
                iter(_several(words, many, sum(map(_words, messages)))), media_type="text/event-stream"
            )
        return StreamingResponse(_said(says, words), media_type="text/event-stream")

    return app


def _words(message: dict[str, Any]) -> int:
    return len(message["content"].split())


async def _said(says: ModelServer, words: tuple[str, ...]) -> AsyncIterator[bytes]:
    try:
        for number, word in enumerate(words):
            if number == says.breaks_after:
                if says.says_why:
                    yield _event({"content": word}, None) + b'data: {"error": {"message": "no memory"}}\n\n'
                return
            await asyncio.sleep(says.pause_s)
            while says.held_at == number:
                await asyncio.sleep(0.01)
            yield _event({"content": word}, None)
        yield _event({}, "stop")
        yield b"data: [DONE]\n\n"
    except asyncio.CancelledError:
        says.gone += 1
        raise


def _several(words: tuple[str, ...], many: int, prompt: int) -> list[bytes]:
    """llama.cpp's replies to one prompt, each with its own usage behind it."""
    usage = {"prompt_tokens": prompt, "completion_tokens": len(words), "total_tokens": prompt + len(words)}
    replies = [
        [*(_event({"content": word}, None, index) for word in words), _event({}, "stop", index), _event(usage=usage)]
        for index in range(many)
    ]
    return [*(event for reply in replies for event in reply), b"data: [DONE]\n\n"]


def _event(
    delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, usage: dict[str, int] | None = None
) -> bytes:
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    chunk = {"id": "1", "created": 0, "model": "stub", "choices": choices, "usage": usage}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
