"""What people do with their conversations: say something, edit it, ask for another reply, tidy up.

A conversation is a tree: nothing that was said is overwritten, an edit is a branch beside it. Nobody sees another's.
Use cases in the caller's transaction; a reply is a place that waits, and who writes it is not known here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Final

from sqlalchemy import Connection

from espalier.chat.limits import WITHIN, seconds_to_wait
from espalier.collect.ids import timely_id
from espalier.domain.characters import are_characters
from espalier.domain.errors import Conflict, Invalid, NotFound, TooLong, TryLater
from espalier.domain.message import Role
from espalier.store import chats, drafts, filter_hits, model_figures
from espalier.store.chats import Chat, ChatMessage, Consent, MessageState
from espalier.store.model_figures import Figure
from espalier.store.people import Person

MOST_CHARACTERS: Final = 50_000  # of one message
TITLE_CHARACTERS: Final = 100
MOST_WAITING: Final = 200
"""So many replies of one model."""
FULL_S: Final = 30
"""After which it is worth asking again for a reply where too many wait."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who shall reply, and how. `sampling`: parameters that were checked already, kept with the reply as they are."""

    model: str
    sampling: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was said, and the place below it where the reply will stand."""

    chat_id: str
    message_id: str
    reply_id: str


def say(
    db: Connection,
    person: Person,
    chat_id: str | None,
    words: str,
    wanted: Wanted,
    now: datetime,
    rng: Random,
    *,
    temporary: bool = False,
) -> Asked:
    """Say something and ask for a reply. chat_id: None begins a conversation, with the first words as its title.

    It goes below the last reply of the branch in view whose text stands; what failed or was refused is passed over.
    What was typed for it is no draft any more. temporary: of a new one, neither listed nor kept. Raises NotFound,
    Invalid, TooLong, Conflict while a reply is being written, and TryLater (with the seconds) after too many.
    """
    _check_words(words)
    drafts.forget_draft(db, person.id, draft_place(chat_id))
    if chat_id is None:
        chat = Chat(timely_id(now, rng), person.id, _titled(words), now, now, temporary=temporary)
        chats.add_chat(db, chat)
        return _ask(db, person, chat, None, words, wanted, now, rng)
    chat = _free(db, person, chat_id, words)
    seen = chats.thread(db, chat.id, chat.viewed_id) if chat.viewed_id else []
    return _ask(db, person, chat, _last_standing(seen), words, wanted, now, rng)


def ask_beside(
    db: Connection,
    person: Person,
    asked: Asked,
    wanted: Sequence[Wanted],
    now: datetime,
    rng: Random,
    words: str | None = None,
) -> list[Asked]:
    """Ask for further replies beside one that was just asked for, which stays in view; each counts.

    words: what was said for them. Raises TryLater.
    """
    chat = own_chat(db, person, asked.chat_id)
    more = [_place_reply(db, person, chat, asked.message_id, each, now, rng, words) for each in wanted]
    chats.view(db, chat.id, asked.reply_id)
    return more


def edit(
    db: Connection,
    person: Person,
    chat_id: str,
    message_id: str,
    words: str,
    wanted: Wanted,
    now: datetime,
    rng: Random,
) -> Asked:
    """Say something else in the place of what one said, the first message included: a branch beside it.

    Raises NotFound, Invalid (also for what a model wrote), TooLong, Conflict, TryLater.
    """
    _check_words(words)
    chat = _free(db, person, chat_id, words)
    message = _message(db, chat, message_id)
    if message.role is not Role.PROMPTER:
        raise Invalid("Only what you wrote yourself can be edited.")
    return _ask(db, person, chat, message.parent_id, words, wanted, now, rng)


def regenerate(
    db: Connection, person: Person, chat_id: str, reply_id: str, wanted: Wanted, now: datetime, rng: Random
) -> Asked:
    """Ask for another reply beside one that has ended, however it did.

    Raises NotFound, Invalid for what is no reply, Conflict, TryLater.
    """
    chat = _free(db, person, chat_id)
    reply = _message(db, chat, reply_id)
    if reply.role is not Role.ASSISTANT or reply.parent_id is None:
        raise Invalid("Only a reply can be written anew.")
    return _place_reply(db, person, chat, reply.parent_id, wanted, now, rng)


def go_on(
    db: Connection, person: Person, chat_id: str, reply_id: str, now: datetime, rng: Random,
) -> Asked:  # fmt: skip
    """Let a reply that ended early be written on, where it stands; its text stays. It counts as another one.

    Raises NotFound, Invalid for what did not end early or has something below it, Conflict, TryLater.
    """
    chat = _free(db, person, chat_id)
    reply = _message(db, chat, reply_id)
    if not ended_early(reply) or reply.parent_id is None or chats.branches(db, chat.id).get(reply.id):
        raise Invalid("Only the last reply can go on, where it was stopped or cut off.")
    _let(db, person, reply.model or "", now)
    chats.go_on(db, reply.id, now)
    chats.note_asked(db, person.id, timely_id(now, rng), now)
    chats.touch(db, chat.id, now)
    chats.view(db, chat.id, reply.id)
    return Asked(chat.id, reply.parent_id, reply.id)


def let_ask(
    db: Connection, person: Person, model: str, now: datetime, rng: Random, *, count: int = 1
) -> None:  # fmt: skip
    """Count replies that a person asks for outside of any conversation. Raises TryLater as `say` does."""
    _let(db, person, model, now)
    for _ in range(count):
        chats.note_asked(db, person.id, timely_id(now, rng), now)


def ended_early(reply: ChatMessage) -> bool:
    """Whether there could be more of a reply, behind what there is of it."""
    return reply.text != "" and (
        reply.state in (MessageState.STOPPED, MessageState.CUT_OFF) or reply.finish_reason == "length"
    )


def stop(db: Connection, person: Person, chat_id: str, reply_id: str, now: datetime) -> None:
    """End a reply that waits or is being written, and keep what there is of it. One that has ended stays as it is.

    Raises NotFound.
    """
    reply = _message(db, own_chat(db, person, chat_id), reply_id)
    if chats.finish(db, reply.id, MessageState.STOPPED, now) and reply.model is not None:
        model_figures.note(db, now.date(), reply.model, {Figure.STOPPED: 1})


def look(db: Connection, person: Person, chat_id: str, message_id: str) -> str:
    """Turn to the branch of a message, as far down as it goes by the newest each time; the id of where it ends.

    Raises NotFound.
    """
    chat = own_chat(db, person, chat_id)
    last = _message(db, chat, message_id).id
    shape = chats.branches(db, chat.id)
    while below := shape.get(last):
        last = below[-1]
    chats.view(db, chat.id, last)
    return last


def rename(db: Connection, person: Person, chat_id: str, title: str) -> str:
    """Give a conversation another title; the title as it is kept. Raises NotFound, Invalid, TooLong."""
    _check_characters(title, "title")
    kept = " ".join(title.split())
    if not kept:
        raise Invalid("A conversation needs a title.", field="title")
    if len(kept) > TITLE_CHARACTERS:
        raise TooLong("A title has at most %(most)s characters.", most=TITLE_CHARACTERS, field="title", text=title)
    _must(chats.rename(db, person.id, chat_id, kept))
    return kept


def hide(db: Connection, person: Person, chat_id: str) -> None:
    """Take a conversation off the list; it stays. Raises NotFound."""
    _must(chats.hide(db, person.id, chat_id, True))


def show(db: Connection, person: Person, chat_id: str) -> None:
    """Put a hidden conversation back on the list. Raises NotFound."""
    _must(chats.hide(db, person.id, chat_id, False))


def hide_all(db: Connection, person: Person) -> int:
    """Take all conversations off the list; how many there were on it."""
    return chats.hide_all(db, person.id)


def remove(db: Connection, person: Person, chat_id: str) -> None:
    """Delete a conversation for good, with all of its branches. Raises NotFound."""
    _must(chats.delete_chat(db, person.id, chat_id))
    drafts.forget_draft(db, person.id, draft_place(chat_id))


def remove_all(db: Connection, person: Person) -> int:
    """Delete all conversations for good, hidden ones included; how many there were."""
    for chat in chats.every_chat(db, person.id):
        drafts.forget_draft(db, person.id, draft_place(chat.id))
    return chats.delete_all(db, person.id)


def agree(db: Connection, person: Person, chat_id: str, licence: str, now: datetime) -> None:
    """Let a conversation become a tree, under a licence that is named with its version; once more changes nothing.

    Raises NotFound, and Conflict for a temporary conversation.
    """
    chat = own_chat(db, person, chat_id)
    if chat.temporary:
        raise Conflict("A temporary conversation is not kept, so it cannot become part of the data.")
    if chat.consent is not None and chat.consent.licence == licence:
        return
    chats.agree(db, person.id, chat_id, Consent(now, licence))


def take_consent_back(db: Connection, person: Person, chat_id: str) -> None:
    """A conversation may no longer become a tree, nor is kept of it what a filter took out. Raises NotFound."""
    _must(chats.agree(db, person.id, chat_id, None))
    filter_hits.forget_chats(db, [chat_id])


def draft_place(chat_id: str | None) -> str:
    """Under which name the draft of a conversation is kept; None: of the one that is still to begin."""
    return f"chat:{chat_id}" if chat_id else "chat"


def own_chat(db: Connection, person: Person, chat_id: str) -> Chat:
    """Raises NotFound: nobody has another's."""
    chat = chats.chat_of(db, person.id, chat_id)
    if chat is None:
        raise _no_chat()
    return chat


