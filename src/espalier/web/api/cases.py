"""Cases over HTTP: the queue, one case, taking, deciding, undoing; notices of what was decided, and appeals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Request, Response
from pydantic import Field

from espalier.collect import cases
from espalier.collect.cases import MOST_AT_ONCE, Ruling
from espalier.domain import cases as rules
from espalier.domain.cases import FREE_AFTER, About, Came, State, Verdict
from espalier.store import cases as rows
from espalier.store import notices
from espalier.store.cases import CaseFilter, CaseRow
from espalier.store.notices import Notice
from espalier.store.people import PersonRole
from espalier.web.api.forms import Form, example
from espalier.web.api.router import api_router
from espalier.web.deps import CampaignDep, Contributor, Lang, Moderator, ModeratorReader, Number, Reader, ShutOut
from espalier.web.paging import UNCHANGED, Cursor, Limit, Page, answered, page, place_in

router = api_router("moderation")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a case is there, without the name of who brought it.

    `words`: theirs; of what failed a filter, the language that the text seems to be in.
    """

    came: Came
    at: datetime
    words: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The decision that stands. `by`: who decided."""

    verdict: Verdict
    reason: str
    note: str
    days: int | None
    removed: bool
    by: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseView:
    """`subject`: the message; null for an appeal, whose author is not named. `holder`: who has it in hand."""

    id: int
    about: About
    subject: str | None
    lang: str | None
    state: State
    came: Came
    opened_at: datetime
    entries: Sequence[Reason]
    holder: str | None
    decision: Outcome | None


def _view(row: CaseRow, now: datetime) -> CaseView:
    case, decision = row.case, row.case.decision
    outcome = None
    if decision is not None:
        outcome = Outcome(
            decision.verdict, decision.reason, decision.note, decision.days, decision.removed, decision.by, decision.at
        )  # fmt: skip
    return CaseView(
        row.id, case.about, case.subject if case.about is About.MESSAGE else None, case.lang, rules.state(case, now),
        row.came, case.opened_at, [Reason(entry.came, entry.at, entry.words) for entry in case.entries],
        rules.holder(case, now), outcome,
    )  # fmt: skip


@router.get("/cases", response_model=Page[CaseView], responses=UNCHANGED, summary="What there is to decide")
def queue(
    request: Request,
    campaign: CampaignDep,
    caller: ModeratorReader,
    lang: Lang,
    state: State = State.OPEN,
    came: Came | None = None,
    mine: bool = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """For moderators, of the languages they look after; the gravest and oldest first."""
    after, now = place_in(cursor, int, int, int) if cursor else rows.FIRST, campaign.clock()
    with campaign.read(caller) as (db, person):
        wanted = CaseFilter(
            State.OPEN if state is State.TAKEN else state,
            lang,
            person.moderates if person.role is PersonRole.MODERATOR else (),
            came,
            holder=person.id if mine else None,
            taken={State.OPEN: False, State.TAKEN: True}.get(state),
        )
        found = rows.queue(db, wanted, limit + 1, free_before=now - FREE_AFTER, after=after)
    shown, following = page(found, limit, lambda row: row.place)
    return answered(
        request, Page[CaseView], Page[CaseView](items=[_view(row, now) for row in shown], next=following)
    )  # fmt: skip


@router.get("/cases/{number}", response_model=CaseView, responses=UNCHANGED, summary="One case")
def one(number: Number, request: Request, campaign: CampaignDep, caller: ModeratorReader) -> Response:
    """For moderators who look after its language."""
    with campaign.read(caller) as (db, person):
        found = cases.known(db, person, number)
    return answered(request, CaseView, _view(found, campaign.clock()))


@router.post("/cases/{number}/take", summary="Take a case in hand, for half an hour")
async def take(number: Number, campaign: CampaignDep, caller: Moderator) -> CaseView:
    """For moderators; nobody takes what is about themselves or came from them."""
    now = campaign.clock()
    return _view(await campaign.change(caller, cases.take, number, now), now)


@router.post("/cases/{number}/put-back", status_code=204, summary="Leave a case to others")
async def put_back(number: Number, campaign: CampaignDep, caller: Moderator) -> None:
    """For moderators, of what they have in hand."""
    await campaign.change(caller, cases.put_back, number, campaign.clock())


class RulingForm(Form):
    """`reason`: one of the organiser's list. `days`: of a suspension. `remove`: the message too, with its author."""

    verdict: Verdict
    reason: str
    note: str = ""
    days: int | None = None
    remove: bool = False

    model_config = example({"verdict": "remove", "reason": "Insult or hate", "note": "Please keep to the subject."})

    def as_ruling(self) -> Ruling:
        return Ruling(self.verdict, self.reason, self.note, self.days, self.remove)


