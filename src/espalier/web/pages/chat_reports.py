"""Replies of models that people showed to staff: question, reply and reason, until somebody has seen to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from espalier.chat import judging
from espalier.store.chat_reports import ChatReport
from espalier.store.people import PersonRole
from espalier.web.deps import Number
from espalier.web.render import render
from espalier.web.visit import ModeratorSender, ModeratorVisit, redirect

router = APIRouter(include_in_schema=False)
MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Context:
    """more: there are further ones behind these."""

    reports: Sequence[ChatReport]
    more: bool


@router.get("/moderation/chats")
def show(visit: ModeratorVisit) -> Response:
    with visit.campaign.database.read() as db:
        found = judging.reports_to_see(db, MOST + 1)
    return render(visit, "chat_reports.html", Context(found[:MOST], len(found) > MOST))


@router.post("/moderation/chats/{number}/close")
async def close(visit: ModeratorSender, number: Number) -> Response:
    campaign = visit.campaign
    await campaign.change(visit.changing(PersonRole.MODERATOR), judging.close, number, campaign.clock())
    return redirect(visit, "/moderation/chats", visit.words.gettext("It is seen to."))
