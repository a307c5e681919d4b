"""Tasks that ask for a text: a prompt, a reply as the person asking, a reply as the assistant; and their preview."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect.answers import TextAnswer, seems_to_be
from espalier.domain.errors import AlreadyAnswered, IdReused, Invalid, NotFound, Refusal, Stale
from espalier.web.pages.frame import Frame, fields_of, frame_of, submitted
from espalier.web.pages.over import over
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import Sender, Visit

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """text: what was typed so far. fault: why the last try was not taken. other: a language in which it seems to be.

    anyway: they mean it. preview: shown in a browser without scripts, which asked for it.
    """

    frame: Frame
    text: str
    fault: str | None = None
    other: str | None = None
    anyway: bool = False
    preview: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """lang: of the task. other: another one in which the text seems to be. anyway: it may be sent all the same."""

    text: str
    lang: str
    other: str | None
    anyway: bool


def page(visit: Visit, frame: Frame) -> Response:
    return render(visit, "write.html", Context(frame, frame.draft.text if frame.draft else ""))


@router.post("/tasks/{task_id}/text")
async def submit(
    visit: Sender,
    task_id: str,
    text: Annotated[str, Form()] = "",
    answer_id: Annotated[str, Form(max_length=100)] = "",
    choice: Annotated[str, Form()] = "",
    send_anyway: Annotated[bool, Form()] = False,
) -> Response:
    fields = fields_of(await visit.request.form())
    try:
        return await submitted(visit, task_id, answer_id, choice, TextAnswer(text, send_anyway), fields)
    except (Stale, AlreadyAnswered, NotFound) as refused:
        return over(visit, refused, choice, text)
    except Refusal as refused:
        return _refused(visit, refused, task_id, choice, answer_id, text, send_anyway)


def _refused(
    visit: Visit, refused: Refusal, task_id: str, choice: str, answer_id: str, text: str, anyway: bool
) -> Response:
    """The form once more, with all that was typed."""
    try:
        frame = frame_of(visit, task_id, choice, None if isinstance(refused, IdReused) else answer_id)
    except AlreadyAnswered as answered:
        return over(visit, answered, choice, text)
    fault = said(refused, visit.words)
    if isinstance(refused, Invalid) and not text.strip():
        fault = visit.words.gettext("There is nothing to submit yet. Write something, or skip the task.")
    other = seems_to_be(text, frame.task.lang)
    return render(visit, "write.html", Context(frame, text, fault, other, anyway), refused=refused)


@router.post("/tasks/{task_id}/preview")
async def preview_without_scripts(
    visit: Sender,
    task_id: str,
    text: Annotated[str, Form()] = "",
    answer_id: Annotated[str, Form(max_length=100)] = "",
    choice: Annotated[str, Form()] = "",
) -> Response:
    try:
        frame = frame_of(visit, task_id, choice, answer_id)
    except Refusal as refused:
        return over(visit, refused, choice, text)
    return render(visit, "write.html", Context(frame, text, other=seems_to_be(text, frame.task.lang), preview=True))


@router.post("/preview")
async def preview(
    visit: Sender,
    text: Annotated[str, Form()] = "",
    lang: Annotated[str, Form(max_length=40)] = "en",
    send_anyway: Annotated[bool, Form()] = False,
) -> Response:
    """The text as it will be shown; a piece of a page, for a script."""
    return render(visit, "parts/preview.html", Preview(text, lang, seems_to_be(text, lang), send_anyway))
