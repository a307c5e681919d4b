"""How the campaign fares, for organisers: by language what waits longest and why, the goal, people, and judgements."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from espalier.collect.health import Health, health_of
from espalier.web.pages.kinds import WORDS, KindWords
from espalier.web.render import render
from espalier.web.visit import AdminVisit

router = APIRouter(include_in_schema=False)
LASTS: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Context:
    """kinds: what each kind of work is called."""

    health: Health
    kinds: dict[str, KindWords]


@router.get("/admin/health")
def show(visit: AdminVisit) -> Response:
    campaign, now = visit.campaign, visit.now
    found = campaign.memory.ask("health", LASTS, now, campaign.database.read, lambda db: health_of(db, now))
    return render(visit, "health.html", Context(found, {str(kind): words for kind, words in WORDS.items()}))
