"""The front page: what this campaign is, how far it has come, one button."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from espalier.collect.figures import Progress, progress_of
from espalier.domain.charter import Charter
from espalier.web.render import render
from espalier.web.visit import Anybody

router = APIRouter()
LASTS: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Context:
    """charter: what the organiser says. so_far: people, messages and finished trees. share: of the target, 0 to 1."""

    charter: Charter
    so_far: Progress
    share: float | None


@router.get("/")
def show(visit: Anybody) -> Response:
    campaign = visit.campaign
    so_far = campaign.memory.ask("progress", LASTS, visit.now, campaign.database.read, progress_of)
    target = visit.charter.target
    share = min(1.0, so_far.messages / target) if target else None
    return render(visit, "landing.html", Context(visit.charter, so_far, share), public=True)
