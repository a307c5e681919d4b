"""Pages that come after a form was sent: axe finds nothing serious on them, and at 320 px none scrolls sideways."""

from playwright.sync_api import Page

from browsers import Site, grave
from sitemap import CASE, SOMEBODY

AS_SEEN: dict[str, object] = {"bypass_csp": True, "reduced_motion": "reduce"}


def faults(page: Page) -> list[str]:
    found = grave(page, "light", "dark")
    page.set_viewport_size({"width": 320, "height": 640})
    wider = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    page.set_viewport_size({"width": 1200, "height": 800})
    return [f"{page.url}: {each}" for each in [*found, *(["scrolls sideways"] if wider else [])]]


def test_what_is_read_after_decisions(site: Site) -> None:
    page = site.coming("Administrator", **AS_SEEN)
    page.goto(f"/moderation/bulk?case={CASE(site)}")
    page.locator("input[value=remove][name=verdict]").check()
    page.get_by_label("Reason").select_option(index=1)
    page.keyboard.press("Control+Enter")
    page.get_by_text("1 case is decided.").wait_for()
    found = faults(page)
    page.goto(f"/admin/people/{SOMEBODY(site)}/ban")
    page.get_by_label("Reason").select_option(index=1)
    page.locator("input[value=ban][name=verdict]").check()
    page.get_by_role("button", name="Shut them out").click()
    page.get_by_text("Banned.").first.wait_for()
    page.goto("/moderation?state=decided")
    page.locator("main ol a").first.click()
    page.get_by_role("heading", name="What was decided").wait_for()
    found += faults(page)
    fay = site.coming("Fay", **AS_SEEN)
    fay.goto("/tasks")
    fay.get_by_role("heading", name="Appeal").wait_for()
    assert not found + faults(fay)


def test_what_is_read_before_the_policy_changes(site: Site) -> None:
    page = site.coming("Administrator", **AS_SEEN)
    page.goto("/admin/policy")
    field = page.get_by_label("Growing trees per language")
    found = []
    for typed, heading in (("many", "Policy"), ("2", "What would change")):
        field.fill(typed)
        page.get_by_role("button", name="See what would change").click()
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        found += faults(page)
    assert not found
