"""People who visit the site with a browser without scripts: they read pages, fill in forms and send them.

`visit(world, "ada")` is the browser of the person of this name, signed in. A form is sent as a browser sends it: with
what its fields hold, and with the button that was pressed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx
from httpx import Response
from sqlalchemy import Connection

from campaigns import World
from espalier.collect.accounts import known
from espalier.collect.charter import accept_terms
from espalier.store.charters import charter_in_force
from espalier.store.preferences import Preferences, keep_preferences


def words_of(text: str) -> set[str]:
    """The whole words of a page: in its random ids and secrets every short name stands some day as a part."""
    return set(re.findall(r"\w+", text.lower()))


@dataclass
class Form:
    """`fields`: what would be sent. `offered`: every name and value of boxes, radio buttons and buttons."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    offered: list[tuple[str, str]] = field(default_factory=list)
    marked: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, **values: str | Sequence[str]) -> dict[str, list[str]]:
        sent: dict[str, list[str]] = {}
        for name, value in self.fields:
            sent.setdefault(name, []).append(value)
        for name, value in values.items():
            sent[name] = [value] if isinstance(value, str) else list(value)
        return sent


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._area: str | None = None
        self._choosing: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""))
            self.forms.append(self._open)
        if tag == "option" and self._open and self._open.fields and self._choosing:
            name, _ = self._open.fields[-1]
            self._open.offered.append((name, given.get("value", "")))
            first = self._choosing == "first"
            self._choosing = "further"
            if first or "selected" in given:
                self._open.fields[-1] = (name, given.get("value", ""))
        if self._open is None or "name" not in given:
            return
        name, value = given["name"], given.get("value", "")
        if tag == "input" and given.get("type") in ("radio", "checkbox"):
            self._open.offered.append((name, value or "on"))
            if "checked" in given:
                self._open.fields.append((name, value or "on"))
        elif tag == "input":
            self._open.fields.append((name, value))
        elif tag == "button":
            self._open.offered.append((name, value))
        elif tag == "select":
            self._choosing = "first"
            self._open.fields.append((name, ""))
        elif tag == "textarea":
            self._area = name
            self._open.fields.append((name, ""))

    def handle_data(self, data: str) -> None:
        if self._area and self._open:
            name, before = self._open.fields[-1]
            self._open.fields[-1] = (name, before + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        if tag == "select":
            self._choosing = None
        if tag == "textarea":
            self._area = None


def forms_of(page: Response) -> list[Form]:
    reader = _Reader()
    reader.feed(page.text)
    return reader.forms


def form_of(page: Response, action: str) -> Form:
    """The form of a page that is sent to this address."""
    found = [form for form in forms_of(page) if form.action.endswith(action)]
    assert found, f"no form goes to {action}: {page.status_code} {page.text[:2000]}"
    return found[0]


@dataclass
class Visitor:
    world: World
    client: httpx.AsyncClient
    page: Response = field(init=False)

    def get(self, address: str) -> Response:
        self.page = self._sent("GET", address)
        return self.page

    def send(self, action: str, **values: str | Sequence[str]) -> Response:
        """Fill in the form of the open page that goes to this address, and send it."""
        form = form_of(self.page, action)
        return self.post(urljoin(str(self.page.url), form.action), form.filled(**values))

    def post(self, address: str, values: Mapping[str, Sequence[str]]) -> Response:
        self.page = self._sent("POST", address, data=dict(values))
        return self.page

    def take(self, kind: str) -> str:
        """Ask for a task of this kind; its id, with its page open."""
        token = dict(forms_of(self.get("/tasks"))[0].fields)["form_token"]
        page = self.post("/tasks/next", {"form_token": [token], "kind": [kind]})
        assert page.status_code == 200, page.text
        return page.url.path.removeprefix("/tasks/")

    def _sent(self, method: str, address: str, **options: object) -> Response:
        return self.world.http.portal.call(lambda: self.client.request(method, address, **options))  # type: ignore[arg-type]


def at_home(db: Connection, person_id: str, now: datetime) -> None:
    """The terms in force are accepted, and the first visit is over."""
    keep_preferences(db, person_id, Preferences(langs=("en",), welcomed=True))
    accept_terms(db, known(db, person_id), charter_in_force(db).terms, now)


@contextmanager
def visit(world: World, name: str) -> Iterator[Visitor]:
    """The browser of somebody who has been here before, signed in with their token."""
    transport = httpx.ASGITransport(world.http.app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://campaign.test", follow_redirects=True)
    someone = world.person(name)
    world.door.call(at_home, someone.id, world.now)
    with world.http.portal.wrap_async_context_manager(client):
        visitor = Visitor(world, client)
        visitor.get("/signin?next=/tasks")
        visitor.send("/signin/token", token=someone.token)
        yield visitor


@contextmanager
def stranger(world: World) -> Iterator[Visitor]:
    """The browser of somebody who is not signed in."""
    transport = httpx.ASGITransport(world.http.app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://campaign.test", follow_redirects=True)
    with world.http.portal.wrap_async_context_manager(client):
        yield Visitor(world, client)
