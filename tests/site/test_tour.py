"""The whole circle: trees in, a release, models, a chat in a browser, their replies ranked beside people's, a second
release with them, and a second reward model that learns from it. The same code as `espalier tour`, but that commands
which load torch run in this process, where it is loaded.
"""

import asyncio
import json
import os
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from browsers import sign_in
from espalier.cli import main
from espalier.tour.stations import ASSISTANT, STATIONS, Talk, Tour, prompts

WITH_TORCH = ("evaluate", "recipe", "sample", "score", "train")


class Toured(Tour):
    """A tour that loads torch once: it takes each command several seconds."""

    def run(self, *command: str | Path) -> str:
        words, printed = [str(word) for word in command], StringIO()
        if words[0] not in WITH_TORCH:
            return super().run(*command)
        self.say("    $ espalier " + " ".join(words))
        with pytest.MonkeyPatch.context() as here, redirect_stdout(printed):
            here.chdir(self.folder)
            for name in os.environ.keys() - self._environment().keys():
                here.delenv(name)
            for name, value in self._environment().items():
                here.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main(words)
        assert not ended.value.code, words
        return printed.getvalue()


@contextmanager
def running_loop(loop: AbstractEventLoop | None) -> Iterator[None]:
    """Playwright's loop runs in this thread as long as its browser; the tour has one of its own."""
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(before)


def talk_in(browser: Browser) -> Talk:
    """Somebody chats with a model as people do."""
    loop = asyncio._get_running_loop()

    def talk(url: str, token: str, model: str, words: str) -> str:
        with running_loop(loop):
            return said_in_browser(url, token, model, words)

    def said_in_browser(url: str, token: str, model: str, words: str) -> str:
        context = browser.new_context(base_url=url)
        page = context.new_page()
        sign_in(page, token)
        page.goto("/chat")
        if "/terms" in page.url:
            page.get_by_role("button", name="Accept").click()
        if "/welcome" in page.url:
            page.get_by_label("English").check()
            page.get_by_label("No", exact=True).check()
            page.get_by_role("button", name="Begin").click()
            page.goto("/chat")
        for _ in range(240):  # it may still be starting
            if page.locator(f'option[value="{model}"]').inner_text() == model:
                break
            page.wait_for_timeout(500)
            page.reload()
        page.get_by_text("How it replies").click()
        page.locator("#preset").select_option("custom")
        page.locator("#max_tokens").fill("48")
        page.get_by_label("Your message").fill(words)
        page.get_by_role("button", name="Send").click()
        page.wait_for_url("**/chat/*")
        expect(page.get_by_role("button", name="Send")).to_be_visible(timeout=60_000)
        chat = page.url.partition("#")[0]
        said = page.request.get(f"{chat}/conversation.json").json()["messages"]
        context.close()
        assert said[-1]["state"] == "complete"
        return str(said[-1]["text"])

    return talk


@pytest.mark.slow
@pytest.mark.browser
def test_what_models_write_comes_back_to_people_and_into_the_next_release(chromium: Browser, tmp_path: Path) -> None:
    said: list[str] = []
    tour = Toured(tmp_path / "tour", said.append, talk_in(chromium))
    with running_loop(None):
        tour.go()
    grown = tour.told("grow")
    assert grown["same"] == grown["trees"] > 15, "trees that people grew are grown again by volunteers"
    assert tour.told("first") == {"synthetic": 0, "ranked": 0, "models": []}
    assert tour.told("chat")["prompt"] in prompts()
    judged = tour.told("judge")
    assert judged["label_assistant_reply"] >= 2 * len(prompts())
    assert judged["assistant_reply"] > 0, "people reply to the same prompts"
    second = tour.told("second")
    assert second["models"] == [ASSISTANT]
    assert second["ranked"] > 0
    card = (tour.folder / "second" / "README.md").read_text("utf-8")
    assert f"`model_name` tells: {ASSISTANT} ({second['synthetic']})." in card
    again = tour.told("again")
    assert all(0 <= again[which] <= 1 for which in ("first", "second")), "both are evaluated on the same held-out trees"

    said.clear()
    with running_loop(None):
        tour.go()
    assert len(said) == len(STATIONS), "nothing is done twice"
    assert all(line.endswith("done before") for line in said)
    with pytest.raises(httpx.TransportError):
        httpx.get(tour.url)
    assert json.loads((tour.folder / "tour.json").read_text("utf-8")).keys() >= {name for name, _, _ in STATIONS}
