"""Replies are ranked in the browser: by keys alone, by the grip, by buttons, on a phone."""

import json
import sqlite3

from playwright.sync_api import Page, expect

from browsers import Site


def open_ranking(site: Site, page: Page) -> None:
    page.goto(f"/tasks/{site.task('Ada', 'rank_assistant_replies')['id']}")


def letters(page: Page) -> str:
    """The replies by their letters, from the first to the last; `=` before one that is as good as the one above."""
    return page.evaluate(
        """() => [...document.querySelectorAll('[data-reply]')].map(item =>
        (item.querySelector('.between').ariaPressed === 'true' && !item.querySelector('.between').hidden ? '=' : '')
        + item.dataset.reply).join('')"""
    )


def places(page: Page) -> list[str]:
    """What would be sent, in the order of the letters."""
    return page.evaluate(
        """() => [...document.querySelectorAll('[data-reply]')]
        .sort((a, b) => a.dataset.reply < b.dataset.reply ? -1 : 1).map(item => item.querySelector('input').value)"""
    )


def ballots(site: Site) -> list[dict[str, object]]:
    with sqlite3.connect(site.database) as db:
        rows = db.execute("SELECT data FROM contributions WHERE kind = 'ranked' AND person_id IS NOT NULL ORDER BY seq")
        return [json.loads(data) for (data,) in rows]


class Finger:
    """One finger on the glass, which moves up and down only."""

    def __init__(self, page: Page, x: float) -> None:
        self._session = page.context.new_cdp_session(page)
        self._x = x

    def touch(self, kind: str, y: float | None = None) -> None:
        points = [] if y is None else [{"x": self._x, "y": y}]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_replies_are_ranked_by_keys_alone_and_each_move_is_announced(site: Site) -> None:
    page = site.person("Ada")
    open_ranking(site, page)
    before = len(ballots(site))
    count = len(letters(page))
    page.keyboard.press("j")
    page.keyboard.press("Alt+ArrowDown")
    assert letters(page)[:3] == "BA" + ("C" if count > 2 else "")
    expect(page.locator("[data-said]")).to_contain_text("A is now ")
    page.keyboard.press("=")
    assert letters(page)[:3] == "B=A"
    expect(page.locator("[data-said]")).to_have_text("A is now first, equal with B.")
    assert places(page)[:2] == ["1", "1"]
    page.keyboard.press("Alt+ArrowUp")
    assert letters(page)[:2] == "AB"
    expect(page.locator("[data-said]")).to_have_text("A is now first.")
    assert page.evaluate("document.activeElement.getAttribute('aria-labelledby')") == "name-A"
    page.keyboard.press("Alt+ArrowDown")
    address = page.url
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda now: now != address)
    assert len(ballots(site)) == before + 1


def test_the_grip_drags_and_escape_puts_back(site: Site) -> None:
    page = site.person("Ada")
    open_ranking(site, page)
    first = letters(page)

    def drag() -> None:
        grip = page.locator("[data-reply=A] .grip")
        grip.evaluate("grip => grip.scrollIntoView({block: 'center'})")
        start, below = grip.bounding_box(), page.locator("[data-reply=B] article").bounding_box()
        assert start is not None
        assert below is not None
        page.mouse.move(start["x"] + 9, start["y"] + 9)
        page.mouse.down()
        # At the edge of the window the page scrolls by itself.
        page.mouse.move(start["x"] + 9, min(below["y"] + below["height"] * 0.8, 700), steps=8)
        expect(page.locator("[data-reply]").first).to_have_attribute("data-reply", "B")

    drag()
    page.keyboard.press("Escape")
    assert letters(page) == first
    page.mouse.up()
    drag()
    page.mouse.up()
    assert letters(page)[:2] == "BA"
    expect(page.locator("[data-said]")).to_contain_text("A is now ")
    assert places(page)[:2] == ["2", "1"]


def test_buttons_move_and_tie(site: Site) -> None:
    page = site.person("Ada")
    open_ranking(site, page)
    page.get_by_role("button", name="Move B up").click()
    assert letters(page)[:2] == "BA"
    expect(page.get_by_role("button", name="Move B up")).to_be_focused()
    page.get_by_role("button", name="make equal: B and A").click()
    assert letters(page)[:3] == "B=A"
    expect(page.get_by_role("button", name="equally good: B and A")).to_have_attribute("aria-pressed", "true")


def test_an_untouched_order_asks_once_in_place(site: Site) -> None:
    page = site.person("Ada")
    open_ranking(site, page)
    before, address = len(ballots(site)), page.url
    page.locator("[data-key=submit]").click()
    expect(page.get_by_role("button", name="Yes, submit this order")).to_be_focused()
    assert page.url == address
    assert len(ballots(site)) == before
    page.keyboard.press("Enter")
    page.wait_for_url(lambda now: now != address)
    assert len(ballots(site)) == before + 1


