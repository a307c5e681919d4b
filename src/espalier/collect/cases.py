"""Cases in the hands of staff: taking one, deciding it, undoing what was decided; and appeals of who is shut out.

What follows from a decision is done in the same transaction, and undone from the case. Knows no HTTP.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy import Connection

from espalier.collect import accounts, incoming, moderation
from espalier.collect.accounts import require
from espalier.collect.answers import clean_text
from espalier.domain import cases as rules
from espalier.domain.cases import About, Came, Decision, Entry, Verdict
from espalier.domain.errors import Conflict, Invalid, NotAllowed, NotFound, Refusal
from espalier.domain.lifecycle import Command
from espalier.domain.tree import STOPPED
from espalier.store import cases, journal, locks, notices, people, reports, trees, work
from espalier.store.cases import CaseRow, Decided
from espalier.store.people import Person, PersonRole
from espalier.store.times import from_us, to_us

MOST_AT_ONCE: Final = 200
MOST_REASONS: Final = 50
LONGEST_REASON: Final = 200  # characters
LONGEST_WORDS: Final = 2000  # characters
SHUT_OUT_BY: Final = ("person.banned", "person.suspended")
DECISIONS: Final = 50
"""Of one case."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a moderator wants decided, not checked yet. `remove`: the message too, when its author is dealt with."""

    verdict: Verdict
    reason: str
    note: str = ""
    days: int | None = None
    remove: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """A case of several that was not decided, and why."""

    id: int
    why: Refusal


def known(db: Connection, actor: Person, number: int, *, alone: bool = False) -> CaseRow:
    """A case that this member of staff looks after. Raises NotAllowed, NotFound."""
    require(actor, PersonRole.MODERATOR)
    row = cases.find(db, number, alone=alone)
    if row is None:
        raise NotFound("There is no such case.")
    if row.case.lang is not None:
        accounts.require_for(actor, row.case.lang)
    else:
        accounts.require_everywhere(actor)
    author = people.by_id(db, row.case.person) if row.case.person else None
    shut_out_by = _shut_out_by(db, row.case.subject) if rules.is_appeal(row.case) else None
    gone = author is not None and author.anonymous
    return replace(row, case=replace(row.case, out_of_reach=gone, shut_out_by=shut_out_by))


def others(db: Connection, row: CaseRow) -> bool:
    """Whether somebody else than who shut them out could decide on an appeal."""
    shut = row.case.shut_out_by
    return shut is not None and cases.other_staff(db, (shut, row.case.person), row.case.lang)


def take(db: Connection, actor: Person, number: int, now: datetime) -> CaseRow:
    """Take a case in hand, for half an hour. Raises NotAllowed, NotFound, Conflict."""
    row = known(db, actor, number, alone=True)
    taken = rules.take(row.case, actor.id, now, others=others(db, row))
    cases.hold(db, number, taken.taken_by, taken.taken_at)
    journal.note(db, actor.id, "case.taken", str(number), now)
    return replace(row, case=taken)


def put_back(db: Connection, actor: Person, number: int, now: datetime) -> None:
    """Leave a case to others. Raises NotAllowed, NotFound, Conflict."""
    rules.put_back(known(db, actor, number, alone=True).case, actor.id, now)
    cases.hold(db, number, None, None)
    journal.note(db, actor.id, "case.put_back", str(number), now)


