"""A running campaign for tests: the real application on a real database, and people who call it over HTTP.

`campaign` runs on SQLite and on PostgreSQL, `small_campaign` on SQLite only. Time stands still unless `later` is
called; what chance decides follows from a seed.
"""

import asyncio
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import Connection

from espalier.collect import accounts
from espalier.collect.beginning import begin
from espalier.domain.charter import OWN_TERMS
from espalier.domain.policy import CampaignPolicy
from espalier.domain.work import LESSON_OF
from espalier.store.documents import accept
from espalier.store.door import Door, open_door
from espalier.store.people import PersonRole
from espalier.store.practice import Outcome, keep_practised
from espalier.store.preferences import Preferences, keep_preferences
from espalier.store.session import Database
from espalier.web.app import create_app
from espalier.web.doors import Entrance

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
API = "/api/v1"
QUICK: Mapping[str, object] = {
    "num_reviews_initial_prompt": 1,
    "num_reviews_reply": 1,
    "num_required_rankings": 1,
    "p_activate_backlog_tree": 0.0,
    "p_full_labeling_review_reply_prompter": 1.0,
    "rate_tasks": None,
    "rate_assistant_replies": None,
    "rate_prompter_replies": None,
}
"""One review and one ranking decide, nobody is slowed down, and chance wakes nothing."""

CLEAN: Mapping[str, float] = {"spam": 0, "lang_mismatch": 0, "quality": 0.75}
REPLIES = ("It is, I think, because of the air.", "Because blue light is scattered more than red light.")


