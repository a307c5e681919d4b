"""Letters by choice: the link in each of them that ends them, for people and for the mail programs that press it."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import welcome
from espalier.domain.errors import NotFound
from espalier.web.render import render
from espalier.web.visit import Anybody, Sender, Visit, redirect
from espalier.web.weekly import person_in

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """signed: what the link holds. done: no further letter comes."""

    signed: str
    done: bool


@router.get("/unsubscribe/{signed}")
def show(visit: Anybody, signed: str) -> Response:
    _person_in(visit, signed)
    return render(visit, "unsubscribe.html", Context(signed, done=False))


@router.post("/unsubscribe/{signed}")
async def unsubscribe(visit: Anybody, signed: str) -> Response:
    """Without a form's token: the signature says that the link is from a letter (RFC 8058)."""
    person_id = _person_in(visit, signed)
    await visit.campaign.door.write(welcome.end_mail, person_id)
    return await run_in_threadpool(render, visit, "unsubscribe.html", Context(signed, done=True))


def _person_in(visit: Visit, signed: str) -> str:
    person_id = person_in(visit.campaign, signed)
    if person_id is None:
        raise NotFound("This link is not complete. Copy all of it from the letter.")
    return person_id


@router.post("/me/mail")
async def choose(visit: Sender) -> Response:
    """Whether one wants letters beyond those one asks for."""
    wanted = (await visit.request.form()).get("mail") == "yes"
    await visit.campaign.change(visit.changing(), welcome.set_mail, wanted, visit.lang, visit.campaign.clock())
    said = visit.words.gettext("You get letters now.") if wanted else visit.words.gettext("You get no letters now.")
    return redirect(visit, "/me", said)
