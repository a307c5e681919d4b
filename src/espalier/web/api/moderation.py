"""What staff look after, over HTTP: reports and the journal."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request, Response

from espalier.collect import moderation
from espalier.store import journal, reading, reports
from espalier.store.journal import Entry
from espalier.store.reports import Report
from espalier.web.api.forms import Form, example
from espalier.web.api.messages import Seen, as_seen
from espalier.web.api.router import api_router
from espalier.web.deps import CampaignDep, Moderator, ModeratorReader
from espalier.web.paging import UNCHANGED, Cursor, Limit, Page, answered, page, place_in

router = api_router("moderation")


@dataclass(frozen=True, slots=True)
class Reported:
    """A message with its open reports, the newest first."""

    message: Seen
    reports: Sequence[Report]


@router.get("/reports", response_model=Page[Reported], responses=UNCHANGED, summary="Messages with open reports")
def open_reports(
    request: Request, campaign: CampaignDep, caller: ModeratorReader, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """For moderators, of the languages they look after; the last reported first."""
    (before,) = place_in(cursor, int) if cursor else (reports.NEWEST,)
    with campaign.read(caller) as (db, person):
        flagged, following = page(
            reports.flagged(db, limit + 1, before=before), limit, lambda each: (each.newest,)
        )  # fmt: skip
        found = reading.several(db, (each.message_id for each in flagged))
        shown = {each.id: each for each in as_seen(db, person, found.values())}
    items = [
        Reported(shown[each.message_id], each.reports)
        for each in flagged
        if each.message_id in shown and person.looks_after(shown[each.message_id].lang)
    ]
    return answered(request, Page[Reported], Page[Reported](items=items, next=following))


@dataclass(frozen=True, slots=True)
class Resolved:
    """How many reports were answered."""

    reports: int


class Resolution(Form):
    """`dismiss`: the reports were wrong."""

    dismiss: bool = False

    model_config = example({"dismiss": True})


@router.post("/reports/{message_id}/resolve", summary="Answer all open reports on a message")
async def resolve(message_id: str, form: Resolution, campaign: CampaignDep, caller: Moderator) -> Resolved:
    """For moderators. The message's flags so far count no more for automatic moderation."""
    closed = await campaign.change(
        caller, moderation.close_reports, message_id, campaign.clock(), campaign.rng, dismiss=form.dismiss
    )
    return Resolved(closed)


@router.get("/audit", response_model=Page[Entry], responses=UNCHANGED, summary="What staff did")
def audit(
    request: Request,
    campaign: CampaignDep,
    caller: ModeratorReader,
    subject: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """For moderators; the newest first, of one person, message or tree or of all. Holds no texts.

    What was done with people's accounts is in it for administrators alone: it would tell whom a case is about.
    """
    (before,) = place_in(cursor, int) if cursor else (journal.NEWEST,)
    with campaign.read(caller) as (db, reader):
        found = moderation.what_staff_did(db, reader, limit + 1, before=before, subject=subject)
    items, following = page(found, limit, lambda each: (each.seq,))
    return answered(request, Page[Entry], Page[Entry](items=items, next=following))
