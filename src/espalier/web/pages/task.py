"""One task on a page of its own: which page it is follows from what is to be done."""

from collections.abc import Callable, Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from espalier.domain.errors import AlreadyAnswered
from espalier.domain.work import ACT_OF, Act
from espalier.store.drafts import draft_of
from espalier.web.pages import label, rank, write
from espalier.web.pages.frame import Frame, frame_of
from espalier.web.pages.over import over
from espalier.web.visit import SignedIn, Visit

router = APIRouter()

PAGES: Final[Mapping[Act | None, Callable[[Visit, Frame], Response]]] = {
    None: write.page,
    Act.REPLY: write.page,
    Act.LABEL: label.page,
    Act.RANK: rank.page,
}
"""Who shows a task, by what it asks for; None is a new prompt."""


@router.get("/tasks/{task_id}")
def show(visit: SignedIn, task_id: str, choice: str | None = None) -> Response:
    try:
        frame = frame_of(visit, task_id, choice)
    except AlreadyAnswered as answered:
        return over(visit, answered, choice, _left(visit, task_id))
    return PAGES[ACT_OF.get(frame.task.kind)](visit, frame)


def _left(visit: Visit, task_id: str) -> str:
    """What was typed for a task that is over."""
    with visit.campaign.read(visit.caller) as (db, person):
        draft = draft_of(db, person.id, task_id, visit.now)
    return draft.text if draft else ""
