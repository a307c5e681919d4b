"""Answers that are not sent yet: saved as they are typed, kept for a while after their task is over.

Knows tasks and forms; does not know what a field means, nor HTTP. Use cases in the caller's transaction.
"""

from datetime import datetime, timedelta
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect import contributions, moderation, tasks
from espalier.collect.answers import Answer
from espalier.collect.contributions import Receipt
from espalier.collect.saving import check_form, save_form
from espalier.domain.message import HARMFUL
from espalier.store import drafts
from espalier.store.drafts import Draft, Fields
from espalier.store.people import Person

KEPT_AFTER_SKIP: Final = timedelta(minutes=10)
MOST_CHARACTERS: Final = 200_000  # of all fields of a form together
MOST_DRAFTS: Final = 1000  # of one person, in what they download


def save(db: Connection, person: Person, task_id: str, fields: Fields, seen: int, now: datetime) -> Draft:
    """Keep what was typed. seen: the version on which it goes on, 0 for none. The same once more changes nothing.

    Raises NotFound, AlreadyAnswered, TooLong, Invalid, and NewerDraft when another window has saved since.
    """
    tasks.own_lease(db, person, task_id)
    check_form(fields, MOST_CHARACTERS)
    return save_form(db, person.id, task_id, fields, seen, now)


def keep(db: Connection, person: Person, task_id: str, fields: Fields, now: datetime) -> None:
    """Keep what was typed whatever another window has saved: it is what the person sees.

    An empty form is not kept. Raises NotFound, AlreadyAnswered, TooLong, Invalid.
    """
    tasks.own_lease(db, person, task_id)
    _put(db, person, task_id, fields, now)


def _put(db: Connection, person: Person, task_id: str, fields: Fields, now: datetime) -> None:
    if not any(value.strip() for values in fields.values() for value in values):
        return
    check_form(fields, MOST_CHARACTERS)
    there = drafts.draft_of(db, person.id, task_id, now)
    if there is not None and dict(there.fields) == dict(fields):
        return
    drafts.forget_ended(db, now)
    drafts.keep_draft(db, person.id, Draft(task_id, (there.version if there else 0) + 1, fields, now))


def answer(
    db: Connection,
    person: Person,
    task_id: str,
    client_id: str,
    given: Answer,
    fields: Fields,
    now: datetime,
    rng: Random,
) -> Receipt:
    """Submit an answer; its form stays as a draft for as long as it can be undone. Raises what `submit` raises."""
    receipt = contributions.submit(db, person, task_id, client_id, given, now, rng)
    _put(db, person, task_id, fields, now)
    drafts.end_draft(db, person.id, task_id, receipt.undo_until)
    return receipt


def skip(db: Connection, person: Person, task_id: str, reason: str, fields: Fields, now: datetime, rng: Random) -> None:
    """Give a task back; what was typed stays for ten minutes. A harmful text is reported with it.

    Raises what `tasks.skip` raises.
    """
    subject = tasks.own_lease(db, person, task_id).subject
    tasks.skip(db, person, task_id, reason, now, rng)
    if reason == HARMFUL and subject is not None:
        moderation.report_skipped(db, person, subject, now, rng)
    _put(db, person, task_id, fields, now)
    drafts.end_draft(db, person.id, task_id, now + KEPT_AFTER_SKIP)


def resume(db: Connection, person: Person, task_id: str) -> None:
    """The task is open again: its draft stays as long as it is."""
    drafts.end_draft(db, person.id, task_id, None)


def keep_if_none(db: Connection, person: Person, task_id: str, fields: Fields, now: datetime) -> None:
    """Keep what was sent where no form was kept of it."""
    if drafts.draft_of(db, person.id, task_id, now) is None:
        _put(db, person, task_id, fields, now)


def mine(db: Connection, person: Person, now: datetime) -> list[Draft]:
    """All that a person has begun, the latest first; for their own data."""
    return drafts.drafts_of(db, person.id, now, MOST_DRAFTS)
