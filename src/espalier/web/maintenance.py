"""While the server is being worked on: every request is answered with when it goes on, and forms are handed back.

An operator says so in a file beside the campaign, since the database may be the very thing that is worked on.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from espalier.domain.errors import Maintenance
from espalier.web import typed
from espalier.web.bare import bare
from espalier.web.errors import is_read_by_people, problem

FILE: Final = "maintenance.json"
ALL_THE_SAME: Final = ("/static/", "/healthz", "/readyz", "/metrics", "/offline", "/worker.js")
"""Addresses that are answered as always."""
AGAIN_S: Final = 300
SOON_S: Final = 60


@dataclass(frozen=True, slots=True)
class Works:
    """What is said of the work: until when it lasts, if that is known, and why."""

    until: datetime | None
    reason: str

    def again_s(self, now: datetime) -> int:
        """Seconds after which another try may succeed."""
        if self.until is None:
            return AGAIN_S
        return max(SOON_S, round((self.until - now).total_seconds()))


def begin(folder: Path, works: Works) -> None:
    """From the next request on."""
    said = {"until": works.until.isoformat() if works.until else None, "reason": works.reason}
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{FILE}.new"
    draft.write_text(json.dumps(said))
    draft.replace(folder / FILE)


def end(folder: Path) -> bool:
    """Whether it had begun."""
    there = works_in(folder) is not None
    (folder / FILE).unlink(missing_ok=True)
    return there


def works_in(folder: Path) -> Works | None:
    """What is worked on now, if anything. A file that nobody can read says at least that something is."""
    try:
        said = json.loads((folder / FILE).read_text())
        return Works(datetime.fromisoformat(said["until"]) if said["until"] else None, str(said["reason"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return Works(None, "")


class Closed:
    """ASGI middleware in front of everything that asks the database."""

    def __init__(self, app: ASGIApp, folder: Path, clock: Callable[[], datetime]) -> None:
        self._app, self._folder, self._clock = app, folder, clock
        self._file = str(folder / FILE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        works = None
        # Whether there is a file costs a fifth of opening one that is not there.
        if scope["type"] == "http" and not scope["path"].startswith(ALL_THE_SAME) and os.path.exists(self._file):
            works = works_in(self._folder)
        if works is None:
            await self._app(scope, receive, send)
            return
        answer = await _said(Request(scope, receive), works, works.again_s(self._clock()))
        await answer(scope, receive, send)


async def _said(request: Request, works: Works, again_s: int) -> Response:
    headers = {"Retry-After": str(again_s)}
    if not is_read_by_people(request):
        detail = works.reason or "The server is being worked on; nothing was taken."
        return problem(
            request, Maintenance.slug, Maintenance.title, Maintenance.status, detail, headers, retry_after_s=again_s
        )
    token = (await request.form()).get(typed.FORM_TOKEN) if (brought := await typed.read(request)) else None
    answer = bare(
        request, "maintenance.html", status=Maintenance.status, until=works.until, reason=works.reason,
        typed=brought, token=token,
    )  # fmt: skip
    answer.headers.update(headers)
    return answer