@dataclass
class Someone:
    """A person with a token. `id`: of the account."""

    world: "World"
    id: str
    token: str
    name: str

    def call(self, method: str, path: str, body: object = None, **options: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return self.world.http.request(method, f"{API}{path}", headers=headers, **options)

    def get(self, path: str, **options: Any) -> Response:
        return self.call("GET", path, **options)

    def shown(self, path: str, **query: Any) -> Any:
        """What a question is answered with, which must succeed."""
        return well(self.call("GET", path, params=query)).json()

    def post(self, path: str, body: object = None) -> Response:
        return self.call("POST", path, body)

    def next(self, kind: str = "random", lang: str = "en") -> dict[str, Any] | None:
        """The next task, or None."""
        answer = well(self.post("/tasks/next", {"kind": kind, "langs": [lang]}))
        return answer.json() if answer.status_code == 200 else None

    def task(self, kind: str, lang: str = "en") -> dict[str, Any]:
        """The next task of this kind, which there must be."""
        task = self.next(kind, lang)
        assert task is not None, f"there is no {kind} for {self.name}"
        return task

    def submit(self, task: Mapping[str, Any], **answer: Any) -> dict[str, Any]:
        sent = {"id": f"{self.name}-{next(self.world.numbers)}", **answer}
        receipt: dict[str, Any] = well(self.post(f"/tasks/{task['id']}/submit", sent)).json()
        return receipt

    def write(self, kind: str, text: str, lang: str = "en") -> str:
        """Take a writing task and answer it; the id of the message."""
        message_id: str = self.submit(self.task(kind, lang), text=text, confirm_language=True)["message_id"]
        return message_id

    def review(self, kind: str, lang: str = "en", **labels: float) -> dict[str, Any]:
        task = self.task(kind, lang)
        asked = {label["name"] for label in task["labels"]}
        given = {name: value for name, value in {**CLEAN, **labels}.items() if name in asked}
        return self.submit(task, labels=given, flags=[])

    def rank(self, lang: str = "en") -> dict[str, Any]:
        """Rank replies by their texts, in the order of the alphabet."""
        task = self.task("rank_assistant_replies", lang)
        order = sorted(task["replies"], key=lambda reply: str(reply["text"]))
        return self.submit(task, order=[[reply["handle"]] for reply in order])


def practise_all(db: Connection, person_id: str, now: datetime) -> None:
    """Put a person past the practice of every kind of task."""
    for lesson in sorted(set(LESSON_OF.values())):
        keep_practised(db, person_id, lesson, Outcome.PASSED, now)


def well(answer: Response) -> Response:
    """The answer, which must be no refusal."""
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer


@dataclass(frozen=True)
class Served:
    """The application, called as a client calls it, from a thread that may wait."""

    app: FastAPI
    portal: BlockingPortal
    client: httpx.AsyncClient

    def request(self, method: str, path: str, **options: Any) -> Response:
        return self.portal.call(lambda: self.client.request(method, path, **options))

    def get(self, path: str, **options: Any) -> Response:
        return self.request("GET", path, **options)

    def at_once(self, requests: Sequence[tuple["Someone", str, object]]) -> list[Response]:
        """POST all of these (who, path, body) before any is answered."""

        async def together() -> list[Response]:
            posts = (
                self.client.post(f"{API}{path}", json=body, headers={"Authorization": f"Bearer {person.token}"})
                for person, path, body in requests
            )
            return await asyncio.gather(*posts)

        return self.portal.call(together)


@contextmanager
def served(app: FastAPI) -> Iterator[Served]:
    """The application started, until the end of the block."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        portal.wrap_async_context_manager(
            httpx.AsyncClient(transport=transport, base_url="http://campaign.test")
        ) as client,
    ):
        yield Served(app, portal, client)


@dataclass
class World:
    http: Served
    database: Database
    rng: Random = field(default_factory=lambda: Random(5))
    now: datetime = NOON
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    people: dict[str, Someone] = field(default_factory=dict)

    def later(self, **passed: float) -> datetime:
        self.now += timedelta(**passed)
        return self.now

    @property
    def door(self) -> Door:
        door: Door = self.http.app.state.campaign.door
        return door

    def person(self, name: str, role: PersonRole = PersonRole.CONTRIBUTOR, *, has_practised: bool = True) -> Someone:
        """The person of this name, who joins when first named; by default past the practice of every kind.

        The page of the first visit is behind them: they accepted the program's terms and go by their names.
        """
        if name not in self.people:
            made = self.door.call(
                accounts.create_person, None, name, role, secrets.token_urlsafe, self.now, self.rng
            )  # fmt: skip
            self.people[name] = Someone(self, made.person.id, made.token, name)
            self.door.call(keep_preferences, made.person.id, Preferences(welcomed=True, named=True))
            self.door.call(accept, made.person.id, OWN_TERMS, self.now)
            if has_practised:
                self.door.call(practise_all, made.person.id, self.now)
        return self.people[name]

    @property
    def chief(self) -> Someone:
        return self.person("chief", PersonRole.ADMIN)

    @property
    def warden(self) -> Someone:
        return self.person("warden", PersonRole.MODERATOR)

    @property
    def ada(self) -> Someone:
        return self.person("ada")

    @property
    def ben(self) -> Someone:
        return self.person("ben")

    @property
    def cleo(self) -> Someone:
        return self.person("cleo")

    def work(self) -> None:
        """Do all jobs that wait, as the server does by itself."""
        while self.http.app.state.background.step():
            pass

    def policy(self, **base: object) -> None:
        well(self.chief.call("PUT", "/policy", {"base": base}))

    def tree(
        self, text: str = "Why is the sky blue?", *, state: str = "growing", lang: str = "en", **shape: int
    ) -> str:
        """A planted tree; its prompt is taken on an administrator's word unless `state` says otherwise."""
        full = {"max_tree_depth": 1, "max_children_count": 2, "num_prompter_replies": 1, "goal_tree_size": 3, **shape}
        planted = well(self.chief.post("/trees", {"text": text, "lang": lang, "shape": full, "state": state}))
        self.later(seconds=1)
        tree_id: str = planted.json()["id"]
        return tree_id

    def ranked_tree(self, text: str = "Why is the sky blue?") -> tuple[str, str, str]:
        """A finished tree: by ada and ben a reply each, reviewed by cleo, ranked by her. The tree, ada's, ben's."""
        tree_id = self.tree(text)
        first, second = self.answered_twice()
        self.cleo.rank()
        return tree_id, first, second

    def answered_twice(self) -> tuple[str, str]:
        """Two replies, by ada and ben, both accepted by cleo's review."""
        first = self.ada.write("assistant_reply", REPLIES[0])
        self.later(seconds=1)
        second = self.ben.write("assistant_reply", REPLIES[1])
        self.later(seconds=1)
        for _ in (first, second):
            self.cleo.review("label_assistant_reply")
        return first, second


@contextmanager
def running(database: Database, entrance: Entrance | None = None, **policy: object) -> Iterator[World]:
    """The application on this database, with a quick policy. `entrance`: how people sign in."""
    door = open_door(database)
    chosen = CampaignPolicy.from_mapping({"base": {**QUICK, **policy}})
    door.call(begin, chosen, secrets.token_urlsafe, NOON, Random(1))
    door.close()
    url = database.url.render_as_string(hide_password=False)
    world: World | None = None
    with TemporaryDirectory() as folder:
        app = create_app(
            url, data_dir=Path(folder), seed=3, clock=lambda: world.now if world else NOON, background=False,
            entrance=entrance,
        )  # fmt: skip
        with served(app) as http:
            world = World(http, database)
            yield world


@pytest.fixture
def campaign(any_database: Database) -> Iterator[World]:
    with running(any_database) as world:
        yield world


@pytest.fixture
def small_campaign(sqlite_db: Database) -> Iterator[World]:
    with running(sqlite_db) as world:
        yield world
