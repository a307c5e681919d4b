"""What the organiser says of the campaign: what it is, whom it lets in, who may read it, and whether it runs.

A plain value, checked field by field. Knows no accounts and no pages.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final

from espalier.domain.admission import Admission, Doors
from espalier.domain.errors import CampaignClosed, Invalid, NotBegun, Paused, TermsNotAccepted
from espalier.domain.language import language_tag

LONGEST_LINE: Final = 200  # characters
LONGEST_TEXT: Final = 5_000
OWN_TERMS: Final = 1
"""The version of the terms that the program brings; whatever an organiser publishes has a greater number."""


class Running(StrEnum):
    """preparing: staff only. open: everybody works. paused: nothing is handed out. closed: nothing is taken either."""

    PREPARING = "preparing"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


class Visibility(StrEnum):
    """open: finished trees, figures and the board for everybody. members: for who takes part. staff: for staff alone;
    contributors see their tasks and their own work.
    """

    OPEN = "open"
    MEMBERS = "members"
    STAFF = "staff"


class InvalidCharter(Invalid):
    """What cannot be said of a campaign. `field` names which; what its value is like begins with `%(name)s`."""

    slug, title = "invalid-campaign", "This cannot be said of the campaign"

    def __init__(self, sentence: str, *, field: str = "", **values: Any) -> None:
        super().__init__(sentence, field=field, **{**values, "name": field})


class Stranded(InvalidCharter):
    """Somebody would have no way left to sign in. It is done all the same if it is asked for again."""


@dataclass(frozen=True, slots=True)
class Charter:
    """name, about, contact: of the campaign, for its front page. licence, licence_url: of what people give.

    languages: that it asks for; none: all. target: messages it wants. reason: a sentence on why it is paused or closed.
    paused_until: the day on which it goes on. release: where the finished data set is. terms: the version of the terms
    that people must have accepted. picture: by the SHA-256 of what it holds, or empty; picture_says: what it shows.
    """

    name: str = "Espalier"
    about: str = ""
    contact: str = ""
    licence: str = "CC BY 4.0"
    licence_url: str = "https://creativecommons.org/licenses/by/4.0/"
    languages: tuple[str, ...] = ()
    target: int | None = None
    visibility: Visibility = Visibility.MEMBERS
    running: Running = Running.OPEN
    reason: str = ""
    paused_until: date | None = None
    release: str = ""
    picture: str = ""
    picture_says: str = ""
    terms: int = OWN_TERMS
    doors: Doors = field(default_factory=Doors)

    @property
    def readers(self) -> Visibility:
        """Who reads now: while the campaign is being prepared staff alone, whoever will read it later."""
        return Visibility.STAFF if self.running is Running.PREPARING else self.visibility

    @property
    def open_doors(self) -> Doors:
        """Who may come now, and how: while the campaign is being prepared, whoever holds an invitation."""
        invited = replace(self.doors, admission=Admission.INVITATION)
        return invited if self.running is Running.PREPARING else self.doors

    def to_mapping(self) -> dict[str, Any]:
        said = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "doors"}
        doors = {each.name: getattr(self.doors, each.name) for each in fields(self.doors)}
        return {name: _spelled(value) for name, value in {**said, **doors}.items()}

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any], base: "Charter | None" = None) -> "Charter":
        """`base` with what is given changed. Raises InvalidCharter."""
        base = base or cls()
        read: dict[str, Any] = {}
        for name, value in given.items():
            if name not in _READ:
                known = ", ".join(_READ)
                raise InvalidCharter("There is no field %(name)s; there are %(known)s.", field=name, known=known)
            try:
                read[name] = _READ[name](value)
            except InvalidCharter as wrong:
                raise InvalidCharter(wrong.sentence, field=name, **wrong.values) from None
        in_doors = {each.name for each in fields(Doors)}
        doors = replace(base.doors, **{name: value for name, value in read.items() if name in in_doors})
        made = replace(base, doors=doors, **{name: value for name, value in read.items() if name not in in_doors})
        if made.running is not Running.PAUSED and made.paused_until is not None:
            made = replace(made, paused_until=None)
        if not (made.doors.email or made.doors.password or made.doors.providers):
            raise InvalidCharter("Leave at least one way to sign in.", field="email")
        if made.doors.admission is Admission.DOMAINS and not made.doors.domains:
            raise InvalidCharter("Name at least one domain, or let people in another way.", field="domains")
        return made


def _spelled(value: object) -> object:
    match value:
        case tuple():
            return list(value)
        case date():
            return value.isoformat()
        case StrEnum():
            return str(value)
    return value


def _line(value: object) -> str:
    if not isinstance(value, str) or len(value.strip()) > LONGEST_LINE or not value.strip().isprintable():
        raise InvalidCharter("%(name)s must be one line of at most %(most)s characters.", most=LONGEST_LINE)
    return value.strip()


def _name(value: object) -> str:
    if not (said := _line(value)):
        raise InvalidCharter("%(name)s must not be empty.")
    return said


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\0" in value:
        raise InvalidCharter("%(name)s must be a text of at most %(most)s characters.", most=LONGEST_TEXT)
    return value.strip()


def _address(value: object) -> str:
    said = _line(value)
    if said and not re.fullmatch(r"https?://\S+", said):
        raise InvalidCharter("%(name)s must be an address that begins with https://.")
    return said


def _digest(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"([0-9a-f]{64})?", value):
        raise InvalidCharter("%(name)s must be a SHA-256, or nothing.")
    return value


def _lines(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise InvalidCharter("%(name)s must be a list of texts.")
    return tuple(dict.fromkeys(said for each in value if (said := _line(each))))


def _languages(value: object) -> tuple[str, ...]:
    tags = {given: language_tag(given) for given in _lines(value)}
    for given, tag in tags.items():
        if tag is None:
            raise InvalidCharter(
                "%(name)s holds '%(given)s', which is no language tag such as en or pt-BR.", given=given
            )
    return tuple(dict.fromkeys(filter(None, tags.values())))


def _domains(value: object) -> tuple[str, ...]:
    domains = tuple(each.lower().removeprefix("@") for each in _lines(value))
    for each in domains:
        if not re.fullmatch(r"[\w-]+(\.[\w-]+)+", each):
            raise InvalidCharter("%(name)s holds '%(given)s', which is no domain such as example.org.", given=each)
    return domains


def _count(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**9:
        raise InvalidCharter("%(name)s must be a whole number from 1 on, or nothing.")
    return value


def _version(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < OWN_TERMS:
        raise InvalidCharter("%(name)s must be the number of a version.")
    return value


def _day(value: object) -> date | None:
    if value in (None, ""):
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InvalidCharter("%(name)s must be a day such as 2026-12-24, or nothing.") from None


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidCharter("%(name)s must be true or false.")
    return value


def _one_of(kind: type[StrEnum]) -> Callable[[object], StrEnum]:
    def read(value: object) -> StrEnum:
        if value not in set(kind):
            raise InvalidCharter("%(name)s must be one of %(known)s.", known=", ".join(kind))
        return kind(str(value))

    return read


_READ: Final[Mapping[str, Callable[[object], Any]]] = {
    "name": _name,
    "about": _text,
    "contact": _line,
    "licence": _name,
    "licence_url": _address,
    "languages": _languages,
    "target": _count,
    "visibility": _one_of(Visibility),
    "running": _one_of(Running),
    "reason": _line,
    "paused_until": _day,
    "release": _address,
    "picture": _digest,
    "picture_says": _line,
    "terms": _version,
    "email": _truth,
    "password": _truth,
    "providers": _lines,
    "admission": _one_of(Admission),
    "domains": _domains,
    "trusted": _lines,
}


def refuse_new_work(charter: Charter, *, is_staff: bool, accepted: int) -> None:
    """Whether somebody may be handed a task now. Raises NotBegun, Paused, CampaignClosed, TermsNotAccepted."""
    match charter.running:
        case Running.PREPARING if not is_staff:
            raise NotBegun("The campaign has not begun yet.", quoted=charter.reason)
        case Running.PAUSED if charter.paused_until:
            raise Paused(
                "The campaign is paused; what you have begun can still be sent. It goes on on %(day)s.",
                day=charter.paused_until,
                quoted=charter.reason,
            )
        case Running.PAUSED:
            raise Paused("The campaign is paused; what you have begun can still be sent.", quoted=charter.reason)
    refuse_answers(charter, accepted=accepted)


def refuse_closed(charter: Charter) -> None:
    """Raises CampaignClosed where nothing more is taken."""
    if charter.running is Running.CLOSED:
        raise CampaignClosed("The campaign is closed and takes nothing more.", quoted=charter.reason)


def refuse_answers(charter: Charter, *, accepted: int) -> None:
    """Whether somebody may send what they have in hand. Raises CampaignClosed, TermsNotAccepted."""
    refuse_closed(charter)
    refuse_without_terms(charter, accepted=accepted)


def refuse_without_terms(charter: Charter, *, accepted: int) -> None:
    """Raises TermsNotAccepted. The program's own terms are asked for on the site alone; those that an organiser
    published hold for scripts too.
    """
    if charter.terms > OWN_TERMS and accepted < charter.terms:
        raise TermsNotAccepted("The terms of this campaign have changed; read and accept them before you go on.")
