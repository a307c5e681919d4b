"""Taking a person out of the campaign: purged with all they contributed, or gone while their texts and votes stay.

The account is closed at once; the trees follow as a job in batches, each tree with a new baseline, so that rebuilding
agrees. Knows no HTTP.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.accounts import keep_an_admin, known, known_alone, require, require_everywhere
from espalier.collect.change import Scene, order
from espalier.collect.ids import new_id
from espalier.domain.contribution import Ordered, Settled
from espalier.domain.erasure import anonymised, purged
from espalier.domain.errors import Conflict, NotAllowed
from espalier.domain.lifecycle import Command
from espalier.domain.tree import State, Tree
from espalier.store import (
    documents,
    erasure,
    identities,
    jobs,
    journal,
    letters,
    locks,
    people,
    preferences,
    sessions,
    signin,
    surveys,
    trees,
    work,
)
from espalier.store.erasure import Traces
from espalier.store.jobs import Job, JobStatus
from espalier.store.people import Person, PersonRole
from espalier.store.policies import PolicyBook

PURGE_JOB: Final = "purge"
CLOSE_JOB: Final = "close_account"
TREES_AT_ONCE: Final = 10  # in one batch
MESSAGES_AT_ONCE: Final = 60  # no further tree is begun after so many: a batch shall take about 50 ms
CLOSED_NAME: Final = "closed account"


def purge_preview(db: Connection, actor: Person | None, person_id: str) -> Traces:
    """What a purge of this person would remove. Raises NotAllowed, NotFound."""
    return erasure.traces(db, _may_purge(db, actor, known, person_id).id)


def purge(db: Connection, actor: Person | None, person_id: str, now: datetime, rng: Random) -> Job:
    """Close an account and remove all that was contributed with it; the job that does so, also when asked again.

    Each of their messages becomes an empty, authorless, deleted tombstone; their votes go. It cannot be taken back.
    Raises NotAllowed (also for every administrator), NotFound.
    """
    person = _may_purge(db, actor, known_alone, person_id)
    for job in _unfinished(db, PURGE_JOB, person.id):
        return job
    for job in _unfinished(db, CLOSE_JOB, person.id):
        jobs.cancel(db, job.id, now)  # what it has not reached yet can still be purged
    return _begin(db, actor, person, PURGE_JOB, "person.purged", now, rng)


def close_account(db: Connection, actor: Person | None, person_id: str, now: datetime, rng: Random) -> Job:
    """Close one's own account, or (as an administrator) another's: texts and votes stay, under no id.

    Raises NotAllowed, NotFound, and Conflict for the last administrator and for what is closed already.
    """
    if actor is None or actor.id != person_id:
        require(actor, PersonRole.ADMIN)
    person = known_alone(db, person_id)
    if person.anonymous:
        raise Conflict("This account is closed already.")
    keep_an_admin(db, person)
    return _begin(db, actor, person, CLOSE_JOB, "person.closed", now, rng)


def remove_own(db: Connection, person: Person, now: datetime, rng: Random) -> Job:
    """Close one's own account and remove all that was contributed with it. Raises Conflict for the last admin."""
    keep_an_admin(db, person)
    return _begin(db, person, person, PURGE_JOB, "person.purged", now, rng)


def _may_purge(
    db: Connection, actor: Person | None, look_up: Callable[[Connection, str], Person], person_id: str
) -> Person:
    require_everywhere(actor)
    person = look_up(db, person_id)
    if person.role is PersonRole.ADMIN:
        raise NotAllowed("An administrator cannot be purged; another administrator would have to take the role away.")
    return person


def _unfinished(db: Connection, kind: str, person_id: str) -> list[Job]:
    return [job for job in jobs.unfinished(db, kind) if job.arguments["person"] == person_id]


def _begin(
    db: Connection, actor: Person | None, person: Person, kind: str, action: str, now: datetime, rng: Random
) -> Job:
    work.release_all(db, person.id, now)
    people.forget_tokens(db, person.id)
    sessions.end_all(db, person.id)
    identities.forget(db, person.id)
    signin.forget(db, person.id, person.email)
    surveys.forget(db, person.id)
    preferences.forget_preferences(db, person.id)
    letters.end(db, person.id)
    documents.forget_consents(db, person.id)
    people.save_person(
        db,
        replace(
            person,
            name=CLOSED_NAME,
            role=PersonRole.CONTRIBUTOR,
            moderates=(),
            email=None,
            disabled=True,
            on_board=False,
            anonymous=True,
        ),
    )
    by = actor.id if actor is not None else None
    journal.note(db, by, action, person.id, now)
    job = Job(new_id(rng), kind, {"person": person.id}, by, now, total=erasure.count_trees(db, person.id))
    jobs.add(db, job)
    return job


def purge_trees(db: Connection, job: Job, now: datetime, rng: Random) -> Job:
    """One batch of a purge."""
    return _batch(db, job, _purge_tree, erasure.purge_rest, now, rng)


def unname_trees(db: Connection, job: Job, now: datetime, rng: Random) -> Job:
    """One batch of closing an account."""
    return _batch(db, job, _unname_tree, erasure.unname_rest, now, rng)


def _batch(
    db: Connection,
    job: Job,
    erase: Callable[[Connection, Tree, str, Scene], None],
    finish: Callable[[Connection, str], None],
    now: datetime,
    rng: Random,
) -> Job:
    person_id = job.arguments["person"]
    scene = Scene(PolicyBook(db), now, rng)
    done, messages = job.progress, 0
    some = erasure.some_trees(db, person_id, TREES_AT_ONCE)
    locks.hold_trees(db, some, languages=True)
    for tree_id in some:
        tree = trees.load_tree(db, tree_id)
        erase(db, tree, person_id, scene)
        done, messages = done + 1, messages + len(tree.messages)
        if messages >= MESSAGES_AT_ONCE:
            break
    if done > job.progress:
        return replace(job, status=JobStatus.RUNNING, progress=done, total=max(done, job.total or 0))
    finish(db, person_id)
    return replace(job, status=JobStatus.DONE, total=done, finished_at=now)


def _purge_tree(db: Connection, tree: Tree, person_id: str, scene: Scene) -> None:
    written = [message.id for message in tree.messages.values() if message.author == person_id]
    erasure.purge_rows(db, tree.id, person_id, written)
    order(db, tree, Settled(purged(tree, person_id)), scene, person=None)


def _unname_tree(db: Connection, tree: Tree, person_id: str, scene: Scene) -> None:
    erasure.unname_rows(db, tree.id, person_id)
    after = order(db, tree, Settled(anonymised(tree, person_id)), scene, person=None)
    # The prompts of who left leave the lottery with them; a moderator may let one go on.
    if tree.root.author == person_id and after.state in (State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING):
        order(db, after, Ordered(Command.HALT, scene.book.version), scene, person=None)
