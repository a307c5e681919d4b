"""A real Chromium, and people who walk through the site in it.

Whoever writes a page test asks for `site`: a running campaign with the demo trees, an administrator, a moderator,
volunteers and newcomers, of which each test has a copy of its own. `visitor()` opens a browser of one's own, as one
person has it.
"""

import re
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy import Connection

from campaigns import practise_all
from espalier import demo
from espalier.chat import conversations, sharing
from espalier.chat.conversations import Wanted
from espalier.collect import accounts, announcements, arena, inspirations, moderation
from espalier.collect.accounts import known
from espalier.collect.beginning import begin
from espalier.collect.campaign import change_policy
from espalier.collect.carry import Load, carry_in
from espalier.collect.charter import accept_terms
from espalier.collect.intake import Source
from espalier.dataset.findings import ignore
from espalier.domain.policy import CampaignPolicy
from espalier.store import reading
from espalier.store.battles import Line, Vote
from espalier.store.charters import charter_in_force
from espalier.store.door import open_door
from espalier.store.migrate import migrate
from espalier.store.people import Person, PersonRole, by_token, token_hash
from espalier.store.reading import MessageFilter
from espalier.store.session import open_database
from espalier.web.doors import Entrance
from letters import Mailbox
from live import listening
from rooms import Room, write
from visits import at_home

WITH_WINDOWS: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WITHOUT: Final = shutil.which("chromium-headless-shell")
CHROMIUM: Final = WITHOUT or WITH_WINDOWS
"""Where the tests walk: the one without windows draws the same pages, and begins and draws sooner."""
HOW_TO_GET_IT: Final = "this needs Chromium, which is not here: apt-get install chromium-headless-shell, or chromium"
AXE: Final = Path(__file__).parent / "axe" / "axe.min.js"
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
VOLUNTEERS: Final = ("Ada", "Ben", "Cleo", "Dana", "Emil", "Fay")
NEWCOMERS: Final = ("Nia", "Noa")
"""Who have not been here yet; the second has accepted the terms."""


@dataclass(frozen=True)
class Planted:
    """A database with the demo trees, and the token of everybody in it by name."""

    file: Path
    tokens: dict[str, str]


@dataclass
class Site:
    """A campaign that listens at `url`, the browsers of the people who are on it, and the letters that it sends."""

    url: str
    tokens: dict[str, str]
    database: Path
    _browser: Browser
    _open: list[BrowserContext] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    mail: Mailbox = field(default_factory=Mailbox)
    _signed_in: dict[str, Any] = field(default_factory=dict)

    def visitor(self, **options: Any) -> Page:
        """Somebody who is not signed in, in a browser of their own; options as of a Playwright context.

        Without a service worker unless they ask for it: what goes through one, no test can catch on its way.
        """
        context = self._browser.new_context(**{"base_url": self.url, "service_workers": "block", **options})
        context.set_default_timeout(10_000)
        self._open.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self._heard(page, said.type, said.text))
        return page

    def person(self, name: str, **options: Any) -> Page:
        """Somebody of the campaign, signed in, at the tasks."""
        page = self.coming(name, **options)
        page.goto("/tasks")
        return page

    def coming(self, name: str, **options: Any) -> Page:
        """Somebody of the campaign, signed in, before any page is open, in a browser that has no file in its memory."""
        if name not in self._signed_in:
            page = self.visitor()
            sign_in(page, self.tokens[name])
            self._signed_in[name] = page.context.storage_state()
            page.context.close()
        return self.visitor(storage_state=self._signed_in[name], **options)

    def task(self, name: str, kind: str, lang: str = "en") -> dict[str, Any]:
        """A task of this kind in somebody's hands, as their scripts get it."""
        answer = httpx.post(
            f"{self.url}/api/v1/tasks/next",
            json={"kind": kind, "langs": [lang]},
            headers={"Authorization": f"Bearer {self.tokens[name]}"},
        )
        assert answer.status_code == 200, f"there is no {kind} in {lang} for {name}: {answer.status_code} {answer.text}"
        given: dict[str, Any] = answer.json()
        return given

    def _heard(self, page: Page, kind: str, text: str) -> None:
        if kind == "error" and re.search(r"Content.Security.Policy|Refused to", text):
            self.faults.append(f"{page.url}: {text}")

    def close(self) -> None:
        for context in self._open:
            context.close()


def sign_in(page: Page, token: str) -> None:
    """Sign in as scripts' owners do."""
    page.goto("/signin?next=/tasks")
    if not page.locator("#token").is_visible():
        page.locator("details:has(#token) > summary").click()
    page.locator("#token").fill(token)
    with page.expect_navigation():
        page.locator("form:has(#token) button").first.click()


