"""Every page of the site, and under which address somebody finds it in the planted campaign.

Tests and screenshots go through this list; a route without a row makes `tests/site/test_every_page.py` fail.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page

from browsers import Site
from espalier.web import pages
from espalier.web.errors import FOR_PROGRAMS

Address = Callable[[Site], str]


@dataclass(frozen=True)
class Shown:
    """A page as `who` (None: not signed in) sees it. name: of its screenshot."""

    name: str
    route: str
    who: str | None
    address: Address

    def open(self, site: Site, page: Page) -> None:
        page.goto(self.address(site))
        page.wait_for_load_state("networkidle")


def page_routes() -> list[str]:
    """The addresses that can be looked at, as their routes spell them."""
    found = [route for router in pages.ROUTERS for route in router.routes if "GET" in getattr(route, "methods", ())]
    return [path for route in found if not (path := str(getattr(route, "path", ""))).startswith(FOR_PROGRAMS)]


def one(sql: str) -> Callable[[Site], str]:
    """The one value that a question to the planted database gives."""

    def ask(site: Site) -> str:
        with sqlite3.connect(site.database) as db:
            found = db.execute(sql).fetchone()
        assert found is not None, f"the planted campaign has no {sql}"
        return str(found[0])

    return ask


def at(pattern: str, value: Callable[[Site], str]) -> Address:
    return lambda site: pattern.format(value(site))


def task(kind: str, who: str, lang: str = "en") -> Callable[[Site], str]:
    """A task of this kind in this person's hands."""

    def hand_out(site: Site) -> str:
        return site.task(who, kind, lang)["id"]

    return hand_out


def fixed(address: str) -> Address:
    return lambda _: address


def plain(name: str, address: str, who: str | None) -> Shown:
    return Shown(name, address, who, fixed(address))


TREE: Final = one("SELECT id FROM trees WHERE lang = 'en' AND state = 'ready_for_export' ORDER BY id")
MESSAGE: Final = one(
    "SELECT m.id FROM messages m JOIN trees t ON t.id = m.tree_id WHERE t.lang = 'en' AND t.state = 'ready_for_export' "
    "AND m.depth = 2 ORDER BY m.id"
)

CASE: Final = one("SELECT id FROM cases")
SOMEBODY: Final = one("SELECT id FROM people WHERE name = 'Fay'")
ORGANISERS_PAGES: Final = (
    "announcements", "audit", "campaign", "documents", "exports", "health", "inspirations", "invitations", "models",
    "people", "policy", "releases", "survey", "trollboard",
)  # fmt: skip

