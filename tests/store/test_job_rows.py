"""Rows of jobs: who may take which, what becomes of one whose process was killed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from espalier.store import jobs
from espalier.store.jobs import Job, JobStatus

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def add(db: Connection, job_id: str, kind: str = "export", minutes: int = 0) -> Job:
    job = Job(job_id, kind, {"states": ["growing"]}, "p1", NOW + minutes * MINUTE)
    jobs.add(db, job)
    return job


def test_a_job_is_stored_as_it_was_asked_for(db: Connection) -> None:
    job = add(db, "j1")
    assert jobs.find(db, "j1") == job
    assert jobs.find(db, "j2") is None
    moved = replace(job, status=JobStatus.RUNNING, progress=3, total=9, position={"after": "t3"})
    jobs.keep(db, moved)
    assert jobs.find(db, "j1") == moved


def test_a_claimed_job_is_taken_up_again_only_when_its_lease_ran_out(db: Connection) -> None:
    add(db, "j1")
    first = jobs.claim(db, ["export"], NOW, MINUTE)
    assert first is not None
    assert (first.id, first.status) == ("j1", JobStatus.RUNNING)
    assert jobs.claim(db, ["export"], NOW + MINUTE / 2, MINUTE) is None

    again = jobs.claim(db, ["export"], NOW + MINUTE, MINUTE)
    assert again is not None
    assert again.id == "j1"
    assert jobs.prolong(db, first, NOW + MINUTE, MINUTE, 1, 2) is None, "it belongs to somebody else now"
    assert jobs.prolong(db, again, NOW + MINUTE, MINUTE, 1, 2) is not None
    assert jobs.claim(db, ["export"], NOW + 2 * MINUTE - timedelta(seconds=1), MINUTE) is None


def test_the_oldest_job_of_the_wanted_kinds_comes_first(db: Connection) -> None:
    add(db, "young", minutes=2)
    add(db, "old", minutes=1)
    add(db, "other", kind="policy")
    for expected in ("old", "young"):
        claimed = jobs.claim(db, ["export"], NOW, MINUTE)
        assert claimed is not None
        assert claimed.id == expected
    batch = jobs.next_batch(db, ["policy", "purge"])
    assert batch is not None
    assert batch.id == "other"


def test_a_job_ends_once(db: Connection) -> None:
    for job_id in ("j1", "j2", "j3"):
        add(db, job_id)
    jobs.finish(db, "j1", NOW, {"file": "trees.jsonl.gz"})
    jobs.fail(db, "j1", "Too late.", NOW)
    jobs.fail(db, "j2", "No room left.", NOW)
    jobs.cancel(db, "j3", NOW)
    assert jobs.claim(db, ["export"], NOW + 9 * MINUTE, MINUTE) is None
    ends = [job for job_id in ("j1", "j2", "j3") if (job := jobs.find(db, job_id))]
    assert [(job.status, job.result, job.error, job.finished_at) for job in ends] == [
        (JobStatus.DONE, {"file": "trees.jsonl.gz"}, None, NOW),
        (JobStatus.FAILED, None, "No room left.", NOW),
        (JobStatus.CANCELLED, None, None, NOW),
    ]


def test_jobs_are_listed_newest_first_page_by_page(db: Connection) -> None:
    for number in range(5):
        add(db, f"j{number}", minutes=number // 2)
    first = jobs.newest(db, 3)
    rest = jobs.newest(db, 3, after=(first[-1].created_at, first[-1].id))
    assert [job.id for job in (*first, *rest)] == ["j4", "j3", "j2", "j1", "j0"]
    assert {job.id for job in jobs.unfinished(db, "export")} == {f"j{number}" for number in range(5)}
