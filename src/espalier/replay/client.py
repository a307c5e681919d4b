"""The few calls of the API that a replay makes, as one person. Knows HTTP; knows nothing of originals."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self

import httpx

from espalier.domain.lifecycle import Command

API: Final = "/api/v1"
BUSY: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
PAUSES_S: Final = (0.2, 1.0, 5.0)
"""How long to wait before a call is tried again that was not answered or came at a bad time."""
TIMEOUT_S: Final = 60.0
IDLE_S: Final = 2.0
"""So long an idle connection is used again: less than the server keeps it, so that no call meets its end."""

Json = Mapping[str, Any]


class Refused(Exception):
    """What the server did not do, with its sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{detail} ({status})")
        self.status = status
        self.detail = detail


class Server:
    """A server, for any number of people. Each gets a pool of their own: one for all takes longer to search
    than the server takes to answer."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/") + API
        self.trust = ssl.create_default_context()
        self.opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.opened.aclose()

    async def of(self, token: str) -> "Client":
        headers = {"Authorization": f"Bearer {token}"}
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=IDLE_S)
        http = httpx.AsyncClient(
            base_url=self.url, headers=headers, verify=self.trust, timeout=TIMEOUT_S, limits=limits
        )  # fmt: skip
        return Client(await self.opened.enter_async_context(http))


@dataclass(frozen=True, slots=True)
class Client:
    http: httpx.AsyncClient

    async def next_task(self, langs: Sequence[str], kind: str = "random") -> Json | None:
        """A task, or None when there is nothing for this person now."""
        task: Json | None = await self._again("POST", "/tasks/next", {"kind": kind, "langs": langs})
        return task

    async def submit(self, task_id: str, form: Json) -> Json:
        """The receipt. The task's own id serves as the client's, so a repeated call changes nothing."""
        receipt: Json = await self._again("POST", f"/tasks/{task_id}/submit", {"id": task_id, **form})
        return receipt

    async def skip(self, task_id: str) -> None:
        await self._again("POST", f"/tasks/{task_id}/skip", {"reason": "not_my_subject"})

    async def policy(self) -> Json:
        policy: Json = await self._again("GET", "/policy")
        return policy

    async def set_policy(self, base: Json, langs: Json) -> None:
        await self._again("PUT", "/policy", {"base": base, "langs": langs})

    async def invite(self, count: int, prefix: str) -> list[str]:
        """The tokens of so many new contributors."""
        form = {"count": count, "role": "contributor", "prefix": prefix}
        answer = await self._call("POST", "/people/invitations", form)
        return [item["token"] for item in answer["items"]]

    async def plant(self, form: Json) -> str:
        """The id of the new tree."""
        planted: Json = await self._call("POST", "/trees", form)
        return str(planted["id"])

    async def order(self, tree_id: str, command: Command) -> None:
        await self._call("POST", f"/trees/{tree_id}/orders", {"command": command})

    async def tree(self, tree_id: str) -> Json:
        tree: Json = await self._again("GET", f"/trees/{tree_id}")
        return tree

    async def _again(self, method: str, path: str, body: Json | None = None) -> Any:
        """Call, and call again if the server did not answer or was busy: for calls that may safely be repeated."""
        for pause in PAUSES_S:
            try:
                return await self._call(method, path, body)
            except httpx.TransportError:
                pass
            except Refused as refused:
                if refused.status not in BUSY:
                    raise
            await asyncio.sleep(pause)
        return await self._call(method, path, body)

    async def _call(self, method: str, path: str, body: Json | None = None) -> Any:
        answer = await self.http.request(method, path, json=body)
        if answer.is_success:
            return answer.json() if answer.content else None
        raise Refused(answer.status_code, _detail(answer))


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
