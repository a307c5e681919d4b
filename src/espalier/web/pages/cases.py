"""What there is to decide: the queue, the gravest and oldest first, and one case with all that belongs to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from gettext import NullTranslations
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.responses import Response

from espalier.collect import cases, moderation
from espalier.collect.cases import Ruling
from espalier.domain import cases as rules
from espalier.domain.cases import FREE_AFTER, About, Came, State, Verdict
from espalier.domain.errors import Conflict, Invalid, Refusal
from espalier.domain.language import language_tag
from espalier.domain.sight import SeenMessage, seen
from espalier.store import cases as rows
from espalier.store import figures, people, reading
from espalier.store.cases import CaseFilter, CaseRow, Decided
from espalier.store.people import Person, PersonRole
from espalier.web.case_words import KEYS, came_words, decided_words, entry_words, state_words, verdict_words
from espalier.web.deps import Number
from espalier.web.paging import page as paged
from espalier.web.paging import place_in
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.tree_words import Opening, harms, opening
from espalier.web.undoing import skipped_words
from espalier.web.visit import ModeratorSender, ModeratorVisit, Visit, known, redirect

router = APIRouter(include_in_schema=False)
ON_A_PAGE: Final = 30
LANGS_LAST: Final = timedelta(seconds=30)
EARLIER: Final = 20  # cases of an author, decisions of a case
AHEAD: Final = 10  # cases that are looked at for the next one


@dataclass(frozen=True, slots=True)
class Line:
    """A case in a list. title: how its message begins. came: why it is there, the gravest. holder: who has it."""

    id: int
    about: About
    title: Opening
    lang: str | None
    came: str
    count: int
    state: State
    state_words: str
    opened_at: datetime
    holder: str | None


@dataclass(frozen=True, slots=True)
class QueueContext:
    """lang, came, state, mine: what the list is limited to. langs: of which there may be cases for the reader.

    following: the address of the next page.
    """

    lines: list[Line]
    lang: str
    came: str
    state: str
    mine: bool
    langs: list[str]
    kinds: list[tuple[str, str]]
    states: list[tuple[str, str]]
    following: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """Why a case is there; words: in those of who brought it."""

    came: str
    at: datetime
    words: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of the thread; harms: behind what it is folded."""

    role: str
    lang: str
    text: str
    deleted: bool
    harms: list[str]


@dataclass(frozen=True, slots=True)
class Ruled:
    """A decision in words. who: who decided. undone_at: when it was taken back. case: of which."""

    what: str
    reason: str
    note: str
    days: int | None
    removed: bool
    who: str | None
    at: datetime
    bulk: int | None
    undone_at: datetime | None
    case: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another case of the same person. id: where it does not tell the reader more of them than they know."""

    id: int | None
    came: str
    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    words: str
    key: str


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form of a decision holds; verdict: None where nothing is chosen."""

    verdict: Verdict | None
    reason: str
    note: str
    days: int | None
    remove: bool


@dataclass(frozen=True, slots=True)
class Context:
    """Of one case. thread: to the message it is about; empty for a person's. appeal: of somebody who is shut out;
    against: what was decided. holder: who has it in hand.

    may_warn: something can be decided on a message's author. may_decide: the reader is not involved and nobody else
    has it. typed: what the form holds. revealed: whom it is about, after a look that the journal keeps. skips: why
    tasks about the message were skipped, and how often. following: the gravest and oldest other case that the reader
    may decide, where this one is decided.
    """

    id: int
    title: str
    about: About
    appeal: bool
    against: Ruled | None
    subject: str
    lang: str | None
    tree_id: str | None
    came: str
    state: State
    state_words: str
    opened_at: datetime
    thread: Sequence[Turn]
    removed: bool
    entries: list[Entry]
    skips: list[tuple[str, int]]
    decisions: list[Ruled]
    earlier: list[Earlier]
    known_author: bool
    may_warn: bool
    revealed: Person | None
    holder: str | None
    mine: bool
    free_at: datetime | None
    involved: bool
    may_decide: bool
    following: int | None
    choices: list[Choice]
    reasons: tuple[str, ...]
    typed: Typed | None
    fault: str | None
    faulty: str | None


