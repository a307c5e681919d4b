"""The page of who is banned or suspended: why, until when, an appeal that somebody else decides; and what nobody is
kept from: taking their data along, and leaving.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from espalier.collect import cases, leaving
from espalier.collect.cases import LONGEST_WORDS
from espalier.collect.leaving import Leaving
from espalier.domain.errors import Refusal
from espalier.domain.sight import StaffMessage
from espalier.store import notices, reading
from espalier.store.notices import Notice
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.typed import Typed, kept
from espalier.web.visit import AccountSender, Anybody, Visit, known, redirect

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """until: of a suspension; None for a ban. why: the decision, where there is one. about: the message for which it
    was decided, if it was for one. appealed: one is waiting.

    answer: to the last appeal, where it was not granted. contact: of the organisers.

    words: of an appeal that was not taken, and why (fault). longest: characters of an appeal.
    typed: what somebody was at when they were shut out. leaving: that the account is about to be deleted.
    """

    until: datetime | None
    why: Notice | None
    about: StaffMessage | None
    appealed: bool
    answer: Notice | None
    contact: str
    words: str
    fault: str | None
    longest: int
    typed: Typed | None
    leaving: Leaving | None


@router.get("/banned")
def show(visit: Anybody) -> Response:
    if not visit.is_shut_out:
        return RedirectResponse("/tasks", status_code=303)
    return page(visit)


@router.post("/banned")
async def appeal(visit: AccountSender, words: Annotated[str, Form()] = "") -> Response:
    try:
        await visit.campaign.change(visit.changing(), cases.appeal, words, visit.campaign.clock())
    except Refusal as refused:
        if refused.field != "words":
            raise
        return page(visit, words=words, fault=said(refused, visit.words), status=refused.status)
    return redirect(visit, "/banned", visit.words.gettext("Your appeal is sent. What is decided stands here."))


def page(visit: Visit, *, words: str = "", fault: str | None = None, status: int = 403) -> Response:
    person = known(visit)
    with visit.campaign.database.read() as db:
        why = notices.why_shut_out(db, person.id)
        about = reading.several(db, [why.message_id]).get(why.message_id) if why and why.message_id else None
        appealed = cases.open_appeal(db, person.id)
        answer = notices.why_left_out(db, person.id, why.number if why else 0)
        going = leaving.leaving(db, person.id)
    until = None if person.disabled else person.suspended_until
    typed = None if words or fault else kept(visit.request)
    context = Context(
        until, why, about, appealed, answer, visit.charter.contact, words, fault, LONGEST_WORDS, typed, going
    )  # fmt: skip
    return render(visit, "banned.html", context, status=status)
