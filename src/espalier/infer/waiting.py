"""Answers that take a while, made only as long as whoever asked for them is there.

Knows connections; knows no models.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request

from espalier.infer.completions import ApiRefusal

Made = TypeVar("Made")


async def while_there(http: Request, answer: Awaitable[Made]) -> Made:
    """What is being made, given up when nobody waits for it any more. Raises ApiRefusal."""
    making = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(_gone(http))
    try:
        await asyncio.wait([making, gone], return_when=asyncio.FIRST_COMPLETED)
        if not making.done():
            raise ApiRefusal(499, "The client went away.")
        return making.result()
    finally:
        for task in (making, gone):
            task.cancel()
        await asyncio.gather(making, gone, return_exceptions=True)


async def _gone(http: Request) -> None:
    while (await http.receive())["type"] != "http.disconnect":
        pass
