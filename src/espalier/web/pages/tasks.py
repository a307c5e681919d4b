"""The dashboard: what is needed now in the reader's languages, and the way to the next task."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import tasks
from espalier.domain.work import Kind
from espalier.web.deps import checked_langs
from espalier.web.render import render
from espalier.web.visit import Sender, SignedIn, Visit, redirect

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


DEFAULT_LANGS: Final = ("en",)


def langs_of(visit: Visit) -> tuple[str, ...]:
    return visit.chosen.langs or DEFAULT_LANGS


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
    campaign = visit.campaign
    ask = tasks.Ask(kind, checked_langs(list(langs_of(visit))))
    task = await campaign.change(visit.changing(), tasks.next_task, ask, campaign.clock(), campaign.rng)
    if task is None:
        return redirect(visit, "/tasks", visit.words.gettext("There is no such task for you at the moment."))
    return redirect(visit, f"/tasks/{task.id}")
