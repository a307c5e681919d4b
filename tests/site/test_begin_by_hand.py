"""A prompt that is begun by somebody who has not signed in survives a lost connection, too."""

from playwright.sync_api import expect

from browsers import Site

PROMPT = "How do I prune an old pear tree?"


def test_what_was_begun_offline_is_kept_here_and_goes_on_from_there(bare_site: Site) -> None:
    page = bare_site.visitor(service_workers="allow")
    page.goto("/begin")
    page.evaluate("() => navigator.serviceWorker.ready.then(() => undefined)")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.context.set_offline(True)
    page.get_by_label("Your prompt").fill(PROMPT)
    page.get_by_role("button", name="Sign in and go on").click()
    expect(page.locator("[data-kept] textarea")).to_have_value(PROMPT)
    page.context.set_offline(False)
    page.get_by_role("link", name="Go on writing").click()
    expect(page.get_by_label("Your prompt")).to_have_value(PROMPT)
    expect(page.get_by_text("Your text is kept.")).to_be_visible()
    page.get_by_role("button", name="Sign in and go on").click()
    page.wait_for_url("**/signin?next=/begin")
