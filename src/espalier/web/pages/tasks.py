"""The dashboard: what is needed now in the reader's languages, and the way to the next task."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import tasks
from espalier.domain.work import Kind
from espalier.web.pages.frame import go_on, langs_of
from espalier.web.render import render
from espalier.web.visit import Sender, SignedIn, redirect

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Need:
    kind: str
    open: int


@dataclass(frozen=True, slots=True)
class Context:
    """needs: by kind, the largest first. open_task: the id of what the reader has in hand."""

    needs: list[Need]
    langs: tuple[str, ...]
    open_task: str | None


@router.get("/tasks")
def show(visit: SignedIn) -> Response:
    langs = langs_of(visit)
    with visit.campaign.read(visit.caller) as (db, person):
        counts = tasks.availability(db, person, langs, visit.now)
        mine = tasks.my_tasks(db, person, visit.now)
    by_kind = {str(kind): sum(here[kind] for here in counts.values()) for kind in Kind}
    needs = [Need(kind, count) for kind, count in sorted(by_kind.items(), key=lambda each: -each[1]) if count]
    return render(visit, "tasks.html", Context(needs, langs, mine[0].id if mine else None))


@router.post("/tasks/next")
async def next_task(visit: Sender, kind: Annotated[str, Form()] = tasks.RANDOM) -> Response:
    """Hand out a task, or the one that is open, and go to its page."""
    return await go_on(visit, kind)


@router.get("/tasks/none")
def none(visit: SignedIn, choice: str | None = None) -> Response:
    return redirect(visit, "/tasks", visit.words.gettext("There is no such task for you at the moment."))
