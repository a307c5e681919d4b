"""What goes on by itself: long jobs batch by batch, and the rounds that are made again and again.

Each batch and each round is one short transaction, so that nobody waits long behind it, and a kill loses nothing.
Knows neither threads nor the clock: whoever runs it says what time it is.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from espalier.collect.campaign import POLICY_JOB, reach_stragglers, reach_trees
from espalier.collect.erasure import CLOSE_JOB, PURGE_JOB, purge_trees, unname_trees
from espalier.collect.leaving import let_go
from espalier.collect.lottery import fill_places, top_up_rankings
from espalier.collect.planting import plant_conversations, withdraw_conversations
from espalier.collect.weights import ask_weights
from espalier.domain.errors import Refusal, TryLater
from espalier.store import chats, jobs, languages, locks, texts, work
from espalier.store.jobs import Job
from espalier.store.policies import PolicyBook

T = TypeVar("T")
Step = Callable[[Connection, Job, datetime, Random], Job]
"""One batch of a job in the caller's transaction; the job as it stands then."""

STEPS: Final[Mapping[str, Step]] = {
    POLICY_JOB: reach_trees,
    PURGE_JOB: purge_trees,
    CLOSE_JOB: unname_trees,
}
EXPIRED_AT_ONCE: Final = 10  # times fifty leases
KEEP_TEXTS: Final = timedelta(days=365)  # the longest window against sending the same text twice
KEEP_TEMPORARY: Final = timedelta(hours=20)  # after the last word

log = logging.getLogger(__name__)


class Call(Protocol):
    """How a use case is run, as `Door.call` does."""

    def __call__(self, use_case: Callable[..., T], /, *args: object) -> T: ...


class BatchFailed(Exception):
    """A batch of a job broke down; the cause is its `__cause__`."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"job {job.id} ({job.kind})")
        self.job = job


def run_jobs(call: Call, now: datetime, rng: Random, steps: Mapping[str, Step] = STEPS) -> bool:
    """Do one batch of the oldest job; whether there was one. A job whose batch breaks down has failed."""
    try:
        return call(_one_batch, now, rng, steps) is not None
    except BatchFailed as failed:
        log.exception("a job failed", extra={"job": failed.job.id, "kind": failed.job.kind})
        cause = failed.__cause__
        error = cause.detail if isinstance(cause, Refusal) else f"It broke down ({type(cause).__name__})."
        call(jobs.fail, failed.job.id, error, now)
        return True


def _one_batch(db: Connection, now: datetime, rng: Random, steps: Mapping[str, Step]) -> Job | None:
    job = jobs.next_batch(db, steps.keys())
    if job is None:
        return None
    try:
        after = steps[job.kind](db, job, now, rng)
    except (OperationalError, TryLater):
        raise  # the database is busy or away, or another writer was quicker: the batch is tried again
    except Exception as error:
        raise BatchFailed(job) from error
    jobs.keep(db, after)
    return after


@dataclass(frozen=True, slots=True)
class Round:
    """Something that is done again after `every`; doing it twice at once, or too often, does no harm."""

    name: str
    every: timedelta
    go: Callable[[Connection, datetime, Random], None]


def free_expired(db: Connection, now: datetime, rng: Random) -> None:
    """Leases that ran out free their places."""
    for _ in range(EXPIRED_AT_ONCE):
        if not work.release_expired(db, now):
            return


def tend_languages(db: Connection, now: datetime, rng: Random) -> None:
    """Free places of the lottery are filled and rankings topped up, whatever it was that freed them."""
    book = PolicyBook(db)
    for lang in languages.langs_of_trees(db):
        if locks.hold_language(db, lang, wait=False):  # else somebody else tends it just now
            fill_places(db, lang, book, now, rng, most=1)
            top_up_rankings(db, lang, book, now, rng)


def forget_texts(db: Connection, now: datetime, rng: Random) -> None:
    """Fingerprints of texts that are older than any window against sending the same text twice."""
    texts.forget_sent_before(db, now - KEEP_TEXTS)


def forget_conversations(db: Connection, now: datetime, rng: Random) -> None:
    """Temporary conversations, within a day of the last word."""
    chats.forget_temporary(db, now - KEEP_TEMPORARY)


ROUNDS: Final = (
    Round("expired leases", timedelta(seconds=5), free_expired),
    Round("languages", timedelta(minutes=1), tend_languages),
    Round("stragglers", timedelta(minutes=1), reach_stragglers),
    Round("texts", timedelta(days=1), forget_texts),
    Round("reviewers", timedelta(days=1), ask_weights),
    Round("temporary conversations", timedelta(hours=1), forget_conversations),
    Round("conversations", timedelta(minutes=1), plant_conversations),
    Round("withdrawn conversations", timedelta(minutes=1), withdraw_conversations),
    Round("leaving", timedelta(minutes=1), let_go),
)


def make_rounds(
    call: Call, last: Mapping[str, datetime], now: datetime, rng: Random, rounds: tuple[Round, ...] = ROUNDS
) -> dict[str, datetime]:
    """Make the rounds that are due; when each was made last. Where there are several processes, one makes each."""
    made = dict(last)
    for each in rounds:
        if each.name not in made or made[each.name] + each.every <= now:
            call(_one_round, each, now, rng)
            made[each.name] = now
    return made


def _one_round(db: Connection, each: Round, now: datetime, rng: Random) -> None:
    if db.dialect.name == "postgresql":
        free = db.execute(text("SELECT pg_try_advisory_xact_lock(hashtext(:name))"), {"name": f"espalier {each.name}"})
        if not free.scalar():
            return
    each.go(db, now, rng)
