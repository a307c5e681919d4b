"""Ways to draw replies under a name: those of this program, the organiser's, and each person's own.

Use cases in the caller's transaction, and how a preset is named in a form: `own:NAME` of a person, `here:NAME` of the
organiser, and the plain name of one of the program's.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from espalier.chat.parameters import PRESETS, Number
from espalier.domain.characters import are_characters
from espalier.domain.errors import Conflict, Invalid, TooLong
from espalier.store.people import Person
from espalier.store.preferences import keep_preferences, preferences_of

OWN, HERE = "own:", "here:"
KEPT: Final = "presets"
"""Where they stand among what a person chose for chat."""
NAME_CHARACTERS: Final = 40
MOST: Final = 20

Presets = Mapping[str, Mapping[str, Number]]


def own_presets(chat: Mapping[str, Any]) -> Presets:
    """Those that a person saved, from what they chose for chat."""
    found: Presets = chat.get(KEPT, {})
    return found


def all_presets(here: Presets, own: Presets) -> dict[str, Mapping[str, Number]]:
    """By the name that a form brings."""
    return {
        **PRESETS,
        **{f"{HERE}{name}": values for name, values in here.items()},
        **{f"{OWN}{name}": values for name, values in own.items()},
    }


def save(db: Connection, person: Person, name: str, values: Mapping[str, Number]) -> str:
    """Keep values under a name, in the place of what had it before; the name as a form brings it.

    Raises Invalid, TooLong.
    """
    kept = " ".join(name.split())
    if not kept or not are_characters(kept):
        raise Invalid("A preset needs a name.", field="preset_name")
    if len(kept) > NAME_CHARACTERS:
        raise TooLong("A name has at most %(most)s characters.", most=NAME_CHARACTERS, field="preset_name")
    before = preferences_of(db, person.id)
    presets = {**own_presets(before.chat), kept: dict(values)}
    if len(presets) > MOST:
        raise Conflict("There are %(most)s presets of yours. Delete one first.", most=MOST, field="preset_name")
    chosen = {**before.chat, KEPT: presets, "preset": f"{OWN}{kept}"}
    keep_preferences(db, person.id, replace(before, chat=chosen))
    return f"{OWN}{kept}"


def forget(db: Connection, person: Person, name: str) -> None:
    """Delete one of one's own; where there is none of this name, nothing changes."""
    before = preferences_of(db, person.id)
    presets = {each: values for each, values in own_presets(before.chat).items() if each != name}
    keep_preferences(db, person.id, replace(before, chat={**before.chat, KEPT: presets}))
