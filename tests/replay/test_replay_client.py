"""The calls of a replay."""

import asyncio

from uvicorn import Config

from espalier.replay.client import IDLE_S, Server


def test_a_connection_is_let_go_before_the_server_does() -> None:
    async def kept_for() -> float:
        async with Server("http://127.0.0.1:1") as server:
            pool = (await server.of("esp_x")).http._transport._pool  # type: ignore[attr-defined]
            return float(pool._keepalive_expiry)

    assert asyncio.run(kept_for()) == IDLE_S < Config("app").timeout_keep_alive
