"""Cases: what there is to decide about one message or one person, who may decide it, and what a decision can be.

Reports, red flags, failed filters, harmful skips and appeals come together in one open case. Knows no rows, no HTTP and
nothing of how a decision is carried out.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from espalier.domain.errors import Conflict, Invalid, NotAllowed

FREE_AFTER: Final = timedelta(minutes=30)
"""Whoever has taken a case has so long; then others may take it."""
LONGEST_SUSPENSION: Final = 365  # days
MANY: Final = 3
"""So many people weigh one step more than the gravest of what they say."""


class About(StrEnum):
    """What a case is about."""

    MESSAGE = "message"
    PERSON = "person"


class Came(StrEnum):
    """Why a case is there."""

    FILTER = "failed_filter"
    FLAG = "red_flag"
    STAFF = "staff"
    REPORT = "report"
    APPEAL = "appeal"
    HARMFUL = "harmful_skip"


GRAVITY: Final[Mapping[Came, int]] = {
    Came.FILTER: 1,  # a program's guess
    Came.FLAG: 2,  # somebody's, without a word
    Came.STAFF: 3,  # decided as soon as it is there
    Came.REPORT: 4,  # somebody's, with a reason
    Came.APPEAL: 6,  # somebody is shut out until it is decided
    Came.HARMFUL: 8,  # the text may hurt the next one who gets it as a task
}
"""The greater, the earlier it is looked at; between two steps there is room for what many say."""


class State(StrEnum):
    """Where a case stands. `withdrawn`: everybody took back what they had said before anything was decided."""

    OPEN = "open"
    TAKEN = "taken"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"


class Verdict(StrEnum):
    """What can be decided. `settle`: what was to be done was done elsewhere, as by editing the text."""

    DISMISS = "dismiss"
    SETTLE = "settle"
    REMOVE = "remove"
    HALT = "halt"
    WARN = "warn"
    SUSPEND = "suspend"
    BAN = "ban"
    LIFT = "lift"


ON_MESSAGES: Final = (Verdict.DISMISS, Verdict.SETTLE, Verdict.REMOVE, Verdict.HALT)
ON_AUTHORS: Final = (Verdict.WARN, Verdict.SUSPEND, Verdict.BAN)
ON_PEOPLE: Final = (Verdict.SUSPEND, Verdict.BAN)
"""Decided on a person by staff themselves, whatever they wrote."""
ON_APPEALS: Final = (Verdict.DISMISS, Verdict.SUSPEND, Verdict.LIFT)
REASONS: Final = (
    "Spam or advertising",
    "Insult or hate",
    "Sexual content",
    "Violence or a threat",
    "Private data of somebody",
    "Copied text",
    "Not in the language of the conversation",
    "Against the guidelines in another way",
    "Nothing wrong with it",
)
"""The list of reasons until the organiser gives another."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that somebody (None: a program, or who has left) brought to a case.

    `words`: in their words; of a text that failed a filter, the language that it seems to be in.
    """

    came: Came
    person: str | None
    at: datetime
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`days`: of a suspension. `removed`: the message went with what was decided on its author."""

    verdict: Verdict
    reason: str
    note: str
    by: str | None
    at: datetime
    days: int | None = None
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """`person`: whom it is about, a message's author; None for one whom nobody knows. `lang`: None where it has none.

    `out_of_reach`: nobody signs in as that person, whose account is closed or was imported with what they wrote.
    `shut_out_by`: of an appeal, who decided what is appealed against.
    """

    about: About
    subject: str
    lang: str | None
    person: str | None
    opened_at: datetime
    entries: tuple[Entry, ...]
    taken_by: str | None = None
    taken_at: datetime | None = None
    decision: Decision | None = None
    out_of_reach: bool = False
    shut_out_by: str | None = None


def gravity(entries: Iterable[Entry]) -> int:
    """That of the gravest entry; one more where many people brought something."""
    found = list(entries)
    voices = {entry.person for entry in found if entry.person is not None}
    return max((GRAVITY[entry.came] for entry in found), default=0) + (len(voices) >= MANY)