PAGES: Final = (
    plain("landing", "/", None),
    plain("sign-in", "/signin", None),
    plain("begin", "/begin", None),
    plain("offline", "/offline", None),
    *(plain(name, f"/{name}", None) for name in ("terms", "privacy", "guidelines", "help")),
    Shown("guideline", "/guidelines/{kind}", None, fixed("/guidelines/assistant_reply")),
    plain("tasks", "/tasks", "Ada"),
    Shown("practice", "/practice/{kind}", "Ada", fixed("/practice/label_assistant_reply")),
    plain("compare", "/compare", "Ada"),
    plain("arena", "/arena", "Ada"),
    Shown(
        "two-answers",
        "/compare/{battle_id}",
        "Ada",
        at("/compare/{}", one("SELECT battle_id FROM battle_votes WHERE vote IS NULL")),
    ),
    plain("me", "/me", "Ada"),
    *(plain(f"my-{name}", f"/me/{name}", "Ada") for name in ("contributions", "statistics", "tokens", "data")),
    plain("delete-my-account", "/me/delete", "Ada"),
    plain("ways-to-sign-in", "/me/signin", "Ada"),
    plain("change-address", "/me/signin/email", "Ada"),
    plain("change-password", "/me/signin/password", "Ada"),
    plain("survey", "/me/survey", "Ada"),
    plain("accept-the-terms", "/terms/accept", "Nia"),
    plain("welcome", "/welcome", "Noa"),
    plain("trees", "/trees", "Ada"),
    Shown("tree", "/trees/{tree_id}", "Ada", at("/trees/{}", TREE)),
    Shown("message", "/messages/{message_id}", "Ada", at("/messages/{}", MESSAGE)),
    Shown("message-for-staff", "/messages/{message_id}", "Mona", at("/messages/{}", MESSAGE)),
    Shown("history-of-a-message", "/messages/{message_id}/history", "Mona", at("/messages/{}/history", MESSAGE)),
    Shown("edit-a-message", "/messages/{message_id}/edit", "Mona", at("/messages/{}/edit", MESSAGE)),
    Shown("delete-a-message", "/messages/{message_id}/delete", "Mona", at("/messages/{}/delete", MESSAGE)),
    plain("leaderboard", "/leaderboard", "Ada"),
    plain("statistics", "/stats", "Ada"),
    *(plain(f"organise-{name}", f"/admin/{name}", "Administrator") for name in ORGANISERS_PAGES),
    plain("organise", "/admin", "Administrator"),
    plain("invitation-links", "/admin/invitations/links", "Administrator"),
    plain("orders-to-trees", "/admin/trees/orders", "Administrator"),
    plain("policy-history", "/admin/policy/history", "Administrator"),
    Shown("edit-terms", "/admin/documents/{kind}/{lang}", "Administrator", fixed("/admin/documents/terms/en")),
    Shown(
        "announcement",
        "/admin/announcements/{announcement_id}",
        "Administrator",
        at("/admin/announcements/{}", one("SELECT id FROM announcements")),
    ),
    Shown(
        "inspiration",
        "/admin/inspirations/{inspiration_id}",
        "Administrator",
        at("/admin/inspirations/{}", one("SELECT id FROM inspirations")),
    ),
    Shown("person", "/admin/people/{person_id}", "Administrator", at("/admin/people/{}", SOMEBODY)),
    Shown("purge", "/admin/people/{person_id}/purge", "Administrator", at("/admin/people/{}/purge", SOMEBODY)),
    Shown("ban", "/admin/people/{person_id}/ban", "Administrator", at("/admin/people/{}/ban", SOMEBODY)),
    plain("cases", "/moderation", "Administrator"),
    plain("reasons-of-decisions", "/moderation/reasons", "Administrator"),
    Shown("case", "/moderation/cases/{number}", "Administrator", at("/moderation/cases/{}", CASE)),
    Shown("many-cases", "/moderation/bulk", "Administrator", at("/moderation/bulk?case={}", CASE)),
    plain("replies-shown-to-staff", "/moderation/chats", "Administrator"),
    plain("chat", "/chat", "Ada"),
    Shown("conversation", "/chat/{chat_id}", "Ada", at("/chat/{}", one("SELECT id FROM chats"))),
    Shown("shared-conversation", "/shared/{share_id}", None, fixed("/shared/a-link")),
    plain("notices", "/notices", "Ada"),
    plain("no-task", "/tasks/none", "Ada"),
    Shown("kind-of-task", "/tasks/{task_id}", "Emil", fixed("/tasks/rank")),
    Shown("report", "/tasks/{task_id}/report", "Ben", at("/tasks/{}/report", task("prompter_reply", "Ben"))),
    Shown("write-a-prompt", "/tasks/{task_id}", "Ada", at("/tasks/{}", task("initial_prompt", "Ada"))),
    Shown("reply-as-prompter", "/tasks/{task_id}", "Ben", at("/tasks/{}", task("prompter_reply", "Ben"))),
    Shown("reply-as-assistant", "/tasks/{task_id}", "Cleo", at("/tasks/{}", task("assistant_reply", "Cleo"))),
    Shown("reply-in-arabic", "/tasks/{task_id}", "Cleo", at("/tasks/{}", task("assistant_reply", "Cleo", "ar"))),
    Shown("label-a-prompt", "/tasks/{task_id}", "Dana", at("/tasks/{}", task("label_initial_prompt", "Dana"))),
    Shown("label-a-reply", "/tasks/{task_id}", "Emil", at("/tasks/{}", task("label_assistant_reply", "Emil"))),
    Shown("rank-replies", "/tasks/{task_id}", "Fay", at("/tasks/{}", task("rank_assistant_replies", "Fay"))),
)

NOT_PAGES: Final = frozenset(
    {
        "/me/data/espalier.json", "/worker.js", "/chat/{chat_id}/stream",
        "/chat/{chat_id}/conversation.json",
        "/chat/{chat_id}/conversation.md", "/picture/{digest}",
        "/tasks/{task_id}/{part}", "/stats/{name}.csv", "/arena/battles.jsonl", "/admin/survey.csv",
        "/admin/models.csv",
        "/admin/jobs/{job_id}/progress",
        "/admin/exports/{job_id}/trees", "/admin/exports/{job_id}/votes", "/admin/releases/{name}/{path:path}",
        "/signin/with/{name}", "/signin/with/{name}/back",
        # Steps of signing in and out, which tests/web walks through with letters and secrets of their own.
        "/signin/again", "/signin/code", "/signin/link/{token}", "/signin/with/{name}/join", "/invitation/{token}",
        "/unsubscribe/{signed}",
        # Of who is banned, and after many decisions at once: tests/web/test_moderation_pages.py.
        "/banned", "/moderation/bulk/{first}",
    }
)  # fmt: skip
"""Routes that are looked at but are no pages: files, pieces of pages, ways that only lead on."""
