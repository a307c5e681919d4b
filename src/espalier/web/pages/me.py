"""Me: what somebody chooses for themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect.settings import THEMES, Settings, change_settings
from espalier.domain.errors import Refusal
from espalier.domain.pseudonym import pseudonym
from espalier.web.pages.welcome import offered_langs
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import Sender, SignedIn, Visit, known, redirect
from espalier.web.words import interface_languages

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """chosen: as it was typed. langs: to choose from. pseudonym: what others read of who is not named.

    fault: why the last try was not taken, at the field `faulty`.
    """

    chosen: Settings
    langs: Sequence[str]
    pseudonym: str
    fault: str | None = None
    faulty: str | None = None


@router.get("/me")
def show(visit: SignedIn) -> Response:
    person, kept = known(visit), visit.chosen
    chosen = Settings(
        person.name, person.on_board, kept.langs, kept.named, kept.harsh, kept.theme, kept.interface,
        kept.single_keys, kept.mail,
    )  # fmt: skip
    return _page(visit, chosen)


def _page(visit: Visit, chosen: Settings, refused: Refusal | None = None) -> Response:
    langs = offered_langs(visit)
    shown = [*langs, *(lang for lang in chosen.langs if lang not in langs)]
    fault, faulty = (said(refused, visit.words), refused.field) if refused else (None, None)
    context = Context(chosen, shown, pseudonym(known(visit).id), fault, faulty)
    return render(visit, "me.html", context, refused=refused)


@router.post("/me")
async def save(
    visit: Sender,
    name: Annotated[str, Form(max_length=1000)] = "",
    langs: Annotated[Sequence[str], Form()] = (),
    theme: Annotated[str, Form(max_length=20)] = THEMES[0],
    interface: Annotated[str, Form(max_length=20)] = "",
    on_board: Annotated[bool, Form()] = False,
    named: Annotated[bool, Form()] = False,
    harsh: Annotated[bool, Form()] = False,
    single_keys: Annotated[bool, Form()] = False,
    mail: Annotated[bool, Form()] = False,
) -> Response:
    spoken = interface if interface in interface_languages() else None
    chosen = Settings(name, on_board, tuple(langs), named, harsh, theme, spoken, single_keys, mail)
    try:
        await visit.campaign.change(visit.changing(), change_settings, chosen, visit.lang, visit.campaign.clock())
    except Refusal as refused:
        return await run_in_threadpool(_page, visit, chosen, refused)
    return redirect(visit, "/me", visit.words.gettext("Your settings are saved."))