def gravest(entries: Iterable[Entry]) -> Came:
    """The kind by which a case is listed."""
    return max((entry.came for entry in entries), key=lambda came: GRAVITY[came])


def holder(case: Case, now: datetime) -> str | None:
    """Who has the case at this moment."""
    if case.decision is not None or case.taken_at is None or now >= case.taken_at + FREE_AFTER:
        return None
    return case.taken_by


def state(case: Case, now: datetime) -> State:
    if case.decision is not None:
        return State.DECIDED
    if not case.entries:
        return State.WITHDRAWN
    return State.TAKEN if holder(case, now) else State.OPEN


def is_appeal(case: Case) -> bool:
    return any(entry.came is Came.APPEAL for entry in case.entries)


def fitting(case: Case) -> tuple[Verdict, ...]:
    """What can be decided of this case."""
    if case.about is About.PERSON:
        return ON_APPEALS if is_appeal(case) else ON_PEOPLE
    return ON_MESSAGES if case.person is None or case.out_of_reach else (*ON_MESSAGES, *ON_AUTHORS)


def involved(case: Case, person: str, *, others: bool) -> bool:
    """Whether it is this person's own message, report or appeal, or their own ban that is appealed against.

    `others`: whether somebody else is there who could decide on the appeal.
    """
    brought = {entry.person for entry in case.entries}
    return person == case.person or person in brought or (others and person == case.shut_out_by)


def refuse_involved(case: Case, person: str, *, others: bool) -> None:
    """Raises NotAllowed."""
    if involved(case, person, others=others):
        raise NotAllowed("Nobody decides on their own message, report or appeal, or on their own ban.")


def take(case: Case, person: str, now: datetime, *, others: bool) -> Case:
    """The case in this person's hands, for another while if it was already. Raises NotAllowed, Conflict."""
    refuse_involved(case, person, others=others)
    _refuse_over_or_held(case, person, now)
    return replace(case, taken_by=person, taken_at=now)


def put_back(case: Case, person: str, now: datetime) -> Case:
    """Free for others. Raises Conflict when it is not in this person's hands."""
    if holder(case, now) != person:
        raise Conflict("This case is not in your hands.")
    return replace(case, taken_by=None, taken_at=None)


def decide(case: Case, decision: Decision, person: str, *, others: bool, reasons: Collection[str]) -> Case:
    """The case with a decision. Raises NotAllowed, Conflict (also when somebody else has taken it), Invalid."""
    refuse_involved(case, person, others=others)
    _refuse_over_or_held(case, person, decision.at)
    return decided_at_once(case, decision, reasons=reasons)


def decided_at_once(case: Case, decision: Decision, *, reasons: Collection[str]) -> Case:
    """The case that staff open with its decision, nothing having come in. Raises Invalid."""
    if decision.verdict not in fitting(case):
        raise Invalid("This cannot be decided of such a case.", field="verdict")
    if decision.reason not in reasons:
        raise Invalid("Choose a reason from the list.", quoted=" · ".join(reasons), field="reason")
    if decision.verdict is Verdict.SUSPEND and not 1 <= (decision.days or 0) <= LONGEST_SUSPENSION:
        raise Invalid("A suspension lasts 1 to %(most)s days.", most=LONGEST_SUSPENSION, field="days")
    return replace(case, decision=decision, taken_by=None, taken_at=None)


def reopened(case: Case, person: str, *, others: bool) -> Case:
    """The case without its decision. Raises NotAllowed, Conflict."""
    refuse_involved(case, person, others=others)
    if case.decision is None:
        raise Conflict("There is no decision to undo.")
    return replace(case, decision=None, taken_by=None, taken_at=None)


def _refuse_over_or_held(case: Case, person: str, now: datetime) -> None:
    if case.decision is not None:
        raise Conflict("This case is decided; undo the decision first.")
    if not case.entries:
        raise Conflict("Everybody has taken back what they said; there is nothing to decide.")
    if holder(case, now) not in (None, person):
        raise Conflict("Somebody else has this case in hand.")
