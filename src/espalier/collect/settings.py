"""What people choose for themselves once they are here: name, languages, what others see, how the site behaves.

Knows the account and its preferences; does not know in which languages there is an interface.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from espalier.collect.accounts import change_profile
from espalier.collect.letters import choose
from espalier.collect.welcome import checked_langs
from espalier.domain.errors import Invalid
from espalier.store.people import Person
from espalier.store.preferences import Preferences, keep_preferences, preferences_of

THEMES: Final = ("system", "light", "dark")


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the page of one's settings holds; each is what `Preferences` says, or the account."""

    name: str
    on_board: bool
    langs: tuple[str, ...]
    named: bool
    harsh: bool
    theme: str
    interface: str | None
    single_keys: bool
    mail: bool


def change_settings(db: Connection, person: Person, chosen: Settings, lang: str, now: datetime) -> Preferences:
    """lang: in which they read the page, for letters. Raises Invalid, naming the field."""
    change_profile(db, person, now, name=chosen.name, on_board=chosen.on_board)
    kept = replace(
        preferences_of(db, person.id),
        langs=checked_langs(chosen.langs),
        named=chosen.named,
        harsh=chosen.harsh,
        theme=_checked_theme(chosen.theme),
        interface=chosen.interface,
        single_keys=chosen.single_keys,
        mail=chosen.mail,
    )
    keep_preferences(db, person.id, kept)
    choose(db, person.id, kept.mail, kept.interface or lang, now)
    return kept


def change_manner(db: Connection, person: Person, *, theme: str | None = None, interface: str | None = None) -> None:
    """The theme or the interface's language alone; what is None stays. Raises Invalid."""
    before = preferences_of(db, person.id)
    after = replace(
        before,
        theme=before.theme if theme is None else _checked_theme(theme),
        interface=before.interface if interface is None else interface,
    )
    if after != before:
        keep_preferences(db, person.id, after)


def change_chat(db: Connection, person: Person, chosen: Mapping[str, Any]) -> None:
    """With which model and how somebody chats from now on; it was checked already."""
    before = preferences_of(db, person.id)
    after = {**before.chat, **chosen}  # the presets that somebody saved stay
    if before.chat != after:
        keep_preferences(db, person.id, replace(before, chat=after))


def _checked_theme(theme: str) -> str:
    if theme not in THEMES:
        raise Invalid(
            "There is no theme '%(given)s'; there are %(known)s.", given=theme, known=", ".join(THEMES), field="theme"
        )
    return theme
