"""The campaign as a whole over HTTP: its policy, and long jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

from anyio.to_thread import run_sync as to_thread
from fastapi import Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field
from sqlalchemy import Connection

from espalier.collect import campaign as policy_of
from espalier.collect import files
from espalier.collect.files import Export
from espalier.collect.ids import new_id
from espalier.domain.errors import NotFound
from espalier.domain.policy import CampaignPolicy
from espalier.domain.tree import State
from espalier.store import jobs, policies
from espalier.store.jobs import Job, JobStatus
from espalier.store.people import Person, PersonRole
from espalier.store.policies import PolicyBook
from espalier.web.api.forms import Form, example
from espalier.web.api.router import api_router
from espalier.web.deps import Admin, AdminReader, CampaignDep, ModeratorReader, Reader, checked_langs
from espalier.web.paging import UNCHANGED, Cursor, Limit, Page, answered, no_cursor, page, place_in

router = api_router("campaign")
UPLOAD: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@dataclass(frozen=True, slots=True)
class JobView:
    """A long job. `total` is null while nobody knows how much there is to do; `result` by the kind of job."""

    id: str
    kind: str
    status: JobStatus
    progress: int
    total: int | None
    result: Mapping[str, Any] | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None


def job_view(job: Job) -> JobView:
    return JobView(
        job.id, job.kind, job.status, job.progress, job.total, job.result, job.error, job.created_at, job.finished_at
    )


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """`base`: what holds in general; `langs`: what differs by language."""

    version: int
    base: Mapping[str, Any]
    langs: Mapping[str, Mapping[str, Any]]


def _spelled(policy: CampaignPolicy) -> tuple[Any, Any]:
    mapping = policy.to_mapping()
    return mapping["base"], mapping["langs"]


@router.get("/policy", response_model=PolicyInForce, responses=UNCHANGED, summary="The policy in force")
def policy(request: Request, campaign: CampaignDep, caller: Reader) -> Response:
    """Every parameter of the campaign. What each means stands in the documentation of the policy."""
    with campaign.read(caller) as (db, _):
        book = PolicyBook(db)
    return answered(request, PolicyInForce, PolicyInForce(book.version, *_spelled(book.campaign)))


class PolicyChange(Form):
    """`base`: the values that change. `langs`, where given, replaces the differences of all languages."""

    base: Annotated[dict[str, Any], Field(default_factory=dict)]
    langs: dict[str, dict[str, Any]] | None = None

    model_config = example({"base": {"max_active_trees": 20}, "langs": {"de": {"goal_tree_size": 9}}})


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """The new version, and the job that brings it to the trees."""

    version: int
    job: JobView


@router.put("/policy", summary="Change the policy")
async def change_policy(form: PolicyChange, campaign: CampaignDep, caller: Admin) -> PolicyChanged:
    """For administrators; kept with who and when. In force at once; each tree follows when the job has reached it."""
    change = form.model_dump(exclude_none=True)
    version, job = await campaign.change(caller, policy_of.change_policy, change, campaign.clock(), campaign.rng)
    return PolicyChanged(version, job_view(job))


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy that was in force. `person`: who made it so; null for the command line."""

    version: int
    at: datetime
    person: str | None
    base: Mapping[str, Any]
    langs: Mapping[str, Mapping[str, Any]]


