"""Announcements: what an organiser shows to everybody for a while, and each reader's word that it is read."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import announcements
from espalier.domain.errors import Invalid, NotFound, Refusal
from espalier.store import announcements as kept
from espalier.store.announcements import Announcement
from espalier.web.deps import Number
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import AdminSender, AdminVisit, Sender, Visit, local, redirect

router = APIRouter(include_in_schema=False)
ADDRESS = "/admin/announcements"


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was filled in; times as a browser's field spells them, in UTC."""

    text: str
    starts_at: str
    ends_at: str


@dataclass(frozen=True, slots=True)
class Context:
    """announcements: past ones too. editing: the id of the one that the form changes; None for a new one.

    fault: why the last try was not taken; faulty: the field to blame.
    """

    announcements: list[Announcement]
    typed: Typed
    editing: str | None
    fault: str | None
    faulty: str | None


@router.post("/announcements/{announcement_id}/read")
async def read(
    visit: Sender, announcement_id: str, version: Annotated[Number, Form()], back: Annotated[str, Form()] = ""
) -> Response:
    await visit.campaign.change(visit.changing(), announcements.dismiss, announcement_id, version)
    return redirect(visit, local(back))


@router.get(ADDRESS)
def show(visit: AdminVisit) -> Response:
    return _page(visit, _new(visit.now))


@router.get(ADDRESS + "/{announcement_id}")
def edit(visit: AdminVisit, announcement_id: str) -> Response:
    with visit.campaign.read(visit.caller) as (db, _):
        found = kept.find(db, announcement_id)
    if found is None:
        raise NotFound("There is no such announcement.")
    typed = Typed(found.text, _spelled(found.starts_at), _spelled(found.ends_at))
    return _page(visit, typed, editing=announcement_id)


@router.post(ADDRESS)
async def announce(
    visit: AdminSender,
    text: Annotated[str, Form()] = "",
    starts_at: Annotated[str, Form(max_length=40)] = "",
    ends_at: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    campaign, typed = visit.campaign, Typed(text, starts_at, ends_at)
    try:
        times = _time(visit, starts_at, "starts_at"), _time(visit, ends_at, "ends_at")
        await campaign.change(visit.changing(), announcements.announce, text, *times, campaign.clock(), campaign.rng)
    except Refusal as refused:
        return _page(visit, typed, refused=refused)
    return redirect(visit, ADDRESS, visit.words.gettext("Announced."))


@router.post(ADDRESS + "/{announcement_id}")
async def change(
    visit: AdminSender,
    announcement_id: str,
    text: Annotated[str, Form()] = "",
    starts_at: Annotated[str, Form(max_length=40)] = "",
    ends_at: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    campaign, typed = visit.campaign, Typed(text, starts_at, ends_at)
    try:
        times = _time(visit, starts_at, "starts_at"), _time(visit, ends_at, "ends_at")
        await campaign.change(
            visit.changing(), announcements.change, announcement_id, text, *times, campaign.clock()
        )  # fmt: skip
    except NotFound:
        raise
    except Refusal as refused:
        return _page(visit, typed, editing=announcement_id, refused=refused)
    return redirect(visit, ADDRESS, visit.words.gettext("Saved."))


@router.post(ADDRESS + "/{announcement_id}/end")
async def end(visit: AdminSender, announcement_id: str) -> Response:
    await visit.campaign.change(visit.changing(), announcements.end, announcement_id, visit.campaign.clock())
    return redirect(visit, ADDRESS, visit.words.gettext("It is shown no longer."))


def _page(visit: Visit, typed: Typed, *, editing: str | None = None, refused: Refusal | None = None) -> Response:
    with visit.campaign.read(visit.caller) as (db, _):
        found = kept.newest(db)
    fault, faulty = (said(refused, visit.words), refused.field) if refused else (None, None)
    context = Context(found, typed, editing, fault, faulty)
    return render(visit, "announcements.html", context, refused=refused)


def _new(now: datetime) -> Typed:
    return Typed("", _spelled(now), _spelled(now + timedelta(days=7)))


def _spelled(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


def _time(visit: Visit, spelled: str, field: str) -> datetime:
    try:
        return datetime.fromisoformat(spelled).replace(tzinfo=UTC)
    except ValueError:
        raise Invalid("Give a day and a time, such as 2026-03-01T12:00.", field=field) from None
