"""Which language a text is in, to warn somebody who writes in another one than the task's.

Knows texts and language tags; does not know who writes, nor what follows from a warning. Works offline: the network
of the Compact Language Detector 3 lies inside its package. About 0.2 ms a text, at most 1 ms, whatever its length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import gcld3  # type: ignore[import-untyped]

from espalier.domain.language import primary

# A false alarm annoys everybody who writes what was asked for; a wrong language that is missed is found by the
# reviewers, who are asked about it. So the limits are drawn for few false alarms: see benchmarks/language.py.
SURE: Final = 0.95  # of the detector's own probability
LEAST_LETTERS: Final = 40  # fewer say too little; one of a dense script counts as three
LEAST_LETTERS_OTHER_SCRIPT: Final = 16  # about five words, of which not a letter can be of the task's language
LEAST_LETTERS_UNUSUAL: Final = 80  # slips of the detector are mostly towards small languages
MOST_CHARACTERS: Final = 1000  # read from the two ends of a longer text
OWN_SCRIPT: Final = 0.05  # with this share of letters in the script of the task, a text is at most mixed
PIECE_CHARACTERS: Final = 60  # somebody who asks for a translation says so at the beginning or the end


@dataclass(frozen=True, slots=True)
class Guess:
    """`lang`: a primary language subtag such as `en`. `confidence`: from 0 to 1."""

    lang: str
    confidence: float


_CODE: Final = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|\$\$.*?\$\$|<[^<>\n]{1,200}>|^\|[^\n]*$", re.DOTALL | re.MULTILINE
)
"""Code, formulas, tags and rows of tables."""
_ASCII_RUN: Final = re.compile(r"[!-~]+")
_NOT_PROSE: Final = re.compile(r"[\d_/\\=@{}\[\];#<>|+*^&]|\(\)|\w[.:]\w|www\.")
_LETTER: Final = re.compile(
    "[^\\W\\d_]|[\u0900-\u109f\u1780-\u17ff]"
)  # the vowel signs of India and its neighbours as well
_DENSE: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

_SCRIPTS: Final = {
    "Arab": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff",
    "Armn": "\u0530-\u058f",
    "Beng": "\u0980-\u09ff",
    "Cyrl": "\u0400-\u052f",
    "Deva": "\u0900-\u097f",
    "Ethi": "\u1200-\u139f",
    "Geor": "\u10a0-\u10ff\u1c90-\u1cbf",
    "Grek": "\u0370-\u03ff\u1f00-\u1fff",
    "Gujr": "\u0a80-\u0aff",
    "Guru": "\u0a00-\u0a7f",
    "Hani": "\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff",
    "Hebr": "\u0590-\u05ff\ufb1d-\ufb4f",
    "Khmr": "\u1780-\u17ff",
    "Knda": "\u0c80-\u0cff",
    "Kore": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "Laoo": "\u0e80-\u0eff",
    "Latn": "A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff",
    "Mlym": "\u0d00-\u0d7f",
    "Mymr": "\u1000-\u109f",
    "Orya": "\u0b00-\u0b7f",
    "Sinh": "\u0d80-\u0dff",
    "Taml": "\u0b80-\u0bff",
    "Telu": "\u0c00-\u0c7f",
    "Thai": "\u0e00-\u0e7f",
    "Tibt": "\u0f00-\u0fff",
}


def _langs(names: str) -> frozenset[str]:
    return frozenset(names.split())


_WRITTEN_IN: Final = {
    lang: scripts
    for scripts, langs in (
        (("Arab",), "ar fa ps ur sd ug ckb arz ary"),
        (("Arab", "Cyrl", "Latn"), "az kk ky ku uz tg tk tt"),
        (("Arab", "Guru"), "pa"),
        (("Arab", "Deva"), "ks"),
        (("Armn",), "hy"),
        (("Beng",), "bn as"),
        (("Cyrl",), "ru uk be bg mk ba cv ce os ab"),
        (("Cyrl", "Latn"), "sr sh bs mn cnr"),
        (("Deva",), "hi mr ne sa bho mai new kok"),
        (("Ethi",), "am ti"),
        (("Geor",), "ka"),
        (("Grek",), "el"),
        (("Gujr",), "gu"),
        (("Hani",), "zh ja lzh"),
        (("Hebr",), "he yi"),
        (("Khmr",), "km"),
        (("Knda",), "kn"),
        (("Kore",), "ko"),
        (("Laoo",), "lo"),
        (("Mlym",), "ml"),
        (("Mymr",), "my"),
        (("Orya",), "or"),
        (("Sinh",), "si"),
        (("Taml",), "ta"),
        (("Telu",), "te"),
        (("Thai",), "th"),
        (("Tibt",), "bo dz"),
    )
    for lang in _langs(langs)
}
"""Languages that are not written in Latin letters alone."""

_CLOSE: Final = tuple(
    _langs(group)
    for group in (
        "ca es gl pt oc ast an eu", "nb da sv fo", "hr sr bs sh cnr sl", "mk bg sr", "id ms jv su", "cs sk", "ru uk be",
        "nl af fy li", "de bar lb gsw nds", "it co scn", "fr oc ca ht", "fa ps ur", "hi mr ne bho mai sa", "tr az tk",
        "zu xh ss st tn", "eo ia ie la", "en sco", "ga gd gv", "et fi", "ro mo", "he yi", "uz kk ky tt",
    )
)  # fmt: skip
"""Languages that the detector takes for each other, or whose speakers mix them."""

_KNOWN: Final = _langs(
    "af am ar az be bg bn bs ca ceb co cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha haw he hi hmn hr ht hu "
    "hy id ig is it ja jv ka kk km kn ko ku ky la lb lo lt lv mg mi mk ml mn mr ms mt my nb ne nl ny pa pl ps pt ro ru "
    "sd si sk sl sm sn so sq sr st su sv sw ta te tg th tl tr uk ur uz vi xh yi yo zh zu"
)
"""Languages that the detector can tell; of any other, only the script is looked at."""

_USUAL: Final = _langs(
    "ar bg bn cs da de el en es fa fi fr he hi hu id it ja ko ms nb nl pl pt ro ru sv ta th tr uk ur vi zh"
)


def detect(text: str) -> Guess | None:
    """The language of a text; None when it is too short, mixed or uncertain, or not prose."""
    words = prose(text)
    guess = _guess(words)
    if guess is None or _weight(words) < _least_letters(guess.lang):
        return None
    return guess if all(_close(guess.lang, heard) for heard in _pieces_languages(words)) else None


def looks_foreign(text: str, lang: str) -> str | None:
    """The language that a text seems to be in, when that is surely another one than `lang`; else None.

    Short texts, code, links, texts of several languages and languages close to `lang` raise no alarm.
    """
    words = prose(text)
    wanted = primary(lang)
    guess = _guess(words)
    if guess is None or _close(guess.lang, wanted) or _weight(words) < LEAST_LETTERS_OTHER_SCRIPT:
        return None
    own = _own_script(words, wanted)
    if own and _weight(words) < _least_letters(guess.lang):
        return None
    mixed = OWN_SCRIPT <= own < 1 - OWN_SCRIPT
    if mixed or (own >= OWN_SCRIPT and wanted not in _KNOWN):
        return None
    return None if any(_close(heard, wanted) for heard in _pieces_languages(words)) else guess.lang


def prose(text: str) -> str:
    """The part of a text that people wrote for people: no code, formulas, links, addresses or numbers."""
    if len(text) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2
        text = f"{text[:half]}\n{text[-half:]}"
    # The detector takes no lone surrogates, which imported files may hold.
    text = _CODE.sub(" ", text).encode("utf-8", "ignore").decode()
    return _ASCII_RUN.sub(lambda run: " " if _NOT_PROSE.search(run[0]) else run[0], text)


def _least_letters(lang: str) -> int:
    return LEAST_LETTERS if lang in _USUAL else LEAST_LETTERS_UNUSUAL


def _weight(text: str) -> int:
    """How much a text says, in letters of an alphabet."""
    return len(_LETTER.findall(text)) + 2 * len(_DENSE.findall(text))


def _own_script(text: str, lang: str) -> float:
    """The share of its letters that belong to a script in which the language is written."""
    letters = "".join(_LETTER.findall(text))
    return len(_letters_of(_WRITTEN_IN.get(lang, ("Latn",))).findall(letters)) / len(letters)


@cache
def _letters_of(scripts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"[{''.join(_SCRIPTS[script] for script in scripts)}]")


@cache
def _detector() -> gcld3.NNetLanguageIdentifier:
    return gcld3.NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=4 * MOST_CHARACTERS)


def _guess(words: str) -> Guess | None:
    found = _detector().FindLanguage(text=words)
    if not found.is_reliable or found.probability < SURE:
        return None
    return Guess(primary(found.language), found.probability)


def _pieces_languages(words: str) -> Iterator[str]:
    """The languages of a text's parts, where they can be told: of its halves, and of what it opens and ends with."""
    half = len(words) // 2
    for piece in (words[:PIECE_CHARACTERS], words[-PIECE_CHARACTERS:], words[:half], words[half:]):
        found = _detector().FindLanguage(text=piece)
        if found.is_reliable:
            yield primary(found.language)


def _close(one: str, other: str) -> bool:
    return one == other or any(one in group and other in group for group in _CLOSE)
