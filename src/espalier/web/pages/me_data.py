"""Me: all of one's data in a file, and leaving."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import leaving
from espalier.collect.leaving import Leaving, Released
from espalier.collect.own_data import own_data
from espalier.domain.errors import Refusal
from espalier.store.erasure import Traces, traces
from espalier.web.attached import attached
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import (
    Account,
    AccountSender,
    FreshAccount,
    FreshAccountSender,
    SignedIn,
    Visit,
    redirect,
)

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """leaving: that the account is about to be deleted."""

    leaving: Leaving | None


@router.get("/me/data")
def show(visit: SignedIn) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        return render(visit, "me_data.html", Context(leaving.leaving(db, person.id)))


@router.get("/me/data/espalier.json")
def download(visit: Account) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        data = own_data(db, person, visit.now)
    day = visit.now.date().isoformat()
    return attached(f"espalier-{day}.json", json.dumps(data, ensure_ascii=False, indent=1), "application/json")


@dataclass(frozen=True, slots=True)
class LeaveContext:
    """traces: what there is of the person. released: files that were made and cannot be recalled.

    release: where the finished data set is, if anywhere. home: where it can be stopped. fault: why it was not taken.
    """

    leaving: Leaving | None
    traces: Traces
    released: Sequence[Released]
    release: str
    home: str
    fault: str | None = None


@router.get("/me/delete")
def ask(visit: FreshAccount) -> Response:
    return _page(visit)


def _page(visit: Visit, refused: Refusal | None = None) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        context = LeaveContext(
            leaving.leaving(db, person.id), traces(db, person.id), leaving.released(db), visit.charter.release,
            _home(visit), said(refused, visit.words) if refused else None,
        )  # fmt: skip
    return render(visit, "me_delete.html", context, refused=refused)


@router.post("/me/delete")
async def leave(visit: FreshAccountSender, how: Annotated[str, Form(max_length=20)] = "") -> Response:
    campaign = visit.campaign
    try:
        await campaign.change(visit.changing(), leaving.ask_to_leave, how, campaign.clock(), campaign.rng)
    except Refusal as refused:
        return await run_in_threadpool(_page, visit, refused)
    return redirect(
        visit, _home(visit), visit.words.gettext("Your account will be deleted tomorrow. You can still stop it.")
    )


@router.post("/me/delete/stop")
async def stop(visit: AccountSender) -> Response:
    await visit.campaign.change(visit.changing(), leaving.stay, visit.campaign.clock())
    return redirect(visit, _home(visit), visit.words.gettext("Your account stays."))


def _home(visit: Visit) -> str:
    """Where somebody reads that they are about to leave: who is shut out has one page alone."""
    return "/banned" if visit.is_shut_out else "/me/data"
