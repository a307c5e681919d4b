"""Signing in by mail: a link, whose page has one button that signs in, and beside it a code of six digits.

Programs that look at mail open links, so opening one changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Thread
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import signin
from espalier.collect.signin import LASTS, Asked, Opened
from espalier.collect.ways import clean_address
from espalier.domain.admission import Doors
from espalier.domain.errors import NotAllowed, NotFound, Refusal
from espalier.store import identities, people
from espalier.web import cookies
from espalier.web.entering import MAILS_TO_ONE, Brought, brought, count_tries, doors, enter
from espalier.web.mail import Letter, send_or_note
from espalier.web.pages import signin as ways_page
from espalier.web.refused import said, said_with_wait
from espalier.web.render import render
from espalier.web.visit import Anybody, AnySender, Visit, local, redirect
from espalier.web.words import catalogue

router = APIRouter(include_in_schema=False)

ASKED: Final = "espalier_asked"
AGAIN_AFTER: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Sent:
    """address: where the letter went. wait_s: seconds until another may be sent. fault: of the code."""

    address: str
    next: str
    wait_s: int
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """token: what the link holds. address: of who is to sign in; None for an account without one.

    links: an address is added to the account of who is signed in.
    """

    token: str
    address: str | None
    links: bool


@dataclass(frozen=True, slots=True)
class Over:
    """why: the link does not open. next: where it would have led, as far as this browser knows."""

    why: str
    next: str


@router.post("/signin/email")
async def ask(
    visit: AnySender, email: Annotated[str, Form(max_length=300)] = "", next: Annotated[str, Form()] = ""
) -> Response:
    try:
        offered = await doors(visit)
        if not offered.email:
            raise NotAllowed("Nobody signs in by e-mail here.")
        address = clean_address(email)
        return await send_link(visit, offered, address, local(next))
    except Refusal as refused:
        return await run_in_threadpool(ways_page.page, visit, next, email, refused, "email")


async def send_link(visit: Visit, offered: Doors, address: str, next: str, *, person_id: str | None = None) -> Response:
    """Send a link, and on to the page of the code. Says the same whether or not the address is known.

    `person_id`: to whose account the address shall belong. Raises RateLimited.
    """
    campaign, bag = visit.campaign, brought(visit)
    await count_tries(visit, (f"mail {address}", MAILS_TO_ONE))
    asked = await campaign.door.write(
        signin.ask, address, next, campaign.secret, campaign.clock(), person_id=person_id, invitation=bag.invitation
    )
    may_come = await run_in_threadpool(_may_come, visit, offered, address, bag)
    if may_come or person_id:
        _post(visit, address, asked)
    answer = redirect(visit, "/signin/code")
    held = {"asker": asked.asker, "address": address, "next": next, "at": campaign.clock().isoformat()}
    if person_id:
        held["links"] = "yes"
    key, lasts_s = campaign.signing_key, int(LASTS.total_seconds())
    cookies.write_sealed(answer, visit.request, ASKED, held, key, lasts_s=lasts_s)
    return answer


def _may_come(visit: Visit, offered: Doors, address: str, bag: Brought) -> bool:
    """Whether this address has an account or may get one; to others no letter is sent. Blocks."""
    if offered.admits(address, invited=bag.invitation is not None):
        return True
    with visit.campaign.database.read() as db:
        return people.by_email(db, address) is not None or identities.is_known(db, identities.EMAIL, address)


def _post(visit: Visit, address: str, asked: Asked) -> None:
    """Send the letter in a thread of its own, so that the answer takes as long to every address."""
    post = visit.campaign.entrance.post
    if post is not None:
        letter = letter_with(visit.lang, address, f"{visit.campaign.entrance.address}/signin/link/{asked.link}", asked)
        Thread(target=send_or_note, args=(post, letter), daemon=True).start()


def letter_with(lang: str, address: str, link: str, asked: Asked) -> Letter:
    """The letter, in the reader's language."""
    words = catalogue(lang)
    code = f"{asked.code[:3]} {asked.code[3:]}"
    text = words.gettext(
        "Your code is %(code)s.\n\n"
        "Type it on the page where you asked for it, or open this link and press the button:\n\n"
        "%(link)s\n\n"
        "Both hold for 15 minutes, once. If you did not ask for this, nothing needs to be done."
    )
    return Letter(
        address, words.gettext("%(code)s is your code to sign in") % {"code": code},
        text % {"code": code, "link": link}, lang,
    )  # fmt: skip


