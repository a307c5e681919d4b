"""Saying what the campaign is, publishing its texts, and accepting its terms. Each change is in the journal.

Knows no HTTP; what may be said is domain/charter.py.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from espalier.collect.accounts import require
from espalier.domain.charter import Charter
from espalier.domain.errors import Conflict, Invalid
from espalier.domain.parameter import is_language
from espalier.store import charters, documents, journal
from espalier.store.people import Person, PersonRole

KINDS: Final = (
    "terms", "privacy", "initial_prompt", "prompter_reply", "assistant_reply", "label", "rank", "labels",
)  # fmt: skip
LONGEST: Final = 50_000  # characters


def change_charter(db: Connection, actor: Person | None, change: Mapping[str, Any], now: datetime) -> Charter:
    """Say something else of the campaign; what is not named stays. Raises NotAllowed, InvalidCharter."""
    require(actor, PersonRole.ADMIN)
    before = charters.charter_in_force(db)
    after = Charter.from_mapping(change, before)
    if after == before:
        return before
    person = actor.id if actor else None
    charters.keep_charter(db, after, person, now)
    was, now_is = before.to_mapping(), after.to_mapping()
    changed = [name for name in now_is if now_is[name] != was[name]]
    journal.note(db, person, "campaign.changed", None, now, changed=changed)
    return after


def publish(
    db: Connection, actor: Person | None, kind: str, lang: str, text: str, ask_again: bool, now: datetime
) -> int:
    """Put a text of one's own in force; its version. ask_again: everybody has to accept these terms.

    Raises NotAllowed, Invalid.
    """
    require(actor, PersonRole.ADMIN)
    if kind not in KINDS:
        raise Invalid(
            "There is no text '%(given)s'; there are %(known)s.", given=kind, known=", ".join(KINDS), field="kind"
        )
    if not is_language(lang):
        raise Invalid("'%(lang)s' is no language tag such as en or pt-BR.", lang=lang, field="lang")
    if not text.strip() or len(text) > LONGEST or "\0" in text:
        raise Invalid("A text has 1 to %(most)s characters.", most=LONGEST, field="text")
    person = actor.id if actor else None
    version = documents.publish(db, kind, lang, text.strip(), person, now)
    journal.note(db, person, "document.published", kind, now, lang=lang, version=version)
    if kind == "terms" and ask_again:
        change_charter(db, actor, {"terms": version}, now)
    return version


def accept_terms(db: Connection, person: Person, version: int, now: datetime) -> None:
    """Raises Conflict where other terms are in force than those that were read."""
    if version != charters.charter_in_force(db).terms:
        raise Conflict("The terms have changed while you read them; please read them again.")
    documents.accept(db, person.id, version, now)
