"""Reviewing one message: yes/no questions, scales and flags about the last message of a thread.

Knows the form and its fields; what an answer may be is collect/answers.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect.answers import LabelsAnswer
from espalier.domain.errors import AlreadyAnswered, IdReused, NotFound, Refusal, Stale, WrongAnswer
from espalier.domain.message import LABELS, LIKERT_STEPS
from espalier.store.drafts import Fields
from espalier.web.pages.frame import Frame, fields_of, frame_of, submitted
from espalier.web.pages.over import over
from espalier.web.questions import Questions, questions
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.texts import own_meanings
from espalier.web.visit import Sender, Visit

router = APIRouter(include_in_schema=False)

UNSURE: Final = "unsure"
NONE: Final = "none"
"""How "cannot judge" and "none of these" are spelled in the form."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The form as it was filled in. `labels`: by name, spelled as in the form; an unanswered one is absent."""

    labels: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    def without(self, name: str) -> "Choices":
        """The same with one question unanswered again."""
        if name == "flags":
            return Choices(self.labels)
        return Choices({each: value for each, value in self.labels.items() if each != name}, self.flags)

    def answer(self) -> LabelsAnswer:
        """Raises WrongAnswer, naming the question."""
        labels = {name: None if value == UNSURE else _number(name, value) for name, value in self.labels.items()}
        ticked = tuple(flag for flag in self.flags if flag != NONE)
        if ticked and NONE in self.flags:
            raise WrongAnswer("Either something is wrong with it, or none of these.", field="flags")
        return LabelsAnswer(labels, ticked if self.flags else None)


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise WrongAnswer("Please choose one of the answers.", field=f"labels.{name}") from None


def choices_of(fields: Fields) -> Choices:
    labels = {name: values[-1] for name, values in fields.items() if name in LABELS and values}
    return Choices(labels, fields.get("flags", ()))


@dataclass(frozen=True, slots=True)
class Context:
    """asked: the questions. steps: of a scale, as the form spells them. faulty: the question that `fault` is about."""

    frame: Frame
    asked: Questions
    chosen: Choices
    steps: tuple[str, ...]
    fault: str | None
    faulty: str | None


def page(visit: Visit, frame: Frame) -> Response:
    return _page(visit, frame, choices_of(frame.draft.fields) if frame.draft else Choices())


@router.post("/tasks/{task_id}/labels")
async def submit(
    visit: Sender,
    task_id: str,
    answer_id: Annotated[str, Form(max_length=100)] = "",
    choice: Annotated[str, Form()] = "",
    clear: Annotated[str | None, Form()] = None,
) -> Response:
    """`clear`: not sent yet; only the answer to this question is taken back, in a browser without scripts."""
    fields = fields_of(await visit.request.form())
    chosen = choices_of(fields)
    try:
        if clear is not None:
            return _page(visit, frame_of(visit, task_id, choice, answer_id), chosen.without(clear))
        return await submitted(visit, task_id, answer_id, choice, chosen.answer(), fields)
    except (Stale, AlreadyAnswered, NotFound) as refused:
        return over(visit, refused, choice, "")
    except IdReused as refused:
        return _page(visit, frame_of(visit, task_id, choice), chosen, refused)
    except Refusal as refused:
        return _page(visit, frame_of(visit, task_id, choice, answer_id), chosen, refused)


def _page(visit: Visit, frame: Frame, chosen: Choices, refused: Refusal | None = None) -> Response:
    """The form; after a refusal with all that was chosen, and what is wrong beside the question."""
    task = frame.task
    with visit.campaign.database.read() as db:
        own = own_meanings(db, visit.lang)
    asked = questions(task.labels, task.thread[-1].role, task.lang, visit.words, visit.lang, own)
    faulty = refused.field.removeprefix("labels.") if refused and refused.field else None
    fault = None
    if refused:
        instead = {
            "spam": visit.words.gettext("Please answer this one. If you cannot judge it, skip the task."),
            "flags": visit.words.gettext("Either tick what is wrong with it, or “None of these”."),
        }
        fault = instead.get(faulty or "", said(refused, visit.words))
    context = Context(frame, asked, chosen, tuple(f"{step:g}" for step in LIKERT_STEPS), fault, faulty)
    return render(visit, "label.html", context, refused=refused)
