"""What holds for every page of the site, in both themes and at every size."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, Request, ViewportSize

from browsers import Site, grave
from sitemap import NOT_PAGES, PAGES, Shown, page_routes

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PHONE: ViewportSize = {"width": 320, "height": 640}
ZOOMED: ViewportSize = {"width": 320, "height": 256}  # 1280 x 1024 at 400 %
READING: ViewportSize = {"width": 640, "height": 900}
MOST_STOPS = 80
LARGEST_PAGE = 100_000  # bytes, with its files, before pictures

each_page = pytest.mark.parametrize("shown", PAGES, ids=lambda shown: shown.name)


@pytest.fixture
def opened(looked_at: Site) -> Iterator[Callable[..., Page]]:
    """Opens a page as the one who sees it, in a browser with these options; `heard`: is told of every file."""
    made: list[Page] = []

    def opened(shown: Shown, heard: Callable[[Request], None] | None = None, **options: Any) -> Page:
        page = looked_at.coming(shown.who, **options) if shown.who else looked_at.visitor(**options)
        made.append(page)
        if heard:
            page.on("requestfinished", heard)
        page.goto(shown.address(looked_at))
        return page

    yield opened
    for page in made:
        page.context.close()


def test_every_route_has_its_page_here() -> None:
    assert {shown.route for shown in PAGES} | NOT_PAGES == set(page_routes())


@each_page
def test_axe_finds_nothing_serious_in_either_theme(opened: Callable[..., Page], shown: Shown) -> None:
    page = opened(shown, bypass_csp=True, reduced_motion="reduce")
    found = grave(page, *THEMES)
    assert not found, json.dumps(found, indent=1)


@pytest.mark.parametrize(("who", "address"), [(None, "/nowhere"), ("Ada", "/messages/none"), ("Ada", "/admin/policy")])
def test_axe_finds_nothing_serious_where_a_page_is_refused(looked_at: Site, who: str | None, address: str) -> None:
    still: dict[str, Any] = {"bypass_csp": True, "reduced_motion": "reduce"}
    page = looked_at.coming(who, **still) if who else looked_at.visitor(**still)
    answer = page.goto(address)
    assert answer is not None
    assert answer.status in (403, 404)
    assert not grave(page, *THEMES)


@each_page
def test_a_page_is_light_says_its_title_once_does_not_scroll_sideways_and_covers_no_focus(
    opened: Callable[..., Page], shown: Shown
) -> None:
    loaded: list[Request] = []
    page = opened(shown, lambda request: loaded.append(request), viewport=PHONE)
    assert page.locator("h1").count() == 1
    assert page.title().strip(" ·")
    for size in (PHONE, ZOOMED):
        page.set_viewport_size(size)
        assert sideways(page) <= 0
        assert not covered(page)
        assert sideways(page) <= 0
    page.set_viewport_size(READING)
    page.evaluate("document.documentElement.style.fontSize = '32px'")
    assert sideways(page) <= 0
    page.wait_for_load_state("networkidle")  # by now it is, mostly; at the beginning each page would wait for it
    assert 0 < sum(request.sizes()["responseBodySize"] for request in loaded) < LARGEST_PAGE


def covered(page: Page) -> list[str]:
    """What has the focus and cannot be seen, going through the page with the Tab key."""
    hidden: list[str] = []
    seen: set[str] = set()
    page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)")
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None or focused["name"] in seen:
            break
        seen.add(focused["name"])
        if focused["covered"]:
            hidden.append(focused["name"])
    return hidden


def sideways(page: Page) -> int:
    """How many pixels the page is wider than the window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const box = element.getBoundingClientRect();
  const name = element.outerHTML.slice(0, 200) + Math.round(box.top + scrollY);
  if (box.width < 2 || box.height < 2) return { name, covered: false };
  const x = Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1);
  // Of what is taller than the window, the part in it counts.
  const [upper, lower] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
  const reaches = lower > upper && [0.15, 0.5, 0.85].some((part) => {
    const y = upper + (lower - upper) * part;
    const top = document.elementFromPoint(x, y);
    const labels = [...(element.labels ?? [])];
    return top && (element.contains(top) || top.contains(element) || labels.some((label) => label.contains(top)));
  });
  return { name, covered: !reaches };
}"""
