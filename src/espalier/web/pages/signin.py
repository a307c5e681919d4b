"""Signing in, again too before what is grave, and out: the page with the ways, and those that need no mail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import sessions, ways
from espalier.collect.sessions import SignedIn
from espalier.domain.admission import Admission
from espalier.domain.errors import NotAllowed, Refusal, Unauthenticated
from espalier.store import identities
from espalier.store.identities import PASSWORD
from espalier.web import cookies, passwords
from espalier.web.entering import TRIES_OF_ONE, brought, count_tries, doors, enter
from espalier.web.providers import Provider
from espalier.web.refused import said_with_wait
from espalier.web.render import render
from espalier.web.visit import Account, Anybody, AnySender, Visit, local, redirect

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """next: where to go afterwards. again: somebody proves once more who they are. address: as it was typed.

    email, password, token: whether these ways are offered. providers: accounts elsewhere. invited: by a link.
    admission, domains: who may make an account, where a stranger is told.
    fault: why the last try did not succeed, at the field `faulty`.
    """

    next: str
    again: bool
    address: str
    email: bool
    password: bool
    token: bool
    providers: Sequence[Provider]
    invited: bool
    admission: Admission
    domains: tuple[str, ...]
    fault: str | None = None
    faulty: str | None = None


@router.get("/signin")
def show(visit: Anybody, next: str | None = None) -> Response:
    if visit.person:
        return redirect(visit, local(next))
    return page(visit, next)


@router.get("/signin/again")
def show_again(visit: Account, next: str | None = None) -> Response:
    return page(visit, next)


def page(
    visit: Visit, next: str | None, address: str = "", fault: Refusal | None = None, faulty: str | None = None
) -> Response:
    """The ways that are offered; to who is signed in, those of the account. Blocks."""
    campaign = visit.campaign
    with campaign.database.read() as db:
        offered = campaign.entrance.doors(db)
        own = {way.issuer for way in identities.ways_of(db, visit.person.id)} if visit.person else None
    email, password = offered.email, offered.password
    providers = campaign.entrance.offered(offered)
    if visit.person and own is not None:
        address = visit.person.email or ""
        email, password = email and bool(address), password and PASSWORD in own
        providers = [each for each in providers if each.issuer in own]
    context = Context(
        local(next), visit.person is not None, address, email, password, True, providers,
        brought(visit).invitation is not None, offered.admission, offered.domains,
        said_with_wait(fault, visit.words) if fault else None,
        (faulty or fault.field) if fault else None,
    )  # fmt: skip
    return render(visit, "signin.html", context, refused=fault)


@router.post("/signin/token")
async def by_token(
    visit: AnySender, token: Annotated[str, Form(max_length=200)] = "", next: Annotated[str, Form()] = ""
) -> Response:
    try:
        await count_tries(visit)
        made = await _started(visit, sessions.sign_in_by_token, token)
    except Refusal as refused:
        return await run_in_threadpool(page, visit, next, "", refused, "token")
    return enter(visit, made, next)


@router.post("/signin/password")
async def by_password(
    visit: AnySender,
    address: Annotated[str, Form(max_length=300)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    address = address.strip().lower()
    try:
        if not (await doors(visit)).password:
            raise NotAllowed("Nobody signs in with a password here.")
        await count_tries(visit, (f"password {address}", TRIES_OF_ONE))
        person_id, argon2 = await run_in_threadpool(_proved, visit, address, password)
        made = await _started(visit, sessions.sign_in_by_password, person_id, argon2)
    except Refusal as refused:
        return await run_in_threadpool(page, visit, next, address, refused, "password")
    return enter(visit, made, next)


def _proved(visit: Visit, address: str, password: str) -> tuple[str, str]:
    """The account that has this address and password, and what is known of the password. Blocks for a moment."""
    with visit.campaign.database.read() as db:
        known = ways.password_of(db, address)
    if not passwords.fits(password, known[1] if known else None) or known is None:
        raise Unauthenticated("This is not the address and the password of an account.", field="password")
    return known


async def _started(visit: Visit, use_case: Callable[..., SignedIn], *proof: str) -> SignedIn:
    campaign, bag = visit.campaign, brought(visit)
    return await campaign.door.write(
        use_case, *proof, bag.agent, campaign.secret, campaign.clock(), campaign.rng, replaces=bag.replaces
    )


@router.post("/signout")
async def sign_out(visit: AnySender) -> Response:
    token = cookies.read_signed(visit.request, cookies.SESSION, visit.campaign.signing_key)
    if token:
        await visit.campaign.door.write(sessions.sign_out, token)
    answer = redirect(visit, "/", visit.words.gettext("You are signed out."))
    cookies.forget(answer, cookies.SESSION)
    return answer
