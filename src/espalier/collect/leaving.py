"""Leaving on one's own: asked for, put off for a day in which one may think again, then done by itself.

What is done then is erasure.py; here is only who asked for it, how, and when it is due.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect import erasure
from espalier.collect.accounts import keep_an_admin, known_alone
from espalier.collect.ids import new_id
from espalier.domain.errors import Conflict, Invalid, Refusal
from espalier.store import jobs, journal
from espalier.store.jobs import Job
from espalier.store.people import Person

LEAVE_JOB: Final = "leave"
"""Waits for its time; is no work of the runner of jobs."""
THINK_AGAIN: Final = timedelta(hours=24)
ANONYMISE: Final = "anonymise"
REMOVE: Final = "remove"
WAYS: Final = (ANONYMISE, REMOVE)


@dataclass(frozen=True, slots=True)
class Leaving:
    """How somebody leaves: `anonymise` leaves texts and votes under no name, `remove` takes them away. at: when."""

    how: str
    at: datetime


def leaving(db: Connection, person_id: str) -> Leaving | None:
    """Whether somebody is about to leave."""
    job = _job(db, person_id)
    return _value(job) if job else None


def ask_to_leave(db: Connection, person: Person, how: str, now: datetime, rng: Random) -> Leaving:
    """The account is closed a day from now.

    Raises Invalid, and Conflict for the last administrator and for who has asked already.
    """
    if how not in WAYS:
        raise Invalid("Choose what shall become of what you contributed.", field="how")
    keep_an_admin(db, person)
    if _job(db, person.id) is not None:
        raise Conflict("Your account is about to be deleted already.")
    wanted = Leaving(how, now + THINK_AGAIN)
    arguments = {"person": person.id, "how": how, "at": wanted.at.isoformat()}
    jobs.add(db, Job(new_id(rng), LEAVE_JOB, arguments, person.id, now))
    journal.note(db, person.id, "person.leaving", person.id, now, how=how)
    return wanted


def stay(db: Connection, person: Person, now: datetime) -> None:
    """Think again. Once more changes nothing."""
    job = _job(db, person.id)
    if job is not None:
        jobs.cancel(db, job.id, now)
        journal.note(db, person.id, "person.stays", person.id, now)


def let_go(db: Connection, now: datetime, rng: Random) -> None:
    """Close the accounts of those whose day is over, one at a time: the rest follows at the next round."""
    for job in jobs.unfinished(db, LEAVE_JOB):
        if _value(job).at <= now:
            _let_go(db, job, now, rng)
            return


def _let_go(db: Connection, job: Job, now: datetime, rng: Random) -> None:
    person_id = job.arguments["person"]
    person = known_alone(db, person_id)
    try:
        if not person.anonymous:
            if job.arguments["how"] == REMOVE:
                erasure.remove_own(db, person, now, rng)
            else:
                erasure.close_account(db, person, person_id, now, rng)
    except Refusal as refused:  # the last administrator by now
        jobs.fail(db, job.id, refused.detail, now)
        return
    jobs.finish(db, job.id, now)


def _job(db: Connection, person_id: str) -> Job | None:
    waiting = jobs.unfinished(db, LEAVE_JOB)
    return next((job for job in waiting if job.arguments["person"] == person_id), None)


def _value(job: Job) -> Leaving:
    return Leaving(job.arguments["how"], datetime.fromisoformat(job.arguments["at"]))


@dataclass(frozen=True, slots=True)
class Released:
    """A file with what people contributed, which nobody can call back. name: of a release, None of an export."""

    at: datetime
    name: str | None


def released(db: Connection) -> list[Released]:
    """The last such files, the latest first."""
    made = jobs.finished(db, ("export", "release"))
    return [Released(job.finished_at, job.arguments.get("name")) for job in made if job.finished_at]
