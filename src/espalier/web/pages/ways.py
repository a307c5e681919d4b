"""Me: the ways in which one signs in, and the sessions in which one is signed in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import sessions, ways
from espalier.collect.ways import clean_address
from espalier.domain.errors import NotAllowed, Refusal
from espalier.store import identities
from espalier.store.identities import PASSWORD, Identity
from espalier.store.sessions import Session, sessions_of
from espalier.web import passwords
from espalier.web.devices import device
from espalier.web.entering import brought, doors, enter
from espalier.web.pages.signin_mail import send_link
from espalier.web.providers import Provider
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import Fresh, FreshSender, Sender, SignedIn, Visit, known, redirect

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """ways: of this account. titles: of issuers. linkable: providers that could be added. here: the session of this
    browser. devices: what each session runs on, by its id. email, password: whether these can be set here.
    """

    ways: Sequence[Identity]
    titles: dict[str, str]
    linkable: Sequence[Provider]
    sessions: Sequence[Session]
    here: str
    devices: Mapping[str, str]
    email: bool
    password: bool
    has_password: bool
    address: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """what: `email` or `password`, which is set on this page. fault: why the last try was not taken."""

    what: str
    has_one: bool
    typed: str = ""
    fault: str | None = None


@router.get("/me/signin")
def show(visit: SignedIn) -> Response:
    entrance = visit.campaign.entrance
    with visit.campaign.read(visit.caller) as (db, person):
        offered = entrance.doors(db)
        own = identities.ways_of(db, person.id)
        running = sessions_of(db, person.id, visit.now)
    providers = entrance.offered(offered)
    issuers = {way.issuer for way in own}
    context = Context(
        own, {each.issuer: each.title for each in entrance.providers},
        [each for each in providers if each.issuer not in issuers], running, visit.session.id if visit.session else "",
        {each.id: device(each.agent) or visit.words.gettext("An unknown browser") for each in running}, offered.email,
        offered.password and person.email is not None, PASSWORD in issuers, person.email,
    )  # fmt: skip
    return render(visit, "ways.html", context)


@router.get("/me/signin/email")
def show_email(visit: Fresh) -> Response:
    return render(visit, "way_change.html", Change("email", known(visit).email is not None))


@router.post("/me/signin/email")
async def change_email(visit: FreshSender, email: Annotated[str, Form(max_length=300)] = "") -> Response:
    """A letter goes to the new address; whoever reads it there makes it one's own."""
    person = known(visit)
    try:
        offered = await doors(visit)
        if not offered.email:
            raise NotAllowed("Nobody signs in by e-mail here.")
        return await send_link(visit, offered, clean_address(email), "/me/signin", person_id=person.id)
    except Refusal as refused:
        context = Change("email", person.email is not None, email, said(refused, visit.words))
        return await run_in_threadpool(render, visit, "way_change.html", context, refused=refused)


@router.get("/me/signin/password")
def show_password(visit: Fresh) -> Response:
    return render(visit, "way_change.html", Change("password", _has_password(visit)))


@router.post("/me/signin/password")
async def change_password(visit: FreshSender, password: Annotated[str, Form(max_length=1000)] = "") -> Response:
    campaign = visit.campaign
    try:
        if not (await doors(visit)).password:
            raise NotAllowed("Nobody signs in with a password here.")
        argon2 = await run_in_threadpool(passwords.spelled, password)
        await campaign.change(visit.changing(), ways.set_password, argon2, campaign.clock())
    except Refusal as refused:
        has_one = await run_in_threadpool(_has_password, visit)
        context = Change("password", has_one, "", said(refused, visit.words))
        return await run_in_threadpool(render, visit, "way_change.html", context, refused=refused)
    # Whoever changes a password may fear that somebody else is signed in.
    agent = brought(visit).agent
    made = await campaign.change(
        visit.changing(), sessions.start_over, agent, campaign.secret, campaign.clock(), campaign.rng
    )  # fmt: skip
    return enter(visit, made, "/me/signin", visit.words.gettext("The password holds; all other sessions have ended."))


def _has_password(visit: Visit) -> bool:
    with visit.campaign.database.read() as db:
        return identities.is_known(db, PASSWORD, known(visit).id)


@router.post("/me/signin/remove")
async def remove(
    visit: FreshSender,
    issuer: Annotated[str, Form(max_length=1000)] = "",
    subject: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    campaign = visit.campaign
    try:
        offered = campaign.entrance.issuers(await doors(visit))
        await campaign.change(visit.changing(), ways.unlink, issuer, subject, campaign.clock(), offered=offered)
    except Refusal as refused:
        return redirect(visit, "/me/signin", said(refused, visit.words), kind="alarm")
    return redirect(visit, "/me/signin", visit.words.gettext("This way to sign in is removed."))


@router.post("/me/signin/end")
async def end(visit: Sender, session: Annotated[str, Form(max_length=100)] = "") -> Response:
    """End one session, or (with none named) all but this one."""
    try:
        if session:
            await visit.campaign.change(visit.changing(), sessions.end_session, session)
        else:
            here = visit.session.id if visit.session else ""
            await visit.campaign.change(visit.changing(), sessions.end_others, here)
    except Refusal as refused:
        return redirect(visit, "/me/signin", said(refused, visit.words), kind="alarm")
    ended = visit.words.gettext("The session has ended.") if session else visit.words.gettext("All others have ended.")
    return redirect(visit, "/me/signin", ended)
