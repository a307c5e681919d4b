"""The models that people may talk with: where each is served, what holds for all its replies, and what pages say of it.

Plain values. Whether a model is there at the moment is asked by replies.py.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SUPPORTED: Final = frozenset({"temperature", "top_p", "max_tokens", "seed"})
"""What every server that speaks OpenAI's chat interface takes."""
BEST_OF: Final = "best_of"
"""Beside the parameters of a reply: out of so many it is the best. It is not asked of the server."""


class ModelState(StrEnum):
    """Whether a model answers. STARTING: it does not, and was begun, or lost, a moment ago."""

    READY = "ready"
    STARTING = "starting"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Served:
    """A model on a server that speaks OpenAI's chat interface.

    id: under which its replies are kept. at_server: its name there. context: tokens of prompt and reply together, where
    the server does not tell it. system: what stands before every conversation that has no such words of its own.
    supports: the parameters that its server takes. at_once: replies that are written at the same time. best_of: so many
    are drawn for each that is shown.
    """

    id: str
    url: str
    at_server: str
    key: str | None = None
    title: str = ""
    system: str = ""
    context: int | None = None
    supports: frozenset[str] = SUPPORTED
    at_once: int = 8
    best_of: int = 1


@dataclass(frozen=True, slots=True)
class ChatModel:
    """A model as people choose it. title: as they read it. best_of: so many are drawn for each reply that is shown."""

    id: str
    title: str
    supports: frozenset[str]
    state: ModelState = ModelState.READY
    best_of: int = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Of a reply that waits. before: how many are written first. about_s: how long that may take, if it is known."""

    before: int
    about_s: int | None = None


def offered(served: Served, state: ModelState) -> ChatModel:
    return ChatModel(served.id, served.title or served.id, served.supports, state, served.best_of)


def place(before: int, at_once: int, reply_s: float | None) -> Place:
    """reply_s: how long a reply has taken lately."""
    return Place(before, None if reply_s is None else max(1, round((before + 1) * reply_s / at_once)))
