"""One conversation: its branch in view, what is being written, and all that one can do with a message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.chat import choosing, comparing, conversations, judging, sharing
from espalier.chat.comparing import Pair
from espalier.chat.models import BEST_OF, ModelState, Place
from espalier.chat.replies import Fault
from espalier.domain.errors import Invalid, NotFound, Refusal
from espalier.domain.message import Role
from espalier.store import battles, chats, drawn, shares, thumbs
from espalier.store.battles import Vote
from espalier.store.chats import Chat, ChatMessage, MessageState
from espalier.store.drawn import Drawn
from espalier.store.people import Person
from espalier.store.shares import Share
from espalier.store.thumbs import Judged, Thumb
from espalier.web.deps import Number
from espalier.web.pages import chat_choice
from espalier.web.pages.chat import Composer, composer_of, keep_draft, send
from espalier.web.pages.chat_choice import Choice
from espalier.web.render import render
from espalier.web.visit import ChatSender, Chatter, Visit, redirect

router = APIRouter(include_in_schema=False)

SLOW_S: Final = 20.0
"""After so long without a word, a page says that it takes long."""
LETTERS: Final = "ABC"
"""Of replies that stand side by side."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message as the page shows it. before, after: the messages beside it, as one turns the branches.

    model: its title; None for a person, and while it is not to be known. place: of a reply that waits. slow: it takes
    long. reported: staff see it. can_go_on: it ended early, and nothing stands below it. starting: it waits for a model
    that is. taken_of: it was taken out of so many.
    """

    message: ChatMessage
    number: int
    of: int
    before: str | None
    after: str | None
    model: str | None = None
    judged: Judged | None = None
    place: Place | None = None
    slow: bool = False
    reported: bool = False
    can_go_on: bool = False
    starting: bool = False
    taken_of: int = 0

    @property
    def best_of(self) -> int:
        """So many replies are drawn of which it is the best; not told of a model that is not to be known."""
        return 1 if self.model is None else int(self.message.sampling.get(BEST_OF, 1))

    @property
    def too_long(self) -> tuple[int, int] | None:
        """Where what was said did not fit: its length and what the model reads, in tokens, if both are known."""
        fault, *numbers = (self.message.error or "").split()
        length, most = (int(each) for each in numbers) if len(numbers) == 2 else (0, 0)
        return (length, most) if fault == Fault.TOO_LONG and most else None

    @property
    def is_reply(self) -> bool:
        return self.message.role is Role.ASSISTANT


@dataclass(frozen=True, slots=True)
class Context:
    """sides: the replies that stand side by side, by letter: a pair that waits for the vote, or several of which one is
    to be taken (drawn). voted: what was said of others, by the id of the reply that went on. taken: what the
    person said last. editing: the message that is being edited. licence: of a consent.
    """

    chat: Chat
    turns: Sequence[Turn]
    pair: Pair | None
    drawn: Drawn | None
    sides: Mapping[str, Turn]
    voted: Mapping[str, Pair]
    composer: Composer
    shares: Sequence[Share]
    licence: str
    is_open: bool
    taken: str
    editing: str | None = None
    faulty_edit: str | None = None


@router.get("/chat/{chat_id}")
def show(visit: Chatter, chat_id: str, edit: Annotated[str | None, Query(max_length=100)] = None) -> Response:
    return _page(visit, chat_id, editing=edit)


def _page(
    visit: Visit,
    chat_id: str,
    *,
    editing: str | None = None,
    typed: tuple[str, Choice] | None = None,
    refused: Refusal | None = None,
    faulty_edit: str | None = None,
) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        chat = conversations.own_chat(db, person, chat_id)
        found = Found(visit, db, person, chat)
        made = shares.shares_of_chat(db, chat.id)
    composer = composer_of(visit, f"/chat/{chat_id}", chat_id, typed, refused)
    context = Context(
        chat, found.above, found.unvoted, found.undecided, found.sides, found.voted, composer, made,
        visit.charter.licence, found.is_open,
        next((each.message.text for each in reversed(found.turns) if not each.is_reply), ""), editing, faulty_edit,
    )  # fmt: skip
    return render(visit, "chat_thread.html", context, refused=refused)


def place_of(visit: Visit, message: ChatMessage) -> Place | None:
    room = visit.campaign.chatroom
    return room.place(message.id) if room and message.state is MessageState.WAITING else None


def is_starting(visit: Visit, message: ChatMessage) -> bool:
    room = visit.campaign.chatroom
    models = room.models() if room and message.state is MessageState.WAITING else ()
    return any(each.id == message.model and each.state is ModelState.STARTING for each in models)


def is_slow(message: ChatMessage, now: datetime) -> bool:
    return message.state.is_open and not message.text and (now - message.asked_at).total_seconds() > SLOW_S


class Found:
    """What the page says of a conversation, read at once."""

    def __init__(self, visit: Visit, db: Connection, person: Person, chat: Chat) -> None:
        self._visit, self._db = visit, db
        self._messages = {each.id: each for each in chats.messages_of(db, chat.id)}
        self._shape = chats.branches(db, chat.id)
        self._unknown = battles.unvoted_replies(db, chat.id, person.id)
        self._reported = judging.reported(db, person, chat.id)
        self._judged = thumbs.thumbs_of_chat(db, chat.id)
        pairs = comparing.pairs(db, person, chat.id)
        self.unvoted = next((each for each in pairs if each.vote is None), None)
        self.voted = {
            reply: replace(each, left_model=self._titled(each.left_model), right_model=self._titled(each.right_model))
            for each in pairs if each.vote for reply in (each.left_id, each.right_id)
        }  # fmt: skip
        several = drawn.drawn_in(db, chat.id)
        self._taken = {each.taken_id: len(each.replies) for each in several if each.taken_id}
        self.undecided = None if self.unvoted else drawn.undecided(several)
        beside: Sequence[str] = ()
        if self.unvoted is not None:
            beside = (self.unvoted.left_id, self.unvoted.right_id)
        elif self.undecided is not None:
            beside = self.undecided.replies
        self._aside = self._unknown.union(beside)
        self.is_open = any(each.state.is_open for each in self._messages.values())
        self.sides = {letter: self.turn(each) for letter, each in zip(LETTERS, beside, strict=False)}
        seen = chats.thread(db, chat.id, chat.viewed_id) if chat.viewed_id else []
        self.turns = [self.turn(each.id) for each in seen]

    def turn(self, message_id: str) -> Turn:
        message = self._messages.get(message_id)
        if message is None:
            raise NotFound("There is no such message in this conversation.")
        beside = [each for each in self._shape[message.parent_id] if each not in self._aside] or [message_id]
        at = beside.index(message_id) if message_id in beside else 0
        return Turn(
            message, at + 1, len(beside), beside[at - 1] if at else None,
            beside[at + 1] if at + 1 < len(beside) else None,
            None if message_id in self._unknown or message.model is None else self._titled(message.model),
            self._judged.get(message_id), place_of(self._visit, message), is_slow(message, self._visit.now),
            message_id in self._reported,
            conversations.ended_early(message) and not self._shape.get(message_id),
            message_id not in self._unknown and is_starting(self._visit, message), self._taken.get(message_id, 0),
        )  # fmt: skip

    def _titled(self, model: str) -> str:
        return chat_choice.title_of(self._visit, model)

    @property
    def above(self) -> Sequence[Turn]:
        """The turns in view down to what stands side by side; all where another branch is in view."""
        aside = {turn.message.id for turn in self.sides.values()}
        return [*takewhile(lambda turn: turn.message.id not in aside, self.turns)]


@router.post("/chat/{chat_id}")
async def say(visit: ChatSender, chat_id: str, text: Annotated[str, Form()] = "") -> Response:
    choice = chat_choice.choice_in(await visit.request.form())
    try:
        _refuse_while_beside(visit, chat_id)
        address = await send(visit, chat_id, text, choice)
    except NotFound:
        raise
    except Refusal as refused:
        return await run_in_threadpool(_page, visit, chat_id, typed=(text, choice), refused=refused)
    return redirect(visit, address)


@router.post("/chat/{chat_id}/draft")
async def save_draft(visit: ChatSender, chat_id: str, version: Annotated[Number, Form()] = 0) -> Response:
    return await keep_draft(visit, chat_id, version)


@router.post("/chat/{chat_id}/messages/{message_id}/edit")
async def edit(visit: ChatSender, chat_id: str, message_id: str, text: Annotated[str, Form()] = "") -> Response:
    """Say something else in its place: a branch beside it, with the model and the manner chosen last."""
    campaign = visit.campaign
    try:
        await chat_choice.admit(visit)
        wanted, *_ = chat_choice.wanted_by(visit, _chosen(visit))
        asked = await campaign.change(
            visit.changing(), conversations.edit, chat_id, message_id, text, wanted, campaign.clock(), campaign.rng
        )
    except NotFound:
        raise
    except Refusal as refused:
        return await run_in_threadpool(
            _page, visit, chat_id, editing=message_id, refused=refused, faulty_edit=text
        )  # fmt: skip
    return _to_reply(visit, chat_id, asked.reply_id)


@router.post("/chat/{chat_id}/replies/{reply_id}/again")
async def again(visit: ChatSender, chat_id: str, reply_id: str) -> Response:
    """Another reply beside it, or several to choose from, by the model and in the manner that the page's form says,
    where it comes with it.
    """
    campaign, form = visit.campaign, await visit.request.form()
    choice = chat_choice.choice_in(form) if "model" in form else _chosen(visit)
    try:
        await chat_choice.admit(visit)
        wanted, *_ = chat_choice.wanted_by(visit, choice)
        if choice.several > 1:
            asked = await campaign.change(
                visit.changing(), choosing.again_to_choose, chat_id, reply_id, wanted, choice.several,
                campaign.clock(), campaign.rng,
            )  # fmt: skip
        else:
            asked = await campaign.change(
                visit.changing(), conversations.regenerate, chat_id, reply_id, wanted, campaign.clock(), campaign.rng
            )
    except NotFound:
        raise
    except Refusal as refused:
        return await run_in_threadpool(
            _page, visit, chat_id, typed=(str(form.get("text", "")), choice), refused=refused
        )
    await chat_choice.keep(visit, choice)
    return _to_reply(visit, chat_id, asked.reply_id)


@router.post("/chat/{chat_id}/replies/{reply_id}/further")
async def further(visit: ChatSender, chat_id: str, reply_id: str) -> Response:
    """More of a reply that ended early, behind what there is of it."""
    campaign = visit.campaign
    try:
        _refuse_while_beside(visit, chat_id)
        await campaign.change(visit.changing(), conversations.go_on, chat_id, reply_id, campaign.clock(), campaign.rng)
    except NotFound:
        raise
    except Refusal as refused:
        return await run_in_threadpool(_page, visit, chat_id, refused=refused)
    return _to_reply(visit, chat_id, reply_id)


def _refuse_while_beside(visit: Visit, chat_id: str) -> None:
    """Raises NotFound, and Conflict while replies stand side by side."""
    with visit.campaign.read(visit.caller) as (db, person):
        comparing.refuse_unvoted(db, person, chat_id)
        choosing.refuse_undecided(db, person, chat_id)


def _chosen(visit: Visit) -> Choice:
    return chat_choice.last_choice(visit, chat_choice.room_of(visit).models())


def _to_reply(visit: Visit, chat_id: str, reply_id: str) -> Response:
    chat_choice.wake(visit)
    return redirect(visit, f"/chat/{chat_id}#{reply_id}")


@router.post("/chat/{chat_id}/stop")
async def stop(visit: ChatSender, chat_id: str) -> Response:
    """End whatever is being written in it, and keep what there is."""
    campaign = visit.campaign
    with campaign.read(visit.caller) as (db, person):
        conversations.own_chat(db, person, chat_id)
        written = [each.id for each in chats.messages_of(db, chat_id) if each.state.is_open]
    for reply_id in written:
        await campaign.change(visit.changing(), conversations.stop, chat_id, reply_id, campaign.clock())
    chat_choice.wake(visit)
    return redirect(visit, f"/chat/{chat_id}#end")


@router.post("/chat/{chat_id}/look")
async def look(visit: ChatSender, chat_id: str, message: Annotated[str, Form(max_length=100)]) -> Response:
    """Turn to another branch; the next visit begins there."""
    await visit.campaign.change(visit.changing(), conversations.look, chat_id, message)
    return redirect(visit, f"/chat/{chat_id}#{message}")


@router.post("/chat/{chat_id}/replies/{reply_id}/thumb")
async def judge(
    visit: ChatSender,
    chat_id: str,
    reply_id: str,
    thumb: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=40)] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """thumb: `up`, `down`, or nothing, which takes it back."""
    campaign, back = visit.campaign, f"/chat/{chat_id}#{reply_id}"
    if not thumb:
        await campaign.change(visit.changing(), judging.take_back, chat_id, reply_id)
        return redirect(visit, back)
    if thumb not in list(Thumb):
        raise Invalid("There is no such thumb.", field="thumb")
    await campaign.change(
        visit.changing(), judging.judge, chat_id, reply_id, Thumb(thumb), reason, note, campaign.clock()
    )  # fmt: skip
    return redirect(visit, back)


@router.post("/chat/{chat_id}/replies/{reply_id}/report")
async def report(
    visit: ChatSender, chat_id: str, reply_id: str, reason: Annotated[str, Form(max_length=5000)] = ""
) -> Response:
    """Show it to staff, with what it answers."""
    campaign = visit.campaign
    await campaign.change(visit.changing(), judging.report, chat_id, reply_id, reason, campaign.clock())
    said = visit.words.gettext("Staff see this reply and what it answers now, and what you say of it; nothing else.")
    return redirect(visit, f"/chat/{chat_id}#{reply_id}", said)


@router.post("/chat/{chat_id}/pairs/{pair_id}")
async def vote(
    visit: ChatSender, chat_id: str, pair_id: str, vote: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    campaign = visit.campaign
    if vote not in list(Vote):
        raise Invalid("There is no such vote.", field="vote")
    await campaign.change(visit.changing(), comparing.vote, chat_id, pair_id, Vote(vote), campaign.clock())
    return redirect(visit, f"/chat/{chat_id}#end")


@router.post("/chat/{chat_id}/drawn/{drawn_id}")
async def take(
    visit: ChatSender, chat_id: str, drawn_id: str, take: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """take: the id of a reply; without one it goes on below the first, without a choice."""
    campaign = visit.campaign
    await campaign.change(visit.changing(), choosing.take, chat_id, drawn_id, take or None, campaign.clock())
    return redirect(visit, f"/chat/{chat_id}#end")


@router.post("/chat/{chat_id}/consent")
async def consent(
    visit: ChatSender, chat_id: str, licence: Annotated[str, Form(max_length=1000)] = ""
) -> Response:  # fmt: skip
    """licence: that the page named when somebody agreed to it; without one the consent is taken back."""
    campaign, _, back = visit.campaign, visit.words.gettext, f"/chat/{chat_id}"
    if not licence:
        await campaign.change(visit.changing(), conversations.take_consent_back, chat_id)
        return redirect(visit, back, _("This conversation stays out of the data."))
    if licence != visit.charter.licence:
        return redirect(visit, back, _("The licence has changed meanwhile. Agree again if the new one suits you."))
    await campaign.change(visit.changing(), conversations.agree, chat_id, licence, campaign.clock())
    return redirect(visit, back, _("This conversation may become part of the data."))


@router.post("/chat/{chat_id}/shares")
async def share(visit: ChatSender, chat_id: str) -> Response:
    campaign = visit.campaign
    await campaign.change(visit.changing(), sharing.share, chat_id, campaign.secret, campaign.clock())
    return redirect(visit, f"/chat/{chat_id}#links", visit.words.gettext("There is a link now."))


@router.post("/chat/{chat_id}/shares/{share_id}/end")
async def unshare(visit: ChatSender, chat_id: str, share_id: str) -> Response:
    await visit.campaign.change(visit.changing(), sharing.take_back, chat_id, share_id)
    return redirect(visit, f"/chat/{chat_id}", visit.words.gettext("The link leads nowhere any more."))
