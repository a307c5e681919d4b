"""The application behind a real port, in a thread, for clients that speak HTTP."""

import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread

import uvicorn

from espalier.chat.models import Served
from espalier.chat.scoring import NOBODY, Judges
from espalier.collect.beginning import begin
from espalier.domain.policy import CampaignPolicy
from espalier.store.door import open_door
from espalier.store.session import Database
from espalier.web.app import create_app
from espalier.web.chatroom import Chatroom
from espalier.web.doors import Entrance


@dataclass(frozen=True)
class Live:
    """Where it listens, and the token of its administrator."""

    url: str
    token: str


@contextmanager
def live(
    database: Database, policy: CampaignPolicy | None = None, seed: int = 3, *, models: Sequence[Served] = (),
    judges: Judges = NOBODY,
) -> Iterator[Live]:  # fmt: skip
    """A new campaign that answers as long as the block lasts."""
    door = open_door(database)
    made = door.call(begin, policy or CampaignPolicy(), secrets.token_urlsafe, datetime.now(UTC), Random(seed + 1))
    door.close()
    assert made is not None
    url = database.url.render_as_string(hide_password=False)
    with (
        TemporaryDirectory() as folder,
        listening(url, data_dir=Path(folder), seed=seed, models=models, judges=judges) as url,
    ):
        yield Live(url, made.token)


@contextmanager
def listening(
    database_url: str,
    *,
    data_dir: Path,
    seed: int = 3,
    port: int = 0,
    entrance: Entrance | None = None,
    chatroom: Chatroom | None = None,
    models: Sequence[Served] = (),
    judges: Judges = NOBODY,
) -> Iterator[str]:
    """The application on a campaign that has begun; where it listens. `port`: 0 for any that is free."""
    app = create_app(
        database_url, data_dir=data_dir, seed=seed, entrance=entrance, chatroom=chatroom, models=models, judges=judges
    )
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=5))
    # Who connects before the server has started waits in the queue of the socket.
    with socket.create_server(("127.0.0.1", port)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        thread = Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join()
