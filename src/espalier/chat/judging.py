"""What people say of replies: thumbs with a reason, and showing one to staff.

Use cases in the caller's transaction. A thumb counts for the model; what else it may be used for follows from the
conversation's consent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from espalier.chat.conversations import MOST_CHARACTERS, ended_reply, own_chat
from espalier.domain.characters import are_characters
from espalier.domain.errors import Conflict, Invalid, TooLong
from espalier.store import chat_reports, chats, thumbs
from espalier.store.chat_reports import ChatReport
from espalier.store.people import Person
from espalier.store.thumbs import Judged, Thumb

REASONS: Final[Mapping[Thumb, tuple[str, ...]]] = {
    Thumb.UP: ("correct", "helpful", "well_written"),
    Thumb.DOWN: ("wrong", "not_asked", "refuses", "harmful", "badly_written"),
}
"""Why somebody thinks so, by thumb."""
NOTE_CHARACTERS: Final = 1000


def judge(
    db: Connection, person: Person, chat_id: str, reply_id: str, thumb: Thumb, reason: str, note: str, now: datetime
) -> None:
    """Say what one thinks of a reply, in the place of what one said before. reason, note: may be empty.

    Raises NotFound, Invalid, TooLong, and Conflict while the reply is being written.
    """
    reply = ended_reply(db, person, chat_id, reply_id)
    if reason and reason not in REASONS[thumb]:
        raise Invalid("This is no reason for such a thumb.", field="reason")
    said = _checked(note, NOTE_CHARACTERS)
    assert reply.model is not None, "a reply without a model"
    thumbs.put(db, Judged(chat_id, reply.id, reply.model, thumb, now, reason or None, said or None))


def take_back(db: Connection, person: Person, chat_id: str, reply_id: str) -> None:
    """Say nothing of a reply after all. Raises NotFound, Conflict."""
    thumbs.take_back(db, ended_reply(db, person, chat_id, reply_id).id)


def report(db: Connection, person: Person, chat_id: str, reply_id: str, reason: str, now: datetime) -> None:
    """Show a reply to staff, with the question before it and nothing else. Once more changes nothing.

    Raises NotFound, Invalid without a reason, TooLong, Conflict.
    """
    reply = ended_reply(db, person, chat_id, reply_id)
    said = _checked(reason, NOTE_CHARACTERS)
    if not said:
        raise Invalid("Say what is wrong with it.", field="reason")
    *_, question, _ = chats.thread(db, chat_id, reply.id)
    assert reply.model is not None, "a reply without a model"
    chat_reports.add(
        db, person.id, reply.id, reply.model, question.text, reply.text[:MOST_CHARACTERS], said, now
    )  # fmt: skip


def reported(db: Connection, person: Person, chat_id: str) -> frozenset[str]:
    """The ids of the replies that were shown to staff. Raises NotFound."""
    own_chat(db, person, chat_id)
    return frozenset(each.reply_id for each in chat_reports.reports_by(db, person.id) if each.reply_id)


def reports_to_see(db: Connection, most: int) -> list[ChatReport]:
    """What people showed to staff and nobody has looked at, the oldest first."""
    return chat_reports.open_reports(db, most)


def close(db: Connection, person: Person, number: int, now: datetime) -> None:
    """Somebody of the staff has seen to it: it waits for nobody any more. Raises Conflict."""
    if not chat_reports.close(db, number, person.id, now):
        raise Conflict("Somebody has seen to this before.")


def _checked(words: str, most: int) -> str:
    said = words.strip()
    if len(said) > most:
        raise TooLong("This may have at most %(most)s characters.", most=most, field="note", text=words)
    if not are_characters(said):
        raise Invalid("The text has characters that no database keeps.", field="note")
    return said
