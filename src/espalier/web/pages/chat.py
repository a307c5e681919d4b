"""Chat: one's conversations, beginning one, and keeping them in order."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from espalier.chat import choosing, comparing, conversations, drafts, guests, parameters, presets, sharing
from espalier.chat.conversations import draft_place
from espalier.chat.guests import guest_id
from espalier.chat.models import ChatModel
from espalier.collect.settings import change_chat
from espalier.domain.errors import Invalid, NewerDraft, NotFound, Refusal
from espalier.store import battles, chats
from espalier.store.chats import Chat
from espalier.store.drafts import draft_of
from espalier.web.attached import attached
from espalier.web.deps import Number
from espalier.web.pages import chat_choice
from espalier.web.pages.chat_choice import Choice
from espalier.web.pages.frame import fields_of
from espalier.web.paging import LONGEST_CURSOR, page, place_in
from espalier.web.refused import said_with_wait
from espalier.web.render import render
from espalier.web.visit import ChatSender, Chatter, Sender, Visit, local, redirect
from espalier.web.words import N_

router = APIRouter(include_in_schema=False)

SIZE: Final = 20
LONGEST_SEARCH: Final = 200


@dataclass(frozen=True, slots=True)
class Composer:
    """Where something is written to a model. to: the address. chat_id: None begins a conversation. version: of the
    draft, 0 for none. models: None where chat is switched off. fault: why the last try was not taken, at the field
    `faulty`.
    """

    to: str
    chat_id: str | None
    text: str
    version: int
    models: Sequence[ChatModel] | None
    choice: Choice
    presets: Mapping[str, Mapping[str, parameters.Number]]
    fault: str | None = None
    faulty: str | None = None

    @property
    def draft(self) -> str:
        return f"{self.to}/draft"


@dataclass(frozen=True, slots=True)
class Context:
    """q: what was looked for. hidden: those off the list are shown. just_hidden: can be put back at once.
    earlier: so many conversations were begun in this browser before signing in.
    """

    composer: Composer
    rows: Sequence[Chat]
    q: str
    hidden: bool
    next: str | None
    later: bool
    just_hidden: Chat | None = None
    earlier: int = 0


@router.get("/chat")
def show(
    visit: Chatter,
    q: Annotated[str, Query(max_length=LONGEST_SEARCH)] = "",
    hidden: bool = False,
    gone: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
) -> Response:
    return _page(visit, q=q, hidden=hidden, gone=gone, cursor=cursor)


def _page(
    visit: Visit,
    *,
    q: str = "",
    hidden: bool = False,
    gone: str = "",
    cursor: str | None = None,
    composer: Composer | None = None,
    refused: Refusal | None = None,
) -> Response:
    before = _place(cursor)
    with visit.campaign.read(visit.caller) as (db, person):
        if visit.person is None:
            found = [*reversed(chats.every_chat(db, person.id))][:SIZE]
        else:
            found = chats.chats_of(db, person.id, SIZE + 1, wanted=q, hidden=hidden, before=before)
        earlier = len(chats.every_chat(db, guest_id(visit.earlier_guest))) if visit.earlier_guest else 0
        just_hidden = chats.chat_of(db, person.id, gone) if gone else None
    rows, following = page(found, SIZE, lambda chat: (chat.changed_at.isoformat(), chat.id))
    asked = {"q": q} | ({"hidden": "true"} if hidden else {})
    further = f"/chat?{urlencode({**asked, 'cursor': following})}" if following else None
    context = Context(
        composer or composer_of(visit, "/chat", None), rows, q, hidden, further, cursor is not None,
        just_hidden if just_hidden and just_hidden.hidden else None, earlier,
    )  # fmt: skip
    return render(visit, "chat.html", context, refused=refused)


def _place(cursor: str | None) -> tuple[datetime, str] | None:
    """Raises NotFound for what is no place of this list."""
    if cursor is None:
        return None
    try:
        changed, chat_id = place_in(cursor, str, str)
        return datetime.fromisoformat(changed).astimezone(UTC), chat_id
    except (Invalid, ValueError):
        raise NotFound("There is no such page of the list.") from None


def composer_of(
    visit: Visit,
    to: str,
    chat_id: str | None,
    typed: tuple[str, Choice] | None = None,
    refused: Refusal | None = None,
) -> Composer:
    """With the draft, or with what was typed and not taken. Blocks."""
    room = visit.campaign.chatroom
    models = room.models() if room else ()
    with visit.campaign.read(visit.caller) as (db, person):
        draft = draft_of(db, person.id, draft_place(chat_id), visit.now)
    text, choice = typed or (draft.text if draft else "", chat_choice.last_choice(visit, models))
    fault, faulty = (said_with_wait(refused, visit.words), refused.field) if refused else (None, None)
    return Composer(
        to,
        chat_id,
        text,
        draft.version if draft else 0,
        models if room else None,
        choice,
        chat_choice.presets_of(visit),
        fault,
        faulty,
    )


@router.post("/chat")
async def begin(
    visit: ChatSender, text: Annotated[str, Form()] = "", temporary: Annotated[bool, Form()] = False
) -> Response:
    """The first message makes the conversation; without one there is none."""
    choice = chat_choice.choice_in(await visit.request.form())
    try:
        address = await send(visit, None, text, choice, temporary=temporary)
    except Refusal as refused:
        composer = await run_in_threadpool(composer_of, visit, "/chat", None, (text, choice), refused)
        return await run_in_threadpool(_page, visit, composer=composer, refused=refused)
    return redirect(visit, address)


async def send(visit: Visit, chat_id: str | None, text: str, choice: Choice, *, temporary: bool = False) -> str:
    """Say something to one model, for one reply or several, or to two; the address of the conversation.

    Raises Refusal.
    """
    campaign, room = visit.campaign, chat_choice.room_of(visit)
    await chat_choice.admit(visit)
    temporary = temporary or visit.person is None
    wanted = chat_choice.wanted_by(visit, choice)
    if len(wanted) == 2:
        asked, _ = await campaign.change(
            visit.changing(), comparing.say_to_two, chat_id, text, (wanted[0], wanted[1]), visit.lang,
            campaign.clock(), campaign.rng, temporary=temporary,
        )  # fmt: skip
    elif choice.several > 1:
        asked = await campaign.change(
            visit.changing(), choosing.say_to_choose, chat_id, text, wanted[0], choice.several, campaign.clock(),
            campaign.rng, temporary=temporary,
        )  # fmt: skip
    else:
        asked = await campaign.change(
            visit.changing(), conversations.say, chat_id, text, wanted[0], campaign.clock(), campaign.rng,
            temporary=temporary,
        )  # fmt: skip
    await chat_choice.keep(visit, choice)
    room.wake()
    return f"/chat/{asked.chat_id}#{asked.reply_id}"


@router.post("/chat/draft")
async def save_draft(visit: ChatSender, version: Annotated[Number, Form()] = 0) -> Response:
    return await keep_draft(visit, None, version)


async def keep_draft(visit: Visit, chat_id: str | None, version: int) -> Response:
    """Keep what was typed; for a script, which gets the version, or the newer draft where there is one (409)."""
    campaign, form = visit.campaign, await visit.request.form()
    try:
        draft = await campaign.change(
            visit.changing(), drafts.save, chat_id, fields_of(form), version, campaign.clock()
        )  # fmt: skip
    except NewerDraft as refused:
        with campaign.read(visit.caller) as (db, person):
            newer = draft_of(db, person.id, draft_place(chat_id), visit.now)
        there = {"version": newer.version, "text": newer.text} if newer else {"version": 0, "text": ""}
        return JSONResponse(there, status_code=refused.status)
    return JSONResponse({"version": draft.version})


@router.post("/chat/presets")
async def save_preset(
    visit: ChatSender,
    preset_name: Annotated[str, Form(max_length=1000)] = "",
    forget: Annotated[str, Form()] = "",
    version: Annotated[Number, Form()] = 0,
) -> Response:
    """Keep the values that were typed under a name, or delete one of one's own; what is being written stays."""
    campaign, form, _ = visit.campaign, await visit.request.form(), visit.words.gettext
    choice = chat_choice.choice_in(form)
    back = local(str(form.get("at", "")), "/chat")
    await keep_draft(visit, back.removeprefix("/chat").strip("/") or None, version)
    try:
        if forget:
            await campaign.change(visit.changing(), presets.forget, forget)
            said = _("The preset is deleted.")
        else:
            values = parameters.checked(choice.values)
            await campaign.change(visit.changing(), change_chat, choice.kept)
            await campaign.change(visit.changing(), presets.save, preset_name, values)
            said = _("The preset is saved, and holds from now on.")
    except Refusal as refused:
        typed = (str(form.get("text", "")), choice)
        composer = await run_in_threadpool(composer_of, visit, "/chat", None, typed, refused)
        return await run_in_threadpool(_page, visit, composer=composer, refused=refused)
    return redirect(visit, back, said)