@router.get("/signin/code")
def show_code(visit: Anybody) -> Response:
    held = _held(visit)
    return redirect(visit, "/signin") if held is None else _sent(visit, held)


def _held(visit: Visit) -> dict[str, str] | None:
    return cookies.read_sealed(visit.request, ASKED, visit.campaign.signing_key)


def _sent(visit: Visit, held: dict[str, str], refused: Refusal | None = None) -> Response:
    ready = datetime.fromisoformat(held["at"]) + AGAIN_AFTER
    wait_s = max(0, round((ready - visit.now).total_seconds()))
    context = Sent(held["address"], held["next"], wait_s, said_with_wait(refused, visit.words) if refused else None)
    return render(visit, "signin_code.html", context, refused=refused)


@router.post("/signin/code")
async def by_code(visit: AnySender, code: Annotated[str, Form(max_length=40)] = "") -> Response:
    held, campaign = _held(visit), visit.campaign
    if held is None:
        return redirect(visit, "/signin", visit.words.gettext("Ask for a new code."), kind="alarm")
    try:
        await count_tries(visit)
        await campaign.door.write(signin.count_code, held["asker"])
        bag = brought(visit)
        opened = await campaign.door.write(
            signin.by_code, held["asker"], code, visit.person, await doors(visit), bag.agent, campaign.secret,
            campaign.clock(), campaign.rng, replaces=bag.replaces,
        )  # fmt: skip
    except Refusal as refused:
        return await run_in_threadpool(_sent, visit, held, refused)
    return _entered(visit, opened)


@router.post("/signin/more")
async def send_again(visit: AnySender) -> Response:
    """Another letter to the same address, half a minute after the last one."""
    held = _held(visit)
    if held is None:
        return redirect(visit, "/signin")
    try:
        if datetime.fromisoformat(held["at"]) + AGAIN_AFTER > visit.now:
            return await run_in_threadpool(_sent, visit, held)
        person_id = visit.person.id if visit.person and "links" in held else None
        return await send_link(visit, await doors(visit), held["address"], held["next"], person_id=person_id)
    except Refusal as refused:
        return await run_in_threadpool(_sent, visit, held, refused)


@router.get("/signin/link/{token}")
def show_link(visit: Anybody, token: str) -> Response:
    try:
        with visit.campaign.database.read() as db:
            link = signin.find_link(db, token, visit.now)
    except NotFound as refused:
        return _over(visit, refused)
    adds = link.email is not None and link.person_id is not None
    if adds and visit.person is None:
        said_first = visit.words.gettext("Sign in first as you did before; then the new address is added.")
        return redirect(visit, f"/signin?next=/signin/link/{token}", said_first)
    return render(visit, "signin_link.html", Opening(token, link.email, adds))


def _over(visit: Visit, refused: Refusal) -> Response:
    held = _held(visit)
    next = held["next"] if held else "/tasks"
    return render(visit, "signin_over.html", Over(said(refused, visit.words), next), status=404)


@router.post("/signin/link/{token}")
async def by_link(visit: AnySender, token: str) -> Response:
    campaign, bag = visit.campaign, brought(visit)
    try:
        await count_tries(visit)
        opened = await campaign.door.write(
            signin.by_link, token, visit.person, await doors(visit), bag.agent, campaign.secret, campaign.clock(),
            campaign.rng, replaces=bag.replaces,
        )  # fmt: skip
    except NotFound as refused:
        return await run_in_threadpool(_over, visit, refused)
    return _entered(visit, opened)


def _entered(visit: Visit, opened: Opened) -> Response:
    if opened.signed_in is None:
        answer = redirect(visit, opened.next, visit.words.gettext("The address is yours now."))
    else:
        answer = enter(visit, opened.signed_in, opened.next)
    cookies.forget(answer, ASKED)
    return answer
