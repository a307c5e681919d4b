"""What no page may do at any size: scroll sideways, in long languages and in those that are read from the right."""

import sqlite3

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from browsers import CHROMIUM, FLAGS, Site, sign_in

SIZES: tuple[ViewportSize, ...] = ({"width": 320, "height": 640}, {"width": 320, "height": 256})
LONG_WORDS = ("de", "ar")
STACKED = ("/admin/people", "/admin/health")
"""Whose tables a phone shows row below row."""
SCROLLS = "all => all.some((each) => each.scrollWidth > each.clientWidth + 1)"
PAGES = (
    "/tasks", "/trees", "/stats", "/leaderboard", "/me", "/me/contributions", "/me/signin", "/notices", "/help",
    "/admin", "/admin/people", "/admin/policy", "/admin/campaign", "/admin/health", "/moderation",
)  # fmt: skip
WIDE = """\
```python
the_sum = sum(each.weight_in_kilograms * each.price_per_kilogram for each in every_box_of_apples_in_the_cellar_of_mine)
```

| the name of an apple | when it is ripe | how long it keeps | what one makes of it | where it grows | who grows it |
| --- | --- | --- | --- | --- | --- |
| Boskoop | October | until April | cake | everywhere | everybody who has a garden |

$$\\int_0^\\infty \\frac{a_0 + a_1 x + a_2 x^2 + a_3 x^3 + a_4 x^4 + a_5 x^5 + a_6 x^6 + a_7 x^7}{1 + x^{12}} dx$$

https://example.org/a/very/long/address/of/something/that/nobody/will/ever/write/by/hand/but/that/people/paste
"""
OUTSIDE = """() => [...document.querySelectorAll(".words :is(pre, table, math)")].filter((element) => {
  const box = element.getBoundingClientRect();
  if (box.left >= 0 && box.right <= innerWidth + 1) return false;
  const does = (around) => /auto|scroll/.test(getComputedStyle(around).overflowX);
  const scrolls = (around) => around && (does(around) || scrolls(around.parentElement));
  return !scrolls(element);
}).map((element) => element.outerHTML.slice(0, 80))"""


def sideways(page: Page) -> list[str]:
    """At which sizes the page is wider than the window."""
    found = []
    for size in SIZES:
        page.set_viewport_size(size)
        found += [f"{page.url} at {size}"] if wider(page) else []
    page.evaluate("document.documentElement.style.fontSize = '32px'")
    page.set_viewport_size({"width": 640, "height": 900})
    return found + ([f"{page.url} with large letters"] if wider(page) else [])


def wider(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize("locale", LONG_WORDS)
def test_no_page_scrolls_sideways_in_languages_with_long_words(looked_at: Site, locale: str) -> None:
    page = looked_at.coming("Administrator", locale=locale)
    found = []
    for address in PAGES:
        page.goto(address)
        assert page.locator("html").get_attribute("lang") == locale
        found += sideways(page)
        if address in STACKED:
            page.set_viewport_size(SIZES[0])
            assert page.locator(".table").count()
            found += [f"{address}: a table scrolls in itself"] if page.locator(".table").evaluate_all(SCROLLS) else []
    assert not found


def test_long_lines_of_code_tables_and_formulas_scroll_in_themselves(site: Site) -> None:
    with sqlite3.connect(site.database) as db:
        (message,) = db.execute(
            "SELECT m.id FROM messages m JOIN trees t ON t.id = m.tree_id"
            " WHERE t.state = 'ready_for_export' AND m.depth = 1"
        ).fetchone()
        db.execute("UPDATE messages SET text = ? WHERE id = ?", (WIDE, message))
    db.close()
    page = site.coming("Ada")
    page.goto(f"/messages/{message}")
    assert page.locator(".words pre, .words table, .words math").count() >= 3
    assert not sideways(page)
    page.set_viewport_size(SIZES[0])
    assert page.evaluate(OUTSIDE) == []


@pytest.mark.parametrize("kind", ["label_assistant_reply", "rank_assistant_replies"])
def test_with_forced_colours_choices_and_the_focus_are_seen(looked_at: Site, kind: str) -> None:
    page = looked_at.coming("Ben", forced_colors="active")
    page.goto(f"/tasks/{looked_at.task('Ben', kind)['id']}")
    unseen = page.evaluate(
        """() => [...document.querySelectorAll("main .button, main select, main textarea, main input[type=text]")]
          .filter((element) => element.getClientRects().length)
          .filter((element) => parseFloat(getComputedStyle(element).borderTopWidth) < 1)
          .map((element) => element.outerHTML.slice(0, 120))"""
    )
    assert unseen == []
    for _ in range(12):
        page.keyboard.press("Tab")
        drawn = page.evaluate(
            """() => {
              const boxes = [document.activeElement, ...(document.activeElement.labels ?? [])];
              return boxes.some((box) => {
                const style = getComputedStyle(box);
                return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
              });
            }"""
        )
        assert drawn, page.evaluate("document.activeElement.outerHTML.slice(0, 160)")


def test_figures_of_charts_can_be_read_on_a_phone(looked_at: Site) -> None:
    page = looked_at.coming("Ada", viewport={"width": 320, "height": 640})
    page.goto("/stats")
    drawings = page.locator(".drawn svg:visible")
    assert drawings.count() == page.locator(".drawn").count()
    heights = page.locator(".drawn svg:visible text").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect().height)"
    )
    assert min(heights) >= 10
    assert page.locator(".drawn").evaluate_all("all => all.every(each => each.scrollWidth <= each.clientWidth)")
    assert not wider(page)


def test_names_of_tasks_are_words_on_a_phone_with_large_type(looked_at: Site, chromium: Browser) -> None:
    """Type that the browser itself is set to, which also counts in the sizes that the style asks for."""
    flags = [*FLAGS, "--blink-settings=defaultFontSize=32"]
    with chromium.browser_type.launch(executable_path=CHROMIUM, args=flags) as large:
        page = large.new_page(base_url=looked_at.url, viewport={"width": 320, "height": 640}, locale="ar")
        sign_in(page, looked_at.tokens["Ada"])
        widths = page.locator(".need h3").evaluate_all("all => all.map(each => each.getBoundingClientRect().width)")
        assert widths
        assert min(widths) >= 4 * 32
        assert not wider(page)
