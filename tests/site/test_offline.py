"""Without a connection there is a page that says so, with what was typed; nothing else comes out of memory."""

from playwright.sync_api import Page, expect

from browsers import Site

TEXT = "Soak them in warm water first."


def kept_by_worker(page: Page) -> None:
    """Wait until the service worker is in charge of the page."""
    page.evaluate("() => navigator.serviceWorker.ready.then(() => undefined)")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")


def offline(page: Page, address: str) -> None:
    page.context.set_offline(True)
    page.goto(address)


def test_without_a_connection_a_page_says_so_in_the_readers_language(site: Site) -> None:
    page = site.visitor(locale="de", service_workers="allow")
    page.goto("/")
    kept_by_worker(page)
    offline(page, "/help")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keine Verbindung")
    assert page.evaluate("() => getComputedStyle(document.body).fontFamily") != "serif"
    assert page.evaluate("() => document.styleSheets[0].cssRules.length") > 10
    assert page.evaluate("async () => (await (await caches.open((await caches.keys())[0])).keys()).length") < 8
    page.context.set_offline(False)
    page.goto("/help")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hilfe")


def sent_without_connection(site: Site, name: str) -> tuple[Page, str]:
    """The page that somebody sees who sent a reply, and the address of its task."""
    page = site.person(name, service_workers="allow")
    kept_by_worker(page)
    task = f"/tasks/{site.task(name, 'assistant_reply')['id']}"
    page.goto(task)
    page.context.set_offline(True)
    page.locator("#text").fill(TEXT)
    page.locator("[data-key=submit]").click()
    expect(page.get_by_role("heading", name="Kept on this device")).to_be_visible()
    return page, task


def test_what_was_sent_without_a_connection_is_shown_and_goes_on_where_it_stood(site: Site) -> None:
    page, task = sent_without_connection(site, "Cleo")
    expect(page.locator("[data-kept] textarea")).to_have_value(TEXT)
    page.context.set_offline(False)
    page.goto("/tasks")  # another page takes nothing of it away
    page.goto(task)
    expect(page.locator("#text")).to_have_value(TEXT)
    expect(page.locator("[data-draft-state]")).to_contain_text("saved")


def test_what_a_reload_sends_after_all_leaves_no_copy_in_the_browser(site: Site) -> None:
    page, _ = sent_without_connection(site, "Dana")
    page.context.set_offline(False)
    page.reload()
    expect(page.get_by_text("Submitted.", exact=True)).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('draft:'))") == []


def test_another_language_is_another_page_without_a_connection(site: Site) -> None:
    page = site.person("Ada", service_workers="allow")
    kept_by_worker(page)
    page.locator("#manner-interface").select_option("es")
    with page.expect_navigation():
        page.locator("form.manner button").click()
    page.evaluate(
        """async () => {
            for (let worker = null; !worker?.scriptURL.includes("lang=es") || worker.state !== "activated";) {
                await new Promise((soon) => setTimeout(soon, 20));
                worker = (await navigator.serviceWorker.ready).active;
            }
        }"""
    )
    offline(page, "/help")
    expect(page.locator("html")).to_have_attribute("lang", "es")
