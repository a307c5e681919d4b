"""A tree in the browser: its drawing and its outline by keys alone, folding, links copied, reactions in place."""

import re

from playwright.sync_api import Page, expect

from browsers import Site


def a_finished_tree(page: Page) -> None:
    page.goto("/trees?state=ready_for_export&lang=en")
    page.locator(".listing a").first.click()
    page.wait_for_url("**/trees/*")


def test_arrow_keys_move_through_the_drawing_and_enter_opens_a_message(site: Site) -> None:
    page = site.person("Ada")
    a_finished_tree(page)
    links = page.locator("svg[data-tree] a")
    expect(links.first).to_have_attribute("tabindex", "0")
    assert links.evaluate_all("links => links.filter(link => link.tabIndex === 0).length") == 1
    links.first.focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("svg a:focus")).to_have_attribute("aria-label", re.compile("^assistant, 1 of"))
    page.keyboard.press("ArrowRight")
    expect(page.locator("svg a:focus")).to_have_attribute("aria-label", re.compile("^assistant, 2 of"))
    page.keyboard.press("ArrowDown")
    expect(page.locator("svg a:focus")).to_have_attribute("aria-label", re.compile("^person asking"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/messages/*")
    expect(page.locator(".turn.wanted")).to_be_visible()


def test_space_folds_what_is_above_a_message_and_unfolds_it(site: Site) -> None:
    page = site.person("Ada")
    a_finished_tree(page)
    links = page.locator("svg[data-tree] a")
    links.first.focus()
    page.keyboard.press(" ")
    expect(links.first).to_have_attribute("aria-expanded", "false")
    expect(links.nth(1)).to_be_hidden()
    expect(links.last).to_be_hidden()
    page.keyboard.press(" ")
    expect(links.nth(1)).to_be_visible()
    expect(links.last).to_be_visible()


def test_a_phone_shows_the_outline_which_arrow_keys_fold(site: Site) -> None:
    page = site.person("Ada", viewport={"width": 375, "height": 800})
    a_finished_tree(page)
    expect(page.locator("figure.espalier")).to_be_hidden()
    links = page.locator("ul[data-tree] a[data-knot]")
    expect(links.first).to_be_visible()
    links.first.focus()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    expect(links.nth(1)).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(links.nth(1)).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(links.nth(1)).to_be_focused()


def test_a_reaction_is_put_and_taken_back(site: Site) -> None:
    page = site.person("Ada")
    a_finished_tree(page)
    page.get_by_role("link", name="Read from the prompt on").click()
    page.get_by_role("button", name="applause").click()
    expect(page.get_by_role("button", name="applause, 1")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="applause, 1").click()
    expect(page.get_by_role("button", name="applause", exact=True)).to_have_attribute("aria-pressed", "false")
