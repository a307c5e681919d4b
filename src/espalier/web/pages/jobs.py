"""How far a long job has come, as the piece of a page that asks for it again and again."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from espalier.domain.errors import NotFound
from espalier.store import jobs
from espalier.store.jobs import Job
from espalier.web.render import render
from espalier.web.visit import ModeratorVisit

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    job: Job


@router.get("/admin/jobs/{job_id}/progress")
def show(visit: ModeratorVisit, job_id: str) -> Response:
    with visit.campaign.read(visit.caller) as (db, _):
        found = jobs.find(db, job_id)
    if found is None:
        raise NotFound("There is no such job.")
    return render(visit, "job.html", Context(found))
