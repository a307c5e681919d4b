"""Language tags (BCP 47): what is one, and the one way in which each is written here.

Case says nothing in a tag. Tags from outside get their usual case where they come in, so that `EN` is `en` everywhere.
"""

import re
from functools import lru_cache
from typing import Final

from espalier.domain.errors import Invalid

_TAG: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_SAME: Final = {
    "fil": "tl", "in": "id", "iw": "he", "ji": "yi", "jw": "jv", "mo": "ro", "nn": "nb", "no": "nb", "yue": "zh",
    "cmn": "zh", "wuu": "zh", "arz": "ar", "ary": "ar", "arb": "ar", "pes": "fa", "prs": "fa",
}  # fmt: skip
"""Other spellings of a language, old codes of the detector included."""


def language_tag(given: object) -> str | None:
    """The tag in its usual case, `zh-Hant-TW` of `ZH-hant-tw` (RFC 5646, section 2.1.1); None for what is no tag."""
    return _in_usual_case(given) if isinstance(given, str) and _TAG.fullmatch(given) else None


def usual_tag(said: str) -> str:
    """What a file says of a language, a tag in its usual case; what is no tag stays as it is."""
    return language_tag(said) or said


def checked_tag(given: object, field: str = "lang") -> str:
    """The same; raises Invalid, of this field of a request."""
    if (tag := language_tag(given)) is None:
        raise Invalid("'%(lang)s' is no language tag such as en or pt-BR.", lang=given, field=field)
    return tag


@lru_cache(maxsize=1024)
def _in_usual_case(tag: str) -> str:
    subtags = tag.lower().split("-")
    for place, subtag in enumerate(subtags[1:], 1):
        if len(subtags[place - 1]) == 1:  # what follows a single letter is an extension of its own
            break
        if len(subtag) == 2:
            subtags[place] = subtag.upper()
        elif len(subtag) == 4:
            subtags[place] = subtag.capitalize()
    return "-".join(subtags)


def primary(tag: str) -> str:
    """The language of a BCP 47 tag, without script, region and variant, in one spelling: `nb` of `no-NO`."""
    lang = tag.replace("_", "-").split("-")[0].lower()
    return _SAME.get(lang, lang)
