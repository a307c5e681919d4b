"""Accepting what volunteers send, and taking it back. One function each, in the caller's transaction.

Knows tasks, trees and receipts; does not know HTTP. What an answer may look like is answers.py.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection

from espalier.collect import gold, incoming
from espalier.collect.answers import (
    Answer,
    LabelsAnswer,
    RankingAnswer,
    TextAnswer,
    check_labels,
    check_ranking,
    clean_text,
)
from espalier.collect.change import Scene, change_tree
from espalier.collect.ids import new_id
from espalier.collect.practice import refuse_unpractised
from espalier.collect.tasks import own_lease, tree_of_task
from espalier.collect.weights import weight_now
from espalier.domain.arrival import is_late
from espalier.domain.cases import Came
from espalier.domain.charter import refuse_answers
from espalier.domain.contribution import (
    Contribution,
    Planted,
    Ranked,
    Replied,
    Reviewed,
    ranking_counts,
    review_counts,
)
from espalier.domain.errors import DuplicateText, IdReused, Refusal, WrongAnswer, WrongLanguage
from espalier.domain.lottery import random_goal_size
from espalier.domain.message import Message, Ranking, Review, Role, offered_labels
from espalier.domain.policy import Policy
from espalier.domain.tree import Tree
from espalier.domain.work import Act
from espalier.safety.duplicates import fingerprint
from espalier.safety.language import looks_foreign
from espalier.store import inspirations, locks, receipts, texts, work
from espalier.store.charters import charter_in_force
from espalier.store.facts import record
from espalier.store.people import Person
from espalier.store.policies import PolicyBook
from espalier.store.work import Lease


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a volunteer holds in hand after sending. `message_id`: of their own text; of others' they learn nothing."""

    id: str
    task_id: str
    kind: str
    late: bool
    message_id: str | None
    undo_until: datetime


def submit(
    db: Connection, person: Person, task_id: str, client_id: str, answer: Answer, now: datetime, rng: Random
) -> Receipt:
    """Accept an answer to a task. The same `client_id` again returns the first receipt and changes nothing.

    Raises NotFound, AlreadyAnswered, IdReused, Stale, DuplicateText, TooLong, WrongLanguage, WrongAnswer,
    CampaignClosed, TermsNotAccepted, PracticeFirst; a refused text is handed back with the refusal.
    """
    text = answer.text if isinstance(answer, TextAnswer) else None
    try:
        return _submit(db, person, task_id, client_id, answer, now, rng)
    except Refusal as refusal:
        refusal.text = text
        raise


def _submit(
    db: Connection, person: Person, task_id: str, client_id: str, answer: Answer, now: datetime, rng: Random
) -> Receipt:
    asked = receipts.digest((task_id, answer))
    if first := receipts.first_answer(db, person.id, client_id, asked):
        return _first_receipt(db, first)
    refuse_answers(charter_in_force(db), accepted=person.terms)
    lease = own_lease(db, person, task_id)
    scene = Scene(PolicyBook(db), now, rng)
    refuse_unpractised(db, person, lease.kind, scene.book)
    policy = scene.book.for_lang(lease.lang)
    if lease.gold:
        number, late, message_id = _answer_known(db, person, lease, answer, scene)
    elif lease.act is None:
        number, late, message_id = _plant(db, person, lease, _text(answer), policy, scene)
    else:
        number, late, message_id = _contribute(db, person, lease, answer, policy, scene)
    until = now + timedelta(seconds=policy.undo_seconds)
    receipt = Receipt(client_id, task_id, lease.kind, late, message_id, until)
    receipts.keep_answer(
        db,
        person.id,
        client_id,
        asked,
        {
            "id": client_id,
            "task_id": task_id,
            "kind": lease.kind,
            "late": late,
            "message_id": message_id,
            "undo_until": until.isoformat(),
        },
        number,
    )
    return receipt


def _first_receipt(db: Connection, first: dict[str, Any]) -> Receipt:
    lease = work.find_lease(db, first["task_id"])
    if lease is not None and lease.status == "open":
        raise IdReused("What was sent under this id has been taken back; choose a new one.", field="id")
    return Receipt(**{**first, "undo_until": datetime.fromisoformat(first["undo_until"])})


def _text(answer: Answer) -> TextAnswer:
    if not isinstance(answer, TextAnswer):
        raise WrongAnswer("This task asks for a text.", field="text")
    return answer


Taken = tuple[int, bool, str | None]
"""The number in the log, whether it came late, and the message that was written."""


def _plant(db: Connection, person: Person, lease: Lease, answer: TextAnswer, policy: Policy, scene: Scene) -> Taken:
    text = _accepted_text(db, person, lease, answer, policy, scene.now)
    message = Message(new_id(scene.rng), None, Role.PROMPTER, person.id, scene.now, lease.lang, text, depth=0)
    shape = policy.shape(random_goal_size(policy, scene.rng))
    beside = inspirations.find(db, lease.inspiration) if lease.inspiration else None
    fact = Planted(message, shape, scene.book.version, origin=beside.idea.origin if beside else None)
    work.release(db, lease, status="done", expires_at=scene.now)
    number = record(db, message.id, fact, scene.now, person=person.id, task=lease.id, terms=person.terms)
    change_tree(db, None, fact, scene)
    _show_doubtful(db, message.id, message, answer, scene.now)
    return number, False, message.id