def decide(db: Connection, actor: Person, number: int, ruling: Ruling, now: datetime, rng: Random) -> int:
    """Decide a case and do what was decided; the number of the decision.

    Raises NotAllowed, NotFound, Invalid, Conflict (also when somebody else was quicker).
    """
    row = known(db, actor, number)
    if row.case.person is not None and ruling.verdict in (Verdict.SUSPEND, Verdict.BAN, Verdict.LIFT):
        people.by_id_alone(db, row.case.person)  # people are held before trees
    if row.case.about is About.MESSAGE:
        trees.load_tree_of(db, row.case.subject)
    row = known(db, actor, number, alone=True)
    on_author = ruling.verdict in rules.ON_AUTHORS and row.case.about is About.MESSAGE
    decision = Decision(
        ruling.verdict, ruling.reason, _note(ruling.note), actor.id, now,
        ruling.days if ruling.verdict is Verdict.SUSPEND else None, ruling.remove and on_author,
    )  # fmt: skip
    decided = rules.decide(row.case, decision, actor.id, others=others(db, row), reasons=cases.reasons(db))
    if row.case.person is not None and decision.verdict in (*rules.ON_AUTHORS, Verdict.LIFT):
        _refuse_on_staff(db, actor, row.case.person)
    before = _carry_out(db, actor, row, decision, now, rng)
    kept = cases.keep_decision(db, number, decision, before)
    incoming.tell(db, decided.person, decided.entries, decision, kept)
    journal.note(db, actor.id, f"case.{decision.verdict}", str(number), now, decision=kept, **_of(row.case))
    return kept


def shut_out(db: Connection, actor: Person, person_id: str, ruling: Ruling, now: datetime, rng: Random) -> int:
    """Ban or suspend somebody for all they do, without a case that came in; the number of the decision.

    It is a case of its own, from which it is undone; the person reads the reason and the note, and may appeal.
    Raises NotAllowed, NotFound, Invalid, and Conflict for who is banned already or has appealed.
    """
    accounts.require_everywhere(actor)
    if actor.id == person_id:
        raise NotAllowed("Nobody shuts themselves out; to leave, close your account.")
    _refuse_on_staff(db, actor, person_id)
    decision = Decision(
        ruling.verdict, ruling.reason, _note(ruling.note), actor.id, now,
        ruling.days if ruling.verdict is Verdict.SUSPEND else None,
    )  # fmt: skip
    case = rules.Case(About.PERSON, person_id, None, person_id, now, ())
    rules.decided_at_once(case, decision, reasons=cases.reasons(db))
    if accounts.known_alone(db, person_id).disabled:
        raise Conflict("This account is banned already.")
    if cases.open_on(db, About.PERSON, person_id) is not None:
        raise Conflict("This person has appealed against what was decided before; decide on the appeal first.")
    number = cases.add_case(
        db, About.PERSON, person_id, Came.STAFF, now, lang=None, tree_id=None, person_id=person_id
    )  # fmt: skip
    before = _deal_with(db, actor, known(db, actor, number), decision, now, rng)
    kept = cases.keep_decision(db, number, decision, before)
    incoming.tell(db, person_id, (), decision, kept)
    journal.note(db, actor.id, f"case.{decision.verdict}", str(number), now, decision=kept)
    return kept


def let_in(db: Connection, actor: Person, person_id: str, now: datetime, rng: Random) -> Person:
    """Neither banned nor suspended any more, whatever was decided; an appeal that waits is granted.

    Raises NotAllowed, NotFound, and Conflict for an account that is closed.
    """
    accounts.require_everywhere(actor)
    _let_in(db, actor, accounts.known_alone(db, person_id), None, now, rng)
    _grant_appeal(db, actor, person_id, now)
    return accounts.known(db, person_id)


def _grant_appeal(db: Connection, actor: Person, person_id: str, now: datetime) -> None:
    """What somebody who was let in had asked for is settled."""
    row = cases.open_on(db, About.PERSON, person_id)
    if row is not None:
        decision = Decision(Verdict.LIFT, "", "", actor.id, now)
        incoming.tell(db, person_id, row.case.entries, decision, cases.keep_decision(db, row.id, decision, {}))


def _refuse_on_staff(db: Connection, actor: Person, person_id: str) -> None:
    person = accounts.known_alone(db, person_id)
    accounts.may_act_on(actor, person)
    if person.role is PersonRole.ADMIN:
        raise NotAllowed("An administrator is dealt with by another one, who takes the role away first.")
    if person.anonymous:
        raise Conflict("This account is closed.")


def _of(case: rules.Case) -> dict[str, str]:
    """What the journal says of a case beside its number: the message, but not the person, whom it would give away."""
    return {"of": case.subject} if case.about is About.MESSAGE else {}


