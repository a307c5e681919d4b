"""What somebody types to a model and has not sent: one draft for each conversation, and one for the next.

Use cases in the caller's transaction. A draft ends with what is sent, and with its conversation.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from espalier.chat.conversations import MOST_CHARACTERS, draft_place, own_chat
from espalier.domain.characters import are_characters
from espalier.domain.errors import Invalid, NewerDraft, TooLong
from espalier.store import drafts
from espalier.store.drafts import Draft, Fields
from espalier.store.people import Person

KEPT: Final = timedelta(days=30)
MOST_OF_A_FORM: Final = MOST_CHARACTERS + 20_000


def save(db: Connection, person: Person, chat_id: str | None, fields: Fields, seen: int, now: datetime) -> Draft:
    """Keep what was typed. seen: the version on which it goes on, 0 for none. The same once more changes nothing.

    Raises NotFound, TooLong, Invalid, and NewerDraft when another window has saved since.
    """
    if chat_id is not None:
        own_chat(db, person, chat_id)
    if sum(len(name) + sum(map(len, values)) for name, values in fields.items()) > MOST_OF_A_FORM:
        raise TooLong("A draft has at most %(most)s characters.", most=MOST_OF_A_FORM)
    if not all(are_characters(value) for values in fields.values() for value in values):
        raise Invalid("The draft has characters that no database keeps.")
    place = draft_place(chat_id)
    there = drafts.draft_of(db, person.id, place, now)
    if there is not None and dict(there.fields) == dict(fields):
        return there
    drafts.forget_ended(db, now)
    draft = Draft(place, (there.version if there else 0) + 1, fields, now, now + KEPT)
    if draft.version != seen + 1 or not drafts.keep_draft(db, person.id, draft):
        raise NewerDraft("This draft was changed in another window or on another device since.")
    return draft
