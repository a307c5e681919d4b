"""What people chose for themselves: languages, interface, theme. Kept apart from the account, as one JSON value."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from espalier.domain.pseudonym import pseudonym
from espalier.store.sql import Statement
from espalier.store.tables import preferences


@dataclass(frozen=True, slots=True)
class Preferences:
    """langs: in which a person works. interface: the language of the site, None as the browser says.

    welcomed: has been through the page of the first visit. named: agreed that others read the name, not a pseudonym.
    harsh: reads unfolded what others marked. single_keys: keys without a modifier act. mail: wants mail.
    chat: with which model and how a person chats.
    """

    langs: tuple[str, ...] = ()
    interface: str | None = None
    theme: str = "system"
    welcomed: bool = False
    named: bool = False
    harsh: bool = False
    single_keys: bool = True
    mail: bool = False
    chat: Mapping[str, Any] = field(default_factory=dict)


_NAMES = frozenset(each.name for each in fields(Preferences))
_FIND = Statement(select(preferences.c.document).where(preferences.c.person_id == bindparam("person")))
_OF_SEVERAL = Statement(
    select(preferences.c.person_id, preferences.c.document).where(
        preferences.c.person_id.in_(bindparam("ids", expanding=True))
    )
)
_PUT = Statement(
    lambda insert: (
        insert(preferences)
        .values(person_id=bindparam("person"), document=bindparam("document"))
        .on_conflict_do_update(index_elements=["person_id"], set_={"document": bindparam("document")})
    )
)
_FORGET = Statement(delete(preferences).where(preferences.c.person_id == bindparam("person")))


def preferences_of(db: Connection, person_id: str) -> Preferences:
    document = _FIND.value(db, person=person_id)
    if document is None:
        return Preferences()
    given = {name: value for name, value in json.loads(document).items() if name in _NAMES}
    return Preferences(**{**given, "langs": tuple(given.get("langs", ()))})


def names_shown(db: Connection, names: Mapping[str, str]) -> dict[str, str]:
    """The names of people, by id, as others read them: of who has not agreed to theirs a pseudonym."""
    chosen = dict(_OF_SEVERAL.rows(db, ids=list(names)))
    agreed = {person for person, document in chosen.items() if json.loads(document).get("named")}
    return {person: name if person in agreed else pseudonym(person) for person, name in names.items()}


def keep_preferences(db: Connection, person_id: str, chosen: Preferences) -> None:
    _PUT.run(db, person=person_id, document=json.dumps(asdict(chosen)))


def forget_preferences(db: Connection, person_id: str) -> None:
    _FORGET.run(db, person=person_id)