@router.get("/moderation")
def queue(
    visit: ModeratorVisit,
    lang: str = "",
    came: str = "",
    state: str = State.OPEN,
    mine: str = "",
    cursor: str | None = None,
) -> Response:
    """`mine`: anything, for those in the reader's hands alone."""
    after = place_in(cursor, int, int, int) if cursor else rows.FIRST
    reader = known(visit)
    lang = language_tag(lang.strip()) or ""
    wanted = _filter(reader, lang, came, state, bool(mine))
    with visit.campaign.read(visit.caller) as (db, _):
        found = rows.queue(db, wanted, ON_A_PAGE + 1, free_before=visit.now - FREE_AFTER, after=after)
        shown, following = paged(found, ON_A_PAGE, lambda row: row.place)
        lines = lines_of(visit, db, reader, shown)
        known_langs = visit.campaign.memory.recall(
            "trees by lang", LANGS_LAST, visit.now, lambda: figures.trees_by_lang(db)
        )
    langs = {*(reader.moderates or known_langs), *([lang] if lang else [])}
    query = {"lang": lang, "came": came, "state": state, "mine": mine, "cursor": following}
    words = visit.words
    context = QueueContext(
        lines, lang, came, state, bool(mine), sorted(langs),
        [(each.value, said) for each, said in came_words(words).items()],
        [(each.value, said) for each, said in state_words(words).items()],
        f"?{urlencode(query)}" if following else None,
    )  # fmt: skip
    return render(visit, "cases.html", context)


def _filter(reader: Person, lang: str, came: str, state: str, mine: bool) -> CaseFilter:
    chosen = State(state) if state in set(State) else State.OPEN
    return CaseFilter(
        state=State.OPEN if chosen is State.TAKEN else chosen,
        lang=lang or None,
        langs=reader.moderates if reader.role is PersonRole.MODERATOR else (),
        came=Came(came) if came in set(Came) else None,
        holder=reader.id if mine else None,
        taken={State.OPEN: False, State.TAKEN: True}.get(chosen),
    )


def lines_of(visit: Visit, db: Connection, reader: Person, shown: Sequence[CaseRow]) -> list[Line]:
    """Cases as lists have them."""
    words, now = visit.words, visit.now
    messages = reading.several(db, [row.case.subject for row in shown if row.case.about is About.MESSAGE])
    eyes = reading.viewer(db, reader, messages.values())
    holders = {row.id: rules.holder(row.case, now) for row in shown}
    names = people.by_ids(db, {each for each in holders.values() if each})
    kinds, states = came_words(words), state_words(words)

    def line(row: CaseRow) -> Line:
        message, holder = messages.get(row.case.subject), holders[row.id]
        state = rules.state(row.case, now)
        asks = words.gettext("Somebody who is shut out asks to be let in")
        title = Opening(asks if rules.is_appeal(row.case) else words.gettext("Somebody was shut out"), visit.lang)
        if message:
            title = opening(seen(message, eyes), visit, otherwise=words.gettext("A message without words"))
        return Line(
            row.id, row.case.about, title, row.case.lang, kinds[row.came],
            len(row.case.entries), state, states[state], row.case.opened_at,
            names[holder].name if holder and holder in names else None,
        )  # fmt: skip

    return [line(row) for row in shown]


@router.get("/moderation/cases/{number}")
def show(visit: ModeratorVisit, number: Number) -> Response:
    return _page(visit, number)


@router.post("/moderation/cases/{number}/take")
async def take(visit: ModeratorSender, number: Number) -> Response:
    try:
        await visit.campaign.change(visit.changing(PersonRole.MODERATOR), cases.take, number, visit.campaign.clock())
    except Conflict as refused:
        return _page(visit, number, refused=refused)
    return _back(visit, number, visit.words.gettext("The case is in your hands for half an hour."))


