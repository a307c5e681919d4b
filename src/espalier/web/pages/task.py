"""One task on a page of its own: which page it is follows from what is to be done."""

from collections.abc import Callable, Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from espalier.domain.work import ACT_OF, Act
from espalier.web.pages import label, rank, write
from espalier.web.pages.frame import Frame, frame_of
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
    frame = frame_of(visit, task_id, choice)
    return PAGES[ACT_OF.get(frame.task.kind)](visit, frame)
