"""Leaving a task without an answer: saving what was typed, skipping, reporting a message of it."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import JSONResponse, Response

from espalier.collect import drafts, moderation
from espalier.domain.errors import AlreadyAnswered, NewerDraft, NotFound, Refusal, Stale
from espalier.domain.message import UNSAID
from espalier.store.drafts import draft_of
from espalier.web.deps import Number
from espalier.web.pages.frame import Frame, fields_of, frame_of, go_on, task_address
from espalier.web.pages.kinds import is_writing
from espalier.web.pages.over import over
from espalier.web.pages.write import Context as WriteContext
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import Sender, SignedIn, Visit, redirect

router = APIRouter(include_in_schema=False)


@router.post("/tasks/{task_id}/draft")
async def save_draft(
    visit: Sender,
    task_id: str,
    version: Annotated[Number, Form()] = 0,
    answer_id: Annotated[str, Form(max_length=100)] = "",
    choice: Annotated[str, Form()] = "",
) -> Response:
    """Keep what was typed. A script gets the version as JSON, and the newer draft where there is one (409)."""
    campaign, fields = visit.campaign, fields_of(await visit.request.form())
    by_script = "application/json" in visit.request.headers.get("accept", "")
    try:
        draft = await campaign.change(visit.changing(), drafts.save, task_id, fields, version, campaign.clock())
    except NewerDraft as refused:
        with campaign.read(visit.caller) as (db, person):
            newer = draft_of(db, person.id, task_id, visit.now)
        if by_script:
            there = {"version": newer.version, "text": newer.text} if newer else {"version": 0, "text": ""}
            return JSONResponse(there, status_code=refused.status)
        frame = frame_of(visit, task_id, choice, answer_id)
        if not is_writing(frame.task.kind):
            raise
        text = "".join(fields.get("text", ()))
        context = WriteContext(_with_newer(frame), text, said(refused, visit.words))
        return render(visit, "write.html", context, refused=refused)
    except Refusal as refused:
        if by_script:
            return JSONResponse({"detail": said(refused, visit.words)}, status_code=410)
        return over(visit, refused, choice, "".join(fields.get("text", ())))
    if by_script:
        return JSONResponse({"version": draft.version})
    return redirect(visit, task_address(task_id, choice), visit.words.gettext("Your draft is saved."))


def _with_newer(frame: Frame) -> Frame:
    return replace(frame, newer=frame.draft)


@router.post("/tasks/{task_id}/skip")
async def skip(visit: Sender, task_id: str, choice: Annotated[str, Form()] = "") -> Response:
    """Give the task back at once and go on to the next; what was typed stays for ten minutes."""
    campaign, fields = visit.campaign, fields_of(await visit.request.form())
    with suppress(AlreadyAnswered, Stale):  # it is over, which is what was asked for
        await campaign.change(
            visit.changing(), drafts.skip, task_id, UNSAID, fields, campaign.clock(), campaign.rng
        )  # fmt: skip
    return await go_on(visit, choice)


@router.post("/tasks/{task_id}/reporting")
async def reporting(visit: Sender, task_id: str, choice: Annotated[str, Form()] = "") -> Response:
    """On the way to the form of a report: what was typed is kept."""
    campaign, fields = visit.campaign, fields_of(await visit.request.form())
    await campaign.change(visit.changing(), drafts.keep, task_id, fields, campaign.clock())
    return redirect(visit, task_address(f"{task_id}/report", choice))


@dataclass(frozen=True, slots=True)
class ReportContext:
    """chosen: the handle of the message that is reported. fault: why the last try was not taken."""

    frame: Frame
    chosen: str
    reason: str
    fault: str | None = None


@router.get("/tasks/{task_id}/report")
def show_report(visit: SignedIn, task_id: str, choice: str | None = None) -> Response:
    frame = frame_of(visit, task_id, choice)
    last = frame.task.thread[-1].handle if frame.task.thread else ""
    return render(visit, "report.html", ReportContext(frame, last, ""))


@router.post("/tasks/{task_id}/report")
async def report(
    visit: Sender,
    task_id: str,
    handle: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form()] = "",
    choice: Annotated[str, Form()] = "",
) -> Response:
    campaign = visit.campaign
    try:
        await campaign.change(
            visit.changing(), moderation.report_in_task, task_id, handle, reason, campaign.clock(), campaign.rng
        )
    except (NotFound, AlreadyAnswered, Stale) as refused:
        return over(visit, refused, choice, reason)
    except Refusal as refused:
        frame = frame_of(visit, task_id, choice)
        return render(
            visit,
            "report.html",
            ReportContext(frame, handle, reason, _report_fault(visit, refused, reason)),
            status=refused.status,
        )
    said = visit.words.gettext("Reported. A moderator will look at it; you can go on with the task or skip it.")
    return redirect(visit, task_address(task_id, choice), said)


def _report_fault(visit: Visit, refused: Refusal, reason: str) -> str:
    if not reason.strip():
        return visit.words.gettext("Say in a few words what is wrong with the message.")
    return said(refused, visit.words)
