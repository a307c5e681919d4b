"""What all task pages have in common: the task with its words, and the way on to the next.

Knows tasks; knows no kind of answer.
"""

import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from espalier.collect import tasks
from espalier.domain.errors import NotAllowed, TryLater
from espalier.domain.work import Task
from espalier.web.deps import checked_langs
from espalier.web.pages.kinds import WORDS, KindWords, choice_of
from espalier.web.visit import Visit, redirect

DEFAULT_LANGS = ("en",)


@dataclass(frozen=True, slots=True)
class Frame:
    """words: what this kind is called. choice: the kind that was asked for, or `random`: what comes next.

    answer_id: under which the answer is sent, the same however often this form is sent. expired: the time is over.
    """

    task: Task
    words: KindWords
    choice: str
    answer_id: str
    expired: bool


def langs_of(visit: Visit) -> tuple[str, ...]:
    """In which the reader works."""
    return visit.chosen.langs or DEFAULT_LANGS


def frame_of(visit: Visit, task_id: str, choice: str | None, answer_id: str | None = None) -> Frame:
    """Raises NotFound, also for other people's tasks, and AlreadyAnswered."""
    with visit.campaign.read(visit.caller) as (db, person):
        task = tasks.own_task(db, person, task_id)
    return Frame(
        task, WORDS[task.kind], choice_of(choice), answer_id or secrets.token_urlsafe(16), task.expires_at <= visit.now
    )


def task_address(task_id: str, choice: str) -> str:
    return f"/tasks/{task_id}?{urlencode({'choice': choice})}"


async def go_on(visit: Visit, choice: str | None, notice: str | None = None) -> Response:
    """To the next task of the same choice; where there is none, to the page that says why."""
    campaign, chosen = visit.campaign, choice_of(choice)
    ask = tasks.Ask(chosen, checked_langs(list(langs_of(visit))))
    try:
        task = await campaign.change(visit.changing(), tasks.next_task, ask, campaign.clock(), campaign.rng)
    except (TryLater, NotAllowed):
        task = None
    if task is None:
        return redirect(visit, f"/tasks/none?{urlencode({'choice': chosen})}", notice)
    return redirect(visit, task_address(task.id, chosen), notice)
