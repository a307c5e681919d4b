"""The first visit: one page, and then a task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from babel import Locale
from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import welcome
from espalier.collect.tasks import RANDOM
from espalier.domain.errors import Refusal
from espalier.domain.language import usual_tag
from espalier.store.languages import langs_of_trees
from espalier.web.pages.frame import go_on
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import Sender, SignedIn, Visit, known, local, redirect

router = APIRouter(include_in_schema=False)
TASKS: Final = "/tasks"
"""Who wanted to go nowhere else gets a task at once."""
COMMON: Final = (
    "ar", "bn", "ca", "cs", "da", "de", "el", "en", "es", "eu", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja",
    "ko", "nl", "pl", "pt-BR", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Context:
    """name, chosen, on_board: as they were typed. langs: tags to choose from, those of the campaign first.

    fault: why the page was not taken, at the field `faulty`.
    """

    next: str
    name: str
    langs: Sequence[str]
    chosen: Sequence[str]
    on_board: bool | None
    fault: str | None = None
    faulty: str | None = None


@router.get("/welcome")
def show(visit: SignedIn, next: str | None = None) -> Response:
    person = known(visit)
    if visit.chosen.welcomed:
        return redirect(visit, local(next))
    langs = offered_langs(visit)
    chosen = visit.chosen.langs or [lang for lang in _spoken(visit) if lang in langs] or langs[:1]
    context = Context(local(next), person.name, langs, chosen, None)
    return render(visit, "welcome.html", context)


@router.post("/welcome")
async def save(
    visit: Sender,
    name: Annotated[str, Form(max_length=1000)] = "",
    langs: Annotated[Sequence[str], Form()] = (),
    on_board: Annotated[str, Form(max_length=3)] = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    try:
        chosen = await visit.campaign.change(
            visit.changing(), welcome.welcome, name, list(langs), on_board == "yes", visit.campaign.clock()
        )
    except Refusal as refused:
        return await run_in_threadpool(_again, visit, refused, next, name, langs, on_board == "yes")
    if local(next) != TASKS or visit.may("moderator"):
        return redirect(visit, local(next))
    return await go_on(replace(visit, chosen=chosen), RANDOM)


def _again(visit: Visit, refused: Refusal, next: str, name: str, langs: Sequence[str], on_board: bool) -> Response:
    context = Context(
        local(next), name, offered_langs(visit), langs, on_board, said(refused, visit.words), refused.field
    )
    return render(visit, "welcome.html", context, refused=refused)


def offered_langs(visit: Visit) -> Sequence[str]:
    """Tags to choose from: those that the campaign asks for, else those that it has before others."""
    if visit.charter.languages:
        return visit.charter.languages
    with visit.campaign.database.read() as db:
        here = langs_of_trees(db)
    return [*here, *(lang for lang in COMMON if lang not in here)]


def _spoken(visit: Visit) -> list[str]:
    """What the browser says, else the language of the page."""
    accepted = visit.request.headers.get("accept-language", "")[:200]
    asked = [part.partition(";")[0].strip() for part in accepted.split(",")]
    spoken = [tag for each in asked if (tag := _offered(each))]
    return list(dict.fromkeys(spoken)) or [visit.lang]


def _offered(tag: str) -> str | None:
    try:
        language = Locale.parse(tag, sep="-").language
    except (ValueError, LookupError):
        return None
    return next(
        (each for each in COMMON if each in (usual_tag(tag), language) or each.startswith(f"{language}-")), None
    )
