"""People as staff see them: who there is, and of one all there is to decide: role, ban, what they did.

Knows pages; who may do what to whom is collect/accounts.py, shutting somebody out is shut_out.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.responses import Response

from espalier.collect import accounts, erasure, leaderboard
from espalier.collect.leaderboard import Board, Frame, PersonalFigures
from espalier.domain.cases import About, is_appeal
from espalier.domain.errors import Refusal
from espalier.domain.sight import BlindMessage, seen
from espalier.store import cases, jobs, people, reading
from espalier.store.jobs import Job
from espalier.store.people import Person, PersonRole
from espalier.web.api.people import Contribution, contributions_of
from espalier.web.case_words import decided_words
from espalier.web.deps import listed
from espalier.web.paging import page as paged
from espalier.web.paging import place_in
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.tree_words import Opening, opening
from espalier.web.visit import AdminSender, ModeratorVisit, Visit, known, redirect

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/admin/people"
ON_A_PAGE: Final = 50
CONTRIBUTIONS: Final = 20  # on a page
DECISIONS: Final = 10  # on the person, on the page
CASES: Final = 50
LONGEST_TITLE: Final = 160  # characters
NOT_ASKED: Final = dict.fromkeys(Frame, Board((), {}))
"""Of one person the places on the boards are not looked up."""


@dataclass(frozen=True, slots=True)
class ListContext:
    """people: by name. addresses: whether the reader may know them. q: what was searched for. next: the cursor of the
    next page.
    """

    people: Sequence[Person]
    addresses: bool
    q: str
    next: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """Something that a person did. message_id, title: of the message, if the reader may see it.

    hidden: the reader could still judge it, and is told the day alone.
    """

    kind: str
    at: datetime
    late: bool
    message_id: str | None = None
    title: Opening | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """What was decided on the person. who: who decided. case: where to read and undo it."""

    what: str
    reason: str
    note: str
    days: int | None
    who: str
    at: datetime
    undone_at: datetime | None
    case: int


@dataclass(frozen=True, slots=True)
class Context:
    """Of one person. address: of their mail, for who may know it. role, moderates: as the form holds them.

    may_act: whether the reader may ban and purge them.

    shut_out: banned or suspended now; until: of a suspension. judged: what was decided on them, the last first;
    judged_beside: there is more, about messages that the reader could still judge.

    jobs: a purge or a closing that is under way; what is going is not counted any more. next: the cursor of earlier
    contributions.
    """

    person: Person
    address: str | None
    figures: PersonalFigures
    contributions: Sequence[Done]
    next: str | None
    role: str
    moderates: str
    may_act: bool
    shut_out: bool
    until: datetime | None
    judged: Sequence[Judged]
    judged_beside: bool
    jobs: Sequence[Job]
    fault: str | None
    faulty: str | None


@router.get(ADDRESS)
def everybody(visit: ModeratorVisit, q: str = "", cursor: str | None = None) -> Response:
    after = place_in(cursor, str, str) if cursor else ("", "")
    wanted = q.strip()[:100]
    with visit.campaign.read(visit.caller) as (db, reader):
        addresses = accounts.reads_addresses(reader)
        found = people.search_people(db, ON_A_PAGE + 1, wanted=wanted, after=after, addresses=addresses)
    items, following = paged(found, ON_A_PAGE, lambda person: (person.name, person.id))
    return render(visit, "people.html", ListContext(items, addresses, wanted, following))


@router.get(ADDRESS + "/{person_id}")
def one(visit: ModeratorVisit, person_id: str, cursor: str | None = None) -> Response:
    return _page(visit, person_id, cursor=cursor)


@router.post(ADDRESS + "/{person_id}/role")
async def change_role(
    visit: AdminSender,
    person_id: str,
    role: Annotated[str, Form(max_length=40)] = "",
    moderates: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """`moderates`: languages with commas between; of a moderator only."""
    if role not in set(PersonRole):
        return _page(visit, person_id, role=role, fault=visit.words.gettext("Choose a role."), faulty="role")
    langs = listed(moderates)
    try:
        await visit.campaign.change(
            visit.changing(), accounts.change_role, person_id, PersonRole(role), visit.campaign.clock(),
            moderates=langs if role == PersonRole.MODERATOR else (),
        )  # fmt: skip
    except Refusal as refused:
        return _page(
            visit, person_id, role=role, moderates=moderates, fault=said(refused, visit.words),
            faulty=refused.field or "role", status=refused.status,
        )  # fmt: skip
    return redirect(visit, f"{ADDRESS}/{person_id}", visit.words.gettext("The role is changed."))


def _page(
    visit: Visit,
    person_id: str,
    *,
    cursor: str | None = None,
    role: str | None = None,
    moderates: str | None = None,
    fault: str | None = None,
    faulty: str | None = None,
    status: int = 200,
) -> Response:
    with visit.campaign.read(visit.caller) as (db, reader):
        person = accounts.known(db, person_id)
        figures = leaderboard.personal_figures(db, person, NOT_ASKED, visit.now)
        said = contributions_of(db, reader, person_id, CONTRIBUTIONS, cursor)
        judged, beside = _judged(visit, db, reader, person)
        under_way = [
            job
            for kind in (erasure.PURGE_JOB, erasure.CLOSE_JOB)
            for job in jobs.unfinished(db, kind)
            if job.arguments["person"] == person_id
        ]
    context = Context(
        person, person.email if accounts.reads_addresses(reader) else None, figures,
        [_done(visit, each) for each in said.items], said.next,
        role if role is not None else person.role,
        moderates if moderates is not None else ", ".join(person.moderates), _may_act(known(visit), person),
        not person.anonymous and (person.disabled or person.is_suspended(visit.now)),
        person.suspended_until if person.is_suspended(visit.now) and not person.disabled else None, judged, beside,
        under_way,
        fault, faulty,
    )  # fmt: skip
    return render(visit, "person.html", context, status=422 if fault and status == 200 else status)


def _done(visit: Visit, each: Contribution) -> Done:
    if each.message is None:
        return Done(each.kind, each.at, each.late, hidden=each.tree_id is None)
    message = each.message
    title = opening(message, visit, LONGEST_TITLE, otherwise=visit.words.gettext("(no text)"))
    return Done(each.kind, each.at, each.late, message.id, title)


def _judged(visit: Visit, db: Connection, reader: Person, person: Person) -> tuple[list[Judged], bool]:
    """What the reader may know of what was decided, and whether there is more."""
    decided = cases.decided_on(db, person.id, DECISIONS)
    names = people.by_ids(db, {each.decision.by for each in decided if each.decision.by})
    openly = _told_openly(db, reader, person)
    words = decided_words(visit.words)
    judged = [
        Judged(
            words[each.decision.verdict], each.decision.reason, each.decision.note, each.decision.days,
            names[each.decision.by].name if each.decision.by in names else "", each.decision.at, each.undone_at,
            each.case_id,
        )
        for each in decided
        if each.case_id in openly
    ]  # fmt: skip
    return judged, len(judged) < len(decided)


def _told_openly(db: Connection, reader: Person, person: Person) -> set[int]:
    """The cases of a person that do not tell the reader who wrote a message that they could still judge.

    An appeal leads to the case that it is against, which may be about such a message.
    """
    found = cases.of_person(db, person.id, CASES)
    messages = reading.several(db, {row.case.subject for row in found if row.case.about is About.MESSAGE})
    eyes = reading.viewer(db, reader, messages.values())
    blind = {each.id for each in messages.values() if isinstance(seen(each, eyes), BlindMessage)}
    return {
        row.id
        for row in found
        if row.case.subject not in blind and (reader.role is PersonRole.ADMIN or not is_appeal(row.case))
    }


def _may_act(reader: Person, person: Person) -> bool:
    """A moderator of some languages acts on people from the cases of these alone."""
    everywhere = reader.role is PersonRole.ADMIN or not reader.moderates
    return everywhere and reader.id != person.id and person.role is not PersonRole.ADMIN
