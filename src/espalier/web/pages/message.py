"""One message in its thread: what it replies to, what stands beside and below it; reacting to it, reporting it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.responses import Response

from espalier.collect import moderation
from espalier.domain.errors import NotFound, Refusal
from espalier.domain.sight import (
    BlindMessage,
    OwnMessage,
    PublicMessage,
    SeenMessage,
    StaffMessage,
    in_order,
    may_see,
    seen,
    veiled,
)
from espalier.store import reading
from espalier.store.people import Person
from espalier.store.reactions import reactions_of
from espalier.web.api.governed import shown_names
from espalier.web.emojis import FLAG, Emoji, emojis
from espalier.web.looking import check_open, look, only_own
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.tree_words import Opening, Pill, harms, label_names, marks, opening, pill, who_words
from espalier.web.undoing import skipped_words
from espalier.web.visit import ReadsOwn, Sender, Visit, redirect

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of the thread. who: its author's name, where that is open to the reader. harms: behind what it is
    folded."""

    id: str
    role: str
    lang: str
    text: str
    at: datetime
    marks: list[str]
    gone: bool
    mine: bool
    who: str | None
    harms: list[str]


@dataclass(frozen=True, slots=True)
class Link:
    """To another message: what is said of it, and how it begins, which may be in another language."""

    id: str
    who: str
    begins: Opening


@dataclass(frozen=True, slots=True)
class Mean:
    """What reviewers said of one label, from 0 to 1."""

    words: str
    value: float
    count: int


@dataclass(frozen=True, slots=True)
class Context:
    """thread: from the prompt to the message. siblings: other replies to the same. blind: the reader could judge it.

    own: it is the reader's. reported: by the reader. reason, fault: of a report that was not taken.
    staff: looks after its language, so may edit and delete. all: everything of it, after a look behind it that the
    journal keeps. skips: with it, why tasks about it were skipped, and how often.
    """

    id: str
    tree_id: str
    title: Opening
    lang: str
    pill: Pill | None
    thread: list[Turn]
    siblings: list[Link]
    replies: list[Link]
    blind: bool
    own: bool
    gone: bool
    emojis: list[Emoji]
    reported: bool
    takes_part: bool
    means: list[Mean]
    reviews: int | None
    reason: str
    fault: str | None
    staff: bool
    all: StaffMessage | None
    skips: list[tuple[str, int]]


@router.get("/messages/{message_id}")
def show(visit: ReadsOwn, message_id: str) -> Response:
    return page(visit, message_id)


@router.post("/messages/{message_id}/reactions")
async def react(
    visit: Sender, message_id: str, put: Annotated[str, Form()] = "", take: Annotated[str, Form()] = ""
) -> Response:
    """`put`, `take`: the name of the emoji."""
    campaign, emoji = visit.campaign, put or take
    await campaign.change(
        visit.changing(), moderation.react, message_id, emoji, bool(put), campaign.clock(), campaign.rng
    )  # fmt: skip
    said = visit.words.gettext("Your report is taken back.") if take == FLAG else None
    return redirect(visit, f"/messages/{message_id}#reactions", said)


@router.post("/messages/{message_id}/report")
async def report(visit: Sender, message_id: str, reason: Annotated[str, Form()] = "") -> Response:
    campaign, words = visit.campaign, visit.words
    try:
        await campaign.change(
            visit.changing(), moderation.report, message_id, reason, campaign.clock(), campaign.rng
        )  # fmt: skip
    except Refusal as refused:
        if refused.field != "reason":
            raise
        needed = words.gettext("Say in a few words what is wrong with the message.")
        fault = said(refused, visit.words) if reason.strip() else needed
        return page(visit, message_id, reason=reason, fault=fault, status=refused.status)
    return redirect(visit, f"/messages/{message_id}", words.gettext("Thank you. Your report goes to the moderators."))


