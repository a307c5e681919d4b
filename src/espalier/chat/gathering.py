"""The pieces of a stream, brought together for a while, so that each costs less of whoever looks at them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

Piece = TypeVar("Piece")


async def gathered(pieces: AsyncGenerator[Piece, None], every_s: float) -> AsyncGenerator[list[Piece], None]:
    """What comes, brought together for so long; the first at once, and nothing waits for what comes after it."""
    come: list[Piece] = []
    news = asyncio.Event()

    async def pump() -> None:
        async with aclosing(pieces):
            async for piece in pieces:
                come.append(piece)
                news.set()

    pumping = asyncio.create_task(pump())
    pumping.add_done_callback(lambda _: news.set())
    try:
        while not pumping.done() or come:
            await news.wait()
            news.clear()
            if come:
                now, come[:] = come[:], []
                yield now
            await asyncio.wait([pumping], timeout=every_s)
        await pumping
    finally:
        pumping.cancel()
        # Where this is cancelled once more, `gather` would cancel it too, in the midst of hanging up.
        await asyncio.wait([pumping])
        if not pumping.cancelled():
            pumping.exception()
