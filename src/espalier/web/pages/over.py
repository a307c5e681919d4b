"""A task that is over: it was answered, skipped or closed meanwhile. What was typed is handed back."""

from dataclasses import dataclass

from starlette.responses import Response

from espalier.domain.errors import Refusal
from espalier.web.pages.kinds import choice_of
from espalier.web.refused import said, title_of
from espalier.web.render import render
from espalier.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Context:
    """title, detail: what happened. text: what was typed, for copying. choice: of what the next task is asked."""

    title: str
    detail: str
    text: str
    choice: str


def over(visit: Visit, refused: Refusal, choice: str | None, text: str) -> Response:
    title = title_of(refused.slug, visit.words)
    context = Context(title, said(refused, visit.words), text, choice_of(choice))
    return render(visit, "over.html", context, refused=refused)
