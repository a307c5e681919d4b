"""One task, on a page of its own: what there is to read, and the form for the answer."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import contributions, tasks
from espalier.collect.answers import TextAnswer
from espalier.domain.errors import NotFound, Refusal
from espalier.domain.work import Task
from espalier.web.render import render
from espalier.web.visit import Sender, SignedIn, Visit, redirect

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Context:
    """text: what was typed so far. fault: why the last try was not taken."""

    task: Task
    text: str
    fault: str | None = None


@router.get("/tasks/{task_id}")
def show(visit: SignedIn, task_id: str) -> Response:
    return render(visit, "task.html", Context(_own(visit, task_id), ""))


@router.post("/tasks/{task_id}/text")
async def submit_text(
    visit: Sender,
    task_id: str,
    text: Annotated[str, Form()] = "",
    send_anyway: Annotated[bool, Form()] = False,
) -> Response:
    campaign = visit.campaign
    try:
        await campaign.change(
            visit.changing(), contributions.submit, task_id, task_id, TextAnswer(text, send_anyway),
            campaign.clock(), campaign.rng,
        )  # fmt: skip
    except Refusal as refused:
        return render(visit, "task.html", Context(_own(visit, task_id), text, refused.detail), status=refused.status)
    return redirect(visit, "/tasks", visit.words.gettext("Submitted."))


def _own(visit: Visit, task_id: str) -> Task:
    with visit.campaign.read(visit.caller) as (db, person):
        for task in tasks.my_tasks(db, person, visit.now):
            if task.id == task_id:
                return task
    raise NotFound("You have no such task.")
