"""Whose messages made most trouble: refused, flagged, voted down; the worst first, with what made the score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from espalier.collect import leaderboard
from espalier.collect.leaderboard import Frame, Trouble
from espalier.web.api.figures import LASTS
from espalier.web.paging import page as paged
from espalier.web.paging import place_in
from espalier.web.render import render
from espalier.web.visit import ModeratorVisit

router = APIRouter(include_in_schema=False)
ON_A_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Context:
    """people: the worst first. next: the cursor of the next page."""

    people: Sequence[Trouble]
    frame: Frame
    frames: Sequence[Frame]
    next: str | None


@router.get("/admin/trollboard")
def show(visit: ModeratorVisit, frame: Frame = Frame.WEEK, cursor: str | None = None) -> Response:
    after = place_in(cursor, int, str) if cursor else None
    campaign, now = visit.campaign, visit.now
    found = campaign.memory.ask(
        ("trolls", frame), LASTS, now, campaign.database.read, lambda db: leaderboard.trollboard(db, frame, now)
    )
    rest = [each for each in found if after is None or (-each.score, each.person) > (-after[0], after[1])]
    people, following = paged(rest, ON_A_PAGE, lambda each: (each.score, each.person))
    return render(visit, "trollboard.html", Context(people, frame, list(Frame), following))
