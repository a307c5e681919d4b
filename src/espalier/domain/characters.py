"""Which characters a text can hold at all, and which of them anybody sees."""

import unicodedata
from typing import Final

SHAPELESS: Final = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))  # not "Cn": signs that Unicode may have by now


def are_characters(text: str) -> bool:
    """Whether databases and UTF-8 can hold the text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text))


def shows_anything(text: str) -> bool:
    """Whether there is more in it than blanks, and signs without a shape such as a zero width space."""
    return any(unicodedata.category(sign) not in SHAPELESS for sign in text)
