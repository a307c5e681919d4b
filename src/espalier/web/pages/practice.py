"""Practice before the first task of each kind: a few questions, and why each right answer is right."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import practice, tasks
from espalier.domain.errors import AlreadyAnswered, NotFound
from espalier.domain.work import ACT_OF, LESSON_OF, Act, Kind, Task
from espalier.store.practice import Outcome
from espalier.web.lessons import Lesson, lesson
from espalier.web.pages.frame import langs_of, task_address
from espalier.web.pages.kinds import WORDS
from espalier.web.questions import Question, explained
from espalier.web.render import render
from espalier.web.texts import own_meanings
from espalier.web.visit import Sender, SignedIn, Visit, redirect

router = APIRouter(include_in_schema=False)

FIELD: Final = "answer-"
"""Before the number of a question, the name of its field."""


@dataclass(frozen=True, slots=True)
class Context:
    """title: of the kind. task_id, choice: the task that comes after; empty for who only practises.

    chosen: the options by question. checked: the answers are shown with what is right, `right` of them are, and all
    where it is `passed`.
    onward: where to go on; None while the practice is to be passed first. labels: what they mean, where the practice
    is about them.
    """

    kind: Kind
    title: str
    lesson: Lesson
    required: bool
    task_id: str
    choice: str
    labels: list[Question]
    chosen: Mapping[int, int] = field(default_factory=dict)
    checked: bool = False
    right: int = 0
    passed: bool = False
    onward: str | None = None


def practice_address(kind: Kind, task_id: str, choice: str) -> str:
    return f"/practice/{kind}?{urlencode({'task': task_id, 'choice': choice})}"


def is_due(visit: Visit, kind: Kind) -> bool:
    """Whether the reader should practise before a task of this kind."""
    with visit.campaign.read(visit.caller) as (db, person):
        return practice.is_due(db, person, LESSON_OF[kind])


@router.get("/practice/{kind}")
def show(visit: SignedIn, kind: str, task: str = "", choice: str = "") -> Response:
    return render(visit, "practice.html", _context(visit, kind, task, choice))


@router.post("/practice/{kind}")
async def check(
    visit: Sender,
    kind: str,
    task: Annotated[str, Form(max_length=100)] = "",
    choice: Annotated[str, Form(max_length=100)] = "",
    do: Annotated[str, Form()] = "",
) -> Response:
    """`do`: `skip` to go on without; else the answers are checked and shown."""
    context = _context(visit, kind, task, choice)
    onward = task_address(context.task_id, choice) if context.task_id else None
    if do == "skip":
        await _keep(visit, context, Outcome.SKIPPED)
        return redirect(visit, onward or "/tasks")
    chosen = _chosen(context.lesson, {name: str(value) for name, value in (await visit.request.form()).items()})
    whole = len(chosen) == len(context.lesson.exercises)
    right = sum(chosen.get(place) == each.right for place, each in enumerate(context.lesson.exercises))
    passed = right == len(context.lesson.exercises)
    if whole:
        await _keep(visit, context, Outcome.PASSED if passed else Outcome.TRIED)
    answered = replace(
        context, chosen=chosen, checked=whole, right=right, passed=passed,
        onward=onward if whole and (passed or not context.required) else None,
    )  # fmt: skip
    return render(visit, "practice.html", answered, status=200 if whole else 422)


async def _keep(visit: Visit, context: Context, outcome: Outcome) -> None:
    campaign = visit.campaign
    await campaign.change(visit.changing(), practice.practise, context.lesson.name, outcome, campaign.clock())


def _context(visit: Visit, kind: str, task_id: str, choice: str) -> Context:
    """Raises NotFound."""
    if kind not in set(Kind):
        raise NotFound("There is no such practice.")
    with visit.campaign.read(visit.caller) as (db, person):
        required = practice.is_required(db)
        own = own_meanings(db, visit.lang)
        task = None
        if task_id:
            try:
                task = tasks.own_task(db, person, task_id)
            except (NotFound, AlreadyAnswered):
                task_id = ""
    lang = _lang(visit, task)
    labels = explained(lang, visit.lang, own) if ACT_OF.get(Kind(kind)) is Act.LABEL else []
    return Context(Kind(kind), WORDS[Kind(kind)].title, lesson(Kind(kind), lang), required, task_id, choice, labels)


def _lang(visit: Visit, task: Task | None) -> str:
    return task.lang if task else langs_of(visit)[0]


def _chosen(practised: Lesson, form: Mapping[str, str]) -> dict[int, int]:
    chosen = {}
    for place, each in enumerate(practised.exercises):
        given = form.get(f"{FIELD}{place}", "")[:3]
        if given.isdecimal() and int(given) < len(each.options):
            chosen[place] = int(given)
    return chosen
