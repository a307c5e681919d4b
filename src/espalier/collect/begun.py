"""A prompt that somebody begins before signing in: kept for their browser for a day, then a draft of their own.

Knows the browser by a secret alone, of which only the SHA-256 is kept. Knows no HTTP.
"""

import hashlib
from datetime import datetime, timedelta
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect import drafts as of_people
from espalier.collect import tasks
from espalier.domain.characters import are_characters
from espalier.domain.errors import Invalid, TooLong
from espalier.domain.language import checked_tag
from espalier.domain.work import Kind
from espalier.store import drafts
from espalier.store.drafts import Draft
from espalier.store.people import Person

KEPT_FOR: Final = timedelta(days=1)
LONGEST: Final = 20_000  # characters
BEGUN: Final = "begun"
"""Where else the id of a task stands."""


def keep(db: Connection, secret: str, lang: str, text: str, now: datetime) -> None:
    """Keep what was typed so far. Raises Invalid, TooLong."""
    lang = checked_tag(lang)
    if len(text) > LONGEST:
        raise TooLong("A draft has at most %(most)s characters.", most=LONGEST)
    if not are_characters(text):
        raise Invalid("The draft has characters that no database keeps.", field="text")
    drafts.forget_ended(db, now)
    there = find(db, secret, now)
    fields = {"text": (text,), "lang": (lang,)}
    version = (there.version if there else 0) + 1
    drafts.keep_draft(db, _browser(secret), Draft(BEGUN, version, fields, now, ends_at=now + KEPT_FOR))


def find(db: Connection, secret: str, now: datetime) -> Draft | None:
    return drafts.draft_of(db, _browser(secret), BEGUN, now)


def lang_of(begun: Draft) -> str:
    return "".join(begun.fields.get("lang", ()))


def take_up(db: Connection, person: Person, secret: str, now: datetime, rng: Random) -> str | None:
    """Make it the draft of a new prompt of this person; the task's id, or None where no prompt is asked for now.

    Where they have a prompt in hand, it comes behind what they have written of it. Raises what `next_task` raises.
    """
    begun = find(db, secret, now)
    if begun is None:
        return None
    task = tasks.next_task(db, person, tasks.Ask(Kind.INITIAL_PROMPT, (lang_of(begun),)), now, rng)
    if task is None:
        return None
    there = drafts.draft_of(db, person.id, task.id, now)
    texts = [text for text in (there.text if there else "", begun.text) if text.strip()]
    if texts:
        of_people.keep(db, person, task.id, {"text": ("\n\n".join(dict.fromkeys(texts)),)}, now)
    drafts.forget_draft(db, _browser(secret), BEGUN)
    return task.id


def _browser(secret: str) -> str:
    """What stands where else the id of a person stands."""
    return f"browser:{hashlib.sha256(secret.encode()).hexdigest()}"
