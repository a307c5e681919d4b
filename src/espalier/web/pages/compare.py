"""Comparing two answers of models: blind, left and right by chance, with the names after the vote."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import arena
from espalier.collect.arena import Seen
from espalier.domain.errors import Invalid, Refusal
from espalier.store.battles import Declined, Vote
from espalier.web.pages.frame import langs_of
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import Sender, SignedIn, Visit, redirect

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/compare"


@dataclass(frozen=True, slots=True)
class StartContext:
    """left: how many there are for the reader, up to `most`. langs: in which they work."""

    left: int
    most: int
    langs: tuple[str, ...]


@router.get(ADDRESS)
def start(visit: SignedIn) -> Response:
    langs = langs_of(visit)
    with visit.campaign.read(visit.caller) as (db, person):
        left = arena.left_for(db, person, langs, visit.now)
    return render(visit, "compare_start.html", StartContext(left, arena.MOST_COUNTED, langs))


@router.post(ADDRESS + "/next")
async def following(visit: Sender) -> Response:
    """To the answers in hand, or to others; where there are none, to the page that says so."""
    campaign = visit.campaign
    battle_id = await campaign.change(visit.changing(), arena.next_battle, langs_of(visit), campaign.clock())
    return redirect(visit, f"{ADDRESS}/{battle_id}" if battle_id else ADDRESS)


@dataclass(frozen=True, slots=True)
class Context:
    """declined: the sides that were ticked as refusing. fault: why the last try was not taken."""

    seen: Seen
    declined: tuple[str, ...] = ()
    fault: str | None = None


@router.get(ADDRESS + "/{battle_id}")
def show(visit: SignedIn, battle_id: str) -> Response:
    return _page(visit, battle_id)


@router.post(ADDRESS + "/{battle_id}")
async def vote(
    visit: Sender,
    battle_id: str,
    vote: Annotated[str, Form()] = "",
    declined: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """`declined`: `left`, `right`, or both of them."""
    campaign, ticked = visit.campaign, tuple(declined or ())
    try:
        if vote not in set(Vote):
            raise Invalid("Say which answer is better, or that neither is.")
        await campaign.change(
            visit.changing(), arena.vote, battle_id, Vote(vote), _declined(ticked), campaign.clock()
        )  # fmt: skip
    except Refusal as refused:
        return _page(visit, battle_id, ticked, refused)
    return await following(visit) if vote == Vote.SKIPPED else redirect(visit, f"{ADDRESS}/{battle_id}")


def _declined(ticked: tuple[str, ...]) -> Declined | None:
    sides = set(ticked) & {Declined.LEFT, Declined.RIGHT}
    return Declined.BOTH if len(sides) == 2 else Declined(sides.pop()) if sides else None


def _page(visit: Visit, battle_id: str, ticked: tuple[str, ...] = (), refused: Refusal | None = None) -> Response:
    """Raises NotFound."""
    with visit.campaign.read(visit.caller) as (db, person):
        seen = arena.seen(db, person, battle_id)
    context = Context(seen, ticked, said(refused, visit.words) if refused else None)
    return render(visit, "compare.html", context, refused=refused)