@router.post("/moderation/cases/{number}/put-back")
async def put_back(visit: ModeratorSender, number: Number) -> Response:
    campaign = visit.campaign
    try:
        await campaign.change(visit.changing(PersonRole.MODERATOR), cases.put_back, number, campaign.clock())
    except Conflict as refused:
        return _page(visit, number, refused=refused)
    return redirect(visit, "/moderation", visit.words.gettext("The case is free for others."))


@router.post("/moderation/cases/{number}/decide")
async def decide(
    visit: ModeratorSender,
    number: Number,
    verdict: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    days: Annotated[str, Form(max_length=10)] = "",
    remove: Annotated[bool, Form()] = False,
) -> Response:
    campaign = visit.campaign
    try:
        ruling = ruling_of(verdict, reason, note, days, remove)
        await campaign.change(
            visit.changing(PersonRole.MODERATOR), cases.decide, number, ruling, campaign.clock(), campaign.rng
        )  # fmt: skip
    except (Invalid, Conflict) as refused:
        return _page(visit, number, typed=typed_of(verdict, reason, note, days, remove), refused=refused)
    return _back(visit, number, visit.words.gettext("Decided. You can undo it here."))


def ruling_of(verdict: str, reason: str, note: str, days: str, remove: bool) -> Ruling:
    """What a form asks for. Raises Invalid."""
    typed = typed_of(verdict, reason, note, days, remove)
    if typed.verdict is None:
        raise Invalid("Choose what is to be done.", field="verdict")
    return Ruling(typed.verdict, reason, note, typed.days, remove)


def typed_of(verdict: str, reason: str, note: str, days: str, remove: bool) -> Typed:
    """What a form holds, to be shown again."""
    given = days.strip()
    number = int(given) if given.isascii() and given.isdecimal() else None
    return Typed(Verdict(verdict) if verdict in set(Verdict) else None, reason, note, number, remove)


@router.post("/moderation/cases/{number}/undo")
async def undo(visit: ModeratorSender, number: Number) -> Response:
    campaign = visit.campaign
    try:
        await campaign.change(
            visit.changing(PersonRole.MODERATOR), cases.undo, number, campaign.clock(), campaign.rng
        )  # fmt: skip
    except Conflict as refused:
        return _page(visit, number, refused=refused)
    return _back(
        visit, number, visit.words.gettext("The decision is undone, with what it did. The case is open again.")
    )


@router.post("/moderation/cases/{number}/reveal")
async def reveal(visit: ModeratorSender, number: Number) -> Response:
    """The page once with whom the case is about; the journal keeps that somebody looked."""
    found = await visit.campaign.change(
        visit.changing(PersonRole.MODERATOR), cases.reveal, number, visit.campaign.clock()
    )  # fmt: skip
    return _page(visit, number, revealed=found)


def _page(
    visit: Visit,
    number: int,
    *,
    typed: Typed | None = None,
    refused: Refusal | None = None,
    revealed: Person | None = None,
) -> Response:
    words, now = visit.words, visit.now
    with visit.campaign.read(visit.caller) as (db, reader):
        row = cases.known(db, reader, number)
        case = row.case
        thread = [
            Turn(each.role, each.lang, each.text, each.deleted, harms(each, words))
            for each in (_thread(db, reader, case.subject) if case.about is About.MESSAGE else [])
        ]
        decided = rows.decisions_on(db, number, EARLIER)
        earlier = rows.of_person(db, case.person, EARLIER) if case.person else []
        against = cases.appealed_against(db, row)
        staff = {case.taken_by, *(each.decision.by for each in (*decided, *([against] if against else [])))}
        names = {each.id: each.name for each in people.by_ids(db, {one for one in staff if one}).values()}
        reasons, others = rows.reasons(db), cases.others(db, row)
        skips = moderation.skips(db, reader, case.subject) if case.about is About.MESSAGE else {}
        state = rules.state(case, now)
        following = _following(db, reader, now) if state is State.DECIDED else None
    holder, kinds = rules.holder(case, now), came_words(words)
    involved = rules.involved(case, reader.id, others=others)
    appeal = rules.is_appeal(case)
    context = Context(
        id=number,
        title=words.gettext("Case %(number)s") % {"number": number},
        about=case.about,
        appeal=appeal,
        against=ruled_of(visit, against, names) if against else None,
        subject=case.subject,
        lang=case.lang,
        tree_id=row.tree_id,
        came=kinds[row.came],
        state=state,
        state_words=state_words(words)[state],
        opened_at=case.opened_at,
        thread=thread,
        removed=bool(thread) and thread[-1].deleted,
        entries=[Entry(kinds[entry.came], entry.at, entry_words(entry, words, visit.lang)) for entry in case.entries],
        skips=skipped_words(skips, words),
        decisions=[ruled_of(visit, each, names) for each in decided],
        earlier=[
            _earlier(visit, each, linked=revealed is not None or reader.role is PersonRole.ADMIN)
            for each in earlier
            if each.id != number
        ],
        known_author=case.person is not None,
        may_warn=Verdict.WARN in rules.fitting(case),
        revealed=revealed,
        holder=names.get(holder, holder) if holder else None,
        mine=holder == reader.id,
        free_at=case.taken_at + FREE_AFTER if holder and case.taken_at else None,
        involved=involved,
        may_decide=state in (State.OPEN, State.TAKEN) and not involved and holder in (None, reader.id),
        following=following,
        choices=[Choice(each, verdict_words(words, appeal=appeal)[each], KEYS[each]) for each in rules.fitting(case)],
        reasons=reasons,
        typed=typed,
        fault=_fault(words, refused, state, names, holder, decided) if refused else None,
        faulty=refused.field if refused else None,
    )
    return render(visit, "case.html", context, refused=refused)


