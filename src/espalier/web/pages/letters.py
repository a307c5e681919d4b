"""Letters by choice: the link in each of them that ends them, for people and for the mail programs that press it."""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from itsdangerous import BadSignature, Signer
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import welcome
from espalier.domain.errors import NotFound
from espalier.web.campaign import Campaign
from espalier.web.render import render
from espalier.web.visit import Anybody, Sender, Visit, redirect

router = APIRouter()
SALT: Final = "espalier_unsubscribe"


@dataclass(frozen=True, slots=True)
class Context:
    """signed: what the link holds. done: no further letter comes."""

    signed: str
    done: bool


def unsubscribe_address(campaign: Campaign, person_id: str) -> str:
    """For a letter to this person: a POST there ends such letters."""
    signed = Signer(campaign.signing_key, salt=SALT).sign(person_id).decode()
    return f"{campaign.entrance.address}/unsubscribe/{signed}"


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
    try:
        return Signer(visit.campaign.signing_key, salt=SALT).unsign(signed).decode()
    except BadSignature:
        raise NotFound("This link is not complete. Copy all of it from the letter.") from None


@router.post("/me/mail")
async def choose(visit: Sender) -> Response:
    """Whether one wants letters beyond those one asks for."""
    wanted = (await visit.request.form()).get("mail") == "yes"
    await visit.campaign.change(visit.changing(), welcome.set_mail, wanted)
    said = visit.words.gettext("You get letters now.") if wanted else visit.words.gettext("You get no letters now.")
    return redirect(visit, "/me", said)
