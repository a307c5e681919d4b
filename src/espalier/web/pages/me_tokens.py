"""Me: tokens for one's scripts, made and revoked; a new one is shown once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import accounts
from espalier.collect.accounts import Secret
from espalier.domain.errors import Conflict, NotFound, Refusal
from espalier.store.people import Person, TokenInfo
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import FreshSender, Sender, SignedIn, Visit, redirect

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """tokens: in force, the newest first. made: the new one, shown this once. fault: why none was made."""

    tokens: Sequence[TokenInfo]
    name: str = ""
    scope: str = "read"
    made: str | None = None
    fault: str | None = None
    faulty: str | None = None


@router.get("/me/tokens")
def show(visit: SignedIn) -> Response:
    return render(visit, "me_tokens.html", Context(_in_force(visit)))


def _in_force(visit: Visit) -> list[TokenInfo]:
    with visit.campaign.read(visit.caller) as (db, person):
        known = accounts.tokens_of(db, person, person.id)
    return sorted((each for each in known if each.revoked_at is None), key=lambda each: each.created_at, reverse=True)


@router.post("/me/tokens")
async def make(
    visit: FreshSender, name: Annotated[str, Form(max_length=1000)] = "", scope: Annotated[str, Form()] = "read"
) -> Response:
    campaign = visit.campaign
    try:
        _, token = await campaign.change(
            visit.changing(), _for_oneself, name, scope, campaign.secret, campaign.clock(), campaign.rng
        )
    except Refusal as refused:
        return await run_in_threadpool(_page, visit, name, scope, None, refused)
    return await run_in_threadpool(_page, visit, "", "read", token, None)


def _page(visit: Visit, name: str, scope: str, made: str | None, refused: Refusal | None) -> Response:
    fault = said(refused, visit.words) if refused else None
    context = Context(_in_force(visit), name, scope, made, fault, refused.field if refused else None)
    return render(visit, "me_tokens.html", context, refused=refused)


def _for_oneself(
    db: Connection, person: Person, name: str, scope: str, secret: Secret, now: datetime, rng: Random
) -> tuple[TokenInfo, str]:
    return accounts.create_token(db, person, person.id, name, scope, secret, now, rng)


@router.post("/me/tokens/{token_id}/revoke")
async def revoke(visit: Sender, token_id: str) -> Response:
    try:
        await visit.campaign.change(visit.changing(), _revoke_own, token_id, visit.campaign.clock())
    except (NotFound, Conflict) as refused:
        return redirect(visit, "/me/tokens", said(refused, visit.words), kind="alarm")
    return redirect(visit, "/me/tokens", visit.words.gettext("The token opens nothing any more."))


def _revoke_own(db: Connection, person: Person, token_id: str, now: datetime) -> None:
    accounts.revoke_token(db, person, person.id, token_id, now)
