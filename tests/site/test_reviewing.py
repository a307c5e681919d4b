"""Messages are reviewed in the browser: by keys alone, with and without single keys, in every direction of script."""

import json
import re
import sqlite3

from playwright.sync_api import Page, expect

from browsers import Site


def open_review(site: Site, page: Page, name: str, lang: str = "en") -> None:
    page.goto(f"/tasks/{site.task(name, 'label_assistant_reply', lang)['id']}")


def chosen(page: Page) -> dict[str, list[str]]:
    """What would be sent, by question."""
    return page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('[data-question]')].map(question =>
        [question.id.replace('question-', ''),
         [...question.querySelectorAll('input:checked')].map(choice => choice.value)]))"""
    )


def last_review(site: Site) -> dict[str, object]:
    with sqlite3.connect(site.database) as db:
        (data,) = db.execute("SELECT data FROM contributions WHERE kind = 'reviewed' ORDER BY seq DESC").fetchone()
    labels: dict[str, object] = json.loads(data)["labels"]
    return labels


def test_a_review_is_given_by_keys_alone(site: Site) -> None:
    page = site.person("Ada")
    open_review(site, page, "Ada")
    assert not any(chosen(page).values())
    for key in ("2", "2", "2", "4", "3", "0", "1"):
        page.keyboard.press(key)
    page.keyboard.press("k")
    page.keyboard.press("x")
    given = chosen(page)
    assert (given["spam"], given["quality"], given["creativity"]) == (["0"], ["0.75"], ["unsure"])
    assert given["humor"] == []
    for key in ("5", "j", "1", "1", "3"):
        page.keyboard.press(key)
    assert chosen(page)["toxicity"] == []
    assert chosen(page)["violence"] == ["0"]
    assert chosen(page)["flags"] == ["pii", "hate_speech"]
    address = page.url
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda now: now != address)
    stored = last_review(site)
    assert stored["spam"] == 0
    assert stored["quality"] == 0.75
    assert stored["creativity"] is None
    assert stored["humor"] == 1
    assert "toxicity" not in stored
    assert (stored["pii"], stored["sexual_content"]) == (1, 0)


def test_an_answer_is_cleared_in_place_and_none_of_these_excludes_the_rest(site: Site) -> None:
    page = site.person("Ada")
    open_review(site, page, "Ada")
    page.locator("#question-quality label", has_text=re.compile("^4")).click()
    expect(page.locator("#question-quality .clear")).to_be_visible()
    page.locator("#question-quality .clear").click()
    assert chosen(page)["quality"] == []
    page.get_by_label("Hate", exact=True).check()
    page.get_by_label("None of these").check()
    assert chosen(page)["flags"] == ["none"]
    page.get_by_label("Sexual", exact=True).check()
    assert chosen(page)["flags"] == ["sexual_content"]


def test_enter_on_a_choice_does_not_send_a_half_done_review(site: Site) -> None:
    page = site.person("Ada")
    open_review(site, page, "Ada")
    address = page.url
    page.get_by_role("group", name="Is it spam?").get_by_label("No").check()
    page.keyboard.press("Enter")
    assert page.url == address
    expect(page.locator("#question-spam")).to_be_visible()


def test_the_keys_are_listed_behind_a_question_mark_and_can_be_switched_off(site: Site) -> None:
    page = site.person("Ada")
    open_review(site, page, "Ada")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("1")
    assert not any(chosen(page).values())
    dialog.get_by_role("button", name="Switch single keys off").click()
    page.locator("html[data-single-keys=off]").wait_for()
    page.keyboard.press("1")
    page.keyboard.press("?")
    assert not any(chosen(page).values())
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="All keys").click()
    expect(dialog).to_be_visible()


def test_a_scale_begins_where_the_script_begins_and_no_page_scrolls_sideways(site: Site) -> None:
    page = site.person("Ada", viewport={"width": 320, "height": 600})
    open_review(site, page, "Ada")
    page.evaluate("document.documentElement.dir = 'rtl'")
    steps = page.locator("#question-toxicity .steps label")
    first, last = steps.first.bounding_box(), steps.last.bounding_box()
    assert first is not None
    assert last is not None
    assert first["x"] > last["x"]
    assert [steps.nth(place).locator("input").input_value() for place in (0, 4)] == ["0", "1"]
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_an_arabic_reply_reads_from_the_right_in_an_english_page(site: Site) -> None:
    page = site.person("Ada")
    open_review(site, page, "Ada", "ar")
    words = page.locator(".turn.wanted .words")
    expect(words).to_have_attribute("dir", "rtl")
    expect(words).to_have_attribute("lang", "ar")
    expect(page.get_by_role("group", name="another language than Arabic")).to_be_visible()
