"""Talking with a model on the site's own pages, as a browser without scripts does it."""

import re
import time
from typing import Final

import httpx

TOKEN: Final = re.compile(r'name="form_token" value="([^"]+)"')
VERSION: Final = re.compile(r'name="version" value="(\d+)"')
LONGEST_S: Final = 120.0
PAUSE_S: Final = 0.5


class NoReply(Exception):
    """The model did not reply; the message says what the site said."""


def talk(url: str, token: str, model: str, words: str) -> str:
    """Sign in, say something to a model, and wait for its reply. Raises NoReply, httpx.HTTPError."""
    with httpx.Client(base_url=url, follow_redirects=True, timeout=30.0, headers={"Accept-Language": "en"}) as browser:
        page = browser.get("/signin")
        page = _send(browser, page, "/signin/token", next="/chat", token=token)
        if page.url.path.startswith("/terms"):
            version = VERSION.search(page.text)
            page = _send(browser, page, "/terms/accept", next="/chat", version=version[1] if version else "")
        if page.url.path == "/welcome":
            page = _send(browser, page, "/welcome", next="/chat", name="Tour", langs="en", on_board="no")
        _ready(browser, model)
        page = _send(browser, browser.get("/chat"), "/chat", text=words, model=model, preset="custom", max_tokens="64")
        if not re.fullmatch(r"/chat/[\w-]+", page.url.path):
            raise NoReply(f"the site did not take the message ({page.status_code})")
        return _reply(browser, f"{page.url.path}/conversation.json")


def _send(browser: httpx.Client, page: httpx.Response, action: str, **fields: str) -> httpx.Response:
    """A form of the open page."""
    found = TOKEN.search(page.text)
    if found is None:
        raise NoReply(f"{page.url.path} has no form ({page.status_code})")
    return browser.post(action, data={"form_token": found[1], **fields}, headers={"Origin": str(browser.base_url)[:-1]})


def _ready(browser: httpx.Client, model: str) -> None:
    """Until the model is there."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        found = re.search(rf'<option value="{re.escape(model)}"[^>]*>([^<]*)<', browser.get("/chat").text)
        if found is not None and "(" not in found[1]:
            return
        time.sleep(PAUSE_S)
    raise NoReply(f"the model {model} did not start")


def _reply(browser: httpx.Client, address: str) -> str:
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        said = browser.get(address).json()["messages"]
        last = said[-1]
        if last["role"] == "assistant" and last["state"] not in ("waiting", "running"):
            if last["state"] != "complete":
                raise NoReply(f"the reply is {last['state']} ({last.get('error')})")
            return str(last["text"])
        time.sleep(PAUSE_S)
    raise NoReply("no reply came")