@router.post("/chat/take-over")
async def take_over(visit: Sender) -> Response:
    """What was said in this browser before signing in is kept from now on."""
    if visit.earlier_guest:
        await visit.campaign.change(visit.changing(), guests.take_over, visit.earlier_guest)
    return redirect(visit, "/chat", visit.words.gettext("The conversations are yours now, and kept."))


@router.post("/chat/hide-all")
async def hide_all(visit: ChatSender) -> Response:
    await visit.campaign.change(visit.changing(), conversations.hide_all)
    return redirect(visit, "/chat?hidden=true", visit.words.gettext("All conversations are hidden. They are here."))


@router.post("/chat/delete-all")
async def delete_all(visit: ChatSender) -> Response:
    await visit.campaign.change(visit.changing(), conversations.remove_all)
    chat_choice.wake(visit)
    return redirect(visit, "/chat", visit.words.gettext("All conversations are deleted."))


@router.post("/chat/{chat_id}/title")
async def rename(visit: ChatSender, chat_id: str, title: Annotated[str, Form()] = "") -> Response:
    await visit.campaign.change(visit.changing(), conversations.rename, chat_id, title)
    return redirect(visit, f"/chat/{chat_id}", visit.words.gettext("The title is changed."))


@router.post("/chat/{chat_id}/hide")
async def hide(visit: ChatSender, chat_id: str) -> Response:
    await visit.campaign.change(visit.changing(), conversations.hide, chat_id)
    return redirect(visit, f"/chat?{urlencode({'gone': chat_id})}")