def grave(page: Page, *themes: Literal["light", "dark"]) -> list[str]:
    """What axe finds serious on a page that was opened with `bypass_csp`; themes: the browser's own if none."""
    page.evaluate(AXE.read_text())
    found = []
    for theme in themes or (None,):
        if theme:
            page.emulate_media(color_scheme=theme)
        violations = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        found += [
            f"{theme or ''} {each['id']}: {each['help']}: {node['html'][:160]}"
            for each in violations
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail(HOW_TO_GET_IT, pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def plant(file: Path, *, trees: bool = True) -> Planted:
    """A new campaign in this file, with some people. `trees`: whether with the demo trees, and a case about one."""
    url = f"sqlite:///{file}"
    migrate(url)
    database = open_database(url)
    door = open_door(database)
    now, rng = datetime.now(UTC), Random(11)
    made = door.call(begin, CampaignPolicy(), secrets.token_urlsafe, now, rng)
    assert made is not None
    tokens = {"Administrator": made.token}
    door.call(settle, made.person.id, now)
    volunteers = []
    for name, role in (*dict.fromkeys(VOLUNTEERS, PersonRole.CONTRIBUTOR).items(), ("Mona", PersonRole.MODERATOR)):
        joined = door.call(accounts.create_person, None, name, role, secrets.token_urlsafe, now, rng)
        tokens[name] = joined.token
        volunteers.append(joined.person)
        door.call(settle, joined.person.id, now)
    for name in NEWCOMERS:
        newcomer = door.call(
            accounts.create_person, None, name, PersonRole.CONTRIBUTOR, secrets.token_urlsafe, now, rng
        )
        tokens[name] = newcomer.token
    door.call(accept_terms, newcomer.person, door.call(charter_in_force).terms, now)
    door.call(change_policy, None, {"base": {"max_active_trees": 1}}, now, rng)
    organiser = door.call(known, made.person.id)
    door.call(announcements.announce, organiser, "We meet on Friday.", now, now + timedelta(days=7), now, rng)
    idea = inspirations.Said("en", "A recipe that failed", "What went wrong, and why?", licence="CC0")
    door.call(inspirations.add, organiser, idea, now, rng)
    door.call(talk, tokens["Ada"], now, rng)
    door.call(compare_two, organiser, *volunteers[:2], now)
    if trees:
        with ExitStack() as stack:
            file_of_trees, votes = (stack.enter_context(as_file(each)) for each in (demo.TREES, demo.VOTES))
            load = Load(file_of_trees, votes, Source(file_of_trees.name, origin="demo"))
            carry_in(door.call, load, lambda: datetime.now(UTC), rng, notice=ignore)
        door.call(report_one, door.call(known, newcomer.person.id), now, rng)
    door.close()
    database.close()
    return Planted(file, tokens)


def settle(db: Connection, person_id: str, now: datetime) -> None:
    """Somebody's first visit and the practice of every kind are over."""
    at_home(db, person_id, now)
    practise_all(db, person_id, now)


def talk(db: Connection, token: str, now: datetime, rng: Random) -> None:
    """Somebody has talked with a model, and made a link to it."""
    person = by_token(db, token_hash(token))
    assert person is not None
    asked = conversations.say(db, person, None, "Why is the sky blue?", Wanted("small"), now, rng)
    write(db, "Because **blue** is scattered:\n\n```python\nwavelength ** -4\n```", now)
    sharing.share(db, person, asked.chat_id, lambda: "a-link", now)


def compare_two(db: Connection, organiser: Person, person: Person, other: Person, now: datetime) -> None:
    """An organiser brings two answers of models; somebody has them in hand, and somebody else has voted."""
    arena.bring(db, organiser, "two-models", "Two models", 2, 0, now)
    sides = (
        arena.Side("oak", (Line("assistant", "Blue light is scattered more:\n\n- by air\n- by dust"),)),
        arena.Side("elm", (Line("assistant", "I would rather not say."),)),
    )
    thread = (Line("user", "Why is the sky blue?"),)
    arena.add(db, organiser, "two-models", [arena.Comparison("q1", 1, "en", thread, *sides)], now)
    arena.next_battle(db, person, ["en"], now)
    battle_id = arena.next_battle(db, other, ["en"], now)
    assert battle_id is not None
    arena.vote(db, other, battle_id, Vote.LEFT, None, now)


def report_one(db: Connection, person: Person, now: datetime, rng: Random) -> None:
    """Somebody reports a message, so that there is a case."""
    (message,) = reading.newest_messages(db, MessageFilter(lang="en", standing=True), 1)
    moderation.report(db, person, message.id, "This is rude.", now, rng)


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return plant(tmp_path_factory.mktemp("planted") / "planted.db")


@contextmanager
def sites(planted: Planted, chromium: Browser, folder: Path) -> Iterator[Callable[[], Site]]:
    """Makes running copies of the planted campaign; at the end no page may have broken the security policy."""
    with ExitStack() as stack:
        made: list[Site] = []

        def start() -> Site:
            file = folder / f"site-{len(made)}.db"
            with sqlite3.connect(planted.file) as source, sqlite3.connect(file) as copy:
                source.backup(copy)
            mail, room = Mailbox(), Room()
            url = stack.enter_context(
                listening(f"sqlite:///{file}", data_dir=folder, entrance=Entrance(post=mail), chatroom=room)
            )
            made.append(Site(url, planted.tokens, file, chromium, mail=mail))
            return made[-1]

        yield start
        for site in made:
            site.close()
        assert not [fault for site in made for fault in site.faults]


@pytest.fixture
def new_site(planted: Planted, chromium: Browser, tmp_path: Path) -> Iterator[Callable[[], Site]]:
    with sites(planted, chromium, tmp_path) as start:
        yield start


@pytest.fixture
def bare_site(chromium: Browser, tmp_path: Path) -> Iterator[Site]:
    """A campaign of the same people in which nothing grows yet."""
    with sites(plant(tmp_path / "bare.db", trees=False), chromium, tmp_path) as start:
        yield start()


@pytest.fixture
def site(new_site: Callable[[], Site]) -> Site:
    return new_site()


@pytest.fixture(scope="module")
def looked_at(planted: Planted, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One copy for all tests of a module that only look."""
    with sites(planted, chromium, tmp_path_factory.mktemp("looked-at")) as start:
        yield start()
