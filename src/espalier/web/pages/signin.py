"""Signing in and out."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import sessions
from espalier.domain.errors import Refusal
from espalier.web import cookies
from espalier.web.render import render
from espalier.web.visit import Anybody, AnySender, Visit, local, redirect

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Context:
    """next: where to go afterwards. fault: why the last try did not succeed."""

    next: str
    fault: str | None = None


@router.get("/signin")
def show(visit: Anybody, next: str | None = None) -> Response:
    if visit.person:
        return redirect(visit, local(next))
    return render(visit, "signin.html", Context(local(next)))


@router.post("/signin/token")
async def by_token(
    visit: AnySender, token: Annotated[str, Form(max_length=200)] = "", next: Annotated[str, Form()] = ""
) -> Response:
    campaign, agent = visit.campaign, visit.request.headers.get("user-agent", "")
    try:
        made = await campaign.door.write(
            sessions.sign_in_by_token, token, agent, campaign.secret, campaign.clock(), campaign.rng
        )
    except Refusal as refused:
        return render(visit, "signin.html", Context(local(next), refused.detail), status=refused.status)
    return signed_in(visit, made, next)


def signed_in(visit: Visit, made: sessions.SignedIn, to: str | None) -> Response:
    """On to where one came from, with the cookie of the new session."""
    answer = redirect(visit, local(to))
    lasts_s = int(sessions.LASTS.total_seconds())
    cookies.write_signed(
        answer, visit.request, cookies.SESSION, made.token, visit.campaign.signing_key, lasts_s=lasts_s
    )
    return answer


@router.post("/signout")
async def sign_out(visit: AnySender) -> Response:
    token = cookies.read_signed(visit.request, cookies.SESSION, visit.campaign.signing_key)
    if token:
        await visit.campaign.door.write(sessions.sign_out, token)
    answer = redirect(visit, "/", visit.words.gettext("You are signed out."))
    cookies.forget(answer, cookies.SESSION)
    return answer
