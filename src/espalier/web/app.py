"""The application: routes, errors, and the campaign behind them.

Knows settings; hands plain values down. `create_app` opens nothing: the database opens when the server starts.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random

from fastapi import FastAPI

from espalier import __version__
from espalier.store.door import open_door
from espalier.store.session import open_database
from espalier.web import errors
from espalier.web.api import campaign as campaign_api
from espalier.web.api import figures, messages, moderation, people, tasks, trees
from espalier.web.campaign import Campaign, utc_now

API = "/api/v1"
ROUTERS = (
    tasks.router, messages.router, trees.router, people.router, figures.router, moderation.router, campaign_api.router,
)  # fmt: skip


def create_app(database_url: str, *, seed: int | None = None, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """The application on a database that is migrated already. `seed` and `clock`: of all chance and time, for tests."""

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        database = open_database(database_url)
        door = open_door(database)
        app.state.campaign = Campaign(database, door, Random(seed), clock)
        try:
            yield
        finally:
            door.close()
            database.close()

    app = FastAPI(title="Espalier", version=__version__, lifespan=opened, docs_url="/api/docs", redoc_url=None,
                  openapi_url="/api/openapi.json")  # fmt: skip
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router, prefix=API)
    return app
