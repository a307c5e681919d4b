"""Conversations with models: trees of messages that belong to one person, and the replies that are still to be written.

Knows rows; who may do what with a conversation is chat/conversations.py.
"""

import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    text,
    tuple_,
    update,
)

from espalier.domain.message import Role
from espalier.store import battles, drawn, filter_hits, shares, thumbs
from espalier.store.sql import ESCAPE, Statement, literally
from espalier.store.tables import chat_messages, chats, replies_asked
from espalier.store.times import from_us, to_us

C, M, A = chats.c, chat_messages.c, replies_asked.c


class MessageState(StrEnum):
    """How far a message is. What a person wrote is complete."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    CUT_OFF = "cut_off"
    FAILED = "failed"
    REFUSED = "refused"

    @property
    def is_open(self) -> bool:
        """Whether there is more to come."""
        return self in (MessageState.WAITING, MessageState.RUNNING)


@dataclass(frozen=True, slots=True)
class Consent:
    """That a conversation may become a tree. `licence`: as it was named, with its version."""

    at: datetime
    licence: str


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation. `viewed_id`: the last message of the branch that was looked at last."""

    id: str
    person_id: str
    title: str
    created_at: datetime
    changed_at: datetime
    hidden: bool = False
    temporary: bool = False
    consent: Consent | None = None
    viewed_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message. `model`, `sampling`, `finish_reason`, `error`: of a reply. `ended_at`: None while it is open.

    `left_out`: so many of the oldest messages the model did not read, because they did not fit. `again_at`: when
    somebody last asked to go on with it.
    """

    id: str
    chat_id: str
    parent_id: str | None
    role: Role
    text: str
    state: MessageState
    created_at: datetime
    ended_at: datetime | None = None
    model: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    finish_reason: str | None = None
    error: str | None = None
    left_out: int = 0
    again_at: datetime | None = None

    @property
    def asked_at(self) -> datetime:
        """Since when somebody waits for what is still to be written."""
        return self.again_at or self.created_at


Branches = Mapping[str | None, tuple[str, ...]]
"""By the id of a message, or None for the root: the ids of what stands directly below it, in order of arrival."""

END: Final = 2**62
"""Of all time, in microseconds."""
LATEST: Final = (END, "")
"""Before every conversation of a list."""
_OPEN: Final = ("waiting", "running")
_CHAT: Final = (
    C.id, C.person_id, C.title, C.created_at, C.changed_at, C.hidden, C.temporary, C.consent_at, C.consent_licence,
    C.viewed_id,
)  # fmt: skip
_MESSAGE: Final = (
    M.id, M.chat_id, M.parent_id, M.role, M.text, M.state, M.created_at, M.ended_at, M.model, M.sampling,
    M.finish_reason, M.error, M.left_out, M.again_at,
)  # fmt: skip
_OWN: Final = (C.person_id == bindparam("person"), C.id == bindparam("chat"))

_ADD_CHAT = Statement(
    insert(chats).values({column.name: bindparam(column.name) for column in (*_CHAT, C.folded)})
)  # fmt: skip
_FIND = Statement(select(*_CHAT).where(*_OWN))
_FIND_ALONE = Statement(select(*_CHAT).where(*_OWN).with_for_update())
_EVERY = Statement(select(*_CHAT).where(C.person_id == bindparam("person")).order_by(C.created_at, C.id))
_IN_ORDER = (
    select(*_CHAT)
    .where(
        C.person_id == bindparam("person"),
        C.hidden == bindparam("is_hidden"),
        C.temporary == text("0"),
        tuple_(C.changed_at, C.id) < tuple_(bindparam("changed"), bindparam("before")),
    )
    .order_by(C.changed_at.desc(), C.id.desc())
    .limit(bindparam("most"))
)
_LIST = Statement(_IN_ORDER)
_SEARCH = Statement(
    _IN_ORDER.where(
        or_(
            C.folded.like(bindparam("pattern"), escape=ESCAPE),
            exists().where(M.chat_id == C.id, M.folded.like(bindparam("pattern"), escape=ESCAPE)),
        )
    )
)
_RENAME = Statement(update(chats).where(*_OWN).values(title=bindparam("new_title"), folded=bindparam("new_folded")))
_HIDE = Statement(update(chats).where(*_OWN).values(hidden=bindparam("is_hidden")))
_HIDE_ALL = Statement(
    update(chats)
    .where(C.person_id == bindparam("person"), C.hidden == text("0"), C.temporary == text("0"))
    .values(hidden=1)
)
_VIEW = Statement(update(chats).where(C.id == bindparam("chat")).values(viewed_id=bindparam("message")))
_TOUCH = Statement(update(chats).where(C.id == bindparam("chat")).values(changed_at=bindparam("at")))
_AGREE = Statement(
    update(chats).where(*_OWN).values(consent_at=bindparam("at"), consent_licence=bindparam("licence"), tree_at=null())
)  # fmt: skip
_DELETE_MESSAGES = Statement(delete(chat_messages).where(M.chat_id.in_(select(C.id).where(*_OWN))))
_DELETE = Statement(delete(chats).where(*_OWN))
_DELETE_ALL_MESSAGES = Statement(
    delete(chat_messages).where(M.chat_id.in_(select(C.id).where(C.person_id == bindparam("person"))))
)
_DELETE_ALL = Statement(delete(chats).where(C.person_id == bindparam("person")))
_GIVE_ALL = Statement(
    update(chats).where(C.person_id == bindparam("before")).values(person_id=bindparam("person"), temporary=text("0"))
)
_PASSED: Final = (C.temporary == text("1"), C.changed_at < bindparam("before"))
_PASSED_IDS = Statement(select(C.id).where(*_PASSED))
_FORGET_MESSAGES = Statement(delete(chat_messages).where(M.chat_id.in_(select(C.id).where(*_PASSED))))
_FORGET = Statement(delete(chats).where(*_PASSED))

_ADD_MESSAGE = Statement(
    insert(chat_messages).values({column.name: bindparam(column.name) for column in (*_MESSAGE, M.folded)})
)
_MESSAGE_OF = Statement(select(*_MESSAGE).where(M.chat_id == bindparam("chat"), M.id == bindparam("message")))
_MESSAGES = Statement(select(*_MESSAGE).where(M.chat_id == bindparam("chat")).order_by(M.number))
_BRANCHES = Statement(select(M.parent_id, M.id).where(M.chat_id == bindparam("chat")).order_by(M.number))
_OPEN_IN = Statement(select(M.id).where(M.chat_id == bindparam("chat"), M.state.in_(_OPEN)).limit(1))
_IS_OPEN = Statement(select(M.id).where(M.id == bindparam("message"), M.state.in_(_OPEN)))
_up = (
    select(M.id, M.parent_id, literal(0).label("height"))
    .where(M.chat_id == bindparam("chat"), M.id == bindparam("message"))
    .cte("up", recursive=True)
)
_up = _up.union_all(select(M.id, M.parent_id, _up.c.height + 1).join(_up, M.id == _up.c.parent_id))
_THREAD = Statement(select(*_MESSAGE).join(_up, M.id == _up.c.id).order_by(_up.c.height.desc()))
_BEGIN = Statement(
    update(chat_messages)
    .where(M.id == bindparam("message"), M.state == text("'waiting'"))
    .values(state="running", left_out=bindparam("omitted"), touched_at=bindparam("at"))
)
_KEEP = Statement(
    update(chat_messages)
    .where(M.id == bindparam("message"), M.state == text("'running'"))
    .values(touched_at=bindparam("at"))
)
_GO_ON = Statement(
    update(chat_messages)
    .where(M.id == bindparam("message"), M.state.not_in(_OPEN))
    .values(
        state="waiting", folded=text("''"), ended_at=null(), finish_reason=null(), error=null(),
        again_at=bindparam("at"),
    )
)  # fmt: skip
_APPEND = Statement(
    update(chat_messages)
    .where(M.id == bindparam("message"), M.state == text("'running'"))
    .values(text=M.text.concat(bindparam("more")))
)
_EMPTY = Statement(update(chat_messages).where(M.id == bindparam("message")).values(text=text("''")))
_IS_GIVEN = Statement(select(C.consent_at).where(C.id == bindparam("chat")))
_OPEN_TEXT = Statement(
    select(M.text).where(M.id == bindparam("message"), M.state.in_(_OPEN)).with_for_update()
)  # fmt: skip
_FINISH = Statement(
    update(chat_messages)
    .where(M.id == bindparam("message"))
    .values(
        state=bindparam("new_state"), folded=bindparam("new_folded"), ended_at=bindparam("at"),
        finish_reason=bindparam("reason"), error=bindparam("fault"),
    )
)  # fmt: skip
_RUNNING = Statement(
    select(M.id)
    .where(
        M.state == text("'running'"), M.state.in_(_OPEN),  # as the index has it
        M.touched_at < bindparam("before"),
    )
    .order_by(M.number)
)  # fmt: skip
_WAIT_AGAIN = Statement(
    update(chat_messages).where(M.id == bindparam("message"), M.state == text("'running'")).values(state="waiting")
)
_WAITING_FOR = Statement(
    select(func.count()).where(M.state == text("'waiting'"), M.state.in_(_OPEN), M.model == bindparam("model"))
)
_WAITING = Statement(
    select(*_MESSAGE)
    .where(M.state == text("'waiting'"), M.state.in_(_OPEN))
    .order_by(M.number)
    .limit(bindparam("most"))
)

_ASK = Statement(
    insert(replies_asked).values(person_id=bindparam("person"), reply_id=bindparam("reply"), at=bindparam("at"))
)
_ASKED = Statement(select(A.at).where(A.person_id == bindparam("person"), A.at > bindparam("since")).order_by(A.at))
_FORGET_ASKED = Statement(delete(replies_asked).where(A.person_id == bindparam("person"), A.at <= bindparam("since")))


def add_chat(db: Connection, chat: Chat) -> None:
    _ADD_CHAT.run(
        db, id=chat.id, person_id=chat.person_id, title=chat.title, folded=_folded(chat.title),
        created_at=to_us(chat.created_at), changed_at=to_us(chat.changed_at), hidden=int(chat.hidden),
        temporary=int(chat.temporary), consent_at=to_us(chat.consent.at) if chat.consent else None,
        consent_licence=chat.consent.licence if chat.consent else None, viewed_id=chat.viewed_id,
    )  # fmt: skip


def chat_of(db: Connection, person_id: str, chat_id: str) -> Chat | None:
    """A person's own conversation; nobody has another's."""
    row = _FIND.row(db, person=person_id, chat=chat_id)
    return _chat(row) if row else None


def chat_alone(db: Connection, person_id: str, chat_id: str) -> Chat | None:
    """The same, locked where there are several writers."""
    row = _FIND_ALONE.row(db, person=person_id, chat=chat_id)
    return _chat(row) if row else None


def every_chat(db: Connection, person_id: str) -> list[Chat]:
    """All that a person has, hidden and temporary ones included, the oldest first."""
    return [_chat(row) for row in _EVERY.rows(db, person=person_id)]


def chats_of(
    db: Connection,
    person_id: str,
    limit: int,
    *,
    wanted: str = "",
    hidden: bool = False,
    before: tuple[datetime, str] | None = None,
) -> list[Chat]:
    """Conversations behind the place `before` (changed, id), the one that was changed last first; no temporary ones.

    wanted: only those with these characters in their title or in a message, in any case of letters.
    """
    changed, chat_id = (to_us(before[0]), before[1]) if before else LATEST
    given = {"person": person_id, "is_hidden": int(hidden), "changed": changed, "before": chat_id, "most": limit}
    if not wanted.strip():
        return [_chat(row) for row in _LIST.rows(db, **given)]
    pattern = f"%{literally(_folded(wanted.strip()))}%"
    return [_chat(row) for row in _SEARCH.rows(db, pattern=pattern, **given)]


def rename(db: Connection, person_id: str, chat_id: str, title: str) -> bool:
    return bool(_RENAME.run(db, person=person_id, chat=chat_id, new_title=title, new_folded=_folded(title)))


def hide(db: Connection, person_id: str, chat_id: str, hidden: bool) -> bool:
    """Take a conversation off the list, or put it back."""
    return bool(_HIDE.run(db, person=person_id, chat=chat_id, is_hidden=int(hidden)))


def hide_all(db: Connection, person_id: str) -> int:
    return _HIDE_ALL.run(db, person=person_id)


def agree(db: Connection, person_id: str, chat_id: str, consent: Consent | None) -> bool:
    """Keep that a conversation may become a tree, or that it may not."""
    at, licence = (to_us(consent.at), consent.licence) if consent else (None, None)
    return bool(_AGREE.run(db, person=person_id, chat=chat_id, at=at, licence=licence))


def delete_chat(db: Connection, person_id: str, chat_id: str) -> bool:
    """Remove a conversation with its messages; a reply that is being written then has nowhere to go."""
    if chat_of(db, person_id, chat_id):
        _forget_beside(db, [chat_id])
    _DELETE_MESSAGES.run(db, person=person_id, chat=chat_id)
    return bool(_DELETE.run(db, person=person_id, chat=chat_id))


def delete_all(db: Connection, person_id: str) -> int:
    """Remove every conversation of a person; how many there were."""
    for kept in (battles, drawn, thumbs, shares, filter_hits):
        kept.forget_chats_of(db, person_id)
    _DELETE_ALL_MESSAGES.run(db, person=person_id)
    return _DELETE_ALL.run(db, person=person_id)


def give_all(db: Connection, person_id: str, to: str) -> int:
    """Another has the conversations of a person from now on, and keeps them; how many there were."""
    return _GIVE_ALL.run(db, before=person_id, person=to)


def forget_temporary(db: Connection, before: datetime) -> int:
    """Remove temporary conversations in which nothing was said since."""
    _forget_beside(db, _PASSED_IDS.values(db, before=to_us(before)))
    _FORGET_MESSAGES.run(db, before=to_us(before))
    return _FORGET.run(db, before=to_us(before))


def _forget_beside(db: Connection, chat_ids: Collection[str]) -> None:
    """What is kept beside conversations and must not lead to them when they go."""
    for kept in (battles, drawn, thumbs, shares, filter_hits):
        kept.forget_chats(db, chat_ids)


def view(db: Connection, chat_id: str, message_id: str) -> None:
    """Remember which branch was looked at: the one that ends in this message."""
    _VIEW.run(db, chat=chat_id, message=message_id)


def touch(db: Connection, chat_id: str, at: datetime) -> None:
    """Something was said: the conversation is the first of the list."""
    _TOUCH.run(db, chat=chat_id, at=to_us(at))


def add_message(db: Connection, message: ChatMessage) -> None:
    _ADD_MESSAGE.run(
        db, id=message.id, chat_id=message.chat_id, parent_id=message.parent_id, role=message.role.value,
        text=message.text, folded="" if message.state.is_open else _folded(message.text), state=message.state.value,
        created_at=to_us(message.created_at), ended_at=to_us(message.ended_at) if message.ended_at else None,
        model=message.model, sampling=json.dumps(message.sampling, ensure_ascii=False) if message.sampling else None,
        finish_reason=message.finish_reason, error=message.error, left_out=message.left_out,
        again_at=to_us(message.again_at) if message.again_at else None,
    )  # fmt: skip


def message_of(db: Connection, chat_id: str, message_id: str) -> ChatMessage | None:
    row = _MESSAGE_OF.row(db, chat=chat_id, message=message_id)
    return _message(row) if row else None


def messages_of(db: Connection, chat_id: str) -> list[ChatMessage]:
    """All messages of all branches, in order of arrival."""
    return [_message(row) for row in _MESSAGES.rows(db, chat=chat_id)]


def thread(db: Connection, chat_id: str, message_id: str) -> list[ChatMessage]:
    """From the root to a message; empty when the conversation has no such message."""
    return [_message(row) for row in _THREAD.rows(db, chat=chat_id, message=message_id)]


def branches(db: Connection, chat_id: str) -> Branches:
    """The shape of a conversation, without texts."""
    found: dict[str | None, list[str]] = {}
    for parent_id, message_id in _BRANCHES.rows(db, chat=chat_id):
        found.setdefault(parent_id, []).append(message_id)
    return {parent_id: tuple(below) for parent_id, below in found.items()}


def has_open_reply(db: Connection, chat_id: str) -> bool:
    """Whether a reply waits or is being written, on any branch."""
    return _OPEN_IN.value(db, chat=chat_id) is not None


def waiting(db: Connection, limit: int) -> list[ChatMessage]:
    """The replies that nobody has begun to write, of all people; the one that waits longest first."""
    return [_message(row) for row in _WAITING.rows(db, most=limit)]


def begin(db: Connection, message_id: str, at: datetime, left_out: int = 0) -> bool:
    """A reply is being written from now on; False when it does not wait (any more)."""
    return bool(_BEGIN.run(db, message=message_id, omitted=left_out, at=to_us(at)))


def keep(db: Connection, message_ids: Sequence[str], at: datetime) -> None:
    """Whoever writes these replies is at it still."""
    for message_id in message_ids:
        _KEEP.run(db, message=message_id, at=to_us(at))


def wait_again(db: Connection, message_id: str) -> bool:
    """A reply that was begun waits, in the place that it had; False when it is not being written."""
    return bool(_WAIT_AGAIN.run(db, message=message_id))


def go_on(db: Connection, message_id: str, at: datetime) -> bool:
    """A reply that has ended waits for more; its text stays. False when it has not ended."""
    return bool(_GO_ON.run(db, message=message_id, at=to_us(at)))


def empty(db: Connection, message_id: str) -> None:
    """Nothing of its text stays."""
    _EMPTY.run(db, message=message_id)


def is_given(db: Connection, chat_id: str) -> bool:
    """Whether its person agreed that the conversation may become a tree."""
    return _IS_GIVEN.value(db, chat=chat_id) is not None


def is_open(db: Connection, message_id: str) -> bool:
    """Whether a reply waits or is being written; not when it was stopped, or its conversation deleted."""
    return _IS_OPEN.value(db, message=message_id) is not None


def append(db: Connection, message_id: str, more: str) -> bool:
    """Add to a reply that is being written; False when it is not: it was stopped, or its conversation is gone."""
    return bool(_APPEND.run(db, message=message_id, more=more))


def finish(
    db: Connection,
    message_id: str,
    state: MessageState,
    at: datetime,
    *,
    reason: str | None = None,
    error: str | None = None,
) -> bool:
    """End a reply that waits or is being written; its text stays. False when it has ended before, or is gone.

    state: how it ended. reason: why, as the model's server says it (`stop`, `length`). error: what went wrong.
    """
    written = _OPEN_TEXT.value(db, message=message_id)
    if written is None:
        return False
    return bool(
        _FINISH.run(
            db, message=message_id, new_state=state.value, new_folded=_folded(written), at=to_us(at), reason=reason,
            fault=error,
        )
    )  # fmt: skip


def sweep(db: Connection, at: datetime, before: datetime) -> tuple[int, int]:
    """Settle the replies that were being written when a program stopped: nobody has been at them since `before`.

    Those with a text are cut off and keep it; those without any wait again, in the place that they had. How many of
    each.
    """
    cut_off = again = 0
    for message_id in _RUNNING.values(db, before=to_us(before)):
        is_cut_off = _let_go(db, message_id, at)
        cut_off, again = cut_off + is_cut_off, again + (not is_cut_off)
    return cut_off, again


def let_go(db: Connection, message_ids: Sequence[str], at: datetime) -> None:
    """Settle these replies as `sweep` does, because whoever writes them stops now."""
    for message_id in set(message_ids).intersection(_RUNNING.values(db, before=END)):
        _let_go(db, message_id, at)


def _let_go(db: Connection, message_id: str, at: datetime) -> bool:
    """Whether it has a text, with which it is cut off."""
    written = _OPEN_TEXT.value(db, message=message_id)
    return finish(db, message_id, MessageState.CUT_OFF, at) if written else not wait_again(db, message_id)


def are_left_behind(db: Connection, before: datetime) -> bool:
    """Whether there is anything to sweep."""
    return bool(_RUNNING.values(db, before=to_us(before)))


def waiting_for(db: Connection, model: str) -> int:
    """How many replies of a model nobody has begun to write."""
    return int(_WAITING_FOR.value(db, model=model) or 0)


def note_asked(db: Connection, person_id: str, reply_id: str, at: datetime) -> None:
    """Keep that a person asked for a reply, also for when its conversation is gone."""
    _ASK.run(db, person=person_id, reply=reply_id, at=to_us(at))


def asked_since(db: Connection, person_id: str, since: datetime) -> list[datetime]:
    """When a person asked for replies, the earliest first."""
    return [from_us(at) for at in _ASKED.values(db, person=person_id, since=to_us(since))]


def forget_asked(db: Connection, person_id: str, until: datetime) -> None:
    """Forget what a person asked for up to a time."""
    _FORGET_ASKED.run(db, person=person_id, since=to_us(until))


def _folded(words: str) -> str:
    """A text as it is searched: the case of letters, and how they are composed, make no difference."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", words).casefold())


def _chat(row: Any) -> Chat:
    chat_id, person_id, title, created, changed, hidden, temporary, consent_at, licence, viewed_id = row
    consent = None if consent_at is None else Consent(from_us(consent_at), licence)
    return Chat(
        chat_id, person_id, title, from_us(created), from_us(changed), bool(hidden), bool(temporary), consent, viewed_id
    )


def _message(row: Any) -> ChatMessage:
    (
        message_id, chat_id, parent_id, role, words, state, created, ended, model, sampling, reason, error, left_out,
        again,
    ) = row  # fmt: skip
    return ChatMessage(
        message_id, chat_id, parent_id, Role(role), words, MessageState(state), from_us(created),
        None if ended is None else from_us(ended), model, json.loads(sampling) if sampling else {}, reason, error,
        left_out, None if again is None else from_us(again),
    )  # fmt: skip
