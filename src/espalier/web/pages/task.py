"""One task on a page of its own: which page it is follows from what is to be done."""

from collections.abc import Callable, Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from espalier.domain.charter import refuse_closed
from espalier.domain.errors import AlreadyAnswered, CampaignClosed, NotFound, Stale
from espalier.domain.work import ACT_OF, Act
from espalier.store.drafts import draft_of
from espalier.web.pages import label, practice, rank, write
from espalier.web.pages.frame import Frame, frame_of
from espalier.web.pages.kinds import SLUGS
from espalier.web.pages.over import over
from espalier.web.pages.tasks import kind_page
from espalier.web.visit import SignedIn, Visit, redirect

router = APIRouter(include_in_schema=False)

PAGES: Final[Mapping[Act | None, Callable[[Visit, Frame], Response]]] = {
    None: write.page,
    Act.REPLY: write.page,
    Act.LABEL: label.page,
    Act.RANK: rank.page,
}
"""Who shows a task, by what it asks for; None is a new prompt."""


SENT_TO: Final = ("text", "labels", "ranking", "preview", "draft", "skip")
"""Addresses below a task to which its form is sent."""


@router.get("/tasks/{task_id}")
def show(visit: SignedIn, task_id: str, choice: str | None = None) -> Response:
    if kind := SLUGS.get(task_id):
        return kind_page(visit, kind)
    try:
        frame = frame_of(visit, task_id, choice)
        refuse_closed(visit.charter)
    except (AlreadyAnswered, CampaignClosed, Stale) as answered:
        return over(visit, answered, choice, _left(visit, task_id))
    if practice.is_due(visit, frame.task.kind):
        return redirect(visit, practice.practice_address(frame.task.kind, task_id, frame.choice))
    return PAGES[ACT_OF.get(frame.task.kind)](visit, frame)


@router.get("/tasks/{task_id}/{part}")
def back_to_task(visit: SignedIn, task_id: str, part: str) -> Response:
    """After a refusal the address is that of the form; who loads it again is shown the task."""
    if part not in SENT_TO:
        raise NotFound("There is no such page.")
    return redirect(visit, f"/tasks/{task_id}")


def _left(visit: Visit, task_id: str) -> str:
    """What was typed for a task that is over."""
    with visit.campaign.read(visit.caller) as (db, person):
        draft = draft_of(db, person.id, task_id, visit.now)
    return draft.text if draft else ""