def page(
    visit: Visit,
    message_id: str,
    *,
    reason: str = "",
    fault: str | None = None,
    behind: StaffMessage | None = None,
    status: int = 200,
) -> Response:
    """`behind`: all of the message, for staff who looked behind it. Raises NotFound."""
    with look(visit) as (db, person):
        around = _around(visit, db, person, message_id)
        at = around.at
        names = _names(db, person, around.thread)
        mine = reactions_of(db, person.id, at.tree_id, message_id)
        everything = behind or (at if isinstance(at, StaffMessage) else None)
        staff = person.looks_after(at.lang)
        skips = moderation.skips(db, person, message_id) if everything and staff else {}
    words, own = visit.words, _is_own(at, person)
    shown = behind or at
    blind = isinstance(shown, BlindMessage)
    gone = at.deleted or getattr(at, "removed", False)
    title = opening(at, visit, otherwise=words.gettext("A message without words"))
    context = Context(
        id=message_id,
        tree_id=at.tree_id,
        title=title,
        lang=at.lang,
        pill=None if isinstance(at, BlindMessage) else pill(at.tree_state, words),
        thread=[_turn(visit, message, person, names.get(message.id)) for message in around.thread],
        siblings=_links(visit, around.beside, without=message_id),
        replies=_links(visit, around.below),
        blind=blind,
        own=own,
        gone=gone,
        emojis=emojis(shown, mine, visit.words, always=own or isinstance(shown, StaffMessage)),
        reported=FLAG in mine,
        takes_part=visit.person is not None,
        means=_means(visit, shown),
        reviews=None if isinstance(shown, BlindMessage) else shown.review_count,
        reason=reason,
        fault=fault,
        staff=staff,
        all=everything,
        skips=skipped_words(skips, words),
    )
    return render(visit, "message.html", context, status=status)


@dataclass(frozen=True, slots=True)
class _Around:
    """A message as somebody may see it, with what stands around it."""

    at: SeenMessage
    thread: list[SeenMessage]
    beside: list[SeenMessage]
    below: list[SeenMessage]


def _around(visit: Visit, db: Connection, person: Person, message_id: str) -> _Around:
    """Raises NotFound, also for what this person may not see."""
    asked = reading.message(db, message_id)
    check_open(visit, asked)
    tree = reading.messages_of_tree(db, asked.tree_id)
    eyes = reading.viewer(db, person, tree)
    if not may_see(asked, eyes):
        raise NotFound("There is no such message.")
    shown = {each.id: seen(each, eyes) for each in tree}
    visible = [each for each in tree if may_see(each, eyes)]
    if any(isinstance(shown[each.id], BlindMessage) for each in visible):
        shown = {key: veiled(each) if isinstance(each, PublicMessage) else each for key, each in shown.items()}
    path: list[SeenMessage] = []
    up: str | None = message_id
    while up is not None:
        path.append(shown[up])
        up = shown[up].parent_id
    if only_own(visit):
        visible = []
    beside = [shown[each.id] for each in visible if each.parent_id == asked.parent_id and asked.parent_id]
    below = [shown[each.id] for each in visible if each.parent_id == message_id]
    return _Around(path[0], path[::-1], sorted(beside, key=in_order), sorted(below, key=in_order))


def _is_own(message: SeenMessage, person: Person) -> bool:
    return isinstance(message, OwnMessage) or getattr(message, "author", None) == person.id


def _turn(visit: Visit, message: SeenMessage, person: Person, name: str | None) -> Turn:
    own = _is_own(message, person)
    return Turn(
        message.id, message.role, message.lang, message.text, message.created_at, marks(message, visit.words),
        message.deleted or getattr(message, "removed", False), own, name, harms(message, visit.words),
    )  # fmt: skip


def _names(db: Connection, reader: Person, messages: Sequence[SeenMessage]) -> dict[str, str]:
    """Names of authors as the reader reads them, by message, where the author is open to them."""
    open_ = [each for each in messages if isinstance(each, PublicMessage | StaffMessage) and each.author_name]
    shown = shown_names(db, reader, {str(each.author): str(each.author_name) for each in open_})
    return {each.id: shown[str(each.author)] for each in open_}


def _links(visit: Visit, messages: Sequence[SeenMessage], without: str = "") -> list[Link]:
    return [
        Link(message.id, who_words(message, place, len(messages), visit), opening(message, visit, 60))
        for place, message in enumerate(messages, start=1)
        if message.id != without
    ]


def _means(visit: Visit, message: SeenMessage) -> list[Mean]:
    if isinstance(message, BlindMessage):
        return []
    names = label_names(visit.words)
    return [Mean(names.get(label, label), mean.value, mean.count) for label, mean in message.labels.items()]
