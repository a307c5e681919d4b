"""What staff do on a message's page: look behind it, its history, other words, deleting and restoring."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import moderation
from espalier.domain.errors import Refusal
from espalier.domain.sight import alone, may_see
from espalier.store import reading
from espalier.store.people import PersonRole
from espalier.web.pages import message
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.tree_words import Opening, harms, opening
from espalier.web.visit import ModeratorSender, ModeratorVisit, Visit, redirect

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Wording:
    """A text that the message had, and since when."""

    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HistoryContext:
    """wordings: the oldest first; the first is the author's own. harms: behind what they are folded."""

    id: str
    title: Opening
    lang: str
    harms: list[str]
    wordings: list[Wording]


@dataclass(frozen=True, slots=True)
class DeletingContext:
    """below: messages that would go with it. harms: behind what the text is folded."""

    id: str
    lang: str
    text: str
    harms: list[str]
    below: int


@dataclass(frozen=True, slots=True)
class EditingContext:
    """text: as it stands or as it was typed. fault: why it was not taken."""

    id: str
    lang: str
    text: str
    fault: str | None = None


@router.post("/messages/{message_id}/reveal")
async def reveal(visit: ModeratorSender, message_id: str) -> Response:
    """The page once with all there is of the message; the journal keeps that somebody looked."""
    campaign = visit.campaign
    found = await campaign.change(
        visit.changing(PersonRole.MODERATOR), moderation.reveal, message_id, campaign.clock()
    )  # fmt: skip
    return message.page(visit, message_id, behind=found)


@router.get("/messages/{message_id}/history")
def history(visit: ModeratorVisit, message_id: str) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        at = moderation.for_staff(db, person, message_id)
        shown = alone(at, reading.viewer(db, person, [at]))
        wordings = [Wording(each.text, each.at) for each in moderation.history(db, person, message_id)]
    title = opening(shown, visit, otherwise=visit.words.gettext("Back to the message"))
    context = HistoryContext(message_id, title, at.lang, harms(shown, visit.words), wordings)
    return render(visit, "message_history.html", context)


@router.get("/messages/{message_id}/edit")
def editing(visit: ModeratorVisit, message_id: str) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        at = moderation.for_staff(db, person, message_id)
    return render(visit, "message_edit.html", EditingContext(message_id, at.lang, at.text))


@router.post("/messages/{message_id}/edit")
async def edit(visit: ModeratorSender, message_id: str, text: Annotated[str, Form()] = "") -> Response:
    campaign = visit.campaign
    try:
        await campaign.change(
            visit.changing(PersonRole.MODERATOR), moderation.edit_message, message_id, text, campaign.clock(),
            campaign.rng,
        )  # fmt: skip
    except Refusal as refused:
        if refused.field != "text":
            raise
        with campaign.read(visit.caller) as (db, person):
            at = moderation.for_staff(db, person, message_id)
        context = EditingContext(message_id, at.lang, text, said(refused, visit.words))
        return render(visit, "message_edit.html", context, refused=refused)
    return _back(visit, message_id, visit.words.gettext("The new words stand; the old ones are in its history."))


@router.get("/messages/{message_id}/delete")
def deleting(visit: ModeratorVisit, message_id: str) -> Response:
    """What would go, before it goes."""
    with visit.campaign.read(visit.caller) as (db, person):
        at = moderation.for_staff(db, person, message_id)
        tree = reading.messages_of_tree(db, at.tree_id)
        eyes = reading.viewer(db, person, [at])
    below = {message_id}
    for each in tree:
        if each.parent_id in below and not each.removed and may_see(each, eyes):
            below.add(each.id)
    found = harms(alone(at, eyes), visit.words)
    context = DeletingContext(message_id, at.lang, at.text, found, len(below) - 1)
    return render(visit, "message_delete.html", context)


@router.post("/messages/{message_id}/delete")
async def delete(visit: ModeratorSender, message_id: str) -> Response:
    campaign = visit.campaign
    await campaign.change(
        visit.changing(PersonRole.MODERATOR), moderation.delete_message, message_id, campaign.clock(), campaign.rng
    )
    return _back(visit, message_id, visit.words.gettext("The message is deleted; you can restore it here."))


@router.post("/messages/{message_id}/restore")
async def restore(visit: ModeratorSender, message_id: str) -> Response:
    campaign = visit.campaign
    await campaign.change(
        visit.changing(PersonRole.MODERATOR), moderation.undelete_message, message_id, campaign.clock(), campaign.rng
    )
    return _back(visit, message_id, visit.words.gettext("The message is back, and all that went with it."))


def _back(visit: Visit, message_id: str, said: str) -> Response:
    return redirect(visit, f"/messages/{message_id}", said)
