"""Exports and imports as jobs: a file written or read outside of any transaction, under a lease that is prolonged.

A folder holds the files, each named by its job. Who was killed in the middle is taken up again from the start, which
does no harm: an export is whole or not there, and an import leaves alone what it finds.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from espalier.collect import exports, imports
from espalier.collect.accounts import require
from espalier.collect.ids import new_id
from espalier.collect.imports import ImportReport
from espalier.collect.intake import Source
from espalier.collect.jobs import Call
from espalier.dataset.anonymise import anonymise, read_key
from espalier.dataset.findings import Finding, Findings
from espalier.dataset.read import read_trees
from espalier.dataset.write import write_records, write_votes
from espalier.domain.errors import Conflict, NotFound, Refusal
from espalier.domain.tree import State
from espalier.store import jobs, journal
from espalier.store.jobs import Job, JobStatus
from espalier.store.people import Person, PersonRole

EXPORT_JOB: Final = "export"
IMPORT_JOB: Final = "import"
LEASE: Final = timedelta(minutes=2)
TELL_EVERY: Final = 200  # trees; then the job's row says how far it has come
KEPT_FOR: Final = timedelta(days=7)
SHOWN_FINDINGS: Final = 100
KEY: Final = "anonymise.key"

log = logging.getLogger(__name__)
T = TypeVar("T")
Read = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Export:
    """What a file shall hold. `langs`: none for all; `anonymise`: people under keyed hashes; `votes`: a second file."""

    states: tuple[State, ...] = (State.READY_FOR_EXPORT,)
    langs: tuple[str, ...] = ()
    anonymise: bool = False
    votes: bool = False


@dataclass(frozen=True)
class Workshop:
    """What a job with a file needs: the door, one moment of the database, a folder, time, chance, and secrets."""

    call: Call
    read: Read
    folder: Path
    clock: Callable[[], datetime]
    rng: Random
    secret: Callable[[], str]

    def trees_file(self, job_id: str) -> Path:
        return self.folder / "exports" / f"{job_id}.trees.jsonl.gz"

    def votes_file(self, job_id: str) -> Path:
        return self.folder / "exports" / f"{job_id}.votes.jsonl.gz"

    def upload(self, job_id: str) -> Path:
        return self.folder / "imports" / f"{job_id}.upload"


Work = Callable[[Workshop, Job], dict[str, Any]]
"""A job from beginning to end; what it says at the end."""


class LeaseLost(Exception):
    """Somebody else has taken the job up, or it was cancelled."""


def ask_export(db: Connection, actor: Person, wanted: Export, now: datetime, rng: Random) -> Job:
    """Ask for a file of trees; who wrote what stands in it. Raises NotAllowed."""
    require(actor, PersonRole.ADMIN)
    arguments = {
        "states": list(wanted.states), "langs": list(wanted.langs), "anonymise": wanted.anonymise,
        "votes": wanted.votes,
    }  # fmt: skip
    job = Job(new_id(rng), EXPORT_JOB, arguments, actor.id, now)
    jobs.add(db, job)
    journal.note(db, actor.id, "export.asked", job.id, now, **arguments)
    return job


def ask_import(db: Connection, actor: Person, job_id: str, name: str, as_backlog: bool, now: datetime) -> Job:
    """Ask for the upload of this job to be taken in. Raises NotAllowed."""
    require(actor, PersonRole.ADMIN)
    job = Job(job_id, IMPORT_JOB, {"file": name, "as_backlog": as_backlog}, actor.id, now)
    jobs.add(db, job)
    journal.note(db, actor.id, "import.asked", job.id, now, file=name)
    return job


def exported(db: Connection, actor: Person, job_id: str) -> Job:
    """A finished export. Raises NotAllowed, NotFound, Conflict."""
    require(actor, PersonRole.ADMIN)
    job = jobs.find(db, job_id)
    if job is None or job.kind != EXPORT_JOB:
        raise NotFound("There is no such export.")
    if job.status is not JobStatus.DONE:
        raise Conflict("This export is %(status)s; its file is there when it is done.", status=job.status)
    return job


def run_file_job(shop: Workshop, work: Mapping[str, Work]) -> bool:
    """Do the oldest job of these kinds from beginning to end; whether there was one."""
    job: Job | None = shop.call(jobs.claim, tuple(work), shop.clock(), LEASE)
    if job is None:
        return False
    try:
        result = work[job.kind](shop, job)
        shop.call(jobs.finish, job.id, shop.clock(), result)
    except LeaseLost:
        log.warning("a job was taken over", extra={"job": job.id})
    except Exception as error:
        log.exception("a job failed", extra={"job": job.id, "kind": job.kind})
        why = error.detail if isinstance(error, Refusal) else f"It broke down ({type(error).__name__})."
        shop.call(jobs.fail, job.id, why, shop.clock())
    return True


class Telling:
    """Passes things on and tells the job's row every now and then how many there were."""

    def __init__(self, shop: Workshop, job: Job, total: int | None) -> None:
        self._shop, self._job, self._total = shop, job, total
        self._done = 0
        self.tell(0)

    def tell(self, more: int) -> None:
        self._done += more
        held = self._shop.call(jobs.prolong, self._job, self._shop.clock(), LEASE, self._done, self._total)
        if held is None:
            raise LeaseLost
        self._job = held

    def each(self, things: Iterable[T]) -> Iterator[T]:
        untold = 0
        for thing in things:
            yield thing
            untold += 1
            if untold == TELL_EVERY:
                self.tell(untold)
                untold = 0
        self.tell(untold)