def ended_reply(db: Connection, person: Person, chat_id: str, reply_id: str) -> ChatMessage:
    """Raises NotFound, Invalid for what is no reply, and Conflict while it is being written."""
    reply = _message(db, own_chat(db, person, chat_id), reply_id)
    if reply.role is not Role.ASSISTANT:
        raise Invalid("This is no reply.")
    if reply.state.is_open:
        raise Conflict("A reply is still being written. Wait for it, or stop it.")
    return reply


def _must(was_there: bool) -> None:
    if not was_there:
        raise _no_chat()


def _no_chat() -> NotFound:
    return NotFound("There is no such conversation.")


def _free(db: Connection, person: Person, chat_id: str, words: str | None = None) -> Chat:
    """A conversation to which something can be added, kept from others until that is done."""
    chat = chats.chat_alone(db, person.id, chat_id)
    if chat is None:
        raise _no_chat()
    if chats.has_open_reply(db, chat.id):
        raise Conflict("A reply is still being written. Wait for it, or stop it.", text=words)
    return chat


def _message(db: Connection, chat: Chat, message_id: str) -> ChatMessage:
    message = chats.message_of(db, chat.id, message_id)
    if message is None:
        raise NotFound("There is no such message in this conversation.")
    return message


def _check_words(words: str) -> None:
    if not words.strip():
        raise Invalid("The message is empty.", field="text", text=words)
    if len(words) > MOST_CHARACTERS:
        raise TooLong("A message has at most %(most)s characters.", most=MOST_CHARACTERS, field="text", text=words)
    _check_characters(words, "text")


