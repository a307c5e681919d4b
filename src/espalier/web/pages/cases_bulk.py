"""Many cases decided at once: what would change, then the decision, then the way back, as a whole."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from espalier.collect import cases
from espalier.collect.cases import MOST_AT_ONCE, Ruling
from espalier.domain.cases import ON_AUTHORS, ON_MESSAGES, About, State
from espalier.domain.cases import state as state_of
from espalier.domain.errors import Invalid, NotAllowed, NotFound
from espalier.store import cases as rows
from espalier.store.people import PersonRole
from espalier.web.case_words import KEYS, verdict_words
from espalier.web.pages.cases import Choice, Line, lines_of, ruling_of
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import ModeratorSender, ModeratorVisit, Visit, redirect

router = APIRouter()
EXAMPLES: Final = 10
Cases = Annotated[list[int], Query(alias="case", max_length=MOST_AT_ONCE)]


@dataclass(frozen=True, slots=True)
class Context:
    """numbers: of the cases that can be decided; out: how many of the chosen ones cannot. examples: ten of them."""

    numbers: list[int]
    out: int
    examples: list[Line]
    choices: list[Choice]
    reasons: tuple[str, ...]
    typed: Ruling | None
    fault: str | None
    faulty: str | None


@dataclass(frozen=True, slots=True)
class DoneContext:
    """first: the number under which it is undone. examples: ten of the cases. count: of those that still stand."""

    first: int
    count: int
    examples: list[Line]


@router.get("/moderation/bulk")
def preview(visit: ModeratorVisit, chosen: Cases = []) -> Response:  # noqa: B006 - FastAPI copies it
    return _page(visit, chosen)


@router.post("/moderation/bulk")
async def decide(
    visit: ModeratorSender,
    chosen: Annotated[list[int], Form(alias="case", max_length=MOST_AT_ONCE)] = [],  # noqa: B006 - FastAPI copies it
    verdict: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    days: Annotated[str, Form(max_length=10)] = "",
    remove: Annotated[bool, Form()] = False,
) -> Response:
    campaign, words = visit.campaign, visit.words
    try:
        ruling = ruling_of(visit, verdict, reason, note, days, remove)
        done, left = await campaign.change(
            visit.changing(PersonRole.MODERATOR), cases.decide_many, chosen, ruling, campaign.clock(), campaign.rng
        )
    except Invalid as refused:
        return _page(visit, chosen, refused=refused)
    if not done:
        return redirect(visit, "/moderation", left[0].detail, kind="alarm")
    with campaign.read(visit.caller) as (db, _):
        first = rows.decisions_on(db, done[0], 1)[0].bulk
    said = words.ngettext("%(num)s case is decided.", "%(num)s cases are decided.", len(done)) % {"num": len(done)}
    return redirect(visit, f"/moderation/bulk/{first}", said)


@router.get("/moderation/bulk/{first}")
def decided(visit: ModeratorVisit, first: int) -> Response:
    with visit.campaign.read(visit.caller) as (db, _):
        standing = rows.in_bulk(db, first)
        found = [rows.find(db, each.case_id) for each in standing[:EXAMPLES]]
        lines = lines_of(visit, db, [row for row in found if row])
    if not standing:
        raise NotFound("There is nothing of this left to undo.")
    return render(visit, "cases_decided.html", DoneContext(first, len(standing), lines))


@router.post("/moderation/bulk/{first}/undo")
async def undo(visit: ModeratorSender, first: int) -> Response:
    campaign, words = visit.campaign, visit.words
    done, _ = await campaign.change(
        visit.changing(PersonRole.MODERATOR), cases.undo_many, first, campaign.clock(), campaign.rng
    )
    said = words.ngettext("%(num)s case is open again.", "%(num)s cases are open again.", len(done))
    return redirect(visit, "/moderation", said % {"num": len(done)})


def _page(visit: Visit, chosen: list[int], *, refused: Invalid | None = None) -> Response:
    open_states = (State.OPEN, State.TAKEN)
    with visit.campaign.read(visit.caller) as (db, reader):
        able = []
        for number in sorted(set(chosen)):
            try:
                row = cases.known(db, reader, number)
            except (NotFound, NotAllowed):
                continue
            if row.case.about is About.MESSAGE and state_of(row.case, visit.now) in open_states:
                able.append(row)
        lines = lines_of(visit, db, able[:EXAMPLES])
        reasons = rows.reasons(db)
    names = verdict_words(visit.words)
    context = Context(
        [row.id for row in able], len(set(chosen)) - len(able), lines,
        [Choice(each, names[each], KEYS[each]) for each in (*ON_MESSAGES, *ON_AUTHORS)], reasons, None,
        said(refused, visit.words) if refused else None, refused.field if refused else None,
    )  # fmt: skip
    return render(visit, "cases_bulk.html", context, status=refused.status if refused else 200)
