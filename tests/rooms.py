"""Models to chat with, for tests: they are there at once and write what they are told to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from espalier.chat.models import ChatModel, Place
from espalier.store import chats
from espalier.store.chats import MessageState

SMALL, LARGE = (
    ChatModel("small", "Small", frozenset({"temperature", "top_p", "max_tokens", "seed"})),
    ChatModel("large", "Large", frozenset({"temperature"})),
)


@dataclass
class Room:
    """woken: how often something was to be written or stopped. before: how many replies come before each."""

    there: list[ChatModel] = field(default_factory=lambda: [SMALL, LARGE])
    woken: int = 0
    before: int = 2

    def models(self) -> Sequence[ChatModel]:
        return self.there

    def place(self, reply_id: str) -> Place | None:
        return Place(self.before, 12)

    def wake(self) -> None:
        self.woken += 1


def write(db: Connection, words: str, now: datetime, state: MessageState | None = MessageState.COMPLETE) -> None:
    """Write this into every reply that waits or is being written; state: with which it ends, None when it goes on."""
    for reply in chats.waiting(db, 10):
        chats.begin(db, reply.id, now)
        chats.append(db, reply.id, words)
        if state is not None:
            chats.finish(db, reply.id, state, now)