@router.post("/chat/{chat_id}/show")
async def show_again(visit: ChatSender, chat_id: str) -> Response:
    await visit.campaign.change(visit.changing(), conversations.show, chat_id)
    return redirect(visit, "/chat", visit.words.gettext("The conversation is on the list again."))


@router.post("/chat/{chat_id}/delete")
async def delete(visit: ChatSender, chat_id: str) -> Response:
    await visit.campaign.change(visit.changing(), conversations.remove, chat_id)
    chat_choice.wake(visit)
    return redirect(visit, "/chat", visit.words.gettext("The conversation is deleted."))


_ASKING: Final = N_("Person asking")
_ASSISTANT: Final = N_("Assistant")


@router.get("/chat/{chat_id}/conversation.json")
def as_json(visit: Chatter, chat_id: str) -> Response:
    """With all branches."""
    with visit.campaign.read(visit.caller) as (db, person):
        chat = conversations.own_chat(db, person, chat_id)
        unknown = battles.unvoted_replies(db, chat.id, person.id)
        value = sharing.as_value(chat, chats.messages_of(db, chat.id), unknown)
    return attached("conversation.json", json.dumps(value, ensure_ascii=False), "application/json")


@router.get("/chat/{chat_id}/conversation.md")
def as_markdown(visit: Chatter, chat_id: str) -> Response:
    """The branch in view."""
    with visit.campaign.read(visit.caller) as (db, person):
        chat = conversations.own_chat(db, person, chat_id)
        seen = chats.thread(db, chat.id, chat.viewed_id) if chat.viewed_id else []
    text = sharing.as_markdown(chat, seen, visit.words.gettext(_ASKING), visit.words.gettext(_ASSISTANT))
    return attached("conversation.md", text, "text/markdown")
