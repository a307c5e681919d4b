"""Places for what runs at the same time, and a queue before them of limited length. Knows neither models nor HTTP."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Final

OLD: Final = 0.8  # of a mean duration, what the last ones leave of it


class Full(Exception):
    """There is no place, and the queue is full. retry_after_s: when that has probably changed."""

    def __init__(self, waiting: int, retry_after_s: float) -> None:
        super().__init__(f"{waiting} requests wait already")
        self.waiting, self.retry_after_s = waiting, retry_after_s


class Places:
    """many: places in all, of which one may take several. longest: how many may wait. For one event loop.

    Who came first goes first, also where somebody behind them would fit: else who needs many places would starve.
    """

    def __init__(self, many: int, longest: int) -> None:
        self.many, self.longest, self.free = many, longest, many
        self.running = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._mean_s = 1.0

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def look(self, comers: int = 1) -> None:
        """Raises Full where so many who come now would not find room in the queue."""
        if self.waiting + comers > self.longest + (0 if self._waiting else self.free):
            after_s = self._mean_s * (self.waiting + comers) / max(1, self.running)
            raise Full(self.waiting, min(60.0, max(1.0, after_s)))

    @asynccontextmanager
    async def taken(self, places: int) -> AsyncIterator[None]:
        """Wait for places, and have them as long as the block lasts."""
        assert 0 < places <= self.many, f"{places=}"
        await self._wait(places)
        self.running += 1
        began = monotonic()
        try:
            yield
        finally:
            self.running -= 1
            self._mean_s = OLD * self._mean_s + (1 - OLD) * (monotonic() - began)
            self._give_back(places)

    async def _wait(self, places: int) -> None:
        if not self._waiting and places <= self.free:
            self.free -= places
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((places, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the places came in the very moment
                self._give_back(places)
            else:
                with suppress(ValueError):
                    self._waiting.remove((places, turn))
                self._let_in()
            raise

    def _give_back(self, places: int) -> None:
        self.free += places
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._waiting[0][0] <= self.free:
            places, turn = self._waiting.popleft()
            if not turn.done():
                self.free -= places
                turn.set_result(None)
