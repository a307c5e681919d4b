"""The campaign as a whole over HTTP: its policy, and long jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from espalier.collect import campaign as policy_of
from espalier.domain.errors import NotFound
from espalier.domain.policy import CampaignPolicy
from espalier.store import jobs, policies
from espalier.store.jobs import Job, JobStatus
from espalier.store.people import PersonRole
from espalier.store.policies import PolicyBook
from espalier.web.api.forms import Form, example
from espalier.web.deps import Admin, CampaignDep, ModeratorReader, Reader
from espalier.web.pages import UNCHANGED, Cursor, Limit, Page, answered, page, place_in

router = APIRouter(tags=["campaign"])


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


@router.get("/policy/history", response_model=Page[PolicyVersion], summary="Every policy that was in force")
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


@router.get("/jobs/{job_id}", summary="How far a job has come")
def job(job_id: str, campaign: CampaignDep, caller: Reader) -> JobView:
    """Whoever asked for it may look, and staff."""
    with campaign.read(caller) as (db, person):
        found = jobs.find(db, job_id)
    if found is None or (found.person_id != person.id and not person.role.reaches(PersonRole.MODERATOR)):
        raise NotFound("There is no such job.")
    return job_view(found)