def _answer_known(db: Connection, person: Person, lease: Lease, answer: Answer, scene: Scene) -> Taken:
    number = gold.answer(db, person, lease, answer, scene.now)
    work.release(db, lease, status="done", expires_at=scene.now)
    return number, False, None


def _contribute(db: Connection, person: Person, lease: Lease, answer: Answer, policy: Policy, scene: Scene) -> Taken:
    """A reply, review or ranking of a tree that may have moved on since the task was handed out."""
    tree = tree_of_task(db, lease)
    if locks.several_writers(db):
        lease = own_lease(db, person, lease.id)  # its place may have been freed while the tree was waited for
    assert lease.subject is not None, f"{lease.kind} without a message"
    assert lease.act is not None, lease.kind
    others, others_in_tree = (0, 0) if lease.held else work.held_now(db, tree.id, lease.act, lease.subject, scene.now)
    late = is_late(
        tree,
        scene.book.of(tree.policy, tree.lang),
        lease.act,
        lease.subject,
        held=lease.held,
        others=others,
        others_in_tree=others_in_tree,
    )
    match lease.act:
        case Act.REPLY:
            fact, counted = _reply(db, person, lease, tree, _text(answer), late, policy, scene), True
        case Act.LABEL:
            fact = _review(person, lease, tree, answer, late, weight_now(db, person, policy), scene)
            counted = review_counts(tree, tree.messages[lease.subject])
        case Act.RANK:
            weight = weight_now(db, person, policy)
            fact, counted = _ranking(person, lease, answer, late, weight, scene), ranking_counts(tree)
    work.release(db, lease, status="done", expires_at=scene.now)
    number = record(
        db, tree.id, fact, scene.now, person=person.id, task=lease.id, late=late, counted=counted, terms=person.terms
    )
    change_tree(db, tree, _numbered(fact, number), scene)
    if not isinstance(fact, Replied):
        return number, late, None
    _show_doubtful(db, tree.id, fact.message, _text(answer), scene.now)
    return number, late, fact.message.id


def _reply(
    db: Connection,
    person: Person,
    lease: Lease,
    tree: Tree,
    answer: TextAnswer,
    late: bool,
    policy: Policy,
    scene: Scene,
) -> Contribution:
    parent = tree.messages[lease.subject or ""]
    text = _accepted_text(db, person, lease, answer, policy, scene.now)
    return Replied(
        Message(
            new_id(scene.rng),
            parent.id,
            parent.role.other,
            person.id,
            scene.now,
            lease.lang,
            text,
            depth=parent.depth + 1,
            late=late,
        )
    )


def _review(
    person: Person, lease: Lease, tree: Tree, answer: Answer, late: bool, weight: float, scene: Scene
) -> Contribution:
    if not isinstance(answer, LabelsAnswer):
        raise WrongAnswer("This task asks for labels.", field="labels")
    message = tree.messages[lease.subject or ""]
    labels = check_labels(answer, offered_labels(message.role, full=not lease.simple))
    return Reviewed(message.id, Review(0, person.id, scene.now, labels, not lease.simple, late, weight=weight))


def _ranking(person: Person, lease: Lease, answer: Answer, late: bool, weight: float, scene: Scene) -> Contribution:
    if not isinstance(answer, RankingAnswer):
        raise WrongAnswer("This task asks for a ranking.", field="order")
    order = check_ranking(answer, lease.replies)
    ranking = Ranking(0, person.id, scene.now, order, answer.not_rankable, late, weight=weight)
    return Ranked(lease.subject or "", ranking)


def _numbered(fact: Contribution, number: int) -> Contribution:
    """The fact with the number that the log gave it: a rebuild reads the same."""
    match fact:
        case Reviewed():
            return replace(fact, review=replace(fact.review, id=number))
        case Ranked():
            return replace(fact, ranking=replace(fact.ranking, id=number))
    return fact


def _accepted_text(
    db: Connection, person: Person, lease: Lease, answer: TextAnswer, policy: Policy, now: datetime
) -> str:
    """The text as it is kept, after all that can speak against it."""
    text = clean_text(answer.text, policy.message_max_characters)
    mark = fingerprint(text)
    window = timedelta(minutes=policy.duplicate_window_minutes)
    if window and texts.was_sent(db, person.id, mark, now - window):
        raise DuplicateText("You have sent this text before.", field="text")
    if not answer.confirm_language and (other := looks_foreign(text, lease.lang)):
        raise WrongLanguage(
            "This looks like '%(other)s', but the conversation is in '%(lang)s'. If it is right as it "
            "is, send it again with confirm_language.",
            other=other,
            lang=lease.lang,
            field="confirm_language",
        )
    texts.keep_sent(db, person.id, mark, now)
    return text


def _show_doubtful(db: Connection, tree_id: str, message: Message, answer: TextAnswer, now: datetime) -> None:
    """A text that its author sent although it looks like another language is for moderators to see."""
    if answer.confirm_language and (other := looks_foreign(message.text, message.lang)):
        incoming.bring(db, tree_id, message, Came.FILTER, None, other, now)