def _note(note: str) -> str:
    if not note.strip():
        return ""
    try:
        return clean_text(note, LONGEST_WORDS)
    except Invalid as refusal:
        refusal.field = "note"
        raise


def _carry_out(
    db: Connection, actor: Person, row: CaseRow, decision: Decision, now: datetime, rng: Random
) -> dict[str, Any]:
    """Do what was decided; what undoing it has to bring back."""
    before: dict[str, Any] = {}
    subject, verdict = row.case.subject, decision.verdict
    if verdict is Verdict.REMOVE or decision.removed:
        before["removed"] = _remove(db, actor, subject, now, rng)
    if verdict is Verdict.HALT:
        before["halted"] = _halt(db, actor, subject, decision.reason, now, rng)
    if verdict in (Verdict.WARN, Verdict.SUSPEND, Verdict.BAN, Verdict.LIFT):
        before |= _deal_with(db, actor, row, decision, now, rng)
    if row.case.about is About.MESSAGE:
        before["reports_closed_at"] = to_us(now)
        moderation.close_reports(db, actor, subject, now, rng, dismiss=verdict is Verdict.DISMISS, with_case=False)
    return before


def _remove(db: Connection, actor: Person, message_id: str, now: datetime, rng: Random) -> bool:
    """Whether the message was there until now."""
    if trees.load_tree_of(db, message_id).messages[message_id].deleted:
        return False
    moderation.delete_message(db, actor, message_id, now, rng)
    return True


def _halt(db: Connection, actor: Person, message_id: str, reason: str, now: datetime, rng: Random) -> bool:
    """Whether the tree went on until now."""
    tree = trees.load_tree_of(db, message_id)
    if tree.state in STOPPED:
        return False
    moderation.order_tree(db, actor, tree.id, Command.HALT, now, rng, reason=reason)
    return True


def _deal_with(
    db: Connection, actor: Person, row: CaseRow, decision: Decision, now: datetime, rng: Random
) -> dict[str, Any]:
    assert row.case.person is not None
    person = accounts.known_alone(db, row.case.person)
    until = person.suspended_until
    before = {"banned": person.disabled, "until": None if until is None else to_us(until)}
    if decision.verdict is Verdict.BAN:
        accounts.ban(db, actor, person.id, now, lang=row.case.lang)
    if decision.verdict in (Verdict.SUSPEND, Verdict.LIFT):
        _let_in(db, actor, person, row.case.lang, now, rng)
    if decision.verdict is Verdict.SUSPEND:
        assert decision.days is not None
        suspend(db, actor, person.id, now + timedelta(days=decision.days), now)
    return before


def _let_in(
    db: Connection, actor: Person, person: Person, lang: str | None, now: datetime, rng: Random
) -> None:  # fmt: skip
    """Neither banned nor suspended any more."""
    accounts.unban(db, actor, person.id, now, rng, lang=lang)
    if person.suspended_until is not None:
        people.suspend(db, person.id, None)
        if person.is_suspended(now):
            journal.note(db, actor.id, "person.unsuspended", person.id, now)


def suspend(db: Connection, actor: Person, person_id: str, until: datetime, now: datetime) -> None:
    """Until then no request of this person is answered; what they held is free for others."""
    people.suspend(db, person_id, until)
    work.release_all(db, person_id, now)
    journal.note(db, actor.id, "person.suspended", person_id, now, until=until.isoformat(timespec="seconds"))


def undo(db: Connection, actor: Person, number: int, now: datetime, rng: Random) -> None:
    """Take a decision back with all that it did; the case waits again. Raises NotAllowed, NotFound, Conflict.

    Flags that were dismissed still do not count for automatic moderation.
    """
    row = known(db, actor, number)
    if row.case.person is not None:
        people.by_id_alone(db, row.case.person)
    if row.case.about is About.MESSAGE:
        trees.load_tree_of(db, row.case.subject)
    row = known(db, actor, number, alone=True)
    rules.reopened(row.case, actor.id, others=others(db, row))
    decided = cases.decisions_by_number(db, [row.decision_number or 0])[row.decision_number or 0]
    _bring_back(db, actor, row, decided, now, rng)
    newer = cases.open_on(db, row.case.about, row.case.subject)
    if newer is not None:
        cases.merge(db, newer.id, into=number)
    cases.reopen(db, number, decided.number, actor.id, now)
    notices.take_back(db, decided.number)
    journal.note(db, actor.id, "case.undone", str(number), now, decision=decided.number, **_of(row.case))


