"""Jobs and rounds: one short transaction each, and what becomes of one that breaks down."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import Connection

from espalier.collect import tasks
from espalier.collect.jobs import Round, free_expired, make_rounds, run_jobs, tend_languages
from espalier.domain.errors import Conflict
from espalier.domain.tree import State
from espalier.domain.work import Act
from espalier.store import jobs, journal, work
from espalier.store.door import Door
from espalier.store.jobs import Job, JobStatus
from gardens import NOON, Garden

DAY = timedelta(days=1)


def counting(db: Connection, job: Job, now: datetime, rng: Random) -> Job:
    journal.note(db, None, "counted", job.id, now)
    progress = job.progress + 1
    return replace(job, progress=progress, status=JobStatus.DONE if progress == 3 else JobStatus.RUNNING)


def breaking(db: Connection, job: Job, now: datetime, rng: Random) -> Job:
    journal.note(db, None, "begun", job.id, now)
    raise ZeroDivisionError


def refusing(db: Connection, job: Job, now: datetime, rng: Random) -> Job:
    raise Conflict("There is nothing to count.")


def test_a_job_goes_on_where_its_last_batch_ended(door: Door) -> None:
    door.call(jobs.add, Job("j1", "count", {}, None, NOON))
    rng = Random(1)
    assert [run_jobs(door.call, NOON, rng, {"count": counting}) for _ in range(4)] == [True, True, True, False]
    job = door.call(jobs.find, "j1")
    assert job is not None
    assert (job.status, job.progress) == (JobStatus.DONE, 3)


def test_a_job_that_breaks_down_leaves_nothing_of_its_batch_and_lets_others_on(door: Door) -> None:
    door.call(jobs.add, Job("j1", "break", {}, None, NOON))
    door.call(jobs.add, Job("j2", "refuse", {}, None, NOON + DAY))
    door.call(jobs.add, Job("j3", "count", {}, None, NOON + 2 * DAY))
    steps = {"break": breaking, "refuse": refusing, "count": counting}
    while run_jobs(door.call, NOON, Random(1), steps):
        pass
    ended = [door.call(jobs.find, job_id) for job_id in ("j1", "j2", "j3")]
    assert [(job.status, job.error) for job in ended if job] == [
        (JobStatus.FAILED, "It broke down (ZeroDivisionError)."),
        (JobStatus.FAILED, "There is nothing to count."),
        (JobStatus.DONE, None),
    ]
    assert {entry.action for entry in door.call(journal.entries, 10)} == {"counted"}


def test_a_round_is_made_when_it_is_due(door: Door) -> None:
    made: list[datetime] = []
    rounds = (Round("daily", DAY, lambda db, now, rng: made.append(now)),)
    last: dict[str, datetime] = {}
    for hours in (0, 12, 24, 30, 49):
        last = make_rounds(door.call, last, NOON + timedelta(hours=hours), Random(1), rounds)
    assert made == [NOON, NOON + DAY, NOON + timedelta(hours=49)]


def test_places_of_expired_leases_are_free_again(garden: Garden) -> None:
    tree_id = garden.tree(garden.admin())
    ada = garden.person("Ada")
    assert tasks.next_task(garden.db, ada, tasks.Ask("assistant_reply", ("en",)), garden.now, garden.rng)
    free_expired(garden.db, garden.later(minutes=29), garden.rng)
    assert work.held_on(garden.db, Act.REPLY, tree_id) == (1, 1)
    free_expired(garden.db, garden.later(minutes=1), garden.rng)
    assert work.held_on(garden.db, Act.REPLY, tree_id) == (0, 0)


def test_places_of_the_lottery_are_filled_whatever_freed_them(garden: Garden) -> None:
    garden.policy(max_active_trees=0)
    tree_id = garden.tree(garden.admin(), state=State.PROMPT_LOTTERY_WAITING)
    tend_languages(garden.db, garden.now, garden.rng)
    assert garden.load(tree_id).state is State.PROMPT_LOTTERY_WAITING
    garden.policy(max_active_trees=1)
    tend_languages(garden.db, garden.now, garden.rng)
    assert garden.load(tree_id).state is State.GROWING


def test_a_lease_that_somebody_else_ended_is_not_ended_twice(garden: Garden) -> None:
    tree_id = garden.tree(garden.admin())
    ada, grace = garden.person("Ada"), garden.person("Grace")
    ask = tasks.Ask("assistant_reply", ("en",))
    assert tasks.next_task(garden.db, ada, ask, garden.now, garden.rng)
    assert tasks.next_task(garden.db, grace, ask, garden.now, garden.rng)
    (seen_before,) = work.open_leases(garden.db, ada.id, garden.now)
    work.release(garden.db, seen_before, status="open", expires_at=garden.now)
    work.release(garden.db, seen_before, status="open", expires_at=garden.now)
    assert work.held_on(garden.db, Act.REPLY, tree_id) == (1, 1), "Grace's lease stands"


def test_runners_at_once_share_the_jobs(door: Door) -> None:
    for number in range(4):
        door.call(jobs.add, Job(f"j{number}", "count", {}, None, NOON + number * DAY))

    def run(seed: int) -> None:
        while any(job.status not in (JobStatus.DONE, JobStatus.FAILED) for job in door.call(jobs.newest, 9)):
            run_jobs(door.call, NOON, Random(seed), {"count": counting})

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(run, range(3)))
    assert [(job.status, job.progress) for job in door.call(jobs.newest, 9)] == [(JobStatus.DONE, 3)] * 4
    assert len(door.call(journal.entries, 100)) == 12, "each batch was done once"
