"""Which characters a text can hold at all."""


def are_characters(text: str) -> bool:
    """Whether databases and UTF-8 can hold the text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text))