def _bring_back(db: Connection, actor: Person, row: CaseRow, decided: Decided, now: datetime, rng: Random) -> None:
    before, subject = decided.before, row.case.subject
    if before.get("removed") and trees.load_tree_of(db, subject).messages[subject].deleted:
        moderation.undelete_message(db, actor, subject, now, rng)
    if before.get("halted"):
        tree = trees.load_tree_of(db, subject)
        if tree.state in STOPPED:
            moderation.order_tree(db, actor, tree.id, Command.RESUME, now, rng)
    if "banned" in before and row.case.person is not None:
        _set_back(db, actor, row.case.person, before, row.case.lang, now, rng)
    if "reports_closed_at" in before:
        reports.reopen(db, subject, from_us(before["reports_closed_at"]))


def _set_back(
    db: Connection,
    actor: Person,
    person_id: str,
    before: Mapping[str, Any],
    lang: str | None,
    now: datetime,
    rng: Random,
) -> None:
    """The person is banned or suspended as they were before; who is neither has nothing left to appeal against."""
    person = accounts.known_alone(db, person_id)
    if person.anonymous:
        return
    until = None if before["until"] is None else from_us(before["until"])
    if person.suspended_until != until:
        people.suspend(db, person_id, until)
    if before["banned"] and not person.disabled:
        accounts.ban(db, actor, person_id, now, lang=lang)
    elif person.disabled and not before["banned"]:
        accounts.unban(db, actor, person_id, now, rng, lang=lang)
    if not before["banned"] and (until is None or until <= now):
        _grant_appeal(db, actor, person_id, now)


def decide_many(
    db: Connection, actor: Person, numbers: Sequence[int], ruling: Ruling, now: datetime, rng: Random
) -> tuple[list[int], list[Left]]:
    """The same for many cases, as one entry that is undone as a whole; those decided, and those that could not be.

    Raises NotAllowed, Invalid.
    """
    require(actor, PersonRole.MODERATOR)
    if not 1 <= len(numbers) <= MOST_AT_ONCE:
        raise Invalid("Between 1 and %(most)s cases are decided at once.", most=MOST_AT_ONCE, field="cases")
    if ruling.reason not in (reasons := cases.reasons(db)):
        raise Invalid("Choose a reason from the list.", quoted=" · ".join(reasons), field="reason")
    kept, done, left = list[int](), list[int](), list[Left]()
    rows = [cases.find(db, number) for number in set(numbers)]
    locks.hold_trees(db, {row.tree_id for row in rows if row and row.tree_id}, languages=True)
    for number in sorted(set(numbers)):
        try:
            kept.append(decide(db, actor, number, ruling, now, rng))
            done.append(number)
        except Refusal as refusal:
            left.append(Left(number, refusal))
    if kept:
        cases.keep_together(db, kept)
        journal.note(db, actor.id, "cases.decided", str(kept[0]), now, verdict=ruling.verdict, count=len(kept))
    return done, left


def undo_many(db: Connection, actor: Person, first: int, now: datetime, rng: Random) -> tuple[list[int], list[Left]]:
    """Take back what was decided at once; `first`: its number. Raises NotAllowed, NotFound."""
    require(actor, PersonRole.MODERATOR)
    standing = cases.in_bulk(db, first)
    if not standing:
        raise NotFound("There is nothing of this left to undo.")
    done, left = list[int](), list[Left]()
    for decided in standing:
        try:
            undo(db, actor, decided.case_id, now, rng)
            done.append(decided.case_id)
        except Refusal as refusal:
            left.append(Left(decided.case_id, refusal))
    if done:
        journal.note(db, actor.id, "cases.undone", str(first), now, count=len(done))
    return done, left


