"""The line that takes back what was done last, in a real browser: it counts down, says itself once, and undoes."""

import re

from playwright.sync_api import Page, expect

from browsers import Site

ANSWER = "It is because the air scatters blue light more than red light, in all directions."


def skip_one(site: Site) -> tuple[Page, str]:
    """A page whose reader has just skipped a reply, and the address of that task."""
    page = site.person("Cleo")
    task = f"/tasks/{site.task('Cleo', 'assistant_reply')['id']}"
    page.goto(f"{task}?choice=random")
    page.get_by_label("Your answer").fill("Half a sentence")
    page.get_by_role("button", name="Skip", exact=True).click()
    page.wait_for_url(lambda address: task not in address)
    return page, task


def test_an_answer_is_undone_from_the_line_which_survives_a_reload(site: Site) -> None:
    page = site.person("Cleo")
    task = f"/tasks/{site.task('Cleo', 'assistant_reply')['id']}"
    page.goto(f"{task}?choice=random")
    page.get_by_label("Your answer").fill(ANSWER)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda address: task not in address)
    line = page.locator("#undo")
    expect(line).to_contain_text("Submitted.")
    expect(line.get_by_role("status")).to_have_text("Submitted. You can undo it for a moment.")
    page.reload()
    expect(line.get_by_role("button")).to_have_text(re.compile(r"^Undo, 0:[0-5]\d$"))
    expect(line.get_by_role("status")).to_be_empty()
    line.get_by_role("button").click()
    page.wait_for_url(lambda address: task in address)
    expect(page.get_by_label("Your answer")).to_have_value(ANSWER)


def test_why_one_skipped_is_said_in_place_and_the_skip_undone(site: Site) -> None:
    page, task = skip_one(site)
    line = page.locator("#undo")
    line.get_by_role("button", name="conversation is finished").click()
    said = line.get_by_text("Skipped: conversation is finished.")
    expect(said).to_be_focused()
    expect(line.get_by_text("Why?")).to_have_count(0)
    line.get_by_role("button", name="Undo").click()
    page.wait_for_url(lambda address: task in address)
    expect(page.get_by_label("Your answer")).to_have_value("Half a sentence")
