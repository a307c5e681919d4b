"""Who may do what: every route of the site and of the API, by everybody who might ask, under each visibility.

The table is complete by construction: a route without a row fails, and so does a row without a route. Ids in addresses
are of nothing, so whoever is let in finds nothing there, and whoever is not does not learn as much.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import httpx
import pytest
from itsdangerous import Signer
from sqlalchemy import Connection

from campaigns import API, Someone, World, running, well
from espalier.collect import accounts, cases, charter, erasure, sessions
from espalier.collect.accounts import known
from espalier.store.people import PersonRole
from espalier.store.preferences import Preferences, keep_preferences
from espalier.store.session import Database
from espalier.web import cookies, pages
from espalier.web.app import ROUTERS
from espalier.web.doors import Entrance
from letters import Mailbox


class Needs(StrEnum):
    """What a route asks of whoever calls it."""

    NOTHING = "nothing"
    READER = "reader"  # as the campaign's visibility has it
    READER_OR_AUTHOR = "reader or author"  # and their own for whoever takes part
    SHUT_OUT = "an account, banned or not"
    ACCOUNT = "account"  # an account that is not banned, whatever terms it accepted
    MEMBER = "member"  # and has accepted the terms in force
    MODERATOR = "moderator"
    OVERSEER = "a moderator of every language"
    ADMIN = "admin"


class Who(StrEnum):
    """Whoever might ask."""

    SIGNED_OUT = "signed out"
    UNCONSENTED = "terms not accepted"
    CONTRIBUTOR = "contributor"
    MODERATOR = "moderator"
    MODERATOR_ELSEWHERE = "moderator of another language"
    ADMIN = "administrator"
    BANNED = "banned"
    SUSPENDED = "suspended"
    CLOSED = "deleted"


N, R, RA, SO, A, M, MO, OV, AD = Needs
VISIBILITIES: Final = ("open", "members", "staff")
OUTSIDE: Final = (Who.SIGNED_OUT, Who.UNCONSENTED, Who.BANNED, Who.SUSPENDED, Who.CLOSED)

SITE: Final[dict[str, dict[str, Needs]]] = {
    "GET": {
        "/": N, "/begin": N, "/picture/{digest}": N, "/offline": N, "/worker.js": N, "/terms": N,
        "/privacy": N, "/guidelines": N, "/guidelines/{kind}": N, "/help": N, "/terms/accept": A,
        "/signin": N, "/signin/again": SO, "/signin/code": N, "/signin/link/{token}": N, "/signin/with/{name}": N,
        "/signin/with/{name}/back": N, "/signin/with/{name}/join": N,
        "/me/signin": A, "/me/signin/email": A, "/me/signin/password": A,
        "/welcome": M,
        "/tasks": M, "/tasks/none": M, "/tasks/{task_id}": M, "/tasks/{task_id}/report": M, "/practice/{kind}": M,
        "/admin": MO, "/admin/campaign": AD, "/admin/documents": AD, "/admin/documents/{kind}/{lang}": AD,
        "/admin/announcements": AD, "/admin/announcements/{announcement_id}": AD, "/admin/jobs/{job_id}/progress": MO,
        "/admin/health": AD, "/admin/models": AD, "/admin/models.csv": AD, "/admin/exports": AD,
        "/admin/exports/{job_id}/trees": AD,
        "/admin/releases": AD, "/admin/releases/{name}/{path:path}": AD,
        "/admin/exports/{job_id}/votes": AD, "/admin/audit": MO, "/admin/trollboard": MO, "/admin/inspirations": AD,
        "/admin/inspirations/{inspiration_id}": AD, "/admin/people": MO, "/admin/people/{person_id}": MO,
        "/admin/people/{person_id}/purge": OV, "/admin/people/{person_id}/ban": OV, "/admin/invitations": AD,
        "/admin/policy": AD,
        "/admin/policy/history": AD, "/leaderboard": R, "/stats": R, "/stats/{name}.csv": R, "/trees": R,
        "/trees/{tree_id}": R, "/messages/{message_id}": RA, "/messages/{message_id}/history": MO,
        "/messages/{message_id}/edit": MO, "/messages/{message_id}/delete": MO, "/me/survey": A,
        "/admin/survey": AD, "/me": A,
        "/me/contributions": A, "/me/data": A, "/me/data/espalier.json": SO, "/me/delete": SO, "/me/statistics": A,
        "/me/tokens": A,
        "/moderation": MO, "/moderation/chats": MO,
        "/moderation/cases/{number}": MO, "/moderation/bulk": MO, "/moderation/bulk/{first}": MO,
        "/moderation/reasons": AD, "/banned": N, "/notices": M,
        "/admin/survey.csv": AD, "/invitation/{token}": N, "/unsubscribe/{signed}": N, "/admin/trees/orders": MO,
        "/admin/invitations/links": AD, "/tasks/{task_id}/{part}": M, "/shared/{share_id}": N,
        "/compare": M, "/compare/{battle_id}": M, "/arena": R, "/arena/battles.jsonl": AD,
        "/chat": M, "/chat/{chat_id}": M, "/chat/{chat_id}/stream": M,
        "/chat/{chat_id}/conversation.json": M, "/chat/{chat_id}/conversation.md": M,
    },
    "POST": {
        "/chat/presets": M, "/chat/take-over": M,
        "/moderation/chats/{number}/close": MO, "/chat/{chat_id}/replies/{reply_id}/report": M,
        "/manner": N, "/begin": N, "/admin/campaign/picture": AD, "/me": A,
        "/me/contributions/{message_id}/withdraw": A, "/me/delete": SO, "/me/delete/stop": SO,
        "/me/tokens": A, "/me/tokens/{token_id}/revoke": A, "/me/mail": A, "/me/survey": A,
        "/unsubscribe/{signed}": N, "/tasks/{task_id}/undo": M,
        "/tasks/{task_id}/unskip": M, "/tasks/{task_id}/reason": M, "/admin/trees/orders": MO,
        "/admin/trees/orders/preview": MO, "/admin/invitations/links/{invitation_id}/end": AD,
        "/admin/invitations/links": AD, "/terms/accept": A, "/terms/decline": A, "/signin/token": N,
        "/signin/password": N, "/signout": N, "/signin/with/{name}/join": N,
        "/signin/email": N, "/signin/code": N, "/signin/more": N, "/signin/link/{token}": N,
        "/me/signin/with/{name}": A, "/me/signin/email": A, "/me/signin/password": A, "/me/signin/remove": A,
        "/me/signin/end": A, "/welcome": M, "/tasks/next": M, "/tasks/{task_id}/text": M,
        "/tasks/{task_id}/preview": M, "/preview": M, "/tasks/{task_id}/draft": M, "/tasks/{task_id}/skip": M,
        "/tasks/{task_id}/reporting": M, "/tasks/{task_id}/report": M, "/tasks/{task_id}/labels": M,
        "/tasks/{task_id}/ranking": M, "/keys": M, "/practice/{kind}": M, "/admin/campaign": AD,
        "/admin/campaign/running": AD, "/admin/campaign/mail": AD, "/admin/documents/{kind}/{lang}": AD,
        "/announcements/{announcement_id}/read": A, "/admin/announcements": AD,
        "/admin/announcements/{announcement_id}": AD, "/admin/announcements/{announcement_id}/end": AD,
        "/admin/releases": AD, "/admin/exports": AD, "/admin/imports": AD, "/admin/inspirations": AD,
        "/admin/inspirations/{inspiration_id}": AD, "/admin/inspirations/{inspiration_id}/shown": AD,
        "/admin/people/{person_id}/role": AD, "/admin/people/{person_id}/ban": OV,
        "/admin/people/{person_id}/unban": OV, "/admin/people/{person_id}/purge": OV, "/admin/invitations": AD,
        "/admin/policy/preview": AD, "/admin/policy": AD, "/messages/{message_id}/reactions": M,
        "/messages/{message_id}/report": M, "/messages/{message_id}/reveal": MO, "/messages/{message_id}/edit": MO,
        "/messages/{message_id}/delete": MO, "/messages/{message_id}/restore": MO,
        "/moderation/cases/{number}/take": MO, "/moderation/cases/{number}/put-back": MO,
        "/moderation/cases/{number}/decide": MO, "/moderation/cases/{number}/undo": MO,
        "/moderation/cases/{number}/reveal": MO, "/moderation/bulk": MO, "/moderation/bulk/{first}/undo": MO,
        "/moderation/reasons": AD, "/banned": SO, "/notices/{decision}/read": M,
        "/compare/next": M, "/compare/{battle_id}": M,
        "/chat": M, "/chat/draft": M, "/chat/hide-all": M,
        "/chat/delete-all": M, "/chat/{chat_id}": M, "/chat/{chat_id}/title": M,
        "/chat/{chat_id}/hide": M, "/chat/{chat_id}/show": M, "/chat/{chat_id}/delete": M,
        "/chat/{chat_id}/draft": M, "/chat/{chat_id}/stop": M, "/chat/{chat_id}/look": M,
        "/chat/{chat_id}/consent": M, "/chat/{chat_id}/shares": M, "/chat/{chat_id}/shares/{share_id}/end": M,
        "/chat/{chat_id}/pairs/{pair_id}": M, "/chat/{chat_id}/drawn/{drawn_id}": M,
        "/chat/{chat_id}/messages/{message_id}/edit": M,
        "/chat/{chat_id}/replies/{reply_id}/again": M, "/chat/{chat_id}/replies/{reply_id}/further": M,
        "/chat/{chat_id}/replies/{reply_id}/thumb": M,
    },
}  # fmt: skip
"""The pages: what each asks of a session."""

PROGRAMS: Final[dict[str, dict[str, Needs]]] = {
    "GET": {
        "/tasks/mine": M, "/tasks/availability": M, "/messages": R, "/messages/{message_id}": RA,
        "/messages/{message_id}/thread": RA, "/messages/{message_id}/children": RA, "/messages/{message_id}/tree": RA,
        "/messages/{message_id}/history": MO, "/trees": R, "/trees/{tree_id}": R, "/trees/{tree_id}/state": MO,
        "/campaign": N, "/terms": N, "/me": A, "/me/contributions": A, "/me/data": SO, "/me/tokens": A, "/people": MO,
        "/people/{person_id}": MO,
        "/people/{person_id}/contributions": MO, "/stats": R, "/leaderboards/{frame}": R, "/me/stats": A,
        "/trollboard/{frame}": MO, "/reports": MO, "/audit": MO, "/gold": MO, "/reviewers": MO, "/policy": M,
        "/policy/history": MO, "/exports/{job_id}/file": AD, "/exports/{job_id}/votes": AD, "/jobs": MO,
        "/jobs/{job_id}": M, "/cases": MO, "/cases/{number}": MO, "/notices": M,
        "/comparisons/{set_id}": AD, "/comparisons/{set_id}/votes": AD,
    },
    "POST": {
        "/tasks/next": M, "/tasks/{task_id}/skip": M, "/tasks/{task_id}/undo": M, "/tasks/{task_id}/unskip": M,
        "/tasks/{task_id}/reason": M, "/tasks/{task_id}/reactions": M, "/tasks/{task_id}/submit": M,
        "/contributions/{client_id}/withdraw": M, "/messages/{message_id}/withdraw": M,
        "/messages/{message_id}/report": M, "/messages/{message_id}/delete": MO,
        "/messages/{message_id}/undelete": MO,
        "/messages/{message_id}/reveal": MO, "/trees": AD, "/trees/orders": AD, "/trees/{tree_id}/orders": MO,
        "/me/terms": A, "/me/tokens": A, "/people": AD, "/people/invitations": AD, "/people/{person_id}/tokens": AD,
        "/people/{person_id}/ban": OV, "/people/{person_id}/unban": OV, "/people/{person_id}/purge": OV,
        "/people/{person_id}/close": AD, "/reports/{message_id}/resolve": MO, "/exports": AD, "/imports": AD,
        "/cases/{number}/take": MO, "/cases/{number}/put-back": MO, "/cases/{number}/decide": MO,
        "/cases/{number}/undo": MO, "/cases/decide": MO, "/cases/decided/{first}/undo": MO,
        "/notices/{decision}/read": M, "/appeals": SO,
        "/comparisons/{set_id}/battles": AD, "/comparisons/{set_id}/end": AD,
    },
    "PUT": {"/messages/{message_id}/reactions/{emoji}": M, "/gold/{message_id}": MO, "/policy": AD,
            "/comparisons/{set_id}": AD},
    "PATCH": {"/messages/{message_id}": MO, "/me": A, "/people/{person_id}": AD},
    "DELETE": {
        "/messages/{message_id}/reactions/{emoji}": M, "/me/tokens/{token_id}": A, "/me": SO, "/gold/{message_id}": MO,
    },
}  # fmt: skip
"""The API: what each route asks of a token."""

BODIES: Final[dict[str, Any]] = {
    "/tasks/next": {"langs": ["en"]}, "/tasks/{task_id}/submit": {"id": "x", "text": "Why?"},
    "/tasks/{task_id}/skip": {"reason": "not_my_subject"}, "/tasks/{task_id}/reason": {"reason": "not_my_subject"},
    "/tasks/{task_id}/reactions": {"handle": "m0", "emoji": "+1"}, "/messages/{message_id}/report": {"reason": "x"},
    "/trees": {"text": "Why?", "lang": "en"}, "/trees/orders": {"ids": ["none"], "command": "halt"},
    "/trees/{tree_id}/orders": {"command": "halt"}, "/me/tokens": {"name": "x"}, "/people": {"name": "Eve"},
    "/me/terms": {"version": 2},
    "/people/invitations": {"count": 1}, "/people/{person_id}/tokens": {"name": "x"},
    "/people/{person_id}/purge": {"preview": True}, "/reports/{message_id}/resolve": {"dismiss": True},
    "/exports": {}, "/gold/{message_id}": {"answers": {"spam": 0}}, "/policy": {"base": {}}, "/me": {},
    "/messages/{message_id}": {"text": "x"}, "/people/{person_id}": {"role": "contributor"},
    "/cases/{number}/decide": {"verdict": "dismiss", "reason": "x"}, "/appeals": {"words": "x"},
    "/people/{person_id}/ban": {"reason": "x"}, "/cases/decide": {"cases": [1], "verdict": "dismiss", "reason": "x"},
    "/comparisons/{set_id}": {"name": "x"}, "/comparisons/{set_id}/battles": {"comparisons": []},
}  # fmt: skip
"""What makes a request well formed, so that it is not its form that is refused."""


QUERIES: Final = {"/tasks/availability": "?lang=en"}


@dataclass
class Somebody:
    """An account, its session and its token."""

    id: str | None
    session: str | None
    token: str | None
    reading: str | None = None


@pytest.fixture
def world(sqlite_db: Database) -> Iterator[World]:
    """A campaign with terms of its own, where people sign in by mail or password."""
    with running(sqlite_db, Entrance(post=Mailbox())) as made:
        made.door.call(charter.change_charter, None, {"password": True}, made.now)
        made.door.call(charter.publish, None, "terms", "en", "Be kind.", True, made.now)
        yield made


def join(world: World, who: Who) -> Somebody:
    """Somebody of this kind who has just signed in, past the first visit."""
    if who is Who.SIGNED_OUT:
        return Somebody(None, None, None)
    role = {
        Who.MODERATOR: PersonRole.MODERATOR,
        Who.MODERATOR_ELSEWHERE: PersonRole.MODERATOR,
        Who.ADMIN: PersonRole.ADMIN,
    }
    name = f"{who}-{next(world.numbers)}"
    someone = world.person(name, role.get(who, PersonRole.CONTRIBUTOR))
    campaign = world.http.app.state.campaign
    person = world.door.call(known, someone.id)
    world.door.call(keep_preferences, person.id, Preferences(langs=("en",), welcomed=True))
    if who is not Who.UNCONSENTED:
        world.door.call(charter.accept_terms, person, 2, world.now)
    if who is Who.MODERATOR_ELSEWHERE:
        world.door.call(accounts.change_role, None, person.id, PersonRole.MODERATOR, world.now, moderates=("ko",))
    signed_in = world.door.call(sessions.start_session, person, "a test", campaign.secret, world.now, world.rng)
    _, reading = world.door.call(
        accounts.create_token, None, person.id, "reads", "read", campaign.secret, world.now, world.rng
    )
    if who is Who.BANNED:
        world.door.call(accounts.ban, None, person.id, world.now)
    if who is Who.SUSPENDED:
        chief = world.door.call(known, world.chief.id)
        world.door.call(cases.suspend, chief, person.id, world.now + timedelta(days=7), world.now)
    if who is Who.CLOSED:
        world.door.call(erasure.close_account, None, person.id, world.now, world.rng)
    return Somebody(person.id, signed_in.token, someone.token, reading)


def is_let_in(who: Who, needs: Needs, visibility: str, *, by_token: bool) -> bool:
    """What the table says."""
    if needs is N:
        return True
    if needs in (R, RA):
        if visibility == "open" and (who is Who.SIGNED_OUT or (who is Who.CLOSED and not by_token)):
            return True
        needs = {"open": M, "members": M, "staff": MO if needs is R else M}[visibility]
    if needs is SO:
        return who not in (Who.SIGNED_OUT, Who.CLOSED)
    if who in (Who.SIGNED_OUT, Who.BANNED, Who.SUSPENDED, Who.CLOSED):
        return False
    if who is Who.UNCONSENTED:
        return needs is A
    staff = {Who.MODERATOR_ELSEWHERE: 1, Who.MODERATOR: 2, Who.ADMIN: 3}.get(who, 0)
    return staff >= {MO: 1, OV: 2, AD: 3}.get(needs, 0)


def call_site(world: World, who: Somebody, method: str, route: str, needs: Needs) -> bool:
    """Whether somebody is let in who opens or sends this."""
    campaign = world.http.app.state.campaign
    key = campaign.signing_key
    sent = {}
    if who.session:
        sent[cookies.SESSION] = Signer(key, salt=cookies.SESSION).sign(who.session).decode()
    sent[cookies.VISITOR] = Signer(key, salt=cookies.VISITOR).sign("visitor").decode()
    known_as = who.session if who.session and session_holds(world, who) else "visitor"
    options: dict[str, Any] = {"headers": {"Cookie": "; ".join(f"{name}={value}" for name, value in sent.items())}}
    if method == "POST":
        options["data"] = {"form_token": cookies.form_token(key, known_as)}
    answer = world.http.request(method, address_of(route), follow_redirects=False, **options)
    assert answer.status_code < 500, f"{method} {route}: {answer.text[:500]}"
    return needs is N or not is_refused(answer)


def session_holds(world: World, who: Somebody) -> bool:
    from espalier.store.people import token_hash

    assert who.session is not None
    return world.door.call(_found, token_hash(who.session), world.now)


def _found(db: Any, known_as: str, now: Any) -> bool:
    from espalier.store.sessions import by_session

    return by_session(db, known_as, now) is not None


def is_refused(answer: httpx.Response) -> bool:
    to = answer.headers.get("location", "")
    return answer.status_code in (401, 403) or bool(re.match(r"/(signin(/again)?\?|signin$|terms/accept)", to))


def address_of(route: str) -> str:
    numbered = re.sub(r"\{(number|first|decision)\}", "0", route.replace("{frame}", "total"))
    return re.sub(r"\{[^}]*\}", "none", numbered) + QUERIES.get(route, "")


def routes_of(routers: Any) -> set[tuple[str, str]]:
    return {
        (method, route.path.removeprefix(API))
        for router in routers
        for route in router.routes
        for method in route.methods
    }


def rows_of(table: dict[str, dict[str, Needs]]) -> set[tuple[str, str]]:
    return {(method, path) for method, paths in table.items() for path in paths}


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert rows_of(SITE) == routes_of(pages.ROUTERS)
    assert rows_of(PROGRAMS) == routes_of(ROUTERS)


def made_hardest(world: World, who: Who) -> str:
    """The visibility under which most could go wrong for all that it has nothing to do with."""
    visibility = "open" if who in OUTSIDE else "staff"
    world.door.call(charter.change_charter, None, {"visibility": visibility}, world.now)
    return visibility


@pytest.mark.parametrize("who", Who)
def test_the_site_lets_in_whom_it_should(world: World, who: Who) -> None:
    wrong, visibility = [], made_hardest(world, who)
    for method, rows in SITE.items():
        for route, needs in rows.items():
            somebody = join(world, who) if method == "POST" or who is Who.SIGNED_OUT else world_person(world, who)
            if call_site(world, somebody, method, route, needs) != is_let_in(who, needs, visibility, by_token=False):
                wrong.append(f"{method} {route}")
    assert not wrong


def world_person(world: World, who: Who) -> Somebody:
    """One account for all pages that are only looked at."""
    kept: dict[Who, Somebody] = world.__dict__.setdefault("kept", {})
    if who not in kept:
        kept[who] = join(world, who)
    return kept[who]


@pytest.mark.parametrize("visibility", VISIBILITIES)
@pytest.mark.parametrize("who", Who)
def test_the_organiser_says_who_reads(world: World, who: Who, visibility: str) -> None:
    world.door.call(charter.change_charter, None, {"visibility": visibility}, world.now)
    somebody = join(world, who)
    wrong = []
    for route, needs in SITE["GET"].items():
        if needs in (R, RA) and call_site(world, somebody, "GET", route, needs) != is_let_in(
            who, needs, visibility, by_token=False
        ):
            wrong.append(f"page {route}")
    for route, needs in PROGRAMS["GET"].items():
        if needs in (R, RA) and call_api(world, somebody.token, "GET", route) != is_let_in(
            who, needs, visibility, by_token=True
        ):
            wrong.append(f"API {route}")
    assert not wrong


def call_api(world: World, token: str | None, method: str, route: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {} if method in ("GET", "DELETE") else {"json": BODIES.get(route, {})}
    if route == "/imports":
        body = {"files": {"file": ("x.jsonl", b"")}}
    answer = world.http.request(method, f"{API}{address_of(route)}", headers=headers, **body)
    assert answer.status_code < 500, f"{method} {route}: {answer.text[:500]}"
    return answer.status_code not in (401, 403)


@pytest.mark.parametrize("who", Who)
def test_the_api_lets_in_whom_it_should(world: World, who: Who) -> None:
    wrong, visibility = [], made_hardest(world, who)
    for method, rows in PROGRAMS.items():
        for route, needs in rows.items():
            somebody = world_person(world, who) if method == "GET" else join(world, who)
            expected = is_let_in(who, needs, visibility, by_token=True)
            if call_api(world, somebody.token, method, route) != expected:
                wrong.append(f"{method} {route}")
            reads = expected and (method == "GET" or who is Who.SIGNED_OUT)
            if call_api(world, world_person(world, who).reading, method, route) != reads:
                wrong.append(f"{method} {route} with a token that only reads")
    assert not wrong


OWNED: Final = re.compile(r"\{(task_id|token_id|client_id|decision)\}|/me/|/withdraw")
"""Addresses that name what belongs to one person."""


@dataclass(frozen=True)
class Own:
    """What somebody has: a task in hand, a token, a message, and the id under which a script sent it."""

    who: Somebody
    ids: dict[str, str]

    def address(self, route: str) -> str:
        return address_of(re.sub(r"\{(\w+)\}", lambda hole: self.ids.get(hole[1], hole[0]), route))


def own(world: World) -> Own:
    """Of a contributor who wrote a message that waits for reviews."""
    joined = join_as(world, world.ada)
    join_as(world, world.chief)
    world.tree()
    written = world.ada.task("assistant_reply")
    text = {"id": "own", "text": "The air scatters blue.", "confirm_language": True}
    message = well(world.ada.post(f"/tasks/{written['id']}/submit", text)).json()["message_id"]
    world.tree("And why is it red in the evening?")
    task = world.ada.task("assistant_reply")["id"]
    well(world.ada.post("/me/tokens", {"name": "laptop"}))
    with world.database.read() as db:
        token = str(db.exec_driver_sql("SELECT id FROM tokens WHERE name = 'laptop'").scalar_one())
    ids = {"task_id": task, "token_id": token, "client_id": "own", "message_id": message}
    return Own(joined, ids)


def join_as(world: World, someone: Someone) -> Somebody:
    """A session of somebody who is there already."""
    secret = world.http.app.state.campaign.secret
    person = world.door.call(known, someone.id)
    world.door.call(charter.accept_terms, person, 2, world.now)
    session = world.door.call(sessions.start_session, person, "a test", secret, world.now, world.rng)
    return Somebody(person.id, session.token, someone.token)


def test_what_is_somebodys_own_is_nobody_elses(world: World) -> None:
    """To others, staff too, it is as if there were no such thing; and nothing of it changes."""
    mine = own(world)
    with world.database.read() as db:
        before = standing(db)
    wrong = []
    for who in (Who.CONTRIBUTOR, Who.MODERATOR, Who.ADMIN):
        somebody = join(world, who)
        for prefix, table in (("", SITE), (API, PROGRAMS)):
            for method, route in sorted(rows_of(table)):
                if not OWNED.search(route) or "{" not in route or "/people/" in route:
                    continue
                asked = [answer_of(world, somebody, method, route, at, prefix) for at in (mine.address, of_nothing)]
                if asked[0].status_code != asked[1].status_code or asked[0].status_code < 300:
                    wrong.append(f"{who}: {method} {prefix}{route}: {[each.status_code for each in asked]}")
    assert not wrong
    with world.database.read() as db:
        assert standing(db) == before


def of_nothing(route: str) -> str:
    return address_of(route).replace("/none", "/nothing")  # /tasks/none is a page


def standing(db: Connection) -> list[Any]:
    """All that those addresses could change."""
    asked = (
        "SELECT id, status, expires_at FROM tasks WHERE person_id = (SELECT id FROM people WHERE name = 'ada')",
        "SELECT * FROM drafts",
        "SELECT id, text, deleted FROM messages ORDER BY id",
        "SELECT id, revoked_at FROM tokens WHERE name = 'laptop'",
    )
    return [db.exec_driver_sql(each).all() for each in asked]


def answer_of(
    world: World, who: Somebody, method: str, route: str, at: Callable[[str], str], prefix: str
) -> httpx.Response:
    """What a session is answered, or at an address of the API a token."""
    key = world.http.app.state.campaign.signing_key
    options: dict[str, Any] = {}
    if prefix:
        options["headers"] = {"Authorization": f"Bearer {who.token}"} if who.token else {}
        if method not in ("GET", "DELETE"):
            options["json"] = BODIES.get(route, {})
    else:
        signed = Signer(key, salt=cookies.SESSION).sign(who.session or "").decode()
        options["headers"] = {"Cookie": f"{cookies.SESSION}={signed}"}
        if method == "POST":
            options["data"] = {"form_token": cookies.form_token(key, who.session or "")}
    return world.http.request(method, f"{prefix}{at(route)}", follow_redirects=False, **options)


@pytest.mark.parametrize("visibility", VISIBILITIES)
def test_a_message_is_read_by_its_author_and_by_whom_the_organiser_says(world: World, visibility: str) -> None:
    """Before its tree is finished, by nobody from outside even where the campaign is open."""
    mine = own(world)
    world.door.call(charter.change_charter, None, {"visibility": visibility}, world.now)
    readers = {who: join(world, who) for who in Who}
    wrong = []
    for prefix, table in (("", SITE), (API, PROGRAMS)):
        for route in (route for route, needs in table["GET"].items() if needs is RA):
            for name, somebody in {"author": mine.who, **readers}.items():
                if name == "author":  # but not what others wrote beside it
                    expected = visibility != "staff" or not route.endswith("/tree")
                else:
                    inside = visibility if visibility == "staff" else "members"
                    expected = is_let_in(Who(name), R, inside, by_token=bool(prefix))
                answer = answer_of(world, somebody, "GET", route, mine.address, prefix)
                if answer.is_success != expected:
                    wrong.append(f"{name}: {prefix}{route}: {answer.status_code}")
    assert not wrong
