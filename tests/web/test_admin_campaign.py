"""An organiser says what the campaign is, opens and closes it, tries the mail, and publishes texts."""

import re
from collections.abc import Iterator

import pytest

from campaigns import World, running
from espalier.store.charters import charter_in_force
from espalier.store.session import Database
from espalier.web.doors import Entrance
from letters import Mailbox
from pictures import picture
from visits import form_of, stranger, visit

ADDRESS = "/admin/campaign"


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


@pytest.fixture
def world(sqlite_db: Database, box: Mailbox) -> Iterator[World]:
    with running(sqlite_db, Entrance(post=box)) as made:
        assert made.chief
        yield made


def test_what_is_said_stands_on_the_front_page(world: World) -> None:
    with visit(world, "chief") as chief:
        chief.get(ADDRESS)
        page = chief.send(ADDRESS, name="Orchard", about="We grow *fruit*.", languages="de, en", target="1.000",
                          contact="us@example.org")  # fmt: skip
        assert "Saved." in page.text
        assert world.door.call(charter_in_force).target == 1000
    with stranger(world) as somebody:
        front = somebody.get("/")
        for words in ("Orchard", "<em>fruit</em>", "German", "Take part", "0% of the 1,000 messages"):
            assert words in front.text, words
        assert "us@example.org" in somebody.get("/help").text


def test_a_fault_is_said_at_its_field_and_nothing_typed_is_lost(world: World) -> None:
    with visit(world, "chief") as chief:
        chief.get(ADDRESS)
        page = chief.send(ADDRESS, name="Orchard", licence_url="nowhere", contact="us@example.org")
        assert page.status_code == 422
        assert 'id="licence_url-fault"' in page.text
        for kept in ("Orchard", "nowhere", "us@example.org"):
            assert f'value="{kept}"' in page.text
    assert world.door.call(charter_in_force).name == "Espalier"


def test_what_follows_is_shown_before_the_campaign_stands_still(world: World) -> None:
    with visit(world, "chief") as chief:
        chief.get(ADDRESS)
        page = chief.send("/running", running="paused", reason="We move.", paused_until="2026-04-01")
        assert "Pause the campaign?" in page.text
        assert world.door.call(charter_in_force).running == "open"
        page = chief.send("/running")
        assert "Done." in page.text
        now = world.door.call(charter_in_force)
        assert (now.running, now.reason, str(now.paused_until)) == ("paused", "We move.", "2026-04-01")
        assert "We move." in page.text
        page = chief.send("/running", running="closed")
        assert "Close the campaign?" in page.text
        assert "We move." not in page.text, "what was said of the pause is not said of the end"
        page = chief.send("/running", running="dancing", reason="Moving house")
        assert page.status_code == 422
        assert form_of(page, "/running").filled()["reason"] == ["Moving house"]


def test_a_trial_letter_goes_where_it_should_or_says_why_not(world: World, box: Mailbox) -> None:
    with visit(world, "chief") as chief:
        chief.get(ADDRESS)
        assert chief.send("/mail", address="nobody").status_code == 422
        page = chief.send("/mail", address="us@example.org")
        assert "on its way" in page.text
    assert box.next().to == "us@example.org"


def test_only_an_open_campaign_is_for_search_engines(world: World) -> None:
    with visit(world, "chief") as chief, stranger(world) as somebody:
        assert somebody.get("/").headers["x-robots-tag"] == "all"
        for address in ("/guidelines", "/api/docs", "/api/v1/campaign", "/nowhere", "/worker.js"):
            assert somebody.get(address).headers["x-robots-tag"] == "noindex", address
        for address in ("/stats/growth.csv", "/me/data/espalier.json"):
            assert chief.get(address).headers["x-robots-tag"] == "noindex", address
        chief.get(ADDRESS)
        chief.send(ADDRESS, visibility="open")
        assert somebody.get("/stats").headers["x-robots-tag"] == "all"


def test_a_text_is_seen_before_it_is_published_and_kept_with_its_history(world: World) -> None:
    address = "/admin/documents/privacy/en"
    with visit(world, "chief") as chief:
        chief.get(address)
        page = chief.send(address, text="We know *nothing*.", do="preview")
        assert "<em>nothing</em>" in page.text
        assert "<ins>+We know *nothing*.</ins>" in page.text
        assert "We know" not in chief.get("/privacy").text
        for text in ("We know *nothing*.", "We know little."):
            chief.get(address)
            assert "Published." in chief.send(address, text=text, do="publish").text
        assert "We know little." in chief.get("/privacy").text
        assert "<em>nothing</em>" in chief.get(address).text
        for lang in ("no%20language", "xx-wrong-9"):
            assert chief.get(f"/admin/documents/privacy/{lang}").status_code == 404
        chief.get(address)
        sent = form_of(chief.page, address).filled(text="Nobody would read this.", do="publish")
        assert chief.post("/admin/documents/privacy/xx-wrong-9", sent).status_code == 404


def test_what_was_typed_while_the_terms_changed_is_handed_back(world: World) -> None:
    with visit(world, "ada") as ada, visit(world, "chief") as chief:
        task = ada.take("initial_prompt")
        chief.get("/admin/documents/terms/en")
        chief.send("/terms/en", text="Be kind.", do="publish", ask_again="yes")
        page = ada.send(f"/tasks/{task}/text", text="Why is the sky blue?")
        assert page.status_code == 403
        assert "The terms have changed" in page.text
        assert "Why is the sky blue?" in page.text


def test_the_bar_leads_only_where_one_may_go(world: World) -> None:
    with visit(world, "chief") as chief, visit(world, "ada") as ada, stranger(world) as somebody:
        for visibility, shown in (("open", (True, True, True)), ("members", (True, True, False)),
                                  ("staff", (True, False, False))):  # fmt: skip
            chief.get(ADDRESS)
            chief.send(ADDRESS, visibility=visibility)
            bars = [reader.get("/help").text for reader in (chief, ada, somebody)]
            assert tuple('href="/trees"' in bar for bar in bars) == shown, visibility
            assert (ada.get("/trees").status_code == 200) is shown[1]
            assert (somebody.get("/trees").url.path == "/trees") is shown[2]


def test_a_picture_stands_on_the_front_page_with_words_for_who_does_not_see_it(world: World) -> None:
    with visit(world, "chief") as chief, stranger(world) as somebody:

        def send(says: str, data: bytes | None = None) -> str:
            values = form_of(chief.get(ADDRESS), "/picture").filled(picture_says=says)
            values.pop("picture")
            files = {"picture": ("pear.png", data)} if data is not None else {"picture": ("", b"")}
            return chief._sent("POST", f"{ADDRESS}/picture", data=values, files=files).text

        assert 'id="picture-fault"' in send("A pear tree.")
        assert 'id="picture-fault"' in send("A pear tree.", b"<svg/>")
        assert 'id="picture_says-fault"' in send("", picture())
        assert 'class="picture"' not in somebody.get("/").text
        assert "on the front page" in send("A pear tree.", picture("JPEG", comment=b"secret"))
        (address,) = re.findall(r'src="(/picture/\w+)" width="3" height="2" alt="A pear tree."', somebody.get("/").text)
        file = somebody.get(address)
        assert file.headers["content-type"] == "image/jpeg"
        assert b"secret" not in file.content
        assert 'alt="An old pear tree."' in send("An old pear tree.")
        chief.send("/picture", do="take_away")
        assert somebody.get(address).status_code == 404
        assert 'class="picture"' not in somebody.get("/").text
