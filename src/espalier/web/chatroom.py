"""What the pages of chat need of whoever runs the models: which there are, how they are, and who waits where.

A seam: pages know no server of models, and whoever writes replies knows no page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from espalier.chat.models import ChatModel, Place
from espalier.chat.presets import Presets


@dataclass(frozen=True, slots=True)
class ChatRules:
    """What the organiser has set for chat. presets: ways to draw replies, by name. account: only who has one chats."""

    presets: Presets = field(default_factory=dict)
    account: bool = True


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
