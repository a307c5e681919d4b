"""What a text is found by: its words, folded so that case, accents and spelling variants do not matter.

Pure; knows scripts, no database. Scripts that put no spaces between words (and Korean, which glues endings to words)
give overlapping pairs of characters, so that any part of a sentence is found: 日本語 is 日本 本語 語. The last
character stands alone, so that every character begins some pair.
"""

import re
from itertools import chain
from typing import Final, NamedTuple
from unicodedata import category, normalize

LONGEST_TEXT: Final = 100_000  # characters; together with the next two below PostgreSQL's limits for one text
MOST_WORDS_OF_A_TEXT: Final = 16_000
LONGEST_WORD: Final = 64  # characters; longer ones are found by their beginning
SHORTEST_BEGINNING: Final = 3  # letters from which on the last word of a query may be unfinished

# Thai and Lao, Myanmar, Khmer, kana and Han, Hangul syllables; without their punctuation and currency signs.
_DENSE: Final = (
    "\u0e01-\u0e3e\u0e40-\u0e4e\u0e50-\u0e59\u0e81-\u0edf\u1000-\u1049\u1050-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f"
    "\u1780-\u17d3\u17d7\u17dc-\u17e9\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
# Signs that belong to the letter before them, such as the vowels of Devanagari.
_SIGNS: Final = "".join(
    sign for sign in map(chr, chain(range(0x0300, 0x2000), range(0xA660, 0xAC00))) if category(sign).startswith("M")
)
_LETTERS: Final = rf"[^\W_{_DENSE}]"
_PIECES: Final = re.compile(rf"[{_DENSE}]+|{_LETTERS}+(?:[{_SIGNS}]+{_LETTERS}*)*")
_IS_DENSE: Final = re.compile(rf"[{_DENSE}]")
_NEITHER_DENSE_NOR_SIGNS: Final = re.compile(rf"[^{_DENSE}{_SIGNS}]*")
_SPACED_WORDS: Final = re.compile(r"[^\W_]+")
_ASCII_OR_SPACE: Final = "".join(letter if letter.isalnum() else " " for letter in map(chr, range(128)))

# Accents of Latin, Greek and Cyrillic, points of Hebrew, vowels and hamza signs of Arabic and its tatweel, and what
# only steers how other characters are drawn.
_IGNORED: Final = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]+"
)
_SHORT_I: Final = ("\u0438\u0306", "\u0439")  # й is a letter of its own
# Letters that are written one for another but do not come apart into letter and accent.
_SAME: Final = {
    "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th",
    "ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ة": "ه", "ہ": "ه", "ھ": "ه", "ک": "ك",
}  # fmt: skip
_VARIANTS: Final = re.compile(f"[{''.join(_SAME)}]")


class Phrase(NamedTuple):
    """Words that stand side by side; `open`: the last may be the beginning of a longer one."""

    words: list[str]
    open: bool


def fold(text: str) -> str:
    """The text without what a reader would not mind: case, accents, widths, vowel signs of Arabic and Hebrew."""
    if text.isascii():
        return text.lower()
    bare = _IGNORED.sub("", normalize("NFKD", text).casefold().replace(*_SHORT_I))
    return normalize("NFC", _VARIANTS.sub(lambda letter: _SAME[letter[0]], bare))


def words_of(text: str) -> list[str]:
    """What the text is found by, in order."""
    return _split(fold(text)[:LONGEST_TEXT])[:MOST_WORDS_OF_A_TEXT]


def phrases(query: str) -> list[Phrase]:
    """What to look for: each word of the query, those with several pieces (`don't`, 日本語) as a phrase."""
    found = [words for word in fold(query).split() if (words := _split(word))]
    return [_phrase(words, is_last=words is found[-1]) for words in found]


def _phrase(words: list[str], *, is_last: bool) -> Phrase:
    end = words[-1]
    if not _IS_DENSE.match(end):
        return Phrase(words, is_last and len(end) >= SHORTEST_BEGINNING)
    if len(words) > 1 and len(words[-2]) == 2 and _IS_DENSE.match(words[-2]):
        return Phrase(words[:-1], False)  # the last character alone would be the end of the sentence
    return Phrase(words, True)


def _split(folded: str) -> list[str]:
    if folded.isascii():
        return [word[:LONGEST_WORD] for word in folded.translate(_ASCII_OR_SPACE).split()]
    if _NEITHER_DENSE_NOR_SIGNS.fullmatch(folded):  # most languages; the same words, in half the time
        return [word[:LONGEST_WORD] for word in _SPACED_WORDS.findall(folded)]
    words: list[str] = []
    for piece in _PIECES.findall(folded):
        if _IS_DENSE.match(piece):
            words.extend(piece[at : at + 2] for at in range(len(piece)))
        else:
            words.append(piece[:LONGEST_WORD])
    return words