def _check_characters(words: str, name: str) -> None:
    if not are_characters(words):
        raise Invalid("The text has characters that no database keeps.", field=name)


def _titled(words: str) -> str:
    return " ".join(words.split())[:TITLE_CHARACTERS].rstrip()


def _last_standing(seen: Sequence[ChatMessage]) -> str | None:
    """The last reply of a branch that is whole, or was stopped or cut off with a text; None when there is none."""
    for message in reversed(seen):
        if message.role is Role.ASSISTANT and _stands(message):
            return message.id
    return None


def _stands(reply: ChatMessage) -> bool:
    ended_early = reply.state in (MessageState.STOPPED, MessageState.CUT_OFF)
    return reply.state is MessageState.COMPLETE or (ended_early and reply.text != "")


def _ask(
    db: Connection,
    person: Person,
    chat: Chat,
    parent_id: str | None,
    words: str,
    wanted: Wanted,
    now: datetime,
    rng: Random,
) -> Asked:
    message = ChatMessage(
        timely_id(now, rng), chat.id, parent_id, Role.PROMPTER, words, MessageState.COMPLETE, now, now
    )  # fmt: skip
    chats.add_message(db, message)
    return _place_reply(db, person, chat, message.id, wanted, now, rng, words)


def _place_reply(
    db: Connection,
    person: Person,
    chat: Chat,
    parent_id: str,
    wanted: Wanted,
    now: datetime,
    rng: Random,
    words: str | None = None,
) -> Asked:
    """A place for a reply, in view from now on; the rest of the use case falls with it when there were too many."""
    _let(db, person, wanted.model, now, words)
    reply = ChatMessage(
        timely_id(now, rng), chat.id, parent_id, Role.ASSISTANT, "", MessageState.WAITING, now, model=wanted.model,
        sampling=wanted.sampling,
    )  # fmt: skip
    chats.add_message(db, reply)
    chats.note_asked(db, person.id, reply.id, now)
    chats.touch(db, chat.id, now)
    chats.view(db, chat.id, reply.id)
    return Asked(chat.id, parent_id, reply.id)


def _let(db: Connection, person: Person, model: str, now: datetime, words: str | None = None) -> None:
    """Raises TryLater (with the seconds) where somebody has asked for too much, or too many wait for the model."""
    wait_s = seconds_to_wait(chats.asked_since(db, person.id, now - WITHIN), now)
    if wait_s:
        raise TryLater("You have asked for many replies in a short time.", retry_after_s=wait_s, text=words)
    if chats.waiting_for(db, model) >= MOST_WAITING:
        raise TryLater(
            "Too many people wait for this model. Choose another one, or wait.", retry_after_s=FULL_S, text=words
        )
    chats.forget_asked(db, person.id, now - WITHIN)