def appeal(db: Connection, person: Person, words: str, now: datetime) -> int:
    """Somebody who is banned or suspended asks to be let in; the number of the case.

    Raises Invalid, and Conflict where nothing is to be appealed against or an appeal is open.
    """
    if person.anonymous or not (person.disabled or person.is_suspended(now)):
        raise Conflict("You are not shut out; there is nothing to appeal against.")
    try:
        said = clean_text(words, LONGEST_WORDS)
    except Invalid as refusal:
        refusal.field, refusal.text = "words", words
        raise
    if open_appeal(db, person.id):
        raise Conflict("Your appeal is waiting to be decided.")
    lang = _lang_of_ban(db, person.id)
    number = cases.add_case(
        db, About.PERSON, person.id, Came.APPEAL, now, lang=lang, tree_id=None, person_id=person.id
    )  # fmt: skip
    cases.add_entry(db, number, Entry(Came.APPEAL, person.id, now, said))
    journal.note(db, person.id, "case.appealed", str(number), now)
    return number


def appealed_against(db: Connection, row: CaseRow) -> Decided | None:
    """The decision that an appeal is against; None where it was undone since."""
    decided = _shutting_out(db, row.case.subject) if rules.is_appeal(row.case) else None
    return decided if decided and decided.decision.at <= row.case.opened_at else None


def _shutting_out(db: Connection, person_id: str) -> Decided | None:
    """By which somebody was banned or suspended last."""
    why = notices.why_shut_out(db, person_id)
    return cases.decisions_by_number(db, [why.number])[why.number] if why else None


def _lang_of_ban(db: Connection, person_id: str) -> str | None:
    """The language of the message for which this person was shut out: who looks after it decides on the appeal."""
    decided = _shutting_out(db, person_id)
    row = cases.find(db, decided.case_id) if decided else None
    return row.case.lang if row else None


def open_appeal(db: Connection, person_id: str) -> bool:
    """Whether this person waits for an answer."""
    return cases.open_on(db, About.PERSON, person_id) is not None


def _shut_out_by(db: Connection, person_id: str) -> str | None:
    """Who banned or suspended this person last."""
    last = [
        entry for action in SHUT_OUT_BY for entry in journal.entries(db, 1, subject=person_id, action=action)
    ]  # fmt: skip
    return max(last, key=lambda entry: entry.seq).person_id if last else None


def change_reasons(db: Connection, actor: Person, given: str, now: datetime) -> tuple[str, ...]:
    """The list from which a reason is chosen, one a line. Raises NotAllowed, Invalid."""
    require(actor, PersonRole.ADMIN)
    listed = tuple(dict.fromkeys(line.strip() for line in given.splitlines() if line.strip()))
    if not 1 <= len(listed) <= MOST_REASONS or any(len(line) > LONGEST_REASON for line in listed):
        raise Invalid(
            "Give 1 to %(most)s reasons, one a line, each of at most %(longest)s characters.",
            most=MOST_REASONS,
            longest=LONGEST_REASON,
            field="reasons",
        )
    if listed != cases.reasons(db):
        cases.keep_reasons(db, listed, actor.id, now)
        journal.note(db, actor.id, "reasons.changed", None, now, count=len(listed))
    return listed


def reveal(db: Connection, actor: Person, number: int, now: datetime) -> Person | None:
    """Whom a case is about; the journal keeps that somebody looked. Raises NotAllowed, NotFound."""
    row = known(db, actor, number)
    journal.note(db, actor.id, "case.revealed", str(number), now, **_of(row.case))
    return people.by_id(db, row.case.person) if row.case.person else None


def acknowledge(db: Connection, person: Person, decision: int, now: datetime) -> None:
    """Somebody has read what was decided. Raises NotFound."""
    if not notices.read(db, person.id, decision, now):
        raise NotFound("There is no such notice to read.")
