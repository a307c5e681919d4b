"""What all task pages have in common: the task with its words and its draft, and the way on to the next.

Knows tasks; knows no kind of answer.
"""

import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.responses import Response

from espalier.collect import drafts, tasks
from espalier.collect.answers import Answer
from espalier.domain.errors import CampaignClosed, NotBegun, TryLater
from espalier.domain.work import Task
from espalier.store.drafts import Draft, Fields, draft_of
from espalier.web.deps import checked_langs
from espalier.web.pages.kinds import WORDS, KindWords, choice_of
from espalier.web.visit import Visit, redirect

DEFAULT_LANGS: Final = ("en",)
NO_ANSWER: Final = frozenset(
    {"form_token", "answer_id", "choice", "version", "send_anyway", "lang"} | {"clear", "do", "confirmed"}
)
"""Fields of a task's form that are no part of the answer."""


@dataclass(frozen=True, slots=True)
class Frame:
    """words: what this kind is called. choice: the kind that was asked for, or `random`: what comes next.

    answer_id: under which the answer is sent, the same however often this form is sent. expired: the time is over.
    draft: what was saved of the answer so far. newer: another window's draft, where saving over it was refused.
    """

    task: Task
    words: KindWords
    choice: str
    answer_id: str
    expired: bool
    draft: Draft | None
    newer: Draft | None = None


def langs_of(visit: Visit) -> tuple[str, ...]:
    """In which the reader works."""
    return visit.chosen.langs or DEFAULT_LANGS


def frame_of(visit: Visit, task_id: str, choice: str | None, answer_id: str | None = None) -> Frame:
    """Raises NotFound, also for other people's tasks, and AlreadyAnswered."""
    with visit.campaign.read(visit.caller) as (db, person):
        task = tasks.own_task(db, person, task_id)
        draft = draft_of(db, person.id, task_id, visit.now)
    words, expired = WORDS[task.kind], task.expires_at <= visit.now
    return Frame(task, words, choice_of(choice), answer_id or secrets.token_urlsafe(16), expired, draft)


def fields_of(form: FormData) -> Fields:
    """What was filled in of a task's form, as a draft keeps it."""
    names = [name for name in dict.fromkeys(form.keys()) if name not in NO_ANSWER]
    return {name: tuple(value for value in form.getlist(name) if isinstance(value, str)) for name in names}


def task_address(task_id: str, choice: str | None) -> str:
    return f"/tasks/{task_id}?{urlencode({'choice': choice_of(choice)})}"


async def submitted(
    visit: Visit, task_id: str, answer_id: str, choice: str | None, answer: Answer, fields: Fields
) -> Response:
    """Submit an answer, keep its form as a draft until it cannot be undone any more, and go on. Raises Refusal."""
    campaign = visit.campaign
    receipt = await campaign.change(
        visit.changing(), drafts.answer, task_id, answer_id or task_id, answer, fields, campaign.clock(), campaign.rng
    )
    late = visit.words.gettext(
        "Your answer came after the place was taken. It is kept and shown, but not reviewed or ranked."
    )
    return await go_on(visit, choice, late if receipt.late else None)


async def go_on(visit: Visit, choice: str | None, notice: str | None = None) -> Response:
    """To the next task of the same choice; where there is none, to the page that says why."""
    campaign, chosen = visit.campaign, choice_of(choice)
    ask = tasks.Ask(chosen, checked_langs(list(langs_of(visit))))
    try:
        task = await campaign.change(visit.changing(), tasks.next_task, ask, campaign.clock(), campaign.rng)
    except (TryLater, NotBegun, CampaignClosed):  # /tasks/none says which
        task = None
    if task is None:
        return redirect(visit, f"/tasks/none?{urlencode({'choice': chosen})}", notice)
    return redirect(visit, task_address(task.id, chosen), notice)