def make_export(shop: Workshop, job: Job) -> dict[str, Any]:
    states = [State(state) for state in job.arguments["states"]]
    langs = job.arguments["langs"] or None
    shop.trees_file(job.id).parent.mkdir(parents=True, exist_ok=True)
    key = campaign_key(shop.folder, shop.secret) if job.arguments["anonymise"] else None
    with shop.read() as db:
        telling = Telling(shop, job, exports.count_trees(db, states, langs))
        trees = telling.each(exports.export_trees(db, states, langs))
        result = {"trees": write_records(shop.trees_file(job.id), anonymise(trees, key) if key else trees)}
        if job.arguments["votes"]:
            votes = exports.export_votes(db, states, langs)
            result["votes"] = write_votes(shop.votes_file(job.id), anonymise(votes, key) if key else votes)
    return result


def campaign_key(folder: Path, secret: Callable[[], str]) -> bytes:
    """The campaign's own key, made when first needed, so that a person is alike in all its exports."""
    path = folder / KEY
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secret())
    return read_key(path)


def take_in(shop: Workshop, job: Job) -> dict[str, Any]:
    path = shop.upload(job.id)
    source = Source(job.arguments["file"], origin=job.arguments["file"], as_backlog=job.arguments["as_backlog"])
    telling = Telling(shop, job, None)
    report = ImportReport()
    unread = Findings()

    def notice(finding: Finding) -> None:
        if finding.lost:
            unread(replace(finding, file=source.file))

    for batch in imports.in_batches(read_trees(path, notice)):
        report.include(
            shop.call(imports.import_trees, batch, {}, source, job.person_id, shop.clock(), shop.rng)
        )  # fmt: skip
        telling.tell(len(batch))
    report.include(shop.call(imports.finish_import, report, source, job.person_id, shop.clock(), shop.rng))
    path.unlink(missing_ok=True)
    return {
        "trees": report.trees,
        "messages": report.messages,
        "people": report.people,
        "known": report.known,
        "left_out": report.left_out + unread.lost,
        "moved": len(report.moved),
        "findings": [str(finding) for finding in (*unread.first, *report.findings.first)][:SHOWN_FINDINGS],
    }


def sweep(folder: Path, now: datetime) -> int:
    """Remove files that have lain long enough; how many there were."""
    swept = 0
    for path in [*folder.glob("exports/*"), *folder.glob("imports/*")]:
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < (now - KEPT_FOR).timestamp():
                path.unlink()
                swept += 1
    return swept
