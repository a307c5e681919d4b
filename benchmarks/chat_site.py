"""What chat costs the site: the time it adds to a model's server, and the campaign's times while eight people chat.

Called by `chat.py`, which has the model. The server is started as a user would, on a fresh copy of the small campaign.
"""

import asyncio
import json
import statistics
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from threading import Thread

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from espalier.infer.completions import ApiRefusal
from espalier.infer.remote import AsyncChatClient, Unreachable
from generated import SIZES, token
from load import HERE, PORT, Client, Load, Run, Server, free_port, fresh_copy, percentile, texts

CAMPAIGN = "small"
CHATS, CYCLES_S, WARM_S, MEASURED_S = 8, 10, 10, 60
ASKED, WORDS = 200, 16
MOST_IDLE = 8
SITE = f"http://127.0.0.1:{PORT}"


def overhead_ms() -> float:
    """Median time that the site adds to the whole stream of a stub, in milliseconds."""
    with stub() as url:
        settings = HERE / "espalier.toml"
        database = fresh_copy("small")
        settings.write_text(f'[models.stub]\nurl = "{url}"\n')
        return asyncio.run(_overhead_ms(database, url))


async def _overhead_ms(database: Path, url: str) -> float:
    times: dict[str, list[float]] = {url: [], SITE: []}
    async with running(database), AsyncExitStack() as stack:
        for number in range(ASKED):  # each person asks once, beside whom nobody waits
            for place, found in times.items():
                client = await stack.enter_async_context(AsyncChatClient(place, token(number)))
                await client.models()  # the connection is there before
                began = time.perf_counter()
                async for _ in client.stream(asked("stub")):
                    pass
                found.append((time.perf_counter() - began) * 1000)
    return statistics.median(times[SITE]) - statistics.median(times[url])


def campaign_beside(model: Path) -> Run:
    """The campaign at 20 requests a second while eight chats stream without a pause."""
    return asyncio.run(_campaign_beside(fresh_copy(CAMPAIGN), model))


async def _campaign_beside(database: Path, model: Path) -> Run:
    async with running(database, "--model", f"tiny={model}"):
        await answers()
        load = Load(SIZES[CAMPAIGN], texts(), 1)
        began = time.perf_counter()
        ends = began + WARM_S + MEASURED_S
        chats = [asyncio.create_task(chat(number, ends)) for number in range(CHATS)]
        cycles, idle = list[asyncio.Task[None]](), deque[Client]()
        for number in range(CYCLES_S * (WARM_S + MEASURED_S)):
            await asyncio.sleep(max(0, began + number / CYCLES_S - time.perf_counter()))
            load.measuring = time.perf_counter() - began > WARM_S
            cycles.append(asyncio.create_task(cycle(load, idle, 1000 + number % 900)))
        await asyncio.gather(*cycles)
        tokens = sum(await asyncio.gather(*chats))
        print(f"beside the campaign: {tokens / (WARM_S + MEASURED_S):.0f} pieces of replies a second")
        for client in idle:
            client.close()
    return load.run


async def cycle(load: Load, idle: deque[Client], person: int) -> None:
    """A task and its answer over a connection that nobody else uses; what fails or takes too long is an error."""
    client = idle.popleft() if idle else Client()
    try:
        await asyncio.wait_for(load.cycle(client, person), 30)
    except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
        load.run.errors[type(error).__name__] += 1
        client.close()
    idle.append(client)
    if len(idle) > MOST_IDLE:  # else the server would close some before they are used again
        idle.popleft().close()


@asynccontextmanager
async def running(database: Path, *options: str) -> AsyncIterator[None]:
    """The site, as long as the block lasts."""
    server = Server(database, *options)
    try:
        await server.ready()
        yield
    finally:
        server.stop()


async def answers() -> None:
    """Wait until the model has begun, which on a busy machine takes more than a minute."""
    for person in range(900, 990):
        async with AsyncChatClient(SITE, token(person)) as client:
            with suppress(Unreachable, ApiRefusal):
                await client.complete(asked("tiny", 1))
                return
        await asyncio.sleep(2)
    raise SystemExit(f"the model does not answer; see {HERE / 'server.log'}")


async def chat(number: int, ends: float) -> int:
    """Ask again and again, each time as somebody else, so that nobody's limit is met; how many pieces came."""
    pieces, person = 0, 0
    while time.perf_counter() < ends:
        client = AsyncChatClient(SITE, token(number * 100 + person % 100))
        async with client, aclosing(client.stream(asked("tiny", 200))) as coming:
            async for chunk in coming:
                pieces += bool(chunk.choices)
                if time.perf_counter() > ends:
                    break
        person += 1
    return pieces


def asked(model: str, longest: int = 64) -> dict[str, object]:
    return {
        "model": model, "messages": [{"role": "user", "content": "Why is the sky blue?"}], "max_tokens": longest,
        "temperature": 0,
    }  # fmt: skip


def p99_ms(run: Run) -> float:
    return max(percentile(run.next_ms, 99), percentile(run.submit_ms, 99))


@contextmanager
def stub() -> Iterator[str]:
    """A server that streams some words at once."""
    app = FastAPI()

    @app.get("/v1/models")
    async def models() -> dict[str, object]:
        return {"data": [{"id": "stub"}]}

    @app.post("/v1/chat/completions")
    async def completions() -> StreamingResponse:
        return StreamingResponse(said(), media_type="text/event-stream")

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = Thread(target=server.run)
    with ExitStack() as stack:
        thread.start()
        stack.callback(thread.join)
        stack.callback(setattr, server, "should_exit", True)
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"


async def said() -> AsyncIterator[bytes]:
    for number in range(WORDS):
        delta = {"content": "word "} if number < WORDS - 1 else {}
        choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
        yield b"data: " + json.dumps({"id": "1", "created": 0, "model": "stub", "choices": [choice]}).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"
