"""The first visit: a name, the languages one works in, and whether one stands on the board."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from espalier.collect.accounts import change_profile
from espalier.collect.letters import choose
from espalier.domain.errors import Invalid
from espalier.domain.language import language_tag
from espalier.store import letters
from espalier.store.people import Person
from espalier.store.preferences import Preferences, keep_preferences, preferences_of

MOST_LANGUAGES: Final = 20


def welcome(
    db: Connection, person: Person, name: str, langs: Sequence[str], on_board: bool, now: datetime
) -> Preferences:
    """Keep what somebody says at the first visit. Who wants to stand on the board does so by name. Raises Invalid."""
    if name != name.lstrip():
        raise Invalid("A name does not begin with a space.", field="name")
    chosen = checked_langs(langs)
    change_profile(db, person, now, name=name, on_board=on_board)
    kept = replace(preferences_of(db, person.id), langs=chosen, named=on_board, welcomed=True)
    keep_preferences(db, person.id, kept)
    return kept


def checked_langs(langs: Sequence[str]) -> tuple[str, ...]:
    """Languages that somebody works in. Raises Invalid."""
    chosen = dict.fromkeys(map(language_tag, langs))
    tags = tuple(filter(None, chosen))
    if not chosen or len(tags) < len(chosen):
        raise Invalid("Choose at least one language.", field="langs")
    if len(tags) > MOST_LANGUAGES:
        raise Invalid("Choose at most %(most)s languages.", most=MOST_LANGUAGES, field="langs")
    return tags


def end_mail(db: Connection, person_id: str) -> None:
    """End the letters of somebody who pressed the link in one, whoever is signed in."""
    keep_preferences(db, person_id, replace(preferences_of(db, person_id), mail=False))
    letters.end(db, person_id)


def set_mail(db: Connection, person: Person, wanted: bool, lang: str, now: datetime) -> None:
    """Whether somebody wants letters beyond those they ask for, and in which language."""
    keep_preferences(db, person.id, replace(preferences_of(db, person.id), mail=wanted))
    choose(db, person.id, wanted, lang, now)
