"""Writing in the browser: drafts that survive, a preview, keys, and what is typed is submitted once."""

import sqlite3

import httpx
from playwright.sync_api import Page, Route, expect

from browsers import Site
from espalier.domain.cases import REASONS

TEXT = "It depends on the light, and on how often you water them."


def begin(site: Site, name: str = "Ada") -> tuple[Page, str]:
    """Somebody before a reply that they have not begun, and the address of its page."""
    page = site.person(name)
    address = f"/tasks/{site.task(name, 'assistant_reply')['id']}"
    page.goto(address)
    return page, address


def stored(site: Site, text: str) -> int:
    """How many messages have this text."""
    with sqlite3.connect(site.database) as db:
        return int(db.execute("SELECT count(*) FROM messages WHERE text = ?", (text,)).fetchone()[0])


def kept_here(page: Page) -> list[str]:
    found: list[str] = page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('draft:'))")
    return found


def state(page: Page, words: str) -> None:
    expect(page.locator("[data-draft-state]")).to_contain_text(words)


def test_a_draft_is_there_on_another_device_after_the_browser_was_killed(site: Site) -> None:
    page, address = begin(site)
    page.locator("#text").fill(TEXT)
    state(page, "Draft saved")
    assert kept_here(page) == []
    page.context.close()
    elsewhere = site.person("Ada", viewport={"width": 375, "height": 700})
    elsewhere.goto(address)
    assert elsewhere.locator("#text").input_value() == TEXT


def test_what_is_typed_offline_is_kept_here_and_saved_when_the_connection_is_back(site: Site) -> None:
    page, address = begin(site)
    page.context.set_offline(True)
    page.locator("#text").fill(TEXT)
    state(page, "Offline, kept on this device")
    assert len(kept_here(page)) == 1
    page.context.set_offline(False)
    state(page, "Draft saved")
    assert kept_here(page) == []
    page.goto(address)
    assert page.locator("#text").input_value() == TEXT


def test_what_the_server_never_got_is_there_after_a_reload(site: Site) -> None:
    page, address = begin(site)
    page.route("**/draft", lambda route: route.abort())
    page.locator("#text").fill(TEXT)
    state(page, "Offline, kept on this device")
    page.unroute("**/draft")
    page.goto(address)
    assert page.locator("#text").input_value() == TEXT
    state(page, "Draft saved")
    expect(page.locator("#preview")).not_to_be_empty()


def test_two_windows_show_both_drafts_and_one_is_chosen(site: Site) -> None:
    page, address = begin(site)
    other = page.context.new_page()
    other.goto(address)
    other.locator("#text").fill("from the other window")
    state(other, "Draft saved")
    page.locator("#text").fill("from this window")
    newer = page.get_by_role("group", name="There is a newer draft")
    expect(newer.locator("textarea")).to_have_value("from the other window")
    assert page.locator("#text").input_value() == "from this window"
    newer.get_by_role("button", name="Keep mine").click()
    state(page, "Draft saved")
    other.reload()
    assert other.locator("#text").input_value() == "from this window"


def test_who_is_signed_out_meanwhile_is_told_and_finds_the_text_again(site: Site) -> None:
    page, address = begin(site)
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.locator("#text").fill(TEXT)
    state(page, "Not saved: sign in again")
    assert len(kept_here(page)) == 1
    page.context.add_cookies(cookies)
    page.goto(address)
    assert page.locator("#text").input_value() == TEXT


def test_who_is_banned_while_typing_is_led_to_why_and_not_to_signing_in(site: Site) -> None:
    page, _ = begin(site, "Fay")
    with sqlite3.connect(site.database) as db:
        (fay,) = db.execute("SELECT id FROM people WHERE name = 'Fay'").fetchone()
    banned = httpx.post(
        f"{site.url}/api/v1/people/{fay}/ban",
        json={"reason": REASONS[3]},
        headers={"Authorization": f"Bearer {site.tokens['Administrator']}"},
    )
    assert banned.status_code == 200, banned.text
    page.locator("#text").fill(TEXT)
    state(page, "Not saved: load the page again")
    page.locator("[data-draft-state] a").click()
    expect(page.locator("h1")).to_have_text("Your account is banned")


