"""Signing in with an account elsewhere: out to its provider, and back with a code. Linking one begins in Me.

What must come back travels in a signed cookie, so nobody's way back fits another browser.
"""

import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from espalier.collect import ways
from espalier.collect.admission import require_admission
from espalier.collect.ways import Proof
from espalier.domain.errors import Invalid, NotAllowed, NotFound, Refusal, Unauthenticated
from espalier.store import identities, invitations
from espalier.web import cookies
from espalier.web.entering import brought, count_tries, doors, doors_now, enter
from espalier.web.pages import signin as signin_page
from espalier.web.providers import Provider, Trip
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import Anybody, AnySender, FreshSender, Visit, known, local, redirect

router = APIRouter(include_in_schema=False)
TRIP: Final = "espalier_trip"
PROVED: Final = "espalier_proved"
LASTS_S: Final = 600


@dataclass(frozen=True, slots=True)
class Leaving:
    """to: the provider's address, where a browser goes by itself. title: of the provider."""

    to: str
    title: str


@dataclass(frozen=True, slots=True)
class New:
    """name, title: of the provider. label: of the account there. closed: why no account is made for who is new."""

    name: str
    title: str
    label: str
    closed: str | None


@router.get("/signin/with/{name}")
def leave(visit: Anybody, name: str, next: str | None = None) -> Response:
    """To the provider; who is signed in proves again who they are."""
    expects = visit.person.id if visit.person else ""
    try:
        to, trip = _there(visit, name)
    except Refusal as refused:
        return signin_page.page(visit, next, "", refused, "provider")
    return _with_trip(visit, RedirectResponse(to, status_code=303), trip, next, expects=expects)


@router.post("/me/signin/with/{name}")
def link(visit: FreshSender, name: str) -> Response:
    """The same to add a way. A page lies between, since forms lead nowhere but to this site."""
    to, trip = _there(visit, name)
    answer = render(visit, "signin_leaving.html", Leaving(to, _provider(visit, name).title))
    return _with_trip(visit, answer, trip, "/me/signin", links=known(visit).id)


def _provider(visit: Visit, name: str) -> Provider:
    entrance = visit.campaign.entrance
    found = entrance.provider(doors_now(visit), name)
    if found is None:
        raise NotFound("Nobody signs in that way here.")
    return found


def _there(visit: Visit, name: str) -> tuple[str, Trip]:
    provider = _provider(visit, name)
    back = f"{visit.campaign.entrance.address}/signin/with/{name}/back"
    trip = Trip(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), back)
    from espalier.web.elsewhere import way_there

    return way_there(provider, trip), trip


def _proof(provider: Provider, trip: Trip, code: str) -> Proof:
    from espalier.web.elsewhere import proof_of

    return proof_of(provider, trip, code)


def _with_trip(
    visit: Visit, answer: Response, trip: Trip, next: str | None, *, expects: str = "", links: str = ""
) -> Response:
    held = {**asdict(trip), "next": local(next), "expects": expects, "links": links}
    cookies.write_sealed(answer, visit.request, TRIP, held, visit.campaign.signing_key, lasts_s=LASTS_S)
    return answer


