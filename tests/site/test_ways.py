"""Ways through the site that people go as a whole: coming in, deciding a case, losing a task, leaving."""

import sqlite3

import httpx
from playwright.sync_api import Page, expect

from browsers import Site, grave
from espalier.domain.cases import REASONS
from letters import code_in

TEXT = "It depends on the light, and on how often you water them."


def sane(page: Page) -> None:
    assert not grave(page), page.url


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name).first.click()


def as_program(site: Site, name: str, path: str, body: object) -> None:
    address = f"{site.url}/api/v1{path}"
    answer = httpx.post(address, json=body, headers={"Authorization": f"Bearer {site.tokens[name]}"})
    assert answer.is_success, answer.text


def stored(site: Site, text: str) -> int:
    with sqlite3.connect(site.database) as db:
        return int(db.execute("SELECT count(*) FROM messages WHERE text = ?", (text,)).fetchone()[0])


def test_a_letter_brings_somebody_in_past_terms_and_practice_to_the_first_task(site: Site) -> None:
    page = site.visitor(bypass_csp=True)
    page.goto("/signin?next=/tasks")
    sane(page)
    page.locator("#email").fill("iris@example.org")
    press(page, "Send me a link")
    sane(page)
    page.locator("#code").fill("000 000")
    press(page, "Sign in")
    expect(page.locator("#code")).to_have_attribute("aria-invalid", "true")
    page.locator("#code").fill(code_in(site.mail.next()))
    press(page, "Sign in")
    sane(page)
    press(page, "Accept")
    sane(page)
    page.get_by_label("No", exact=True).check()
    press(page, "Begin")
    expect(page.locator("h1")).to_contain_text("Practice")
    sane(page)
    for question in page.locator("fieldset").all():
        question.get_by_role("radio").first.check()
    press(page, "Check my answers")
    sane(page)
    with page.expect_navigation():
        page.get_by_role("link", name="On to the task").click()
    expect(page.get_by_role("button", name="Skip", exact=True)).to_be_visible()


def test_a_moderator_takes_a_case_decides_it_and_undoes_it(site: Site) -> None:
    page = site.person("Mona")
    page.goto("/moderation")
    with page.expect_navigation():
        page.locator(".case-line a").first.click()
    press(page, "Take it")
    expect(page.get_by_text("The case is in your hands for half an hour.")).to_be_visible()
    page.get_by_label("Remove the message", exact=False).first.check()
    page.locator("#reason").select_option(index=1)
    with page.expect_navigation():
        page.locator("#ruling button.primary").click()
    expect(page.get_by_text("The message is removed.")).to_be_visible()
    press(page, "Undo the decision")
    expect(page.get_by_text("The message is removed.")).to_have_count(0)
    expect(page.locator("[data-key=decide]")).to_be_visible()


def test_a_text_comes_back_when_its_place_was_closed_or_its_message_deleted_meanwhile(site: Site) -> None:
    page = site.person("Ada")
    task = site.task("Ada", "assistant_reply")
    page.goto(f"/tasks/{task['id']}")
    page.locator("#text").fill(TEXT)
    with sqlite3.connect(site.database) as db:
        (parent,) = db.execute("SELECT subject FROM tasks WHERE id = ?", (task["id"],)).fetchone()
        db.execute("UPDATE tasks SET expires_at = 1 WHERE id = ?", (task["id"],))
    db.close()
    as_program(site, "Mona", f"/messages/{parent}/delete", {})
    press(page, "Submit")
    expect(page.locator("#text")).to_have_value(TEXT)
    assert stored(site, TEXT) == 0


def test_going_back_after_an_answer_sends_nothing_twice(site: Site) -> None:
    page = site.person("Ada")
    page.goto(f"/tasks/{site.task('Ada', 'assistant_reply')['id']}")
    page.locator("#text").fill(TEXT)
    press(page, "Submit")
    expect(page.locator("#undo")).to_be_visible()
    page.go_back()
    expect(page.locator("h1").first).to_be_visible()
    if page.get_by_role("button", name="Submit", exact=True).is_visible():
        press(page, "Submit")
    expect(page.locator("h1").first).to_be_visible()
    assert stored(site, TEXT) == 1


def test_an_account_that_is_to_be_deleted_can_be_kept_until_it_is(site: Site) -> None:
    page = site.person("Fay", bypass_csp=True)
    page.goto("/me/data")
    with page.expect_navigation():
        page.get_by_role("link", name="Delete my account").first.click()
    page.locator("input[value=anonymise]").check()
    press(page, "Delete my account tomorrow")
    page.goto("/me/delete")
    expect(page.get_by_text("Your account is about to be deleted:")).to_be_visible()
    sane(page)
    press(page, "Keep my account")
    page.goto("/me/delete")
    expect(page.get_by_role("button", name="Delete my account tomorrow")).to_be_visible()


def test_who_is_shut_out_reads_why_and_appeals(site: Site) -> None:
    page = site.person("Fay", bypass_csp=True)
    with sqlite3.connect(site.database) as db:
        (fay,) = db.execute("SELECT id FROM people WHERE name = 'Fay'").fetchone()
    db.close()
    as_program(site, "Administrator", f"/people/{fay}/ban", {"reason": REASONS[3]})
    page.goto("/tasks")
    expect(page.locator("h1")).to_have_text("Your account is banned")
    sane(page)
    page.locator("#words").fill("It was a quotation.")
    press(page, "Send the appeal")
    expect(page.get_by_text("Your appeal is waiting.", exact=False)).to_be_visible()
    sane(page)
