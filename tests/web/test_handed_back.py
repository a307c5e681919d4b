"""What somebody typed is never lost: every form of the site is handed back whole, whatever it was not taken for."""

import re
from collections.abc import Iterator
from typing import Final, NoReturn

import pytest

from campaigns import World
from espalier.store.session import Database
from espalier.web import pages
from visits import Visitor, form_of, forms_of, stranger, visit, words_of

WRITTEN: Final = "  What somebody wrote,\n & <took> long for"
NO_FORMS: Final = {"/unsubscribe/{signed}"}
"""What mail programs send, too."""
FORMS: Final = sorted(
    {route.path for router in pages.ROUTERS for route in router.routes if "POST" in getattr(route, "methods", ())}  # type: ignore[attr-defined]
    - NO_FORMS
)
SENT: Final = {"form_token": ["of another"], "text": [WRITTEN], "flags": ["pii", "other"], "password": ["abc1"]}


@pytest.fixture
def chief(small_campaign: World) -> Iterator[Visitor]:
    with visit(small_campaign, small_campaign.chief.name) as visitor:
        yield visitor


def is_handed_back(visitor: Visitor, address: str) -> bool:
    """Whether a form that is sent there comes back whole, but for secrets, and can be sent again."""
    page = visitor.post(address, SENT)
    back = [form.filled() for form in forms_of(page) if form.action == address]
    return (
        page.status_code in (401, 403)
        and any(form.get("text") == [WRITTEN] and form["flags"] == SENT["flags"] for form in back)
        and all(form["form_token"] != SENT["form_token"] for form in back)
        and "abc1" not in words_of(page.text)
    )


def test_every_form_that_was_opened_before_the_session_ended_comes_back_whole(chief: Visitor) -> None:
    addresses = [re.sub(r"\{[^}]*\}", "1", path) for path in FORMS]
    assert len(addresses) > 50
    assert [address for address in addresses if not is_handed_back(chief, address)] == []
    with stranger(chief.world) as guest:
        assert [address for address in addresses if not is_handed_back(guest, address)] == []
    chief.world.later(minutes=10)
    assert is_handed_back(chief, "/me/signin/email"), "what is grave asks to sign in again first"


def test_it_is_taken_when_it_is_sent_once_more(chief: Visitor) -> None:
    page = chief.get("/admin/announcements")
    given = form_of(page, "/admin/announcements").filled(text="On Monday we rest.", form_token="old")
    assert chief.post("/admin/announcements", given).status_code == 403
    assert "On Monday we rest." in chief.send("/admin/announcements").text
    assert chief.page.url.path == "/admin/announcements"
    assert chief.page.status_code == 200


@pytest.mark.parametrize(("lost", "way"), [(True, "/signin"), (False, "/signin/again")])
def test_one_press_sends_it_after_signing_in_elsewhere_in_the_browser(chief: Visitor, lost: bool, way: str) -> None:
    """`lost`: the session itself; else it is too old for what is grave."""
    address = "/admin/announcements" if lost else "/me/delete"
    given = form_of(chief.get(address), address).filled(text="On Monday we rest.", how="anonymise")
    if lost:
        chief.client.cookies.delete("espalier_session")
    else:
        chief.world.later(minutes=11)
    back = form_of(chief.post(address, given), address).filled()
    chief.get(way)
    chief.send("/signin/token", token=chief.world.chief.token)
    assert chief.post(address, back).status_code == 403, "it is not known that a page of this site sent it"
    chief.client.headers["sec-fetch-site"] = "same-origin"
    page = chief.post(address, back)
    assert page.status_code == 200
    assert ("On Monday we rest." if lost else "You can still stop it.") in page.text


def test_a_form_that_another_site_sent_has_no_button_that_sends_it(chief: Visitor) -> None:
    for header in ({"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}, {"origin": "null"}):
        chief.client.headers.update(header)
        page = chief.post("/admin/announcements", {"text": ["Send me your token."]})
        assert "Send me your token." in page.text
        assert "Send it once more" not in page.text
        for name in header:
            del chief.client.headers[name]


def test_what_was_not_even_looked_at_comes_back_to_be_made_shorter(chief: Visitor) -> None:
    chief.get("/admin/invitations/links")
    page = chief.send("/admin/invitations/links", note="the class of " * 30)
    assert page.status_code == 422
    assert form_of(page, "/admin/invitations/links").filled()["note"] == ["the class of " * 30]
    assert chief.send("/admin/invitations/links", note="the class").status_code == 200


def test_with_no_database_there_is_still_a_page_in_the_readers_language_that_hands_it_back(
    chief: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Database) -> NoReturn:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Database, "read", gone)
    page = chief.post("/admin/announcements", {**SENT, "text": [WRITTEN]})
    assert page.status_code == 500
    assert form_of(page, "/admin/announcements").filled()["text"] == [WRITTEN]
    chief.client.headers["accept-language"] = "de"
    page = chief.get("/tasks")
    assert page.status_code == 500
    assert '<html lang="de"' in page.text
    assert "Hier ist etwas schiefgegangen" in page.text