def test_signing_out_leaves_no_text_in_the_browser(site: Site) -> None:
    page, _ = begin(site)
    page.route("**/draft", lambda route: route.abort())
    page.locator("#text").fill(TEXT)
    state(page, "Offline, kept on this device")
    page.locator("details.menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/")
    assert kept_here(page) == []


def test_ctrl_enter_submits_once_and_the_next_task_begins_at_its_heading(site: Site) -> None:
    page, address = begin(site)
    page.locator("#text").fill(TEXT)
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda now: not now.endswith(address))
    assert stored(site, TEXT) == 1
    assert page.evaluate("document.activeElement.id") == "task"
    assert page.evaluate("scrollY") == 0
    assert kept_here(page) == []


def test_the_preview_follows_and_the_count_warns(site: Site) -> None:
    page, _ = begin(site)
    page.locator("#text").fill("A *good* lamp costs $x^2$ and\n\n```python\nx = 1\n```")
    expect(page.locator("#preview em")).to_have_text("good")
    expect(page.locator("#preview math")).to_have_count(1)
    expect(page.locator("#preview pre")).to_be_visible()
    page.locator("#text").fill("x" * 10_001)
    expect(page.locator("#count")).to_contain_text("10,001 of 10,000 characters: too long")


def test_another_language_is_named_while_one_types_and_can_be_kept(site: Site) -> None:
    page, address = begin(site)
    german = "Das ist ein langer deutscher Text darüber, wie oft man Tomaten auf dem Balkon im Sommer gießen sollte."
    page.locator("#text").fill(german)
    expect(page.locator("#preview")).to_contain_text("This looks like German")
    page.locator("[name=send_anyway]").check()
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(lambda now: not now.endswith(address))
    assert stored(site, german) == 1


def test_an_arabic_task_is_written_from_right_to_left_in_an_english_page(site: Site) -> None:
    page = site.person("Ada")
    page.goto(f"/tasks/{site.task('Ada', 'assistant_reply', 'ar')['id']}")
    field = page.locator("#text")
    assert (field.get_attribute("lang"), field.get_attribute("dir")) == ("ar", "rtl")
    field.fill("مرحبا بكم")
    expect(page.locator("#preview .words")).to_have_attribute("dir", "rtl")
    assert page.locator("html").get_attribute("dir") == "ltr"


def test_the_next_task_is_one_key_away(site: Site) -> None:
    page = site.person("Ada")
    page.keyboard.press("n")
    page.wait_for_url("**/tasks/*")
    assert page.locator("#task").is_visible()


def test_a_refused_answer_is_saved_as_a_draft_at_once(site: Site) -> None:
    page, address = begin(site)
    page.locator("#text").fill("x" * 10_001)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#fault")).to_be_visible()
    state(page, "Draft saved")
    page.goto(address)
    assert page.locator("#text").input_value() == "x" * 10_001


def test_one_may_go_on_typing_while_a_draft_is_being_saved(site: Site) -> None:
    page, address = begin(site)
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        held.append(route)
        if len(held) > 1:
            route.continue_()

    page.route("**/draft", hold_the_first)
    page.locator("#text").fill("first")
    state(page, "Saving")
    page.locator("#text").fill("first and second")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    held[0].continue_()
    state(page, "Draft saved")
    page.goto(address)
    assert page.locator("#text").input_value() == "first and second"


def test_the_first_press_on_a_button_below_the_field_counts_on_a_phone(site: Site) -> None:
    """The bar at the foot makes room while somebody types, and its coming back moves nothing under the pointer."""
    page, _address = begin(site)
    page.set_viewport_size({"width": 375, "height": 740})
    page.locator("#text").press_sequentially("It depends.")
    state(page, "Draft saved")
    skip = page.get_by_role("button", name="Skip", exact=True)
    skip.scroll_into_view_if_needed()
    before = skip.bounding_box()
    assert before is not None
    page.mouse.move(before["x"] + 9, before["y"] + before["height"] / 2)
    page.mouse.down()
    assert skip.bounding_box() == before
    page.mouse.up()
    expect(page.get_by_text("Skipped.")).to_be_visible()