def test_a_finger_on_a_reply_scrolls_and_moves_none(site: Site) -> None:
    page = site.person("Ada", viewport={"width": 375, "height": 600}, has_touch=True, is_mobile=True)
    open_ranking(site, page)
    before = letters(page)
    words = page.locator("[data-reply=A] .words")
    words.evaluate("words => words.scrollIntoView({block: 'center'})")
    box, start = words.bounding_box(), page.evaluate("scrollY")
    assert box is not None
    finger = Finger(page, box["x"] + 40)
    finger.touch("touchStart", 400)
    for y in range(380, 180, -20):
        finger.touch("touchMove", y)
    finger.touch("touchEnd")
    assert page.evaluate("scrollY") > start + 50
    assert letters(page) == before


def test_a_finger_on_the_grip_drags(site: Site) -> None:
    page = site.person("Ada", viewport={"width": 375, "height": 600}, has_touch=True, is_mobile=True)
    open_ranking(site, page)
    page.locator("[data-reply=B] .grip").evaluate("grip => grip.scrollIntoView({block: 'center'})")
    box = page.locator("[data-reply=B] .grip").bounding_box()
    above = page.locator("[data-reply=A] article").bounding_box()
    assert box is not None
    assert above is not None
    finger = Finger(page, box["x"] + 20)
    finger.touch("touchStart", box["y"] + 20)
    finger.touch("touchMove", max(90, above["y"] + 20))
    expect(page.locator("[data-reply]").first).to_have_attribute("data-reply", "B")
    finger.touch("touchEnd")
    assert letters(page)[:2] == "BA"


def test_a_long_reply_is_folded_behind_show_all_and_who_never_unfolds_it_is_told_once(site: Site) -> None:
    with sqlite3.connect(site.database) as db:
        db.execute("UPDATE messages SET text = ? WHERE parent_id IS NOT NULL", ("\n".join(["A line"] * 60),))
    page = site.person("Ada")
    open_ranking(site, page)
    page.get_by_role("button", name="Show all of A").click()
    assert page.locator(".fold").count() == len(letters(page)) - 1
    page.get_by_role("button", name="Move B up").click()
    page.locator("[data-key=submit]").click()
    asking = page.locator("[data-asking]")
    expect(asking).to_contain_text("never shown in full")
    expect(asking).not_to_contain_text("A was")
    before, address = len(ballots(site)), page.url
    page.locator("[data-key=submit]").click()
    page.wait_for_url(lambda now: now != address)
    assert len(ballots(site)) == before + 1


def test_without_scripts_numbers_are_the_order(site: Site) -> None:
    page = site.person("Ada", java_script_enabled=False)
    open_ranking(site, page)
    fields = page.locator("input[type=number]")
    expect(fields.first).to_be_visible()
    expect(page.locator(".grip").first).to_be_hidden()
    for index in range(fields.count()):
        fields.nth(index).fill(str(fields.count() - index))
    before, address = len(ballots(site)), page.url
    page.locator("[data-key=submit]").click()
    page.wait_for_url(lambda now: now != address)
    assert len(ballots(site)) == before + 1


def test_a_half_done_order_is_there_again_after_a_reload(site: Site) -> None:
    page = site.person("Ada")
    open_ranking(site, page)
    text = page.locator("[data-reply=B] .words").inner_text()
    page.get_by_role("button", name="Move B up").click()
    page.get_by_role("button", name="make equal: A and B").or_(
        page.get_by_role("button", name="make equal: B and A")
    ).first.click()
    expect(page.locator("[data-draft-state]")).to_contain_text("Draft saved")
    page.reload()
    assert places(page)[:2] == ["1", "1"]
    assert page.locator("[data-reply=B] .words").inner_text() == text
    page.keyboard.press("j")
    page.keyboard.press("Alt+ArrowDown")
    assert places(page)[:2] == ["2", "1"]


def test_an_order_that_was_asked_about_goes_on_being_saved(site: Site) -> None:
    page = site.person("Ada")
    open_ranking(site, page)
    page.locator("[data-key=submit]").click()
    expect(page.locator("[data-asking]")).to_be_visible()
    page.get_by_role("button", name="Move B up").click()
    expect(page.locator("[data-asking]")).to_be_hidden()
    expect(page.locator("[data-draft-state]")).to_contain_text("Draft saved")


def test_an_order_that_only_this_device_has_is_there_again_after_a_reload(site: Site) -> None:
    page = site.person("Ada")
    open_ranking(site, page)
    page.route("**/draft", lambda route: route.abort())
    last = letters(page)[-1]
    for _ in range(len(letters(page)) - 1):
        page.get_by_role("button", name=f"Move {last} up").click()
    order = letters(page)
    expect(page.locator("[data-draft-state]")).to_contain_text("Offline")
    page.reload()
    expect(page.locator("[data-reply]").first).to_have_attribute("data-reply", last)
    assert letters(page) == order