@dataclass(frozen=True, slots=True)
class Decided:
    """`decision`: its number."""

    decision: int


@router.post("/cases/{number}/decide", summary="Decide a case, and do what was decided")
async def decide(number: Number, form: RulingForm, campaign: CampaignDep, caller: Moderator) -> Decided:
    """For moderators. Author and reporters read the decision and its reason."""
    return Decided(
        await campaign.change(caller, cases.decide, number, form.as_ruling(), campaign.clock(), campaign.rng)
    )  # fmt: skip


@router.post("/cases/{number}/undo", status_code=204, summary="Take a decision back, with what it did")
async def undo(number: Number, campaign: CampaignDep, caller: Moderator) -> None:
    """For moderators; the case waits again."""
    await campaign.change(caller, cases.undo, number, campaign.clock(), campaign.rng)


class ManyForm(RulingForm):
    cases: Annotated[list[Number], Field(min_length=1, max_length=MOST_AT_ONCE)]

    model_config = example({"cases": [17, 19], "verdict": "dismiss", "reason": "Nothing wrong with it"})


@dataclass(frozen=True, slots=True)
class Left:
    """A case of several that was not decided, and why."""

    id: int
    detail: str


@dataclass(frozen=True, slots=True)
class Many:
    """`first`: under which the whole is undone. `left`: cases that could not be decided, and why."""

    done: Sequence[int]
    left: Sequence[Left]
    first: int | None = None


@router.post("/cases/decide", summary="Decide many cases at once")
async def decide_many(form: ManyForm, campaign: CampaignDep, caller: Moderator) -> Many:
    """For moderators; it is one entry, undone as a whole."""
    done, left = await campaign.change(
        caller, cases.decide_many, form.cases, form.as_ruling(), campaign.clock(), campaign.rng
    )  # fmt: skip
    with campaign.database.read() as db:
        first = rows.decisions_on(db, done[0], 1)[0].bulk if done else None
    return Many(done, _left(left), first)


@router.post("/cases/decided/{first}/undo", summary="Take back what was decided at once")
async def undo_many(first: Number, campaign: CampaignDep, caller: Moderator) -> Many:
    """For moderators; `first`: as the answer to deciding named it."""
    done, left = await campaign.change(caller, cases.undo_many, first, campaign.clock(), campaign.rng)
    return Many(done, _left(left))


def _left(left: Sequence[cases.Left]) -> list[Left]:
    return [Left(each.id, each.why.detail) for each in left]


@router.get("/notices", response_model=Page[Notice], responses=UNCHANGED,
            summary="What was decided on your messages and reports, unless you have read it")  # fmt: skip
def told(request: Request, campaign: CampaignDep, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """As author or as reporter, the last one first."""
    (before,) = place_in(cursor, int) if cursor else (notices.NEWEST,)
    with campaign.read(caller) as (db, person):
        found = notices.unread(db, person.id, limit + 1, before=before)
    items, following = page(found, limit, lambda notice: (notice.number,))
    return answered(request, Page[Notice], Page[Notice](items=items, next=following))


@router.post("/notices/{decision}/read", status_code=204, summary="Say that you have read a notice")
async def read(decision: Number, campaign: CampaignDep, caller: Contributor) -> None:
    """A warning is read before there is a next task."""
    await campaign.change(caller, cases.acknowledge, decision, campaign.clock())


class AppealForm(Form):
    words: str

    model_config = example({"words": "It was a quotation."})


@dataclass(frozen=True, slots=True)
class Appealed:
    """`case`: the number of the case that was opened."""

    case: int


@router.post("/appeals", status_code=201, summary="Appeal against your ban or suspension")
async def appeal(form: AppealForm, campaign: CampaignDep, caller: ShutOut) -> Appealed:
    """One at a time; somebody else than who decided looks at it, where there is somebody else."""
    return Appealed(await campaign.change(caller, cases.appeal, form.words, campaign.clock()))
