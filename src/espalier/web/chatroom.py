"""What the pages of chat need of whoever runs the models: which there are, how they are, and who waits where.

A seam: pages know no server of models, and whoever writes replies knows no page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ModelState(StrEnum):
    READY = "ready"
    STARTING = "starting"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class ChatModel:
    """title: as people read it. supports: the parameters that its server takes (chat/parameters.py)."""

    id: str
    title: str
    supports: frozenset[str]
    state: ModelState = ModelState.READY


@dataclass(frozen=True, slots=True)
class Place:
    """Of a reply that waits. before: how many are written first. about_s: how long that may take, if it is known."""

    before: int
    about_s: int | None = None


class Chatroom(Protocol):
    def models(self) -> Sequence[ChatModel]:
        """Those that people may choose, the one that holds until they do first."""
        ...

    def place(self, reply_id: str) -> Place | None:
        """Where a reply waits; None where that is not known."""
        ...

    def wake(self) -> None:
        """There may be a reply to write, or one to stop."""
        ...
