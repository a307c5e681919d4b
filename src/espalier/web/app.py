"""The application: routes, errors, and the campaign behind them.

Knows settings; hands plain values down. `create_app` opens nothing: the database opens when the server starts.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from espalier import __version__
from espalier.chat.models import Served
from espalier.chat.relaying import Relay
from espalier.chat.replies import Replies
from espalier.chat.scoring import NOBODY, Judges
from espalier.store.door import open_door
from espalier.store.keys import signing_key
from espalier.store.session import open_database
from espalier.web import errors, files, forms_page, health, openai, pages, swift, typed
from espalier.web.api import campaign as campaign_api
from espalier.web.api import cases as cases_api
from espalier.web.api import charter as charter_api
from espalier.web.api import comparisons, examples, figures, gold, messages, moderation, people, tasks, trees
from espalier.web.api.router import API
from espalier.web.background import Background
from espalier.web.campaign import Campaign, utc_now
from espalier.web.chatroom import Chatroom, ChatRules
from espalier.web.doors import Entrance
from espalier.web.guard import Guard
from espalier.web.maintenance import Closed
from espalier.web.observe import Figures, Observed
from espalier.web.visit import ElsewhereFirst, SignInFirst, sign_in_address
from espalier.web.weekly import send_due

OPENAPI: Final = "/api/openapi.json"
ROUTERS: Final = (
    tasks.router, messages.router, trees.router, people.router, figures.router, moderation.router, gold.router,
    campaign_api.router, cases_api.router, charter_api.router, comparisons.router,
)  # fmt: skip
ROUTES: Final = [
    route
    # Chat first: its requests are looked for through all that stand before.
    for router in (openai.router, *ROUTERS, health.router, *pages.ROUTERS)
    for route in router.routes
]
"""The application's own, as they are: for a router that is included FastAPI settles twice what each of them takes."""
IMPORTS: Final = f"{API}/imports"
ABOUT: Final = (
    "Grow conversation trees with volunteers. Send a token with every request: `Authorization: Bearer TOKEN`. "
    "A refusal is a problem document (RFC 9457) whose `type` does not change."
)


class _Documented(FastAPI):
    """Describes refusals as they are, not as FastAPI would make them, and shows what each answer looks like."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            errors.describe(document)
            examples.describe(document)
        return super().openapi()


async def _to_sign_in(request: Request, _: Exception) -> Response:
    if request.method == "POST":
        return await run_in_threadpool(pages.signed_out.page_of, request)
    return RedirectResponse(sign_in_address(request), status_code=303)


async def _elsewhere(request: Request, first: Exception) -> Response:
    assert isinstance(first, ElsewhereFirst)
    if typed.kept(request):
        return await run_in_threadpool(pages.signed_out.page_of, request, first.address)
    return RedirectResponse(first.address, status_code=303)


def create_app(
    database_url: str,
    *,
    data_dir: Path = Path("var"),
    seed: int | None = None,
    clock: Callable[[], datetime] = utc_now,
    background: bool = True,
    entrance: Entrance | None = None,
    chatroom: Chatroom | None = None,
    models: Sequence[Served] = (),
    judges: Judges = NOBODY,
    chat: ChatRules | None = None,
) -> FastAPI:
    """The application on a database that is migrated already.

    data_dir: for exports and uploads. seed, clock: of all chance and time, for tests. background: whether jobs and
    rounds are done by themselves. entrance: how people sign in. models: those that people chat with. judges: who looks
    at what they write. chat: what is set for it. chatroom: somebody else who writes replies, for tests.
    """

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        database = open_database(database_url)
        door = open_door(database)
        key = door.call(signing_key, secrets.token_urlsafe)
        replies = Replies(models, door.write, database.read, clock, judges)
        relay = Relay(models, door.write, clock, judges)
        campaign = Campaign(
            database, door, Random(seed), data_dir, clock, key, entrance=entrance or Entrance(),
            chatroom=replies if models else chatroom, chat=chat or ChatRules(),
            relay=relay if models else None,
        )  # fmt: skip
        by_itself = Background(campaign.shop, partial(send_due, campaign))
        app.state.campaign, app.state.background = campaign, by_itself
        waiting.append(lambda: door.waiting)
        if background:
            by_itself.start()
        if models:
            await replies.start()
        try:
            yield
        finally:
            by_itself.stop()
            await replies.stop()
            await relay.close()
            door.close()
            database.close()

    app = _Documented(
        title="Espalier", version=__version__, description=ABOUT, lifespan=opened, docs_url=None, redoc_url=None,
        openapi_url=OPENAPI, redirect_slashes=False, routes=ROUTES,
        # FastAPI would look at each request whether somebody wants it observed; observe.py tells what there is to tell.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )  # fmt: skip
    waiting: list[Callable[[], int]] = []
    app.state.figures = Figures(lambda: waiting[-1]() if waiting else 0)
    errors.install(app)
    app.add_exception_handler(SignInFirst, _to_sign_in)
    app.add_exception_handler(ElsewhereFirst, _elsewhere)
    openai.install(app)
    files.install(app)
    app.state.error_page = pages.errors.page_of
    forms_page.install(app, OPENAPI)
    app.add_middleware(swift.Lane, routes=tasks.swift_routes())
    app.add_middleware(Closed, folder=data_dir, clock=clock)
    app.add_middleware(Guard, takes_files=lambda path: path in (IMPORTS, pages.UPLOADS))
    app.add_middleware(Observed, figures=app.state.figures, rng=Random(seed))
    return app