@router.get(
    "/policy/history", response_model=Page[PolicyVersion], responses=UNCHANGED, summary="Every policy that was in force"
)
def policy_history(
    request: Request, campaign: CampaignDep, caller: ModeratorReader, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """For moderators; the newest first."""
    (before,) = place_in(cursor, int) if cursor else (policies.NEWEST,)
    with campaign.read(caller) as (db, _):
        found = policies.versions(db, limit + 1, before=before)
    items, following = page(found, limit, lambda each: (each.version,))
    versions = [PolicyVersion(each.version, each.at, each.person_id, *_spelled(each.policy)) for each in items]
    return answered(request, Page[PolicyVersion], Page[PolicyVersion](items=versions, next=following))


class ExportForm(Form):
    """`langs`: none for all. `anonymise`: people under keyed hashes. `votes`: a second file with every judgement."""

    states: Annotated[list[State], Field(default=[State.READY_FOR_EXPORT], min_length=1)]
    langs: Annotated[list[str], Field(default_factory=list, max_length=200)]
    anonymise: bool = False
    votes: bool = False

    model_config = example({"states": ["ready_for_export"], "anonymise": True, "votes": True})


@router.post("/exports", status_code=202, summary="Write trees to a file")
async def export(form: ExportForm, campaign: CampaignDep, caller: Admin) -> JobView:
    """For administrators, since it says who wrote what. Ask for the job until it is done, then fetch the file."""
    wanted = Export(tuple(form.states), checked_langs(form.langs), form.anonymise, form.votes)
    return job_view(await campaign.change(caller, files.ask_export, wanted, campaign.clock(), campaign.rng))


@router.get("/exports/{job_id}/file", response_class=FileResponse, summary="The trees that were exported")
def export_file(job_id: str, campaign: CampaignDep, caller: AdminReader) -> FileResponse:
    """For administrators; one tree a line, as published, packed with gzip. Kept for a week."""
    with campaign.read(caller) as (db, person):
        done = files.exported(db, person, job_id)
    return _download(campaign.shop.trees_file(done.id))


@router.get("/exports/{job_id}/votes", response_class=FileResponse, summary="The votes that were exported")
def export_votes(job_id: str, campaign: CampaignDep, caller: AdminReader) -> FileResponse:
    """For administrators; one judgement a line, packed with gzip. Kept for a week."""
    with campaign.read(caller) as (db, person):
        done = files.exported(db, person, job_id)
    return _download(campaign.shop.votes_file(done.id))


def _download(path: Path) -> FileResponse:
    if not path.is_file():
        raise NotFound("This file is not there, or no longer; ask for the export again.")
    return FileResponse(path, media_type="application/gzip", filename=path.name)


@router.post("/imports", status_code=202, summary="Take in trees from a file", openapi_extra=UPLOAD)
async def import_file(
    request: Request,
    campaign: CampaignDep,
    caller: Admin,
    name: Annotated[str, Query(min_length=1, max_length=200, description="What the file is called.")] = "upload",
    as_backlog: Annotated[bool, Query(description="Park what can be ranked, to be ranked later.")] = False,
) -> JobView:
    """For administrators. The body is the file: trees or messages as published, plain or gzip; twice adds nothing."""
    await campaign.change(caller, _may_import)
    job_id = new_id(campaign.rng)
    path = campaign.shop.upload(job_id)
    await to_thread(partial(path.parent.mkdir, parents=True, exist_ok=True))
    try:
        with path.open("wb") as file:
            async for piece in request.stream():
                await to_thread(file.write, piece)
        asked = await campaign.change(caller, files.ask_import, job_id, name, as_backlog, campaign.clock())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return job_view(asked)


def _may_import(db: Connection, actor: Person) -> None:
    """Nobody else's file is even read."""


@router.get("/jobs", response_model=Page[JobView], responses=UNCHANGED, summary="Long jobs")
def all_jobs(
    request: Request, campaign: CampaignDep, caller: ModeratorReader, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """For moderators; the newest first."""
    after = place_in(cursor, str, str) if cursor else None
    with campaign.read(caller) as (db, _):
        found = jobs.newest(db, limit + 1, after=(_time_in(after[0]), after[1]) if after else None)
    items, following = page(found, limit, lambda each: (each.created_at.isoformat(), each.id))
    return answered(request, Page[JobView], Page[JobView](items=[job_view(each) for each in items], next=following))


def _time_in(spelled: str) -> datetime:
    try:
        return datetime.fromisoformat(spelled).astimezone(UTC)
    except (ValueError, OverflowError):
        raise no_cursor() from None


@router.get("/jobs/{job_id}", response_model=JobView, responses=UNCHANGED, summary="How far a job has come")
def job(job_id: str, request: Request, campaign: CampaignDep, caller: Reader) -> Response:
    """Whoever asked for it may look, and staff."""
    with campaign.read(caller) as (db, person):
        found = jobs.find(db, job_id)
    if found is None or (found.person_id != person.id and not person.role.reaches(PersonRole.MODERATOR)):
        raise NotFound("There is no such job.")
    return answered(request, JobView, job_view(found))
