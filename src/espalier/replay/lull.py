"""Finding out that nothing is left to do, without asking again and again.

Whoever is offered nothing rests until something happens; when everybody rests, and nothing has happened since they
asked, it is quiet.
"""

import asyncio


class Lull:
    """`moment` grows with everything that happens. Not to be shared between threads."""

    def __init__(self, people: int) -> None:
        self.people = people
        self.moment = 0
        self.over = False
        self._resting = 0
        self._enough = False
        self._news = asyncio.Event()
        self._quiet = asyncio.Event()

    def happened(self) -> None:
        """Something may have become possible for somebody."""
        self.moment += 1
        self._resting = 0
        self._news.set()
        self._news = asyncio.Event()

    async def rest(self, asked_at: int) -> None:
        """For who was offered nothing, having asked at that moment: until something happens."""
        if asked_at != self.moment or self.over:
            return
        self._resting += 1
        if self._resting == self.people:
            self._quiet.set()
        await self._news.wait()

    def enough(self) -> None:
        """What was to be done is done: from here on it counts as quiet, though some may still be busy elsewhere."""
        self._enough = True
        self._quiet.set()

    async def quiet(self) -> None:
        """Until everybody rests or it is enough. Who rests moves on when something `happened` or at the `end`."""
        await self._quiet.wait()
        if not self._enough:
            self._quiet.clear()

    def end(self) -> None:
        self.over = True
        self.happened()
