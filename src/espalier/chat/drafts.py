"""What somebody types to a model and has not sent: one draft for each conversation, and one for the next.

Use cases in the caller's transaction. A draft ends with what is sent, and with its conversation.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from espalier.chat.conversations import MOST_CHARACTERS, draft_place, own_chat
from espalier.collect.saving import check_form, save_form
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
    check_form(fields, MOST_OF_A_FORM)
    return save_form(db, person.id, draft_place(chat_id), fields, seen, now, now + KEPT)
