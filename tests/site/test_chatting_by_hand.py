"""Chat in a real browser: a reply grows on every page that shows it, through a bad connection too; a key stops it."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from playwright.sync_api import Page, Route, expect
from sqlalchemy import Connection

from browsers import Site
from espalier.store import chats
from espalier.store.chats import MessageState
from espalier.store.door import open_door
from espalier.store.session import open_database

Says = Callable[[Page, str, bool], None]
QUESTION = "Why is the sea blue?"


@contextmanager
def model_of(site: Site) -> Iterator[Says]:
    """Writes into the replies of a page that wait or are being written, and ends them or not."""
    database = open_database(f"sqlite:///{site.database}")
    door = open_door(database)

    def says(page: Page, words: str, ends: bool) -> None:
        replies = page.locator(".reply").evaluate_all("all => all.map((each) => each.id)")
        door.call(write, replies, words, ends, datetime.now(UTC))

    try:
        yield says
    finally:
        door.close()
        database.close()


def write(db: Connection, replies: Sequence[str], words: str, ends: bool, now: datetime) -> None:
    for reply in replies:
        chats.begin(db, reply, now)
        chats.append(db, reply, words)
        if ends:
            chats.finish(db, reply, MessageState.COMPLETE, now)


def begin(site: Site) -> Page:
    page = site.person("Ada")
    page.clock.install()
    page.goto("/chat")
    page.get_by_label("Your message").fill(QUESTION)
    page.get_by_label("Your message").press("Control+Enter")
    page.wait_for_url("**/chat/*")
    return page


def ask(site: Site, choice: str, taken: str) -> Page:
    """With one choice more than usual of how it is replied."""
    page = site.person("Ada")
    page.goto("/chat")
    page.get_by_text("How it replies").click()
    page.get_by_label(choice).select_option(taken)
    page.get_by_label("Your message").fill(QUESTION)
    page.get_by_label("Your message").press("Control+Enter")
    return page


def last(page: Page) -> str:
    return page.locator(".reply .words").last.inner_text().strip()


def test_a_reply_grows_in_two_windows_and_through_a_broken_connection_and_is_said_once(site: Site) -> None:
    with model_of(site) as says:
        page = begin(site)
        expect(page.get_by_text("Waiting: 2 replies come first.").first).to_be_visible()
        says(page, "Because **blue** ", False)
        expect(page.locator(".reply .words")).to_have_text("Because blue")
        expect(page.get_by_role("status").filter(has_text="The reply begins.")).to_have_count(1)
        page.get_by_label("Your message").fill("And the")
        other = page.context.new_page()
        other.goto(page.url)
        page.context.set_offline(True)
        expect(page.get_by_text("The connection is lost.").first).to_be_visible()
        says(page, "is scattered:\n\n```python\nblue ** -4\n```\n", True)
        page.context.set_offline(False)
        for each in (page, other):
            expect(each.locator(".reply")).to_have_attribute("data-state", "complete")
            assert re.sub(r"\s+", " ", last(each)) == "Because blue is scattered: Copy blue ** -4"
            expect(each.get_by_role("button", name="Send")).to_be_visible()
        expect(page.locator("#lost")).to_be_hidden()
        expect(page.locator("#said")).to_have_text("The reply is complete: Because blue is scattered: blue ** -4")
        expect(page.get_by_label("Your message")).to_be_focused()
        expect(page.get_by_label("Your message")).to_have_value("And the")
        expect(page.get_by_role("link", name="Edit")).to_be_visible()


def test_where_nothing_comes_any_more_the_page_says_so_and_begins_anew(site: Site) -> None:
    with model_of(site) as says:
        page = begin(site)
        expect(page.get_by_text("Waiting: 2 replies come first.").first).to_be_visible()
        page.route("**/stream*", lambda route: Route.abort(route))
        page.clock.fast_forward(60_000)
        expect(page.locator("#lost")).to_be_visible()
        page.unroute("**/stream*")
        says(page, "Because.", True)
        expect(page.locator(".reply .words")).to_have_text("Because.")
        expect(page.locator("#lost")).to_be_hidden()


def test_escape_stops_and_what_is_being_typed_stays(site: Site) -> None:
    with model_of(site) as says:
        page = begin(site)
        says(page, "Because", False)
        expect(page.locator(".reply .words")).to_have_text("Because")
        page.get_by_label("Your message").press_sequentially("Never mind")
        page.keyboard.press("Escape")
        expect(page.get_by_text("You stopped this reply.").first).to_be_visible()
        expect(page.get_by_role("button", name="Continue")).to_be_visible()
        expect(page.get_by_label("Your message")).to_have_value("Never mind")
        expect(page.get_by_label("Your message")).to_be_focused()


def test_the_vote_comes_when_both_replies_side_by_side_have_ended(site: Site) -> None:
    with model_of(site) as says:
        page = ask(site, "Compare with another model", "large")
        expect(page.get_by_text("Answer A")).to_be_visible()
        says(page, "Because.", True)
        expect(page.get_by_role("button", name="Both are good")).to_be_visible()
        page.keyboard.press("g")
        expect(page.get_by_text(re.compile("You found both good. A is (Small|Large), B is"))).to_be_visible()


def test_of_several_replies_one_is_taken_by_its_letter(site: Site) -> None:
    with model_of(site) as says:
        page = ask(site, "Replies to choose from", "3")
        expect(page.get_by_text("Answer C")).to_be_visible()
        says(page, "Because.", True)
        expect(page.get_by_role("button", name="Take C")).to_be_visible()
        page.keyboard.press("c")
        expect(page.get_by_text("You took this reply out of 3.")).to_be_visible()
        expect(page.get_by_text("3 of 3")).to_be_visible()
        expect(page.get_by_label("Your message")).to_be_visible()