def _following(db: Connection, reader: Person, now: datetime) -> int | None:
    """The case that waits first for this person's decision."""
    waiting = rows.queue(db, _filter(reader, "", "", State.OPEN, mine=False), AHEAD, free_before=now - FREE_AFTER)
    able = (row.id for row in waiting if not rules.involved(row.case, reader.id, others=cases.others(db, row)))
    return next(able, None)


def _fault(
    words: NullTranslations,
    refused: Refusal,
    state: State,
    names: dict[str, str],
    holder: str | None,
    decided: list[Decided],
) -> str:
    """Why it was not taken; where somebody else was quicker, who that was and what they did."""
    if isinstance(refused, Conflict) and state is State.DECIDED:
        last = decided[0].decision
        what = decided_words(words)[last.verdict]
        if last.by in names:
            meanwhile = words.gettext("%(who)s has decided this in the meantime: %(what)s.")
            return meanwhile % {"who": names[last.by], "what": what}
    if isinstance(refused, Conflict) and holder in names:
        return words.gettext("%(who)s has taken this case in hand in the meantime.") % {"who": names[holder]}
    return said(refused, words)


def _thread(db: Connection, reader: Person, message_id: str) -> list[SeenMessage]:
    """From the prompt to the message, as the reader may see it."""
    tree = {each.id: each for each in reading.messages_of_tree(db, reading.message(db, message_id).tree_id)}
    eyes = reading.viewer(db, reader, list(tree.values()))
    path: list[SeenMessage] = []
    up: str | None = message_id
    while up is not None:
        path.append(seen(tree[up], eyes))
        up = tree[up].parent_id
    return path[::-1]


def ruled_of(visit: Visit, each: Decided, names: dict[str, str]) -> Ruled:
    decision = each.decision
    return Ruled(
        decided_words(visit.words)[decision.verdict], decision.reason, decision.note, decision.days, decision.removed,
        names.get(decision.by or "", decision.by), decision.at, each.bulk, each.undone_at, each.case_id,
    )  # fmt: skip


def _earlier(visit: Visit, row: CaseRow, *, linked: bool) -> Earlier:
    """`linked`: the reader may know that both cases are about the same person, whom one of them may tell."""
    decision = row.case.decision
    state = rules.state(row.case, visit.now)
    what = decided_words(visit.words)[decision.verdict] if decision else state_words(visit.words)[state]
    return Earlier(row.id if linked else None, came_words(visit.words)[row.came], what, row.case.opened_at)


def _back(visit: Visit, number: int, notice: str) -> Response:
    return redirect(visit, f"/moderation/cases/{number}", notice)
