"""Nothing under /admin is open to contributors, and only what is listed here to moderators."""

import re
from collections.abc import Iterator

import pytest

from campaigns import World
from espalier.web import pages
from visits import visit

MODERATORS = {
    ("GET", "/admin"),
    ("GET", "/admin/people"),
    ("GET", "/admin/people/{person_id}"),
    ("GET", "/admin/people/{person_id}/ban"),
    ("POST", "/admin/people/{person_id}/ban"),
    ("POST", "/admin/people/{person_id}/unban"),
    ("GET", "/admin/people/{person_id}/purge"),
    ("POST", "/admin/people/{person_id}/purge"),
    ("GET", "/admin/audit"),
    ("GET", "/admin/trollboard"),
    ("GET", "/admin/jobs/{job_id}/progress"),
    ("GET", "/admin/trees/orders"),
    ("POST", "/admin/trees/orders/preview"),
    ("POST", "/admin/trees/orders"),
}


def routes() -> Iterator[tuple[str, str]]:
    for router in pages.ROUTERS:
        for route in router.routes:
            path = str(getattr(route, "path", ""))
            if path == "/admin" or path.startswith("/admin/"):
                yield from ((method, path) for method in sorted(getattr(route, "methods", ())) if method != "HEAD")


def test_what_moderators_may_open_is_there() -> None:
    assert set(routes()) >= MODERATORS


@pytest.mark.parametrize("name", ["ada", "warden"])
def test_every_page_of_organisers_is_closed_to_others(small_campaign: World, name: str) -> None:
    small_campaign.chief, small_campaign.warden  # noqa: B018
    closed = set(routes()) - (MODERATORS if name == "warden" else set())
    with visit(small_campaign, name) as visitor:
        token = {"form_token": [form_token(visitor.get("/tasks").text)]}
        for method, path in sorted(closed):
            address = re.sub(r"\{[^}]*\}", "x", path)
            page = visitor.get(address) if method == "GET" else visitor.post(address, token)
            assert page.status_code == 403, (method, path)


def form_token(page: str) -> str:
    return page.split('name="form_token" value="')[1].split('"')[0]


def test_who_is_not_signed_in_is_sent_to_sign_in(small_campaign: World) -> None:
    for method, path in routes():
        if method == "GET":
            answer = small_campaign.http.get(path)
            assert (answer.status_code, answer.headers["location"][:8]) == (303, "/signin?"), path
