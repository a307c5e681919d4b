"""Long jobs that run once: what is asked for, how far it has come, who is at it.

Two ways to work on a job. In batches, each a transaction that also moves the job on (`next_batch`, `keep`): then a
kill loses nothing. Or outside of any transaction, under a lease that has to be prolonged (`claim`, `prolong`): whose
lease ran out is taken up again from the start. Knows rows; what a kind of job does is said by those who run it.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, bindparam, insert, or_, select, tuple_, update

from espalier.store.sql import Statement
from espalier.store.tables import jobs
from espalier.store.times import from_us, to_us

J = jobs.c
LONGEST_ERROR: Final = 500  # characters


class JobStatus(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (JobStatus.WAITING, JobStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Job:
    """`position`: where the next batch goes on. `total`: None while nobody knows how much there is to do."""

    id: str
    kind: str
    arguments: Mapping[str, Any]
    person_id: str | None
    created_at: datetime
    status: JobStatus = JobStatus.WAITING
    progress: int = 0
    total: int | None = None
    position: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    error: str | None = None
    finished_at: datetime | None = None
    lease_until: datetime | None = None


_COLUMNS: Final = (
    J.id, J.kind, J.arguments, J.person_id, J.created_at, J.status, J.progress, J.total, J.position, J.result, J.error,
    J.finished_at, J.lease_until,
)  # fmt: skip
_KEPT: Final = ("id", "kind", "arguments", "person_id", "created_at")
_CHANGING: Final = ("status", "progress", "total", "position", "result", "error", "finished_at", "lease_until")
_INSERT = Statement(insert(jobs).values({name: bindparam(name) for name in _KEPT + _CHANGING}))
_UPDATE = Statement(
    update(jobs).where(J.id == bindparam("job_id")).values({name: bindparam(name) for name in _CHANGING})
)
_BY_ID = Statement(select(*_COLUMNS).where(J.id == bindparam("job_id")))
_BY_ID_LOCKED = Statement(select(*_COLUMNS).where(J.id == bindparam("job_id")).with_for_update())
_LIST = Statement(
    select(*_COLUMNS)
    .where(tuple_(J.created_at, J.id) < tuple_(bindparam("at"), bindparam("job_id")))
    .order_by(J.created_at.desc(), J.id.desc())
    .limit(bindparam("most"))
)
_UNFINISHED = Statement(
    select(*_COLUMNS)
    .where(J.status.in_([JobStatus.WAITING.value, JobStatus.RUNNING.value]), J.kind == bindparam("kind"))
    .order_by(J.created_at, J.id)
)
_FINISHED = Statement(
    select(*_COLUMNS)
    .where(J.status == JobStatus.DONE.value, J.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(J.finished_at.desc())
    .limit(bindparam("most"))
)
_OF_KINDS: Final = J.kind.in_(bindparam("kinds", expanding=True))


def _oldest(conditions: Any) -> Select[Any]:
    # A job that another process holds at this moment is passed over.
    return (
        select(*_COLUMNS)
        .where(_OF_KINDS, conditions)
        .order_by(J.created_at, J.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


_NEXT_BATCH = Statement(_oldest(J.status.in_([JobStatus.WAITING.value, JobStatus.RUNNING.value])))
_NEXT_FREE = Statement(
    _oldest(
        or_(
            J.status == JobStatus.WAITING.value,
            and_(J.status == JobStatus.RUNNING.value, J.lease_until <= bindparam("now")),
        )
    )
)


def add(db: Connection, job: Job) -> None:
    _INSERT.run(
        db,
        id=job.id,
        kind=job.kind,
        arguments=json.dumps(job.arguments),
        person_id=job.person_id,
        created_at=to_us(job.created_at),
        **_changing(job),
    )


def find(db: Connection, job_id: str) -> Job | None:
    row = _BY_ID.row(db, job_id=job_id)
    return _job(row) if row else None


def newest(db: Connection, limit: int, *, after: tuple[datetime, str] | None = None) -> list[Job]:
    """Jobs in the order in which they were asked for, newest first, behind the place `after`."""
    at, job_id = (2**62, "") if after is None else (to_us(after[0]), after[1])
    return [_job(row) for row in _LIST.rows(db, at=at, job_id=job_id, most=limit)]


def unfinished(db: Connection, kind: str) -> list[Job]:
    """Jobs of a kind that wait or run, oldest first."""
    return [_job(row) for row in _UNFINISHED.rows(db, kind=kind)]


def finished(db: Connection, kinds: Collection[str], limit: int = 20) -> list[Job]:
    """The last jobs of these kinds that were done, the latest first."""
    return [_job(row) for row in _FINISHED.rows(db, kinds=list(kinds), most=limit)]


def next_batch(db: Connection, kinds: Collection[str]) -> Job | None:
    """The oldest unfinished job of these kinds; it is this transaction's until its end."""
    row = _NEXT_BATCH.row(db, kinds=list(kinds))
    return _job(row) if row else None


