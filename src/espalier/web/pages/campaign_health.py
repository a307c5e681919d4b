"""How the campaign fares, for organisers: by language what waits longest and why, the goal, people, and judgements."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from espalier.collect.health import Health, health_of
from espalier.web.api.figures import statistics
from espalier.web.pages.kinds import WORDS, KindWords
from espalier.web.render import render
from espalier.web.visit import AdminVisit

router = APIRouter()
LASTS: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Context:
    """kinds: what each kind of work is called."""

    health: Health
    kinds: dict[str, KindWords]


@router.get("/admin/health")
def show(visit: AdminVisit) -> Response:
    campaign, now = visit.campaign, visit.now
    with campaign.read(visit.caller) as (db, _):
        written = statistics(campaign, db).messages
        standing = {lang: sum(by_role.values()) for lang, by_role in written.items()}
        found = campaign.memory.recall("health", LASTS, now, lambda: health_of(db, standing, now))
    return render(visit, "health.html", Context(found, {str(kind): words for kind, words in WORDS.items()}))
