"""Taking back what one did last, from the line at the head of the next task, and saying why one skipped."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import undo
from espalier.domain.errors import BuiltOn, CampaignClosed, Conflict, NotFound, Stale
from espalier.web.pages.frame import task_address
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import Sender, local, redirect

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class LineContext:
    """The line alone, for a script that puts it in the place of the one before."""


@router.post("/tasks/{task_id}/undo")
async def take_back(
    visit: Sender, task_id: str, choice: Annotated[str, Form()] = "", back: Annotated[str, Form()] = ""
) -> Response:
    """The task is open again, with what was sent as its draft."""
    campaign = visit.campaign
    try:
        await campaign.change(visit.changing(), undo.undo, task_id, campaign.clock(), campaign.rng)
    except (BuiltOn, NotFound) as refused:
        return redirect(visit, local(back), said(refused, visit.words), kind="alarm")
    return redirect(visit, task_address(task_id, choice), visit.words.gettext("Taken back. Here is what you sent."))


@router.post("/tasks/{task_id}/unskip")
async def unskip(
    visit: Sender, task_id: str, choice: Annotated[str, Form()] = "", back: Annotated[str, Form()] = ""
) -> Response:
    campaign = visit.campaign
    try:
        await campaign.change(visit.changing(), undo.unskip, task_id, campaign.clock(), campaign.rng)
    except (BuiltOn, CampaignClosed, NotFound, Stale) as refused:
        return redirect(visit, local(back), said(refused, visit.words), kind="alarm")
    return redirect(visit, task_address(task_id, choice), visit.words.gettext("Here is the task that you skipped."))


@router.post("/tasks/{task_id}/reason")
async def give_reason(
    visit: Sender,
    task_id: str,
    reason: Annotated[str, Form(max_length=100)] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    """Why a task was skipped; a script gets the line as it is now."""
    campaign, kind = visit.campaign, "done"
    noted = visit.words.gettext("Thank you; the reason is noted.")
    try:
        await campaign.change(
            visit.changing(), undo.give_skip_reason, task_id, reason, campaign.clock(), campaign.rng
        )  # fmt: skip
    except (Conflict, NotFound) as refused:
        noted, kind = said(refused, visit.words), "alarm"
    if "hx-request" in visit.request.headers:
        return await run_in_threadpool(render, visit, "parts/undo.html", LineContext())
    return redirect(visit, local(back), noted, kind=kind)