def claim(db: Connection, kinds: Collection[str], now: datetime, lease: timedelta) -> Job | None:
    """Take the oldest job that waits, or that somebody has left lying; it is the caller's for the time of the lease."""
    row = _NEXT_FREE.row(db, kinds=list(kinds), now=to_us(now))
    if row is None:
        return None
    claimed = replace(
        _job(row), status=JobStatus.RUNNING, progress=0, total=None, position={}, lease_until=now + lease
    )  # fmt: skip
    keep(db, claimed)
    return claimed


def prolong(db: Connection, job: Job, now: datetime, lease: timedelta, progress: int, total: int | None) -> Job | None:
    """Say how far a claimed job has come and hold it for longer; None when it is no longer the caller's to do."""
    stored = _locked(db, job.id)
    if stored is None or stored.status is not JobStatus.RUNNING or stored.lease_until != job.lease_until:
        return None
    prolonged = replace(stored, lease_until=now + lease, progress=progress, total=total)
    keep(db, prolonged)
    return prolonged


def keep(db: Connection, job: Job) -> None:
    """Write how far a job has come."""
    _UPDATE.run(db, job_id=job.id, **_changing(job))


def finish(db: Connection, job_id: str, now: datetime, result: Mapping[str, Any] | None = None) -> None:
    """Mark a job as done, unless it was cancelled in the meantime."""
    _end(db, job_id, now, JobStatus.DONE, result=result)


def fail(db: Connection, job_id: str, error: str, now: datetime) -> None:
    """Mark a job as failed. `error` is a sentence for whoever asked for the job."""
    _end(db, job_id, now, JobStatus.FAILED, error=error[:LONGEST_ERROR])


def cancel(db: Connection, job_id: str, now: datetime) -> None:
    """Do no more of a job; what it has done stands."""
    _end(db, job_id, now, JobStatus.CANCELLED)


def _end(
    db: Connection,
    job_id: str,
    now: datetime,
    status: JobStatus,
    *,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> None:
    job = _locked(db, job_id)
    if job is not None and not job.status.ended:
        keep(db, replace(job, status=status, finished_at=now, lease_until=None, result=result, error=error))


def _locked(db: Connection, job_id: str) -> Job | None:
    row = _BY_ID_LOCKED.row(db, job_id=job_id)
    return _job(row) if row else None


def _changing(job: Job) -> dict[str, object]:
    return {
        "status": job.status,
        "progress": job.progress,
        "total": job.total,
        "position": json.dumps(job.position) if job.position else None,
        "result": json.dumps(job.result) if job.result is not None else None,
        "error": job.error,
        "finished_at": None if job.finished_at is None else to_us(job.finished_at),
        "lease_until": None if job.lease_until is None else to_us(job.lease_until),
    }


def _job(row: Any) -> Job:
    (
        job_id, kind, arguments, person, created, status, progress, total, position, result, error, finished, lease,
    ) = row  # fmt: skip
    return Job(
        job_id, kind, json.loads(arguments), person, from_us(created), JobStatus(status), progress, total,
        json.loads(position or "{}"), None if result is None else json.loads(result), error,
        None if finished is None else from_us(finished), None if lease is None else from_us(lease),
    )  # fmt: skip
