"""Exports and imports on the site: asked for with a form, followed as they go on, downloaded from here.

Knows forms and files as browsers send them; what is done is collect/files.py.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Final

from anyio.to_thread import run_sync as to_thread
from fastapi import APIRouter, Form
from fastapi.responses import FileResponse
from sqlalchemy import Connection
from starlette.datastructures import UploadFile
from starlette.responses import Response

from espalier.collect import files
from espalier.collect.files import Export
from espalier.collect.ids import new_id
from espalier.domain.errors import Invalid, NotFound, Refusal
from espalier.domain.tree import State
from espalier.store import jobs
from espalier.store.jobs import Job, JobStatus
from espalier.store.people import Person
from espalier.web.deps import checked_langs, chosen_states, listed
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.tree_words import STATES
from espalier.web.visit import AdminSender, AdminVisit, Visit, redirect

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/admin/exports"
UPLOADS: Final = "/admin/imports"
SHOWN: Final = 30  # jobs
LONGEST_NAME: Final = 200  # of a file, in characters


@dataclass(frozen=True, slots=True)
class Typed:
    """The form of an export as it was filled in."""

    states: tuple[str, ...] = (State.READY_FOR_EXPORT,)
    langs: str = ""
    anonymise: bool = False
    votes: bool = False


@dataclass(frozen=True, slots=True)
class Transfer:
    """A job of the list. kept: whether there is a file to be downloaded."""

    job: Job
    kept: bool


@dataclass(frozen=True, slots=True)
class Context:
    """transfers: the last asked for first. states: all that may be chosen, with their words.

    fault, faulty: why the last try was not taken, and the field to blame.
    """

    transfers: Sequence[Transfer]
    typed: Typed
    states: Sequence[tuple[State, str]]
    fault: str | None
    faulty: str | None


@router.get(ADDRESS)
def show(visit: AdminVisit) -> Response:
    return _page(visit, Typed())


@router.post(ADDRESS)
async def export(
    visit: AdminSender,
    states: Annotated[list[str] | None, Form()] = None,
    langs: Annotated[str, Form(max_length=2000)] = "",
    anonymise: Annotated[bool, Form()] = False,
    votes: Annotated[bool, Form()] = False,
) -> Response:
    campaign, typed = visit.campaign, Typed(tuple(states or ()), langs, anonymise, votes)
    try:
        await campaign.change(visit.changing(), files.ask_export, _wanted(visit, typed), campaign.clock(), campaign.rng)
    except Refusal as refused:
        return _page(visit, typed, refused=refused)
    return redirect(visit, ADDRESS, visit.words.gettext("The export is asked for. It goes on by itself."))


def _wanted(visit: Visit, typed: Typed) -> Export:
    states, langs = chosen_states(typed.states), checked_langs(listed(typed.langs))
    return Export(states, langs, typed.anonymise, typed.votes)


@router.post(UPLOADS)
async def take_in(visit: AdminSender) -> Response:
    """A file of trees or messages as published; it is kept until the job has read it."""
    form = await visit.request.form()
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            refused = Invalid("Choose a file first.", field="file")
            return await to_thread(lambda: _page(visit, Typed(), refused=refused))
        await _take_in(visit, file, as_backlog=form.get("as_backlog") == "yes")
    finally:
        await form.close()
    return redirect(visit, ADDRESS, visit.words.gettext("The file is here and is being read."))


async def _take_in(visit: Visit, file: UploadFile, *, as_backlog: bool) -> None:
    campaign = visit.campaign
    await campaign.change(visit.changing(), _may_import)
    job_id = new_id(campaign.rng)
    path = campaign.shop.upload(job_id)
    name = Path(file.filename or "upload").name[:LONGEST_NAME]
    try:
        await to_thread(_keep, file.file, path)
        await campaign.change(visit.changing(), files.ask_import, job_id, name, as_backlog, campaign.clock())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _may_import(db: Connection, actor: Person) -> None:
    """Nobody else's file is kept."""


def _keep(file: BinaryIO, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as kept:
        shutil.copyfileobj(file, kept)


@router.get(ADDRESS + "/{job_id}/trees")
def trees(visit: AdminVisit, job_id: str) -> FileResponse:
    with visit.campaign.read(visit.caller) as (db, person):
        done = files.exported(db, person, job_id)
    return _download(visit, visit.campaign.shop.trees_file(done.id))


@router.get(ADDRESS + "/{job_id}/votes")
def votes(visit: AdminVisit, job_id: str) -> FileResponse:
    with visit.campaign.read(visit.caller) as (db, person):
        done = files.exported(db, person, job_id)
    return _download(visit, visit.campaign.shop.votes_file(done.id))


def _download(visit: Visit, path: Path) -> FileResponse:
    if not path.is_file():
        raise NotFound("This file is no longer there. Files are kept for a week; export again.")
    headers = {"Cache-Control": "no-store"}
    return FileResponse(path, media_type="application/gzip", filename=path.name, headers=headers)


def _exported(job: Job) -> bool:
    return job.kind == files.EXPORT_JOB and job.status is JobStatus.DONE


def _page(visit: Visit, typed: Typed, *, refused: Refusal | None = None) -> Response:
    shop = visit.campaign.shop
    with visit.campaign.read(visit.caller) as (db, _):
        found = jobs.newest(db, SHOWN)
    transfers = [Transfer(job, _exported(job) and shop.trees_file(job.id).is_file()) for job in found]
    fault, faulty = (said(refused, visit.words), refused.field) if refused else (None, None)
    states = [(state, visit.words.gettext(STATES[state][0])) for state in State]
    context = Context(transfers, typed, states, fault, faulty)
    return render(visit, "transfers.html", context, refused=refused)
