"""Many cases decided at once: what would change, then the decision, then the way back, as a whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from sqlalchemy import Connection
from starlette.responses import Response

from espalier.collect import cases
from espalier.collect.cases import MOST_AT_ONCE
from espalier.domain import cases as rules
from espalier.domain.cases import ON_AUTHORS, ON_MESSAGES, About, State, Verdict
from espalier.domain.errors import Invalid, NotAllowed, NotFound, Refusal
from espalier.store import cases as rows
from espalier.store import people
from espalier.store.cases import CaseRow
from espalier.store.people import Person, PersonRole
from espalier.web.case_words import KEYS, verdict_words
from espalier.web.deps import Number
from espalier.web.pages.cases import Choice, Line, Ruled, Typed, lines_of, ruled_of, ruling_of, typed_of
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import ModeratorSender, ModeratorVisit, Visit, redirect

router = APIRouter(include_in_schema=False)
EXAMPLES: Final = 10
Cases = Annotated[list[Number], Query(alias="case", max_length=MOST_AT_ONCE)]


@dataclass(frozen=True, slots=True)
class Context:
    """numbers: of the cases that can be decided. examples: ten of them. out: the chosen ones that cannot.

    beyond: of how many nothing can be decided on the author, whom nobody knows or nothing reaches.
    """

    numbers: list[int]
    examples: list[Line]
    out: list[Line]
    beyond: int
    choices: list[Choice]
    reasons: tuple[str, ...]
    typed: Typed | None
    fault: str | None
    faulty: str | None


@dataclass(frozen=True, slots=True)
class DoneContext:
    """first: the number under which it is undone. ruled: what was decided, the same on all. examples: ten of the cases.
    count: of those that still stand. left: those that were chosen with them and could not be decided.
    """

    first: int
    count: int
    ruled: Ruled
    examples: list[Line]
    left: list[Line]


@router.get("/moderation/bulk")
def preview(visit: ModeratorVisit, chosen: Cases = []) -> Response:  # noqa: B006 - FastAPI copies it
    return _page(visit, chosen)


@router.post("/moderation/bulk")
async def decide(
    visit: ModeratorSender,
    chosen: Annotated[list[Number], Form(alias="case", max_length=MOST_AT_ONCE)] = [],  # noqa: B006 - FastAPI copies it
    verdict: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    days: Annotated[str, Form(max_length=10)] = "",
    remove: Annotated[bool, Form()] = False,
) -> Response:
    campaign, words = visit.campaign, visit.words
    try:
        ruling = ruling_of(verdict, reason, note, days, remove)
        done, left = await campaign.change(
            visit.changing(PersonRole.MODERATOR), cases.decide_many, chosen, ruling, campaign.clock(), campaign.rng
        )
    except Invalid as refused:
        return _page(visit, chosen, typed_of(verdict, reason, note, days, remove), refused)
    if not done:
        return _page(visit, chosen, typed_of(verdict, reason, note, days, remove), left[0].why)
    with campaign.read(visit.caller) as (db, _):
        first = rows.decisions_on(db, done[0], 1)[0].bulk
    told = words.ngettext("%(num)s case is decided.", "%(num)s cases are decided.", len(done)) % {"num": len(done)}
    query = urlencode([("left", each.id) for each in left])
    return redirect(visit, f"/moderation/bulk/{first}" + (f"?{query}" if left else ""), told)


@router.get("/moderation/bulk/{first}")
def decided(
    visit: ModeratorVisit,
    first: Number,
    left: Annotated[list[Number], Query(max_length=MOST_AT_ONCE)] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    with visit.campaign.read(visit.caller) as (db, reader):
        standing = rows.in_bulk(db, first)
        lines = lines_of(visit, db, reader, _looked_after(db, reader, [each.case_id for each in standing[:EXAMPLES]]))
        over = lines_of(visit, db, reader, _looked_after(db, reader, left))
        staff = people.by_ids(db, {each.decision.by for each in standing if each.decision.by})
    if not standing:
        raise NotFound("There is nothing of this left to undo.")
    ruled = ruled_of(visit, standing[0], {each.id: each.name for each in staff.values()})
    return render(visit, "cases_decided.html", DoneContext(first, len(standing), ruled, lines, over))


@router.post("/moderation/bulk/{first}/undo")
async def undo(visit: ModeratorSender, first: Number) -> Response:
    campaign, words = visit.campaign, visit.words
    done, left = await campaign.change(
        visit.changing(PersonRole.MODERATOR), cases.undo_many, first, campaign.clock(), campaign.rng
    )
    if left:
        return redirect(visit, f"/moderation/bulk/{first}", said(left[0].why, words), kind="alarm")
    told = words.ngettext("%(num)s case is open again.", "%(num)s cases are open again.", len(done))
    return redirect(visit, "/moderation", told % {"num": len(done)})


def _looked_after(db: Connection, reader: Person, numbers: Iterable[int]) -> list[CaseRow]:
    """The cases with these numbers, without those of languages that the reader does not look after."""
    found = []
    for number in sorted(set(numbers)):
        try:
            found.append(cases.known(db, reader, number))
        except (NotFound, NotAllowed):
            continue
    return found


def _page(
    visit: Visit, chosen: list[int], typed: Typed | None = None, refused: Refusal | None = None
) -> Response:  # fmt: skip
    with visit.campaign.read(visit.caller) as (db, reader):
        found = _looked_after(db, reader, chosen)
        able = [row for row in found if _can_decide(row, reader, visit.now)]
        lines = lines_of(visit, db, reader, able[:EXAMPLES])
        out = lines_of(visit, db, reader, [row for row in found if row not in able])
        reasons = rows.reasons(db)
    names, beyond = verdict_words(visit.words), sum(Verdict.WARN not in rules.fitting(row.case) for row in able)
    offered = (*ON_MESSAGES, *(ON_AUTHORS if beyond < len(able) else ()))
    context = Context(
        [row.id for row in able], lines, out, beyond,
        [Choice(each, names[each], KEYS[each]) for each in offered], reasons, typed,
        said(refused, visit.words) if refused else None, refused.field if refused else None,
    )  # fmt: skip
    return render(visit, "cases_bulk.html", context, refused=refused)


def _can_decide(row: CaseRow, reader: Person, now: datetime) -> bool:
    """Open, about a message, nothing of the reader's own, and in nobody else's hands."""
    case = row.case
    return (
        case.about is About.MESSAGE
        and rules.state(case, now) in (State.OPEN, State.TAKEN)
        and not rules.involved(case, reader.id, others=False)
        and rules.holder(case, now) in (None, reader.id)
    )
