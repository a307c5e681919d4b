"""Reading a conversation by others: a link to it as it is now, without a name, that can be taken back; and files of it.

Use cases in the caller's transaction, and what a conversation is as a file. Knows no HTTP.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from espalier.chat.conversations import own_chat
from espalier.domain.errors import Conflict, NotFound
from espalier.domain.message import Role
from espalier.store import battles, chats, shares
from espalier.store.chats import Chat, ChatMessage
from espalier.store.people import Person
from espalier.store.shares import Share, SharedTurn


def share(db: Connection, person: Person, chat_id: str, secret: Callable[[], str], now: datetime) -> Share:
    """Make a link to the branch in view as it is; what is said later is not in it.

    Raises NotFound, and Conflict for a temporary conversation and while a reply is being written.
    """
    chat = own_chat(db, person, chat_id)
    if chat.temporary:
        raise Conflict("A temporary conversation is not kept, so there can be no link to it.")
    if chats.has_open_reply(db, chat.id):
        raise Conflict("A reply is still being written. Wait for it, or stop it.")
    unknown = battles.unvoted_replies(db, chat.id, person.id)
    seen = chats.thread(db, chat.id, chat.viewed_id) if chat.viewed_id else []
    turns = tuple(
        SharedTurn(each.role.value, each.text, None if each.id in unknown else each.model) for each in seen if each.text
    )
    made = Share(secret(), chat.id, person.id, chat.title, turns, now)
    shares.add(db, made)
    return made


def take_back(db: Connection, person: Person, chat_id: str, share_id: str) -> None:
    """Whoever has the link finds nothing any more. Raises NotFound."""
    if not shares.end(db, person.id, chat_id, share_id):
        raise NotFound("There is no such link.")


def as_value(chat: Chat, messages: Sequence[ChatMessage], unknown: Collection[str]) -> dict[str, Any]:
    """A conversation with all of its branches, as JSON spells it. unknown: replies whose model is not known yet."""
    kept = {
        "id": chat.id, "title": chat.title, "created_at": chat.created_at.isoformat(),
        "changed_at": chat.changed_at.isoformat(),
        "consent": {"at": chat.consent.at.isoformat(), "licence": chat.consent.licence} if chat.consent else None,
    }  # fmt: skip
    return {**kept, "messages": [_message(each, each.id in unknown) for each in messages]}


def _message(message: ChatMessage, unknown: bool) -> dict[str, Any]:
    said = asdict(message)
    del said["chat_id"]
    return {
        **said,
        "role": message.role.value,
        "state": message.state.value,
        "created_at": message.created_at.isoformat(),
        "ended_at": message.ended_at.isoformat() if message.ended_at else None,
        "model": None if unknown else message.model,
        "sampling": {} if unknown else dict(message.sampling),
    }


def as_markdown(chat: Chat, seen: Sequence[ChatMessage], asking: str, assistant: str) -> str:
    """The branch in view. asking, assistant: how the two are called."""
    parts = [f"# {chat.title}"]
    for each in seen:
        parts += [f"## {asking if each.role is Role.PROMPTER else assistant}", each.text]
    return "\n\n".join(parts) + "\n"
