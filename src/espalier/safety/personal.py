"""Personal data in a text: where addresses, numbers and keys stand that belong to somebody.

Patterns with a check behind them where there is one (a checksum, a numbering plan). Knows texts alone. No chance.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class PersonalKind(StrEnum):
    """What was found. `key`: a password or token of some service, or a private key."""

    EMAIL = "email"
    PHONE = "phone"
    IBAN = "iban"
    CARD = "card"
    KEY = "key"
    ADDRESS = "address"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Personal:
    """A part of a text, in characters from its beginning; `end` is the first that is no part of it."""

    kind: PersonalKind
    start: int
    end: int


REGIONS: Final = ("US", "GB", "DE", "FR", "ES", "IT", "BR", "RU", "IN", "SE", "FI", "AU", "DK", "PL")
"""Where a number without a country is tried as one of there; more would call more other numbers a telephone."""
LONGEST: Final = 20_000  # characters that are looked at; a longer text is no message
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}\b")
# In ASCII, for what stands in Chinese or Thai has no blank around it.
_IBAN: Final = re.compile(
    r"\b[A-Za-z]{2}\d{2}(?:[A-Za-z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)\b", re.ASCII
)
_CARD: Final = re.compile(r"(?<![\d.-])(?<!\d )\d(?:[ -]?\d){11,18}(?! ?\d|-)")  # no part of a row of numbers
_CARD_BEGINS: Final = re.compile(r"[2-6]|18|1800")
_NETWORK: Final = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){4,7})(?![\w:]|\.\d)", re.ASCII
)  # fmt: skip
_KEY: Final = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----.*?(?:-----END (?:[A-Z]+ )*PRIVATE KEY-----|\Z)"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[opsur]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{22,}\b|\bglpat-[\w-]{20,}"
    r"|\bsk-(?:ant-|proj-|live_|test_)?[\w-]{20,}|\b[rs]k_(?:live|test)_[A-Za-z0-9]{20,}"
    r"|\bhf_[A-Za-z0-9]{30,}\b|\bAIza[\w-]{35}\b|\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bnpm_[A-Za-z0-9]{36}\b"
    r"|\bpypi-[\w-]{50,}|\bSG\.[\w-]{22}\.[\w-]{43}\b|\bya29\.[\w-]{30,}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    re.DOTALL | re.ASCII,
)
_STREETS: Final = (  # before the name, behind it or ending it
    "street|str|st|road|rd|avenue|ave|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|way|highway|hwy|"
    "parkway|crescent|close|grove|row|mews|circle|cir|trail|loop|alley"
)
_BEFORE: Final = (
    "rue|avenue|boulevard|chemin|impasse|allée|quai|route|via|viale|piazza|corso|largo|calle|c/|avenida|avda\\.?|paseo|"
    "plaza|carrer|rua|travessa|praça|estrada|ulica|ul\\.|улица|ул\\.|проспект|пр\\."
)
_ENDING: Final = (
    "straße|strasse|str\\.|gasse|weg|allee|platz|ufer|damm|straat|laan|plein|gracht|kade|gatan|vägen|gata|vegur|"
    "vej|gade|veien|gaten|katu|tie|kuja|utca|út|tér|ulica"
)
_NAME: Final = r"[^\W\d_][^\W\d_'’.-]*(?:['’.-][^\W\d_]+)*"
_PROPER: Final = (
    rf"(?:(?=[A-ZÀ-ÞŁŠŽČŘА-Я]){_NAME}|de|del|della|des|di|do|da|dos|du|la|las|los|el|le|of|the|von|van|der|den)"
)
"""A word of a name: a capital, or one of those that stand small between them."""
_NUMBER: Final = r"\d{1,5}[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?"
_SOCIAL: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b|\b\d{3}-\d{2}-\d{4}\b|\b\d{5}-\d{3,4}\b")
"""Dates, numbers of social security and of post, which some region would take for a telephone."""
_ADDRESS: Final = re.compile(
    rf"\b{_NUMBER}(?: \d{{1,3}})?,? (?:[NSEW]\.? )?(?:{_PROPER} ){{1,4}}(?i:{_STREETS})\b\.?"
    rf"|\b(?:{_NUMBER},? )?(?i:{_BEFORE})\s(?:{_PROPER}[ ,]+){{1,5}}{_NUMBER}\b"
    rf"|\b{_NUMBER},? (?i:{_BEFORE})\s(?:(?:de|du|des|del|la|le|les|da|do|dos)\s)*{_NAME}(?: {_PROPER}){{0,3}}"
    rf"|\b(?:{_NUMBER} )?(?:{_NAME} ){{0,3}}[^\W\d_]+(?i:{_ENDING}),? {_NUMBER}\b"
    rf"|\b\d{{1,5}} [^\W\d_]+(?i:{_ENDING})\b"
    rf"|\b(?:{_NAME} ){{1,3}}(?i:utca|út|tér|u\.|tie|katu) {_NUMBER}\b"
    r"|\b(?i:P\.? ?O\.? box|postfach|apartado(?: de correos)?|PSC) \d{1,6}\b"
    r"|\b(?i:apt|suite|apartment|unit)\.? #?\d{1,5}[A-Za-z]?\b"
)


def personal(text: str) -> list[Personal]:
    """All of it, in the order of the text; where two would overlap the earlier and longer one stands."""
    text = text[:LONGEST]
    found = [each for find in _FINDERS for each in find(text)]
    found.sort(key=lambda each: (_FIRST[each.kind], each.start, each.start - each.end))
    kept: list[Personal] = []
    for each in found:
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda each: each.start)


def _matches(kind: PersonalKind, pattern: re.Pattern[str], is_right: Callable[[str], bool]) -> "_Find":
    def find(text: str) -> Iterator[Personal]:
        for match in pattern.finditer(text):
            if is_right(match[0]):
                yield Personal(kind, match.start(), match.end())

    return find


def is_iban(said: str) -> bool:
    """Whether the check digits are right (ISO 13616: the number modulo 97 is 1)."""
    plain = said.replace(" ", "").upper()
    moved = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and plain.isascii() and int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def is_card(said: str) -> bool:
    """Whether it begins as cards do and its check digit is right (Luhn)."""
    digits = [int(sign) for sign in said if sign.isdigit()]
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits))]
    return bool(_CARD_BEGINS.match(said)) and len(set(digits)) > 1 and sum(doubled) % 10 == 0


def _is_network(said: str) -> bool:
    try:
        address = ipaddress.ip_address(said)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _phones(text: str) -> Iterator[Personal]:
    if not re.search(r"\d[\d\s().-]{5,}\d", text):
        return
    import phonenumbers

    social = [match.span() for match in _SOCIAL.finditer(text)]
    for region in REGIONS:
        for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.VALID):
            if not any(start <= match.start < end for start, end in social):
                yield Personal(PersonalKind.PHONE, match.start, match.end)


_Find = Callable[[str], Iterator[Personal]]
_FINDERS: Final[tuple[_Find, ...]] = (
    _matches(PersonalKind.EMAIL, _EMAIL, lambda said: True),
    _matches(PersonalKind.KEY, _KEY, lambda said: True),
    _matches(PersonalKind.IBAN, _IBAN, is_iban),
    _matches(PersonalKind.CARD, _CARD, is_card),
    _matches(PersonalKind.NETWORK, _NETWORK, _is_network),
    _matches(PersonalKind.ADDRESS, _ADDRESS, lambda said: True),
    _phones,
)
_FIRST: Final = {
    kind: place
    for place, kind in enumerate(
        (
            PersonalKind.KEY, PersonalKind.EMAIL, PersonalKind.IBAN, PersonalKind.CARD, PersonalKind.NETWORK,
            PersonalKind.ADDRESS, PersonalKind.PHONE,
        )
    )
}  # fmt: skip
"""Whose pattern says most stands where several fit."""
