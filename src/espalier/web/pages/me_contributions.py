"""Me: what somebody contributed, what became of it, what of it they can still take back, and what it earned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from gettext import NullTranslations
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from sqlalchemy import Connection
from starlette.responses import Response

from espalier.collect import undo
from espalier.domain.errors import Invalid, NotFound, Refusal
from espalier.domain.ranking import agrees
from espalier.domain.sight import BlindMessage, OwnMessage, PublicMessage, SeenMessage, StaffMessage, alone, seen
from espalier.domain.tree import State
from espalier.store import contributed, reading
from espalier.store.contributed import Contributed
from espalier.store.people import Person
from espalier.store.policies import PolicyBook
from espalier.web.outcome import Pill, pill_of
from espalier.web.paging import LONGEST_CURSOR, cursor_of, place_in
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.tree_words import Opening, label_marks, opening
from espalier.web.undoing import SAID
from espalier.web.visit import Sender, SignedIn, Visit, local, redirect

router = APIRouter(include_in_schema=False)

SIZE: Final = 25
TEXTS: Final = ("planted", "replied")
KINDS: Final = {
    "texts": TEXTS,
    "reviews": ("reviewed",),
    "rankings": ("ranked",),
    "reactions": ("reacted",),
    "skips": ("skipped",),
}


@dataclass(frozen=True, slots=True)
class Row:
    """what: in words, what was done. title: the text, or the beginning of what it is about; None where that is gone.

    why: of a text that was not accepted, what reviewers said of it. undo, withdraw: what still takes it back.
    """

    what: str
    at: datetime
    late: bool
    address: str | None
    title: Opening | None
    pill: Pill | None
    why: str
    undo: str | None
    withdraw: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Context:
    """kind, state: as they were asked. next: address of the page that follows. later: this is not the first page."""

    rows: list[Row]
    kind: str
    state: str
    kinds: Sequence[Choice]
    states: Sequence[Choice]
    next: str | None
    later: bool


@router.get("/me/contributions")
def show(
    visit: SignedIn,
    kind: Annotated[str, Query(max_length=20)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
) -> Response:
    kind = kind if kind in KINDS else ""
    state = state if state in contributed.STATES else ""
    before = _place(cursor)
    with visit.campaign.read(visit.caller) as (db, person):
        facts = contributed.contributed(
            db, person.id, SIZE + 1, before=before, kinds=KINDS.get(kind, contributed.KINDS), state=state or None
        )
        rows = _rows(visit, db, person, facts[:SIZE])
    asked = {name: value for name, value in (("kind", kind), ("state", state)) if value}
    further = None
    if len(facts) > SIZE:
        further = f"/me/contributions?{urlencode({**asked, 'cursor': cursor_of(facts[SIZE - 1].seq)})}"
    _ = visit.words.gettext
    context = Context(
        rows, kind, state,
        [Choice("texts", _("texts")), Choice("reviews", _("reviews")), Choice("rankings", _("rankings")),
         Choice("reactions", _("reactions")), Choice("skips", _("skips"))],
        [Choice("open", _("in review")), Choice("accepted", _("accepted")), Choice("refused", _("not accepted")),
         Choice("first", _("ranked first")), Choice("removed", _("removed"))],
        further, cursor is not None,
    )  # fmt: skip
    return render(visit, "me_contributions.html", context)


def _place(cursor: str | None) -> int:
    """Raises NotFound for what is no place of this list."""
    if cursor is None:
        return contributed.NEWEST
    try:
        return int(place_in(cursor, int)[0])
    except Invalid:
        raise NotFound("There is no such page of the list.") from None


def _rows(visit: Visit, db: Connection, person: Person, facts: Sequence[Contributed]) -> list[Row]:
    about = reading.several(db, {fact.message_id for fact in facts})
    eyes = reading.viewer(db, person, about.values())
    book = PolicyBook(db)
    finished = {each.id for each in about.values() if each.tree_state is State.READY_FOR_EXPORT}
    ranks = contributed.ranks_below(db, {fact.message_id for fact in facts if fact.kind == "ranked"} & finished)
    rows = []
    for fact in facts:
        there = about.get(fact.message_id)
        message = seen(there, eyes) if there and not (there.removed and there.author != person.id) else None
        title = None
        if there and message:
            title = opening(alone(there, eyes), visit, 160, otherwise=visit.words.gettext("A message without words"))
        lang = there.lang if there else "en"
        in_time = visit.now <= fact.at + timedelta(seconds=book.for_lang(lang).undo_seconds)
        answered = fact.kind in (*TEXTS, "reviewed", "ranked") and fact.task_id is not None
        undoable = fact.task_id if answered and in_time else None
        rows.append(
            Row(
                _what(fact, visit.words),
                fact.at,
                fact.late,
                f"/messages/{message.id}" if message else None,
                title,
                _pill(fact, message, ranks.get(fact.message_id), visit.words),
                _why(fact, message, visit.words),
                undoable,
                fact.message_id if undoable is None and _may_withdraw(fact, message) else None,
            )
        )
    return rows


def _what(fact: Contributed, words: NullTranslations) -> str:
    _ = words.gettext
    if fact.kind == "skipped":
        reason = SAID.get(str(fact.said.get("reason", "")))
        return _("skipped: %(reason)s") % {"reason": _(reason)} if reason else _("skipped")
    if fact.kind == "reacted":
        on = fact.said.get("on", True)
        return _("reaction") if on else _("reaction taken back")
    return {
        "planted": _("prompt"), "replied": _("reply"), "reviewed": _("review"), "ranked": _("ranking"),
    }.get(fact.kind, fact.kind)  # fmt: skip


def _pill(
    fact: Contributed, message: SeenMessage | None, final: dict[str, int] | None, words: NullTranslations
) -> Pill | None:
    if fact.kind in TEXTS and message is not None and not isinstance(message, BlindMessage):
        return pill_of(message, words)
    if fact.kind == "ranked" and final is not None:
        agreed = agrees(fact.order, {reply: final[reply] for group in fact.order for reply in group if reply in final})
        if agreed is not None:
            said = words.gettext("as in the end") if agreed else words.gettext("otherwise than in the end")
            return Pill(said, "good" if agreed else "")
    return None


def _why(fact: Contributed, message: SeenMessage | None, words: NullTranslations) -> str:
    """What reviewers said of a text that was not accepted."""
    if fact.kind not in TEXTS or not isinstance(message, OwnMessage | PublicMessage | StaffMessage):
        return ""
    if message.review_result is not False:
        return ""
    return ", ".join(label_marks(message.labels, words))


def _may_withdraw(fact: Contributed, message: SeenMessage | None) -> bool:
    """Whether a text can still be withdrawn as far as its page can tell; who presses is told if not."""
    if fact.kind not in TEXTS or not isinstance(message, OwnMessage | PublicMessage | StaffMessage):
        return False
    return not message.deleted and message.review_count == 0


@router.post("/me/contributions/{message_id}/withdraw")
async def withdraw(visit: Sender, message_id: str, back: Annotated[str, Form()] = "") -> Response:
    campaign, to = visit.campaign, local(back, "/me/contributions")
    try:
        await campaign.change(visit.changing(), undo.withdraw_text, message_id, campaign.clock(), campaign.rng)
    except Refusal as refused:
        return redirect(visit, to, said(refused, visit.words), kind="alarm")
    return redirect(visit, to, visit.words.gettext("Your text is withdrawn; nobody sees it any more."))
