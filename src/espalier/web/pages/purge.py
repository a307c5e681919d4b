"""Purging a person: what would go, and only then the button that does it."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from espalier.collect import accounts, erasure
from espalier.store.erasure import Traces
from espalier.store.people import Person
from espalier.web.pages.people import ADDRESS
from espalier.web.render import render
from espalier.web.visit import ModeratorSender, ModeratorVisit, redirect

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """traces: what there is of the person, all of which would go but what others wrote below."""

    person: Person
    traces: Traces


@router.get(ADDRESS + "/{person_id}/purge")
def preview(visit: ModeratorVisit, person_id: str) -> Response:
    with visit.campaign.read(visit.caller) as (db, actor):
        traces = erasure.purge_preview(db, actor, person_id)
        person = accounts.known(db, person_id)
    return render(visit, "purge.html", Context(person, traces))


@router.post(ADDRESS + "/{person_id}/purge")
async def purge(visit: ModeratorSender, person_id: str) -> Response:
    campaign = visit.campaign
    await campaign.change(visit.changing(), erasure.purge, person_id, campaign.clock(), campaign.rng)
    notice = visit.words.gettext("The account is closed. What it contributed is being removed.")
    return redirect(visit, f"{ADDRESS}/{person_id}", notice)
