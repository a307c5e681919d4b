"""Saying what the campaign is, publishing its texts, and accepting its terms. Each change is in the journal.

Knows no HTTP; what may be said is domain/charter.py.
"""

from collections.abc import Callable, Collection, Mapping, Set
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from espalier.collect.accounts import require
from espalier.domain.admission import Doors
from espalier.domain.charter import Charter, InvalidCharter, Stranded
from espalier.domain.errors import Conflict, Invalid
from espalier.domain.language import checked_tag
from espalier.store import charters, documents, identities, journal
from espalier.store.identities import EMAIL, PASSWORD
from espalier.store.people import Person, PersonRole

KINDS: Final = (
    "terms", "privacy", "initial_prompt", "prompter_reply", "assistant_reply", "label", "rank", "labels",
)  # fmt: skip
LONGEST: Final = 50_000  # characters


Opens = Callable[[Doors], Collection[str]]
"""The issuers of proofs with which people come in through these doors."""


def change_charter(
    db: Connection,
    actor: Person | None,
    change: Mapping[str, Any],
    now: datetime,
    *,
    opens: Opens | None = None,
    sure: bool = False,
) -> Charter:
    """Say something else of the campaign; what is not named stays.

    `opens`: what the server can do; without it nobody looks who is locked out. `sure`: though people have no other way.
    Raises NotAllowed, InvalidCharter, Stranded.
    """
    require(actor, PersonRole.ADMIN)
    before = charters.charter_in_force(db)
    after = Charter.from_mapping(change, before)
    if after == before:
        return before
    if opens is not None and after.doors != before.doors:
        left = set(opens(after.doors))
        _refuse_locking_out(db, set(opens(before.doors)) - left, left, sure=sure)
    person = actor.id if actor else None
    charters.keep_charter(db, after, person, now)
    was, now_is = before.to_mapping(), after.to_mapping()
    changed = [name for name in now_is if now_is[name] != was[name]]
    journal.note(db, person, "campaign.changed", None, now, changed=changed)
    return after


def _refuse_locking_out(db: Connection, gone: Set[str], left: Set[str], *, sure: bool) -> None:
    if not gone:
        return
    field = "email" if gone & {EMAIL, PASSWORD} else "providers"
    if not identities.an_admin_has_a_way(db, left):
        raise InvalidCharter("No administrator could sign in any more; leave a way that one of them has.", field=field)
    count = identities.stranded(db, gone, left)
    if count and not sure:
        raise Stranded(
            "People who have no other way to sign in: %(count)s. Save once more to switch it off all the same.",
            count=count,
            field=field,
        )


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
    lang = checked_tag(lang)
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
