"""A form saved as it is typed, under any name: what may be kept, and who wins where two windows save.

In the caller's transaction. Knows forms; does not know what one is for.
"""

from datetime import datetime

from sqlalchemy import Connection

from espalier.domain.characters import are_characters
from espalier.domain.errors import Invalid, NewerDraft, TooLong
from espalier.store import drafts
from espalier.store.drafts import Draft, Fields


def check_form(fields: Fields, most: int) -> None:
    """Whether a form can be kept. most: characters of all of its fields. Raises TooLong, Invalid."""
    if sum(len(name) + sum(map(len, values)) for name, values in fields.items()) > most:
        raise TooLong("A draft has at most %(most)s characters.", most=most)
    if not all(are_characters(value) for values in fields.values() for value in values):
        raise Invalid("The draft has characters that no database keeps.")


def save_form(
    db: Connection,
    person_id: str,
    place: str,
    fields: Fields,
    seen: int,
    now: datetime,
    ends_at: datetime | None = None,
) -> Draft:
    """Keep a form that was checked. seen: the version on which it goes on, 0 for none. The same once more changes
    nothing. Raises NewerDraft when another window has saved since.
    """
    there = drafts.draft_of(db, person_id, place, now)
    if there is not None and dict(there.fields) == dict(fields):
        return there
    drafts.forget_ended(db, now)
    draft = Draft(place, (there.version if there else 0) + 1, fields, now, ends_at)
    if draft.version != seen + 1 or not drafts.keep_draft(db, person_id, draft):
        raise NewerDraft("This draft was changed in another window or on another device since.")
    return draft
