"""What was decided on messages and reports, until who is concerned has read it; a warning comes before a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import cases
from espalier.store import notices
from espalier.store.notices import Notice
from espalier.web.deps import Number
from espalier.web.render import render
from espalier.web.visit import Sender, SignedIn, local, redirect

router = APIRouter(include_in_schema=False)
ON_A_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Context:
    """told: the last one first."""

    told: Sequence[Notice]


@router.get("/notices")
def show(visit: SignedIn) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        told = notices.unread(db, person.id, ON_A_PAGE)
    return render(visit, "notices.html", Context(told))


@router.post("/notices/{decision}/read")
async def read(visit: Sender, decision: Number, back: Annotated[str, Form(max_length=300)] = "") -> Response:
    await visit.campaign.change(visit.changing(), cases.acknowledge, decision, visit.campaign.clock())
    return redirect(visit, local(back))
