"""Gold tasks: reviews of messages whose right labels are known, to find careless reviewers.

To who gets one it is a review like any other: in what it shows, how it ends, what it earns and where it stands among
what they contributed. Its answer is compared and kept, and is no review of the message. Knows no HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy import Connection

from espalier.collect.accounts import require, require_for
from espalier.collect.answers import Answer, LabelsAnswer, check_labels
from espalier.domain.contribution import Skipped
from espalier.domain.credit import credit_of_review
from espalier.domain.errors import NotFound, Stale, WrongAnswer, WrongState
from espalier.domain.gold import Agreement, compare, known_answers, wilson_interval
from espalier.domain.message import Role, Skip, offered_labels
from espalier.domain.work import SKIP_OF, Act, Kind
from espalier.store import gold, journal, reading
from espalier.store.boards import add_to_tallies
from espalier.store.facts import FactRow, encode, void
from espalier.store.gold import Known
from espalier.store.people import Person, PersonRole
from espalier.store.work import Candidate, Lease


def mark(db: Connection, actor: Person, message_id: str, answers: Mapping[str, float], now: datetime) -> Known:
    """Say which labels of a message are right; said again, the new ones hold.

    Only of a message that is decided: of one that still wants reviews somebody could be asked twice.
    Raises NotAllowed, NotFound, WrongState, Invalid.
    """
    require(actor, PersonRole.MODERATOR)
    message = reading.message(db, message_id)
    require_for(actor, message.lang)
    if message.removed:
        raise WrongState("This message is removed, so nobody can be asked about it.")
    if message.review_result is None:
        raise WrongState("This message is not decided yet; what is asked about it must be real reviews.")
    right = known_answers(message.role, answers)
    known = Known(message_id, _kind(message.role, message.parent_id), message.lang, right, actor.id, now)
    gold.keep(db, known)
    journal.note(db, actor.id, "gold.marked", message_id, now, tree=message.tree_id)
    return known


def _kind(role: Role, parent_id: str | None) -> Kind:
    if parent_id is None:
        return Kind.LABEL_INITIAL_PROMPT
    return Kind.LABEL_ASSISTANT_REPLY if role is Role.ASSISTANT else Kind.LABEL_PROMPTER_REPLY


def unmark(db: Connection, actor: Person, message_id: str, now: datetime) -> None:
    """Ask nobody else about this message. What was answered so far stays. Raises NotAllowed, NotFound."""
    require(actor, PersonRole.MODERATOR)
    require_for(actor, reading.message(db, message_id).lang)
    if not gold.forget(db, message_id):
        raise NotFound("The right labels of this message are not known.")
    journal.note(db, actor.id, "gold.unmarked", message_id, now)


def in_place_of(db: Connection, person: Person, place: Candidate, share: float, rng: Random) -> Candidate | None:
    """With this probability, a message with known labels to be handed out in place of one that wants a review."""
    if place.act is not Act.LABEL or share <= 0 or rng.random() >= share:
        return None
    unasked = gold.unasked(db, person.id, place.kind, place.lang)
    if not unasked:
        return None
    message_id, tree_id = rng.choice(unasked)
    return Candidate(Act.LABEL, message_id, tree_id, place.kind, place.lang, place.point)


def answer(db: Connection, person: Person, lease: Lease, given: Answer, now: datetime) -> int:
    """Keep an answer to a gold task; its number in the log. Raises WrongAnswer, Stale."""
    tree_id, role = _asked_about(db, lease)
    if not isinstance(given, LabelsAnswer):
        raise WrongAnswer("This task asks for labels.", field="labels")
    full = not lease.simple
    labels = check_labels(given, offered_labels(role, full=full))
    agreement = compare(gold.answers_of(db, lease.subject or ""), labels)
    said = {"labels": labels, "full": full}
    number = gold.record(
        db, person.id, tree_id, lease.subject or "", lease.id, said, agreement, now, terms=person.terms
    )
    add_to_tallies(db, credit_of_review(person.id, now, full=full))
    return number


def skip(db: Connection, person: Person, lease: Lease, reason: str, now: datetime) -> None:
    """Keep that this person did not wish to be asked; nobody is blamed for it. Raises Stale."""
    tree_id, _ = _asked_about(db, lease)
    _, said = encode(Skipped(lease.subject or "", Skip(person.id, SKIP_OF[Act.LABEL], reason)))
    gold.record(db, person.id, tree_id, lease.subject or "", lease.id, said, Agreement(0, 0), now, terms=person.terms)


def _asked_about(db: Connection, lease: Lease) -> tuple[str, Role]:
    """The tree and role of the message of a gold task. Raises Stale as a review of it would."""
    message = reading.message(db, lease.subject or "")
    if message.removed:
        raise Stale("The message was removed in the meantime.")
    return message.tree_id, message.role


def take_back(db: Connection, person: Person, row: FactRow) -> None:
    """Undo an answer; the task is for the caller to give back."""
    void(db, row.seq)
    gold.drop_answer(db, person.id, row.message_id or "")
    add_to_tallies(db, credit_of_review(person.id, row.at, full=row.data["full"], times=-1))


def take_back_skip(db: Connection, person: Person, row: FactRow) -> None:
    """Undo a skip; the task is for the caller to give back."""
    void(db, row.seq)
    gold.drop_answer(db, person.id, row.message_id or "")


@dataclass(frozen=True, slots=True)
class Reviewer:
    """How far a person's reviews agree with what is known to be right.

    `messages`: how many such tasks were answered; `labels`: how many labels of them were judged; `agreed`: how many of
    these agree; `share` of them. `low` and `high`: the 95 % interval of the share (Wilson).
    """

    person: str
    name: str
    messages: int
    labels: int
    agreed: int
    share: float
    low: float
    high: float


def reviewers(db: Connection) -> list[Reviewer]:
    """Everybody who answered a gold task, those first of whom it is surest that they agree rarely."""
    found = []
    for each in gold.records(db):
        agreed, labels = each.agreement.agreed, each.agreement.asked
        low, high = wilson_interval(agreed, labels)
        found.append(Reviewer(each.person_id, each.name, each.messages, labels, agreed, agreed / labels, low, high))
    return sorted(found, key=lambda each: (each.high, each.person))
