"""Inspirations on the site: what organisers give to the writers of prompts, added, reworded, taken out of the draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from espalier.collect import inspirations
from espalier.collect.inspirations import Said
from espalier.domain.errors import Invalid
from espalier.store import inspirations as kept
from espalier.store.inspirations import Kept
from espalier.web.paging import page as paged
from espalier.web.paging import place_in
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import AdminSender, AdminVisit, Visit, redirect

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/admin/inspirations"
ON_A_PAGE: Final = 20


@dataclass(frozen=True, slots=True)
class Context:
    """inspirations: the last added first. typed: what the form holds. editing: the id of the one it changes.

    fault: why the last try was not taken; faulty: the field to blame. next: the cursor of the next page.
    """

    inspirations: Sequence[Kept]
    typed: Said
    editing: str | None
    fault: str | None
    faulty: str | None
    next: str | None


@router.get(ADDRESS)
def show(visit: AdminVisit, cursor: str | None = None) -> Response:
    return _page(visit, Said("en", "", ""), cursor=cursor)


@router.get(ADDRESS + "/{inspiration_id}")
def edit(visit: AdminVisit, inspiration_id: str) -> Response:
    with visit.campaign.read(visit.caller) as (db, _):
        idea = inspirations.known(db, inspiration_id).idea
    return _page(visit, Said(idea.lang, idea.title, idea.text, idea.source, idea.licence), editing=inspiration_id)


async def _said(
    lang: Annotated[str, Form(max_length=100)] = "",
    title: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    source: Annotated[str, Form()] = "",
    licence: Annotated[str, Form()] = "",
) -> Said:
    """What the form holds."""
    return Said(lang.strip(), title, text, source, licence)


@router.post(ADDRESS)
async def add(
    visit: AdminSender,
    said: Annotated[Said, Depends(_said)],
) -> Response:
    campaign = visit.campaign
    try:
        await campaign.change(visit.changing(), inspirations.add, said, campaign.clock(), campaign.rng)
    except Invalid as refused:
        return _page(visit, said, refused=refused)
    return redirect(visit, ADDRESS, visit.words.gettext("Added. Writers of prompts get it from now on."))


@router.post(ADDRESS + "/{inspiration_id}")
async def change(
    visit: AdminSender,
    inspiration_id: str,
    said: Annotated[Said, Depends(_said)],
) -> Response:
    campaign = visit.campaign
    try:
        await campaign.change(visit.changing(), inspirations.change, inspiration_id, said, campaign.clock())
    except Invalid as refused:
        return _page(visit, said, editing=inspiration_id, refused=refused)
    return redirect(visit, ADDRESS, visit.words.gettext("Saved."))


@router.post(ADDRESS + "/{inspiration_id}/shown")
async def show_or_hide(visit: AdminSender, inspiration_id: str, shown: Annotated[bool, Form()]) -> Response:
    campaign = visit.campaign
    await campaign.change(visit.changing(), inspirations.show, inspiration_id, shown, campaign.clock())
    said = visit.words.gettext("It is shown again.") if shown else visit.words.gettext("It is shown no longer.")
    return redirect(visit, ADDRESS, said)


def _page(
    visit: Visit,
    typed: Said,
    *,
    editing: str | None = None,
    refused: Invalid | None = None,
    cursor: str | None = None,
) -> Response:
    before = place_in(cursor, int, str) if cursor else kept.NEWEST
    with visit.campaign.read(visit.caller) as (db, _):
        found = kept.newest(db, ON_A_PAGE + 1, before=before)
    shown, following = paged(found, ON_A_PAGE, kept.place)
    fault, faulty = (said(refused, visit.words), refused.field) if refused else (None, None)
    context = Context(shown, typed, editing, fault, faulty, following)
    return render(visit, "inspirations.html", context, refused=refused)
