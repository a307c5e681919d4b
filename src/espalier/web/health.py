"""What an operator asks the server: is it alive, can it work, and its figures."""

from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from espalier.store import migrate
from espalier.store.writes import CAPACITY
from espalier.web.deps import CampaignDep
from espalier.web.maintenance import works_in

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class Health:
    """`faults`: what is wrong, in sentences."""

    ready: bool
    faults: list[str]


@router.get("/healthz", summary="Is the process alive?")
async def alive() -> dict[str, bool]:
    """As long as it answers at all."""
    return {"alive": True}


@router.get("/readyz", response_model=Health, summary="Can it work?", responses={503: {"model": Health}})
def ready(campaign: CampaignDep) -> Response:
    """The database answers, its tables are those of this program, and there is room at the door."""
    faults = []
    try:
        with campaign.database.read() as db:
            if not migrate.is_current(db):
                faults.append("The tables of the database are not those of this program.")
    except Exception:
        faults.append("The database does not answer.")
    if works_in(campaign.data_dir):
        faults.append("The server is being worked on.")
    if campaign.door.waiting >= CAPACITY:
        faults.append("As many changes wait as may wait.")
    status = HTTPStatus.SERVICE_UNAVAILABLE if faults else HTTPStatus.OK
    return JSONResponse({"ready": not faults, "faults": faults}, status)


@router.get("/metrics", response_class=Response, summary="Figures for Prometheus")
def metrics(request: Request) -> Response:
    """Requests by route and status, their times, and how many changes wait. Nothing of texts or people."""
    return Response(generate_latest(request.app.state.figures.registry), media_type=CONTENT_TYPE_LATEST)
