"""The front page: what this campaign is, how far it has come, one button."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from espalier.collect.figures import Progress, progress_of
from espalier.domain.charter import Charter
from espalier.store import pictures
from espalier.store.pictures import Size
from espalier.web.render import render
from espalier.web.visit import Anybody, Visit

router = APIRouter(include_in_schema=False)
LASTS: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Context:
    """charter: what the organiser says. so_far: people, messages and finished trees. share: of the target, 0 to 1.

    picture: how large it is; None where the organiser has put none there.
    """

    charter: Charter
    so_far: Progress
    share: float | None
    picture: Size | None


@router.get("/")
def show(visit: Anybody) -> Response:
    campaign = visit.campaign
    so_far = campaign.memory.ask("progress", LASTS, visit.now, campaign.database.read, progress_of)
    target = visit.charter.target
    share = min(1.0, so_far.messages / target) if target else None
    context = Context(visit.charter, so_far, share, _picture(visit))
    return render(visit, "landing.html", context, public=True)


def _picture(visit: Visit) -> Size | None:
    if not visit.charter.picture:
        return None
    with visit.campaign.database.read() as db:
        return pictures.size_of(db, visit.charter.picture)
