"""Invitations by a link: administrators make one for a number of people; whoever opens it may make an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import admission
from espalier.domain.errors import Invalid, Refusal
from espalier.store import invitations
from espalier.store.invitations import Invitation
from espalier.store.people import token_hash
from espalier.web import cookies
from espalier.web.entering import INVITATION
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import AdminSender, AdminVisit, Anybody, Visit, redirect

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/admin/invitations/links"
LASTS_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Typed:
    note: str = ""
    places: str = "1"
    days: str = "30"


@dataclass(frozen=True, slots=True)
class Context:
    """link: of the invitation that was made just now, shown this once."""

    invitations: Sequence[Invitation]
    typed: Typed
    link: str | None = None
    fault: str | None = None
    faulty: str | None = None


@router.get("/invitation/{token}")
def accept(visit: Anybody, token: str) -> Response:
    """Keep the invitation in the browser, and on to signing in."""
    with visit.campaign.database.read() as db:
        found = invitations.find(db, token_hash(token))
    if found is None or not found.is_open(visit.now):
        said = visit.words.gettext("This invitation holds no more. Ask whoever gave it to you for another one.")
        return redirect(visit, "/signin", said, kind="alarm")
    answer = redirect(visit, "/signin")
    cookies.write_signed(
        answer, visit.request, INVITATION, token_hash(token), visit.campaign.signing_key, lasts_s=LASTS_S
    )
    return answer


@router.get(ADDRESS)
def show(visit: AdminVisit) -> Response:
    return _page(visit, Typed())


def _page(visit: Visit, typed: Typed, link: str | None = None, refused: Refusal | None = None) -> Response:
    with visit.campaign.database.read() as db:
        made = invitations.newest(db)
    context = Context(
        made, typed, link, said(refused, visit.words) if refused else None, refused.field if refused else None
    )
    return render(visit, "invitation_links.html", context, refused=refused)


@router.post(ADDRESS)
async def invite(
    visit: AdminSender,
    note: Annotated[str, Form(max_length=200)] = "",
    places: Annotated[str, Form(max_length=20)] = "",
    days: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    campaign, typed = visit.campaign, Typed(note, places, days)
    try:
        _, token = await campaign.change(
            visit.changing(), admission.invite_by_link, note, _number(visit, places, "places"),
            _number(visit, days, "days"), campaign.secret, campaign.clock(), campaign.rng,
        )  # fmt: skip
    except Refusal as refused:
        return await run_in_threadpool(_page, visit, typed, None, refused)
    return await run_in_threadpool(_page, visit, Typed(), f"{campaign.entrance.address}/invitation/{token}")


def _number(visit: Visit, said: str, field: str) -> int:
    if not said.strip().isdecimal():
        raise Invalid("Say how many, as a whole number.", field=field)
    return int(said)


@router.post(f"{ADDRESS}/{{invitation_id}}/end")
async def end(visit: AdminSender, invitation_id: str) -> Response:
    await visit.campaign.change(visit.changing(), admission.end_invitation, invitation_id, visit.campaign.clock())
    return redirect(visit, ADDRESS, visit.words.gettext("The link lets nobody in any more."))
