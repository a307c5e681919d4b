"""The safety filter: what people write is not passed on to a model, and what a model writes is not shown, where a
moderation model finds it more toxic than the organiser's level for that side allows.

Who asks hands in how texts are scored; knows no conversation, keeps nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from espalier.store.filter_hits import Side
from espalier.store.model_figures import Figure

WINDOW: Final = 1000
"""Characters that are scored together: in a long text one bad paragraph would be drowned by all that stands around."""
STRIDE: Final = 800
"""From one window to the next, so that what lies across an end is whole in another."""
FIGURES: Final[Mapping[Side, Figure]] = {Side.SAID: Figure.FILTERED_SAID, Side.WRITTEN: Figure.FILTERED_WRITTEN}
"""As what a model is counted that one of its texts was taken out."""

Toxicities = Callable[[Sequence[str]], Awaitable[Sequence[float]]]
"""How toxic each text is, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Filter:
    """said, written: the levels, from 0 to 1; what reaches one is taken out. None: that side is not looked at."""

    toxicities: Toxicities
    said: float | None
    written: float | None

    async def score(self, side: Side, text: str, seen: int = 0) -> float | None:
        """How toxic a text is where it is to be taken out, else None. seen: so many characters passed before."""
        level = self.said if side is Side.SAID else self.written
        looked_at = [window for window in windows(text, seen) if window.strip()]
        if level is None or not looked_at:
            return None
        worst = max(await self.toxicities(looked_at))
        return worst if worst >= level else None


def windows(text: str, seen: int = 0) -> list[str]:
    """What is scored of a text: the windows that hold anything behind the first `seen` characters."""
    starts = range(0, max(1, len(text) - WINDOW + STRIDE), STRIDE)
    return [text[start : start + WINDOW] for start in starts if start + WINDOW > seen or start == 0 == seen]


def in_process(score: Callable[[str], float]) -> Toxicities:
    """By a model that this process holds; the event loop goes on meanwhile."""

    async def toxicities(texts: Sequence[str]) -> Sequence[float]:
        return await asyncio.to_thread(lambda: [score(text) for text in texts])

    return toxicities
