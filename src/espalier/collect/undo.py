"""Taking back what one has just done: an answer, or a skip; saying afterwards why one skipped; withdrawing a text.

Knows tasks, their time and their drafts; what a tree is without a contribution is withdrawal.py. Knows no HTTP.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy import Connection

from espalier.collect import drafts, gold, moderation, withdrawal
from espalier.collect.answers import ASKED_ALONE, Answer, LabelsAnswer, RankingAnswer, TextAnswer
from espalier.collect.change import Scene
from espalier.collect.tasks import lease_time, shown, tree_of_task
from espalier.domain.charter import refuse_closed
from espalier.domain.errors import BuiltOn, Conflict, Invalid, NotFound
from espalier.domain.message import HARMFUL, LABELS, SKIP_REASONS, UNSAID, LabelKind
from espalier.domain.work import Kind, Task
from espalier.store import receipts, trees, work
from espalier.store.charters import charter_in_force
from espalier.store.facts import GOLD, FactRow, fact_of_task, find_fact, give_reason, writing_of
from espalier.store.people import Person
from espalier.store.policies import PolicyBook
from espalier.store.work import Lease

UNSKIPPED_WITHIN: Final = drafts.KEPT_AFTER_SKIP


@dataclass(frozen=True, slots=True)
class Undone:
    """The task, open again, and what had been sent."""

    task: Task
    sent: Answer


@dataclass(frozen=True, slots=True)
class LastStep:
    """What a person did last and can still take back. until: when they no longer can.

    reason: of a skip; None while it has not been said. asks_why: whether it is of use to say it.
    """

    task_id: str
    kind: Kind
    lang: str
    skipped: bool
    until: datetime
    reason: str | None = None
    asks_why: bool = False


def last_step(db: Connection, person: Person, now: datetime) -> LastStep | None:
    """What somebody answered or skipped last, while it can be taken back."""
    lease = work.last_over(db, person.id, now - LONGEST)
    if lease is None:
        return None
    skipped = lease.status == "skipped"
    until = lease.expires_at + _time_for(lease, PolicyBook(db))
    if until <= now:
        return None
    step = LastStep(lease.id, lease.kind, lease.lang, skipped, until)
    if not skipped or lease.act is None:
        return step
    row = fact_of_task(db, person.id, lease.id)
    said = row.data.get("reason", UNSAID) if row else UNSAID
    reason = None if said == UNSAID else said
    return LastStep(lease.id, lease.kind, lease.lang, True, until, reason, asks_why=row is not None and reason is None)


LONGEST: Final = timedelta(hours=1)
"""No policy gives more time to take something back."""


def _time_for(lease: Lease, book: PolicyBook) -> timedelta:
    if lease.status == "skipped":
        return UNSKIPPED_WITHIN
    return timedelta(seconds=book.for_lang(lease.lang).undo_seconds)


def undo(db: Connection, person: Person, task_id: str, now: datetime, rng: Random) -> Undone:
    """Take back what was answered to a task, whatever it was; it is open again, with the answer as its draft.

    Raises NotFound, also for what was taken back already, and BuiltOn: the time is over, or somebody has built on it.
    """
    lease = _own(db, person, task_id, "done")
    row = fact_of_task(db, person.id, task_id)
    if row is None or lease.status != "done":
        raise NotFound("There is nothing of yours to take back here.")
    return _undone(db, person, lease, row, Scene(PolicyBook(db), now, rng))


def withdraw(db: Connection, person: Person, client_id: str, now: datetime, rng: Random) -> None:
    """The same by the id under which it was sent. Once more changes nothing. Raises NotFound, BuiltOn."""
    found = receipts.contribution_of(db, person.id, client_id)
    if found is None or found[0] is None:
        raise NotFound("You have sent nothing under this id.")
    row = find_fact(db, found[0])
    lease = work.find_lease(db, str(found[1]["task_id"]))
    if row is not None and lease is not None:
        _undone(db, person, lease, row, Scene(PolicyBook(db), now, rng))


def _undone(db: Connection, person: Person, lease: Lease, row: FactRow, scene: Scene) -> Undone:
    if scene.now > row.at + timedelta(seconds=scene.book.for_lang(lease.lang).undo_seconds):
        raise BuiltOn("The time for taking it back is over.")
    sent = _sent(db, lease, row)
    if lease.gold:
        gold.take_back(db, person, row)
    else:
        withdrawal.take_back(db, person, row, scene)
    reopened = _reopen(db, person, lease, scene)
    if isinstance(sent, TextAnswer):
        drafts.keep_if_none(db, person, lease.id, {"text": (sent.text,)}, scene.now)
    return Undone(reopened, sent)


def _reopen(db: Connection, person: Person, lease: Lease, scene: Scene) -> Task:
    policy = scene.book.for_lang(lease.lang)
    work.renew(db, lease, scene.now + lease_time(lease.kind, policy))
    drafts.resume(db, person, lease.id)
    opened = work.find_lease(db, lease.id)
    assert opened is not None, lease.id
    return shown(db, opened, scene.book)


def _sent(db: Connection, lease: Lease, row: FactRow) -> Answer:
    """What was answered, as it would be sent again."""
    if row.kind in withdrawal.TEXTS:
        return TextAnswer(trees.load_tree(db, row.tree_id).messages[row.message_id or ""].text, confirm_language=True)
    if row.kind == "ranked":
        handles = {reply: f"r{place}" for place, reply in enumerate(lease.replies)}
        order = [[handles[reply] for reply in group if reply in handles] for group in row.data["order"]]
        return RankingAnswer(order, row.data["not_rankable"])
    return _labels(row.data["labels"])


def _labels(said: dict[str, Any]) -> LabelsAnswer:
    flags = {name for name, label in LABELS.items() if label.kind is LabelKind.FLAG and name != ASKED_ALONE}
    answered = [name for name in said if name in flags]
    ticked = tuple(name for name in answered if said[name])
    return LabelsAnswer(
        {name: value for name, value in said.items() if name not in flags}, ticked if answered else None
    )


def unskip(db: Connection, person: Person, task_id: str, now: datetime, rng: Random) -> Task:
    """Take a skip back: the task is open again, and what the skip did to the tree is undone.

    Raises NotFound, BuiltOn when the time is over, Stale when what the task is about is gone, and CampaignClosed.
    """
    refuse_closed(charter_in_force(db))
    lease = _own(db, person, task_id, "skipped")
    if now > lease.expires_at + UNSKIPPED_WITHIN:
        raise BuiltOn("The time for taking it back is over.")
    scene = Scene(PolicyBook(db), now, rng)
    row = fact_of_task(db, person.id, task_id)
    if row is not None and row.kind == GOLD:
        gold.take_back_skip(db, person, row)
    elif row is not None:
        withdrawal.take_back(db, person, row, scene)
    if row is not None and row.data["reason"] == HARMFUL:
        moderation.take_report_back(db, person, row.message_id or "", now, rng)
    if lease.act is not None:
        tree_of_task(db, lease)
    return _reopen(db, person, lease, scene)


def give_skip_reason(db: Connection, person: Person, task_id: str, reason: str, now: datetime, rng: Random) -> None:
    """Say why one skipped, after a skip without a reason; a harmful text is reported with it. Once more is as once.

    Raises NotFound, Invalid, BuiltOn when the time is over, and Conflict when another reason was given.
    """
    if reason not in SKIP_REASONS:
        raise Invalid(
            "There is no reason '%(given)s'; there are %(known)s.",
            given=reason,
            known=", ".join(SKIP_REASONS),
            field="reason",
        )
    lease = _own(db, person, task_id, "skipped")
    if now > lease.expires_at + UNSKIPPED_WITHIN:
        raise BuiltOn("The time for saying why is over.")
    row = fact_of_task(db, person.id, task_id)
    if row is None or row.data["reason"] == reason:
        return
    if row.data["reason"] != UNSAID:
        raise Conflict("You have said already why you skipped this.")
    if lease.tree_id is not None:
        trees.load_tree(db, lease.tree_id)  # held, since its skips are read by whoever changes it
    give_reason(db, row, reason)
    if reason == HARMFUL and lease.subject is not None:
        moderation.report_skipped(db, person, lease.subject, now, rng)


def _own(db: Connection, person: Person, task_id: str, status: str) -> Lease:
    lease = work.find_lease(db, task_id)
    if lease is None or lease.person_id != person.id or lease.status != status:
        raise NotFound("There is nothing of yours to take back here.")
    return lease


def withdraw_text(db: Connection, person: Person, message_id: str, now: datetime, rng: Random) -> None:
    """Withdraw a text of one's own that nobody has reviewed or built on, however long ago it was.

    Raises NotFound, also for a text of somebody else, and BuiltOn.
    """
    tree = trees.load_tree_of(db, message_id)
    row = writing_of(db, person.id, tree.id, message_id)
    if row is None:
        raise NotFound("You have written no such message.")
    if tree.messages[message_id].reviews:
        raise BuiltOn("It has been reviewed already, so it stays.")
    withdrawal.take_back(db, person, row, Scene(PolicyBook(db), now, rng))
