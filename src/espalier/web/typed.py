"""What a form brought, kept while it is looked at: whatever it is not taken for, the page that says so hands all of it
back as a form that can be sent once more.

Knows forms; knows no page, and hands back neither files nor what opens an account.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request

from espalier.web.guard import LARGEST_BODY
from espalier.web.words import N_

FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
FORM_TOKEN: Final = "form_token"
SECRETS: Final = (FORM_TOKEN, "password", "token", "code")
NAMED: Final[Mapping[str, str]] = {
    "text": N_("Text"),
    "title": N_("Title"),
    "source": N_("Source"),
    "note": N_("Note"),
    "name": N_("Name"),
    "email": N_("E-mail address"),
    "address": N_("E-mail address"),
}
"""What the fields in which people write are called. Others are shown, too, where they hold more than a word."""
OTHERWISE: Final = N_("What you typed")
WIDTH: Final = 60


class Field(NamedTuple):
    name: str
    value: str

    @property
    def label(self) -> str:
        return NAMED.get(self.name, OTHERWISE)

    @property
    def rows(self) -> int:
        """Lines in which about all of it is seen."""
        lines = sum(len(line) // WIDTH + 1 for line in self.value.split("\n"))
        return min(max(lines, 2), 12)


@dataclass(frozen=True, slots=True)
class Typed:
    """address: to which the form was sent. fields: all it brought, in their order.

    whole: it can be sent once more as it is: it held no file, and no other site sent it, so that nobody else's words
    are put into somebody's mouth with one press.
    """

    address: str
    fields: tuple[Field, ...]
    whole: bool

    @property
    def words(self) -> list[Field]:
        """What somebody wrote, to be seen and changed."""
        return [each for each in self.fields if each.value.strip() and _is_written(each)]

    @property
    def choices(self) -> list[Field]:
        """The rest, which goes along."""
        words = self.words
        return [each for each in self.fields if each not in words]

    @property
    def lang(self) -> str | None:
        """The language of the text, where the form names one."""
        return next((each.value for each in self.fields if each.name == "lang" and each.value), None)


def _is_written(field: Field) -> bool:
    return field.name in NAMED or any(character.isspace() for character in field.value.strip())


async def read(request: Request) -> Typed | None:
    """What the form of this request brought; None where it is no form, an empty one, or so large that it holds a file:
    that is not read before it is known who sent it.
    """
    length = request.headers.get("content-length", "")
    if request.method != "POST" or not request.headers.get("content-type", "").startswith(FORMS):
        return None
    if not length.isdigit() or int(length) > LARGEST_BODY:
        return None
    sent = (await request.form()).multi_items()
    fields = tuple(
        Field(name, value) for name, value in sent if not isinstance(value, UploadFile) and name not in SECRETS
    )
    if not fields:
        return None
    is_whole = not any(isinstance(value, UploadFile) for _, value in sent) and not any(
        name in SECRETS and name != FORM_TOKEN for name, _ in sent
    )
    query = f"?{request.url.query}" if request.url.query else ""
    return Typed(request.url.path + query, fields, is_whole and comes_from_here(request) is not False)


async def keep(request: Request) -> None:
    """Read the form before anything can be refused."""
    request.state.typed = await read(request)


def kept(request: Request) -> Typed | None:
    found: Typed | None = getattr(request.state, "typed", None)
    return found


def comes_from_here(request: Request) -> bool | None:
    """Whether a page of this site sent it, as browsers say; None where it came from no page, or nothing is said."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return None if site == "none" else site == "same-origin"
    return None if origin is None else urlsplit(origin).netloc == request.headers.get("host")
