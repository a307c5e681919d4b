"""Releases on the site: asked for with a form, followed as they are made, their files and reports downloaded.

Knows forms and addresses; what a release is and how it is made is collect/releases.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from starlette.responses import Response

from espalier.collect import releases
from espalier.collect.releases import RELEASE_JOB, Release
from espalier.domain.errors import Invalid, Refusal
from espalier.domain.tree import State
from espalier.store import jobs
from espalier.store.jobs import Job, JobStatus
from espalier.web.deps import checked_langs, chosen_states, listed
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.tree_words import STATES
from espalier.web.visit import AdminSender, AdminVisit, Visit, redirect

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/admin/releases"
SHOWN: Final = 10  # jobs
MOST_PERCENT: Final = 50
MEDIA: Final = {".gz": "application/gzip", ".html": "text/html", ".json": "application/json", ".md": "text/markdown"}


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was filled in. held_out: percent of the trees for validation."""

    name: str = ""
    title: str = ""
    licence: str = ""
    states: tuple[str, ...] = (State.READY_FOR_EXPORT,)
    langs: str = ""
    where: str = ""
    held_out: str = "5"


@dataclass(frozen=True, slots=True)
class Shown:
    """A release: its files with their sizes in bytes, and how much is in it."""

    name: str
    date: str
    trees: int
    messages: int
    votes: int
    files: Sequence[tuple[str, int]]
    report: bool


@dataclass(frozen=True, slots=True)
class Context:
    """made: the youngest first. going: what is being made or failed, the last asked for first.

    states: all that may be chosen, with their words. fault, faulty: why the last try was not taken, and the field.
    """

    made: Sequence[Shown]
    going: Sequence[Job]
    typed: Typed
    states: Sequence[tuple[State, str]]
    fault: str | None
    faulty: str | None


@router.get(ADDRESS)
def show(visit: AdminVisit) -> Response:
    return _page(visit, Typed())


@router.post(ADDRESS)
async def ask(
    visit: AdminSender,
    name: Annotated[str, Form(max_length=100)] = "",
    title: Annotated[str, Form(max_length=200)] = "",
    licence: Annotated[str, Form(max_length=100)] = "",
    states: Annotated[list[str] | None, Form()] = None,
    langs: Annotated[str, Form(max_length=2000)] = "",
    where: Annotated[str, Form(max_length=2000)] = "",
    held_out: Annotated[str, Form(max_length=10)] = "5",
) -> Response:
    campaign, typed = visit.campaign, Typed(name, title, licence, tuple(states or ()), langs, where, held_out)
    try:
        await campaign.change(
            visit.changing(), releases.ask_release, _wanted(typed), campaign.shop.folder, campaign.clock(), campaign.rng
        )
    except Refusal as refused:
        return await run_in_threadpool(_page, visit, typed, refused)
    return redirect(visit, ADDRESS, visit.words.gettext("The release is asked for. It is made by itself."))


def _wanted(typed: Typed) -> Release:
    states, langs = chosen_states(typed.states), checked_langs(listed(typed.langs))
    where = tuple(line.strip() for line in typed.where.splitlines() if line.strip())
    try:
        percent = float(typed.held_out)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= MOST_PERCENT:
        raise Invalid("Hold out from 0 to %(most)s percent.", field="held_out", most=MOST_PERCENT)
    shares = {"validation": percent / 100} if percent else {}
    return Release(
        typed.name.strip(), typed.title.strip(), typed.licence.strip(), states, langs, where,
        shares,
    )  # fmt: skip


@router.get(ADDRESS + "/{name}/{path:path}")
def download(visit: AdminVisit, name: str, path: str) -> FileResponse:
    with visit.campaign.read(visit.caller):
        file = releases.file_of(visit.campaign.shop, name, path)
    media = MEDIA.get(file.suffix, "application/octet-stream")
    shown = f"{name}-{file.name}"
    return FileResponse(file, media_type=media, filename=shown, headers={"Cache-Control": "no-store"})


def _shown(name: str, said: dict[str, Any], files: Sequence[tuple[str, int]]) -> Shown:
    counts = said["counts"]
    parts = [counted for part, counted in counts.items() if part != "votes"]
    return Shown(
        name, str(said.get("date") or ""), sum(each["trees"] for each in parts),
        sum(each["messages"] for each in parts), sum(counts["votes"].values()), files,
        any(path == "report.html" for path, _ in files),
    )  # fmt: skip


def _page(visit: Visit, typed: Typed, refused: Refusal | None = None) -> Response:
    with visit.campaign.read(visit.caller) as (db, _):
        found = [job for job in jobs.newest(db, SHOWN) if job.kind == RELEASE_JOB]
    made = [
        _shown(folder.name, dict(stamp.said), [(each.path, each.bytes) for each in stamp.files])
        for folder, stamp in releases.releases_in(visit.campaign.shop.folder)
    ]
    going = [job for job in found if job.status is not JobStatus.DONE]
    fault, faulty = (said(refused, visit.words), refused.field) if refused else (None, None)
    states = [(state, visit.words.gettext(STATES[state][0])) for state in State]
    context = Context(made, going, typed, states, fault, faulty)
    return render(visit, "releases.html", context, refused=refused)
