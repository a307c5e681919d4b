"""Practice before the first task of a kind: whether it is due, and what came of it.

Knows the policy and what was practised before; does not know the questions, nor HTTP.
"""

from datetime import datetime

from sqlalchemy import Connection

from espalier.domain.errors import NotAllowed, PracticeFirst
from espalier.domain.work import LESSON_OF, Kind
from espalier.store.people import Person
from espalier.store.policies import PolicyBook
from espalier.store.practice import Outcome, keep_practised, practised_by


def is_due(db: Connection, person: Person, lesson: str) -> bool:
    """Whether somebody should practise before they go on: once, or until it is passed where that is required."""
    outcome = practised_by(db, person.id).get(lesson)
    return outcome is not Outcome.PASSED if is_required(db) else outcome is None


def is_required(db: Connection) -> bool:
    return PolicyBook(db).campaign.base.practice_required


def refuse_unpractised(db: Connection, person: Person, kind: Kind, book: PolicyBook) -> None:
    """Whether somebody may answer a task of this kind. Raises PracticeFirst where the practice must be passed."""
    required = book.campaign.base.practice_required
    if required and practised_by(db, person.id).get(LESSON_OF[kind]) is not Outcome.PASSED:
        raise PracticeFirst("In this campaign the practice is to be passed on the site before the first task.")


def practise(db: Connection, person: Person, lesson: str, outcome: Outcome, now: datetime) -> None:
    """Keep what came of it; what was passed once stays so. Raises NotAllowed for a skip where it must be passed."""
    before = practised_by(db, person.id).get(lesson)
    if before is Outcome.PASSED:
        return
    if outcome is Outcome.SKIPPED and is_required(db):
        raise NotAllowed("In this campaign the practice is to be passed before the first task.")
    keep_practised(db, person.id, lesson, outcome, now)
