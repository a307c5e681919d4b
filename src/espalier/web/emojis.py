"""Reactions as they stand below a message: which there are, whose they are, and whether they are counted aloud.

Knows what a reader may see of a message, as it is handed in; knows no page.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from gettext import NullTranslations
from typing import Final

from espalier.domain.message import EMOJIS
from espalier.domain.sight import BlindMessage, SeenMessage

FLAG: Final = "red_flag"
"""No button of its own: reporting a message puts it."""
SIGNS: Final[Mapping[str, str]] = {
    "+1": "👍", "-1": "👎", "100": "💯", "rofl": "🤣", "clap": "👏", "diamond": "💎", "heart_eyes": "😍",
    "disappointed": "😞", "poop": "💩", "skull": "💀",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Emoji:
    """name: as it is sent. count: None while it is hidden."""

    name: str
    sign: str
    words: str
    mine: bool
    count: int | None


def emojis(message: SeenMessage, mine: Collection[str], words: NullTranslations, *, always: bool) -> list[Emoji]:
    """Counts are shown to who has reacted, or `always`, and never to who could still judge the message."""
    counted = not isinstance(message, BlindMessage) and (always or any(name != FLAG for name in mine))
    counts = {} if isinstance(message, BlindMessage) else message.emojis
    named = _named(words)
    return [
        Emoji(name, SIGNS[name], named[name], name in mine, counts.get(name, 0) if counted else None)
        for name in EMOJIS
        if name != FLAG
    ]


def _named(words: NullTranslations) -> dict[str, str]:
    _ = words.gettext
    return {
        "+1": _("thumbs up"), "-1": _("thumbs down"), "100": _("a hundred points"), "rofl": _("laughing"),
        "clap": _("applause"), "diamond": _("a gem"), "heart_eyes": _("love it"), "disappointed": _("disappointed"),
        "poop": _("rubbish"), "skull": _("deadly"),
    }  # fmt: skip
