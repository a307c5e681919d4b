"""The application: routes, errors, and the campaign behind them.

Knows settings; hands plain values down. `create_app` opens nothing: the database opens when the server starts.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from fastapi import FastAPI

from espalier import __version__
from espalier.store.door import open_door
from espalier.store.session import open_database
from espalier.web import errors
from espalier.web.api import tasks
from espalier.web.campaign import Campaign

API = "/api/v1"


def create_app(database_url: str, *, seed: int | None = None) -> FastAPI:
    """The application on a database that is migrated already. `seed`: of all chance, for tests."""

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        database = open_database(database_url)
        door = open_door(database)
        app.state.campaign = Campaign(database, door, Random(seed))
        try:
            yield
        finally:
            door.close()
            database.close()

    app = FastAPI(title="Espalier", version=__version__, lifespan=opened, docs_url="/api/docs", redoc_url=None,
                  openapi_url="/api/openapi.json")  # fmt: skip
    errors.install(app)
    for router in (tasks.router,):
        app.include_router(router, prefix=API)
    return app
