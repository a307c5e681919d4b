"""The interface's language and its theme, chosen at the foot of every page, also by who is not signed in."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect.settings import THEMES, change_manner
from espalier.web import cookies
from espalier.web.visit import AnySender, local, redirect
from espalier.web.words import interface_languages

router = APIRouter(include_in_schema=False)


@router.post("/manner")
async def choose(
    visit: AnySender,
    theme: Annotated[str, Form(max_length=20)] = "",
    interface: Annotated[str, Form(max_length=20)] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    """What there is none of stays as it is. This browser keeps it; an account does, too."""
    wanted = theme if theme in THEMES else None
    spoken = interface if interface in interface_languages() else None
    if visit.person is not None and not visit.person.disabled:
        await visit.campaign.change(visit.changing(), change_manner, theme=wanted, interface=spoken)
    answer = redirect(visit, local(back, "/"))
    for name, value in ((cookies.THEME, wanted), (cookies.LANGUAGE, spoken)):
        if value is not None:
            cookies.write(answer, visit.request, name, value, lasts_s=cookies.YEAR_S)
    return answer
