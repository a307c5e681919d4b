"""What the site is for, in the browser alone: a group takes one prompt all the way to a ranked tree in a file.

And what must hold on the way: nothing typed is lost with the server, and no page needs scripts.
"""

import gzip
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from browsers import Site, plant, sign_in

PROMPT = "How do I keep basil alive on a windowsill during the winter, when there is little light?"
GOOD = "Give it the brightest window you have, water it from below, and pinch the tips so that it branches."
POOR = "Basil is a plant that many people like to have in their kitchens because it smells nice."
SMALL_TREES = {
    "max_active_trees": "0",
    "max_tree_depth": "1",
    "max_children_count": "2",
    "goal_tree_size": "3",
    "min_goal_tree_size": "3",
    "num_reviews_initial_prompt": "2",
    "num_reviews_reply": "1",
    "num_required_rankings": "2",
}
"""A prompt and two replies are a tree, few people finish it, and only an order draws it."""

KEYS_STAND = """() => {
    const row = document.querySelector('dt:has(kbd)');
    return [row, row.querySelector('kbd')].map(each => getComputedStyle(each).direction);
}"""
"""How a row of keys runs, and how the name of one key does."""


def take(page: Page, kind: str) -> None:
    """Start a task of this kind from its own page, or go on with the one that came after the last."""
    page.goto(f"/tasks/{kind}")
    if urlsplit(page.url).path == f"/tasks/{kind}":
        page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/tasks/*?choice=*")


def submit(page: Page) -> None:
    """Send the answer; the next page says that it came."""
    page.get_by_role("button", name="Submit").first.click()
    expect(page.locator("#undo")).to_contain_text("Submitted.")


def write(page: Page, kind: str, text: str) -> None:
    take(page, kind)
    page.locator("#text").fill(text)
    submit(page)


def review(page: Page, kind: str) -> None:
    """Say that it is good: no spam, in its language, of quality."""
    take(page, kind)
    page.locator("#question-spam").get_by_label("No", exact=True).check()
    page.locator("#question-lang_mismatch").get_by_label("No", exact=True).check()
    page.locator("#question-quality").get_by_label("4", exact=True).check()
    submit(page)


def rank_by_keys(page: Page) -> None:
    """Put the good reply first, without a mouse."""
    take(page, "rank-assistant-replies")
    page.keyboard.press("j")
    stood_first = GOOD in page.locator("[data-reply]").first.inner_text()
    page.keyboard.press("Alt+ArrowDown")
    if stood_first:
        page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("[data-reply]").first).to_contain_text(GOOD)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#undo")).to_contain_text("Submitted.")


def set_policy(chief: Page) -> None:
    chief.goto("/admin/policy")
    for name, value in SMALL_TREES.items():
        chief.locator(f"#{name}").fill(value)
    chief.get_by_role("button", name="See what would change").click()
    chief.get_by_role("button", name="Put it in force").click()
    expect(chief.get_by_role("status").first).to_contain_text("The policy is in force.")


def draw(chief: Page) -> None:
    chief.goto("/admin/trees/orders")
    chief.get_by_label("Language", exact=True).first.fill("en")
    chief.get_by_label("State").select_option("prompt_lottery_waiting")
    chief.get_by_label("Draw: it grows now").check()
    chief.get_by_role("button", name="See what would change").click()
    expect(chief.get_by_text("1 tree would follow.")).to_be_visible()
    chief.get_by_role("button", name="Do it").click()
    expect(chief.get_by_text("1 tree has followed.")).to_be_visible()


def exported(chief: Page, folder: Path) -> list[dict[str, Any]]:
    chief.goto("/admin/exports")
    chief.get_by_role("button", name="Export").click()
    link = chief.get_by_role("link", name="Download the trees")
    expect(link).to_be_visible(timeout=30_000)
    with chief.expect_download() as downloading:
        link.click()
    file = folder / "trees.jsonl.gz"
    downloading.value.save_as(file)
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


def test_a_group_takes_one_prompt_to_a_ranked_tree_in_a_file(bare_site: Site, tmp_path: Path) -> None:
    chief = bare_site.person("Administrator")
    set_policy(chief)
    ada, ben, cleo, dana = (bare_site.person(name) for name in ("Ada", "Ben", "Cleo", "Dana"))
    write(ada, "initial-prompt", PROMPT)
    for reviewer in (ben, cleo):
        review(reviewer, "label-initial-prompt")
    draw(chief)
    write(ben, "assistant-reply", GOOD)
    write(cleo, "assistant-reply", POOR)
    for _ in range(2):
        review(dana, "label-assistant-reply")
    for judge in (ada, dana):
        rank_by_keys(judge)
    (tree,) = exported(chief, tmp_path)
    prompt = tree["prompt"]
    assert (prompt["text"], prompt["role"]) == (PROMPT, "prompter")
    assert {reply["text"]: reply["rank"] for reply in prompt["replies"]} == {GOOD: 0, POOR: 1}
    assert tree["tree_state"] == "ready_for_export"
    ada.goto("/me/contributions")
    expect(ada.get_by_text(PROMPT).first).to_be_visible()
    dana.goto(f"/trees/{tree['message_tree_id']}")
    expect(dana.get_by_role("link", name=re.compile(f"ranked first, .*: {GOOD[:30]}"))).to_be_visible()
    assert bare_site.faults == []


@contextmanager
def killed_at_the_end(folder: Path, port: int) -> Iterator[str]:
    """A server as somebody starts it, on the campaign of this folder; where it listens. It ends without a warning."""
    command = [sys.executable, "-m", "espalier.cli", "serve"]
    settings = {"ESPALIER_PORT": str(port), "ESPALIER_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1"}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder, env={**os.environ, **settings}
        )
    try:
        assert server.stdout is not None
        assert any("Espalier listens on" in line for line in server.stdout), (folder / "log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def test_a_draft_is_there_when_the_server_was_killed_and_started_again(chromium: Browser, tmp_path: Path) -> None:
    planted, port = plant(tmp_path / "espalier.db", trees=False), free_port()
    with killed_at_the_end(tmp_path, port) as address:
        site = Site(address, planted.tokens, planted.file, chromium)
        page = site.person("Ada")
        take(page, "initial-prompt")
        page.locator("#text").fill(PROMPT)
        expect(page.locator("[data-draft-state]")).to_contain_text("Draft saved")
    page.locator("#text").fill(f"{PROMPT} And mint?")
    expect(page.locator("[data-draft-state]")).to_contain_text("Offline, kept on this device")
    with killed_at_the_end(tmp_path, port):
        elsewhere = site.person("Ada")
        elsewhere.goto(page.url)
        expect(elsewhere.locator("#text")).to_have_value(PROMPT)
        page.reload()
        expect(page.locator("#text")).to_have_value(f"{PROMPT} And mint?")
        site.close()


def test_everything_goes_without_scripts(site: Site) -> None:
    page = site.person("Ada", java_script_enabled=False)
    write(page, "assistant-reply", GOOD)
    page.locator("#undo").get_by_role("button", name="Undo").click()
    expect(page.locator("#text")).to_have_value(GOOD)
    submit(page)
    review(page, "label-assistant-reply")
    take(page, "rank-assistant-replies")
    numbers = page.locator("input[type=number]")
    for index in range(numbers.count()):
        numbers.nth(index).fill(str(numbers.count() - index))
    submit(page)
    take(page, "assistant-reply")
    skipped = urlsplit(page.url).path
    page.locator("#text").fill("Half a sentence")
    page.get_by_role("button", name="Skip", exact=True).click()
    line = page.locator("#undo")
    line.get_by_role("button", name="not my subject").click()
    expect(line).to_contain_text("Skipped: not my subject.")
    line.get_by_role("button", name="Undo").click()
    assert urlsplit(page.url).path == skipped
    expect(page.locator("#text")).to_have_value("Half a sentence")


def test_an_arabic_reader_finds_the_site_from_right_to_left(site: Site) -> None:
    page = site.visitor(locale="ar", viewport={"width": 320, "height": 640})
    page.goto("/signin")
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    sign_in(page, site.tokens["Ada"])
    page.goto(f"/tasks/{site.task('Ada', 'assistant_reply')['id']}")
    html, field = page.locator("html"), page.locator("#text")
    assert (html.get_attribute("lang"), html.get_attribute("dir")) == ("ar", "rtl")
    assert (field.get_attribute("lang"), field.get_attribute("dir")) == ("en", "ltr")
    expect(page.locator(".words").first).to_have_css("direction", "ltr")
    expect(page.locator("h1")).to_have_css("direction", "rtl")
    expect(page.locator(".announced bdi")).to_have_css("direction", "ltr")
    assert page.evaluate(KEYS_STAND) == ["rtl", "ltr"]
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
