"""What a model's server says of words: how toxic they are, and how much a reward model likes replies.

One connection for both; knows the route of scores, and no conversation.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from espalier.chat.filtering import Filter
from espalier.dataset.examples import USER, Turn
from espalier.infer import remote
from espalier.infer.remote import AsyncChatClient

Conversations = Sequence[Sequence[Turn]]
Rewards = Callable[[Conversations], Awaitable[Sequence[float | None]]]


class Scoring:
    """url: of a server that was begun with a reward model, a moderation model, or both.

    Raises ApiRefusal, and Unreachable also where the server has no such model.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        self._url, self._client = url, AsyncChatClient(url, key)

    async def toxicities(self, texts: Sequence[str]) -> Sequence[float]:
        """Of each text, from 0 to 1."""
        found = (await self._client.scores([[Turn(USER, text)] for text in texts])).toxicities
        if found is None or len(found) != len(texts):
            raise remote.Unreachable(f"the server at {self._url} has no moderation model")
        return found

    async def rewards(self, conversations: Conversations) -> Sequence[float | None]:
        """Of the reply at the end of each; None of one that is too long for the reward model."""
        found = (await self._client.scores(conversations)).rewards
        if found is None or len(found) != len(conversations):
            raise remote.Unreachable(f"the server at {self._url} has no reward model")
        return found

    async def close(self) -> None:
        await self._client.__aexit__()


@dataclass(frozen=True, slots=True)
class Judges:
    """Who looks at what is written. safety: the filter. rewards: of a reward model. servers: closed in the end."""

    safety: Filter | None = None
    rewards: Rewards | None = None
    servers: Sequence[Scoring] = ()


NOBODY: Final = Judges()