@router.get("/signin/with/{name}/back")
async def come_back(
    visit: Anybody,
    name: str,
    code: Annotated[str, Query(max_length=2000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    held = cookies.read_sealed(visit.request, TRIP, visit.campaign.signing_key) or {}
    try:
        answer = await _entered(visit, name, code, state, held)
    except Refusal as refused:
        if held.get("links"):
            answer = redirect(visit, "/me/signin", said(refused, visit.words), kind="alarm")
        else:
            answer = await run_in_threadpool(
                signin_page.page, visit, held.get("next"), "", refused, "provider"
            )  # fmt: skip
    cookies.forget(answer, TRIP)
    return answer


async def _entered(visit: Visit, name: str, code: str, state: str, held: dict[str, str]) -> Response:
    campaign = visit.campaign
    if not held or not hmac.compare_digest(held["state"].encode(), state.encode()):
        raise Invalid("This way back does not belong to this browser. Begin once more.")
    provider = await run_in_threadpool(_provider, visit, name)
    if not held["back"].endswith(f"/{name}/back") or not code:
        raise Unauthenticated("Signing in was not finished. Begin once more.")
    await count_tries(visit)
    trip = Trip(held["state"], held["nonce"], held["verifier"], held["back"])
    proof = await run_in_threadpool(_proof, provider, trip, code)
    if held["links"]:
        if known(visit).id != held["links"]:
            raise Unauthenticated("Somebody else signed in meanwhile. Begin once more.")
        await campaign.change(visit.changing(), ways.link, proof, campaign.clock())
        return redirect(visit, "/me/signin", visit.words.gettext("You can sign in this way from now on."))
    if not held["expects"] and await run_in_threadpool(_is_first, visit, proof):
        return _ask_whether_new(visit, provider, proof, held["next"])
    return await _sign_in(visit, proof, held["next"], held["expects"] or None)


async def _sign_in(visit: Visit, proof: Proof, next: str, expects: str | None = None) -> Response:
    campaign, bag = visit.campaign, brought(visit)
    made = await campaign.door.write(
        ways.sign_in, proof, await doors(visit), bag.agent, campaign.secret, campaign.clock(), campaign.rng,
        invitation=bag.invitation, replaces=bag.replaces, expects=expects,
    )  # fmt: skip
    return enter(visit, made, next)


def _is_first(visit: Visit, proof: Proof) -> bool:
    """Whether nothing tells if somebody has an account here already: the issuer's word on addresses is not taken."""
    with visit.campaign.database.read() as db:
        if identities.is_known(db, proof.issuer, proof.subject):
            return False
        return proof.address is None or proof.issuer not in visit.campaign.entrance.doors(db).trusted


def _ask_whether_new(visit: Visit, provider: Provider, proof: Proof, next: str) -> Response:
    """On to the question, at an address of its own: the way back is used up, so a reload of it would fail."""
    answer = redirect(visit, f"/signin/with/{provider.name}/join")
    held = {"issuer": proof.issuer, "subject": proof.subject, "label": proof.label, "address": proof.address or ""}
    held |= {"next": next, "at": visit.now.isoformat()}
    cookies.write_sealed(answer, visit.request, PROVED, held, visit.campaign.signing_key, lasts_s=LASTS_S)
    return answer


def _proved(visit: Visit) -> dict[str, str] | None:
    """What a provider said of who is at this browser, some minutes ago at most."""
    held = cookies.read_sealed(visit.request, PROVED, visit.campaign.signing_key)
    if held is None or datetime.fromisoformat(held["at"]) + timedelta(seconds=LASTS_S) <= visit.now:
        return None
    return held


def _too_late(visit: Visit) -> Response:
    return redirect(visit, "/signin", visit.words.gettext("That took too long. Begin once more."), kind="alarm")


@router.get("/signin/with/{name}/join")
def ask_whether_new(visit: Anybody, name: str) -> Response:
    held = _proved(visit)
    if held is None:
        return redirect(visit, "/tasks") if visit.person else _too_late(visit)
    provider = _provider(visit, name)
    return render(visit, "signin_new.html", New(name, provider.title, held["label"], _closed(visit)))


def _closed(visit: Visit) -> str | None:
    """Why whoever comes by the word of an issuer that is not taken, and is new, gets no account."""
    invitation = brought(visit).invitation
    with visit.campaign.database.read() as db:
        offered = visit.campaign.entrance.doors(db)
        held = invitations.find(db, invitation) if invitation else None
    try:
        require_admission(offered, None, invited=held is not None and held.is_open(visit.now))
    except NotAllowed as refused:
        return said(refused, visit.words)
    return None


@router.post("/signin/with/{name}/join")
async def join(visit: AnySender, name: str) -> Response:
    """An account for who came from a provider for the first time and says that they have none here."""
    held = _proved(visit)
    if held is None:
        return _too_late(visit)
    proof = Proof(held["issuer"], held["subject"], held["label"], held["address"] or None)
    try:
        await run_in_threadpool(_provider, visit, name)
        answer = await _sign_in(visit, proof, held["next"])
    except Refusal as refused:
        answer = await run_in_threadpool(signin_page.page, visit, held["next"], "", refused, "provider")
    cookies.forget(answer, PROVED)
    return answer
